"""Where figures are kept: a Parquet file for each benchmark, and a JSON file of what they come from."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from leafcode.files import replacing
from leafcode.pipeline.workers import available_cores
from leafcode.serving.run_config import installed_version
from leafcode.serving.storage import write_json


def keep_table(file: Path, table: pa.Table) -> None:
    """Write a table of figures, as small as can be, for it is committed."""
    with replacing(file) as beside:
        pq.write_table(table, beside, compression="zstd", compression_level=19)


def keep_figures(
    results: Path, name: str, rows: Sequence[Mapping[str, Any]], schema: pa.Schema, **about: object
) -> pa.Table:
    """Write the rows to NAME.parquet and the machine and what else is told to NAME.json; the table."""
    table = pa.Table.from_pylist(list(rows), schema)
    keep_table(results / f"{name}.parquet", table)
    write_json(results / f"{name}.json", {"machine": machine(), **about})
    return table


def machine() -> dict[str, Any]:
    """The machine and the versions that figures of time depend on."""
    lines = Path("/proc/cpuinfo")
    names = [
        line.split(":", 1)[1].strip()
        for line in (lines.read_text(encoding="utf-8").splitlines() if lines.exists() else [])
        if line.startswith("model name")
    ]
    return {
        "cpu": names[0] if names else platform.processor() or platform.machine(),
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "cores": available_cores(),
        "gpu": torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "leafcode": installed_version(),
    }


def about_machine(about: Mapping[str, Any]) -> str:
    """A machine in words, from what `machine` tells."""
    vectors = f" ({about['vectors']})" if "vectors" in about else ""
    return (
        f"{about['cores']} cores of {about['cpu']}{vectors}, Python {about['python']}, torch {about['torch']}"
    )
