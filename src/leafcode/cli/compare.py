"""leafcode compare: train methods side by side and say whether the tree is worth it."""

from __future__ import annotations

import argparse
from typing import Any

from leafcode.cli.catalog_options import add_catalog_options, catalog_source
from leafcode.cli.options import HelpFormatter, add_again_options, add_machine_options, pick_device
from leafcode.cli.table import text_table, verdict_text
from leafcode.cli.training_options import STEPS, add_levels_option, add_step_options
from leafcode.errors import TrainingError
from leafcode.methods import METHODS
from leafcode.pipeline import CompareOptions, compare
from leafcode.report.compare_data import CompareData
from leafcode.report.compare_words import dial_text, with_margin
from leafcode.training import TrainingConfig

_EXAMPLES = """examples:
  leafcode compare items.parquet --text text --path path --out comparison/
  leafcode compare items.parquet --path path --methods tree lda_rq_kmeans --front-seeds 0 --out quick/
  leafcode compare items.parquet --path path --split leaves --out unseen-categories/
  leafcode compare items.parquet --path path --seeds 5 --out comparison/ --resume  # two more seeds

The two methods without the tree, rq_kmeans and without_tree, always take part: gains and costs are told
against the better of them. Seeds, methods and fronts may be added later with --resume.
"""


def add_parser(commands: Any) -> None:  # noqa: ANN401 (argparse has no public type for it)
    """Add the command."""
    parser = commands.add_parser(
        "compare",
        help="train methods side by side and say whether the tree is worth it",
        description="Train methods side by side over several seeds, and say what the tree gains and costs on "
        "a catalogue, or that it is not worth it there.",
        epilog=_EXAMPLES,
        formatter_class=HelpFormatter,
    )
    add_catalog_options(parser)
    parser.add_argument("--out", required=True, help="folder for the results")
    what = parser.add_argument_group("what is compared")
    defaults = CompareOptions()
    what.add_argument(
        "--methods",
        nargs="+",
        metavar="NAME",
        default=(),
        help=f"some of {', '.join(METHODS)}; all if left out",
    )
    what.add_argument("--seeds", type=int, default=defaults.seeds, help="trainings of each kind")
    what.add_argument(
        "--front-seeds",
        type=int,
        default=defaults.front_seeds,
        help="with how many seeds methods are trained with other weights of the tree than their default too",
    )
    what.add_argument(
        "--split",
        choices=("items", "leaves"),
        default=defaults.split,
        help="hold out items, or whole categories, which is harder",
    )
    what.add_argument("--holdout", type=float, default=defaults.holdout, help="share held out")
    what.add_argument(
        "--reconstruction-limit",
        type=float,
        default=defaults.reconstruction_limit,
        help="content error, as a multiple of the better baseline's, up to which a gain is worth it",
    )
    training = parser.add_argument_group("codes and training")
    add_levels_option(training)
    add_step_options(training)
    add_again_options(parser, "comparison", "keep what is trained and train the rest")
    machine = add_machine_options(parser)
    machine.add_argument(
        "--jobs", type=int, help="trainings at a time; one per core, or one on a GPU, if left out"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    source = catalog_source(options)
    settings = CompareOptions(
        methods=tuple(options.methods),
        seeds=options.seeds,
        split=options.split,
        holdout=options.holdout,
        sizes=options.levels,
        training=TrainingConfig(**{name: getattr(options, name) for name in STEPS}),
        front_seeds=options.front_seeds,
        jobs=options.jobs,
        reconstruction_limit=options.reconstruction_limit,
    )
    device, progress = pick_device(options.device), not options.quiet
    catalog = source.load(cache=options.cache, device=device, progress=progress)
    found = compare(
        catalog,
        options.out,
        settings,
        source=source,
        resume=options.resume,
        overwrite=options.overwrite,
        device=device,
        progress=progress,
    )
    print(comparison_table(found.data))
    print(f"\n{verdict_text(found.verdict)}")
    print(f"\npage    {found.folder.page}\nfigures {found.folder.results}")
    if found.failures:
        raise TrainingError(
            f"{len(found.failures)} of the trainings failed: {'; '.join(found.data.failures)}. "
            f"The rest is kept; --resume tries these again. Tracebacks, if any, are in {found.folder.cells}."
        )


def comparison_table(data: CompareData) -> str:
    """A line for each method and weight of the tree, with half 95% intervals.

    Example:
        >>> from leafcode.report.compare_data import Setting
        >>> from leafcode.report.data import CatalogueSummary
        >>> run = {"reconstruction": 0.2, "prefix_accuracy": {"1": 0.7}, "seconds": 2.0}
        >>> settings = [Setting("rq_kmeans", "RQ-KMeans", False, None, {0: run})]
        >>> summary = CatalogueSummary(9, 9, 2, 3, 1)
        >>> print(comparison_table(CompareData("", summary, [0], "items", (8,), settings, 1.05)))
        method     weight  content error  wrong categories, fewer  depth 1  share a code  seconds
        RQ-KMeans                  1.000  0.0%                     0.0%                –      2.0
    """
    rows = []
    for setting in data.settings:
        depths = {
            f"depth {depth}": with_margin(data.reduction(setting, depth=depth)) for depth in data.depths
        }
        dial = dial_text(setting)
        rows.append(
            {
                "method": setting.title,
                "weight": f"{dial} (default)" if dial and setting.strength is None else dial,
                "content error": with_margin(data.ratio(setting), 3, share=False),
                "wrong categories, fewer": with_margin(data.reduction(setting)),
                **depths,
                "share a code": with_margin(setting.estimate("collision_rate")),
                "seconds": with_margin(setting.estimate("seconds"), share=False),
            }
        )
    return text_table(rows)
