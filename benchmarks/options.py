"""The command line that the benchmarks share."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa

from leafcode.cli.options import pick_device
from leafcode.errors import LeafcodeError

RESULTS = Path(__file__).parent / "results"
WORK = Path(__file__).parents[1] / "build" / "benchmarks"


def benchmark_parser(
    doc: str | None, *, catalogues: Sequence[str], seeds: int, work: Path
) -> argparse.ArgumentParser:
    """A parser of what every benchmark asks for: data, catalogues, seeds, and where things are kept.

    Args:
        doc: Docstring of the script, whose first line describes it.
        catalogues: Those that are run if none are named.
        seeds: Number of seeds.
        work: Folder by which a stopped benchmark goes on.
    """
    parser = argparse.ArgumentParser(
        description=(doc or "").split("\n", 1)[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder with a folder per catalogue")
    parser.add_argument("--catalogues", nargs="+", default=catalogues, metavar="NAME")
    parser.add_argument("--seeds", type=int, default=seeds)
    parser.add_argument("--work", type=Path, default=work, help="what the same command goes on with")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the figures")
    return parser


def run_and_print(
    parser: argparse.ArgumentParser,
    run: Callable[..., pa.Table],
    table_lines: Callable[[pa.Table], Sequence[str]],
    *arguments: str,
) -> None:
    """Run what is missing of a benchmark, and print its figures as Markdown.

    Args:
        parser: Of `benchmark_parser`, with --device.
        run: Takes the folder of data, the catalogues, the options named, and where to read and write.
        table_lines: Makes lines of what `run` returns.
        arguments: Names of options.
    """
    options = parser.parse_args()
    try:
        figures = run(
            options.data,
            options.catalogues,
            *(getattr(options, name) for name in arguments),
            results=options.out,
            work=options.work,
            device=pick_device(options.device),
        )
    except LeafcodeError as error:
        parser.error(str(error))
    print("\n".join(table_lines(figures)))
