"""leafcode fit: train on a catalogue and give every item its Semantic ID."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from leafcode.cli.catalog_options import add_catalog_options, catalog_source
from leafcode.cli.engagement_options import add_engagement_options, read_chosen_engagement
from leafcode.cli.options import (
    HelpFormatter,
    add_again_options,
    add_machine_options,
    numbers,
)
from leafcode.cli.processes import Place, training_together
from leafcode.cli.table import metrics_table
from leafcode.cli.training_options import STEPS, add_levels_option, add_step_options
from leafcode.errors import InputError
from leafcode.pipeline import FitOptions, fit
from leafcode.pipeline.trust import read_trust
from leafcode.serving import RunFolder
from leafcode.training import TrainingConfig, current_world

_EXAMPLES = """examples:
  leafcode fit items.parquet --text text --path path --out run/
  leafcode fit items.csv --text name brand --path category --separator / --out run/
  leafcode fit items.parquet --category node --taxonomy nodes.csv --out run/
  leafcode fit items.parquet --text --path path --embeddings vectors.npy --out run/    # without texts
  leafcode fit items.parquet --path path --engagement baskets.parquet --out run/
  leafcode fit items.parquet --path path --trust audit/ --out run/    # doubtful labels count less
  leafcode fit items.parquet --path path --holdout 0 --out final/     # train on everything
  leafcode fit items.parquet --path path --out run/ --resume          # go on after an interruption
  torchrun --nproc-per-node 2 -m leafcode fit items.parquet --path path --out run/    # in two processes
"""


def add_parser(commands: Any) -> None:  # noqa: ANN401 (argparse has no public type for it)
    """Add the command."""
    parser = commands.add_parser(
        "fit",
        help="train on a catalogue and give every item its Semantic ID",
        description="Train on a catalogue and its category tree, and give every item its Semantic ID.",
        epilog=_EXAMPLES,
        formatter_class=HelpFormatter,
    )
    add_catalog_options(parser)
    add_engagement_options(parser)
    parser.add_argument("--out", required=True, help="folder of the run")
    model = parser.add_argument_group("codes")
    add_levels_option(model)
    training = parser.add_argument_group("training")
    defaults = TrainingConfig()
    training.add_argument(
        "--contrast-weight",
        default=defaults.contrast_weight,
        help="lambda, the weight of the tree; auto takes the largest within --reconstruction-limit",
    )
    training.add_argument(
        "--level-weights",
        type=numbers(float),
        default=",".join(f"{weight:g}" for weight in defaults.level_weights),
        help="share of lambda for each level, coarse to fine; the rest get 0",
    )
    training.add_argument(
        "--engagement-weights",
        type=numbers(float),
        default=",".join(f"{weight:g}" for weight in defaults.engagement_weights),
        help="with --engagement: its weight at each level, coarse to fine; the rest get 0",
    )
    training.add_argument(
        "--reconstruction-limit",
        type=float,
        default=defaults.reconstruction_limit,
        help="with auto: content error that the codes may have, in times that with the cheapest lambda",
    )
    training.add_argument(
        "--grades", default=defaults.grades, help="'depth', or grades by distance such as 1,0.5"
    )
    training.add_argument(
        "--temperature", type=float, default=defaults.temperature, help="of the contrastive term"
    )
    add_step_options(training)
    training.add_argument(
        "--batch-size", type=int, default=defaults.batch_size, help="items in a uniform batch"
    )
    training.add_argument(
        "--contrast-batch-size",
        type=int,
        default=defaults.contrast_batch_size,
        help="items in a hierarchical batch",
    )
    training.add_argument(
        "--learning-rate", type=float, default=defaults.learning_rate, help="peak of the schedule"
    )
    training.add_argument(
        "--progressive-masking", action="store_true", help="train with a random number of leading levels"
    )
    training.add_argument(
        "--estimator",
        choices=("straight_through", "rotation"),
        default="straight_through",
        help="of gradients",
    )
    training.add_argument("--seed", type=int, default=0, help="of everything random in training")
    training.add_argument(
        "--trust",
        metavar="AUDIT",
        help="folder of an audit: items count as far as it believes their categories",
    )
    measures = parser.add_argument_group("measuring")
    measures.add_argument(
        "--holdout", type=float, default=0.2, help="share of items kept out and measured on"
    )
    measures.add_argument("--split-seed", type=int, default=0, help="another seed, other held-out items")
    measures.add_argument(
        "--no-baselines", action="store_true", help="do not train RQ-KMeans and lambda = 0 beside it"
    )
    measures.add_argument(
        "--no-ceilings", action="store_true", help="do not measure what the embedding itself allows"
    )
    add_again_options(parser, "run", "go on with a run that was stopped")
    add_machine_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run the command, in this process and those that torchrun started with it."""
    place = Place.from_environment()
    device = place.device(options.device)
    with training_together(place, device, RunFolder(Path(options.out))):
        _fit(options, device)


def _fit(options: argparse.Namespace, device: str) -> None:
    world, source = current_world(), catalog_source(options)
    settings = FitOptions(
        sizes=options.levels,
        estimator=options.estimator,
        holdout=options.holdout,
        split_seed=options.split_seed,
        training=_training(options),
        baselines=not options.no_baselines,
        ceilings=not options.no_ceilings,
    )
    progress = world.is_first and not options.quiet
    with world.first_goes_first():  # what it has embedded is in the cache then
        catalog = source.load(cache=options.cache, device=device, progress=progress)
    finished = fit(
        catalog,
        options.out,
        settings,
        engagement=read_chosen_engagement(options, catalog),
        trust=None if options.trust is None else read_trust(options.trust, catalog),
        source=source,
        resume=options.resume,
        overwrite=options.overwrite,
        device=device,
        progress=progress,
    )
    if not world.is_first:
        return
    print(metrics_table(finished.folder.read_metrics()))
    print(f"\nlambda {finished.config.contrast_weight:g}")
    for row in finished.folder.read_history():
        for warning in row.get("warnings", []):
            print(f"warning: {warning}")
    print(f"IDs     {finished.folder.ids}\nreport  {finished.folder.report}")


def _training(options: argparse.Namespace) -> TrainingConfig:
    weight: Any = options.contrast_weight
    if weight != "auto":
        try:
            weight = float(weight)
        except ValueError as error:
            raise InputError("--contrast-weight", repr(weight), "'auto' or a number") from error
    names = (
        "level_weights",
        "engagement_weights",
        "reconstruction_limit",
        "grades",
        "temperature",
        *STEPS,
        "batch_size",
        "contrast_batch_size",
        "learning_rate",
    )
    return TrainingConfig(
        contrast_weight=weight,
        seed=options.seed,
        progressive_masking=options.progressive_masking,
        **{name: getattr(options, name) for name in names},
    )
