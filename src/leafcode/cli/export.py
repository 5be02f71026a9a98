"""leafcode export: the model of a run for other runtimes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from leafcode.cli.options import HelpFormatter
from leafcode.codes import export_onnx
from leafcode.errors import InputError
from leafcode.pipeline import Run

_EXAMPLES = """examples:
  leafcode export run/ --out model.onnx
  leafcode export run/ --format onnx --out models/shop.onnx

The file takes embeddings and gives codes. Suffixes are not in it: they belong to run/ids.parquet.
"""


def add_parser(commands: Any) -> None:  # noqa: ANN401 (argparse has no public type for it)
    """Add the command."""
    parser = commands.add_parser(
        "export",
        help="the model of a run for other runtimes",
        description="Write the model of a run as a file with which other runtimes compute codes.",
        epilog=_EXAMPLES,
        formatter_class=HelpFormatter,
    )
    parser.add_argument("run_folder", metavar="run", help="folder of a finished run")
    parser.add_argument("--format", choices=["onnx"], default="onnx", help="format of the file")
    parser.add_argument("--out", required=True, type=Path, help="the file to write")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    finished = Run.open(options.run_folder)
    if not options.out.parent.is_dir() or options.out.is_dir():
        raise InputError(
            str(options.out), "no such folder, or a folder itself", "a file in a folder that exists"
        )
    if options.out.resolve() in [path.resolve() for path in finished.folder.files]:
        raise InputError(str(options.out), "a file of the run", "another name")
    export_onnx(finished.model, options.out)
    print(f"codes of {len(finished.model.config.sizes)} levels in {options.out}")
