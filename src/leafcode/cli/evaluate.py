"""leafcode evaluate: measure a run on the items held out."""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import Any

from leafcode.cli.options import HelpFormatter, add_machine_options, pick_device
from leafcode.cli.table import metrics_table
from leafcode.pipeline import Run

_EXAMPLES = """examples:
  leafcode evaluate run/
  leafcode evaluate run/ --baselines --json > metrics.json
"""


def add_parser(commands: Any) -> None:  # noqa: ANN401 (argparse has no public type for it)
    """Add the command."""
    parser = commands.add_parser(
        "evaluate",
        help="measure a run on the items held out",
        description="Measure a run on its held-out items, and write its metrics and report again.",
        epilog=_EXAMPLES,
        formatter_class=HelpFormatter,
    )
    parser.add_argument("run_folder", metavar="run", help="folder of a finished run")
    parser.add_argument(
        "--baselines", action="store_true", help="train RQ-KMeans and lambda = 0 too, if the run has neither"
    )
    parser.add_argument("--json", action="store_true", help="print the measures as JSON, and nothing else")
    parser.add_argument("--items", help="where the run's catalogue is now, if it was moved")
    add_machine_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    finished = Run.open(options.run_folder)
    source = dataclasses.replace(finished.source, items=options.items or finished.source.items)
    device, progress = pick_device(options.device), not options.quiet
    catalog = source.load(cache=options.cache, device=device, progress=progress)
    metrics = finished.evaluate(catalog, baselines=options.baselines, device=device, progress=progress)
    print(json.dumps(metrics, indent=2) if options.json else metrics_table(metrics))
