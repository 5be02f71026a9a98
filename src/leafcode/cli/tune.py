"""leafcode tune: find how much of the tree to put into the codes."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import math
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from leafcode.cli.catalog_options import add_catalog_options, catalog_source
from leafcode.cli.options import HelpFormatter, add_again_options, add_machine_options, pick_device
from leafcode.cli.table import text_table, verdict_text
from leafcode.cli.training_options import STEPS, add_levels_option
from leafcode.pipeline import FitOptions, TuneOptions, tune
from leafcode.report.figures import UNDEFINED, decimal, percent
from leafcode.report.tune_data import TuneData, TunedPoint
from leafcode.report.tune_verdict import judge_tuning
from leafcode.training import TrainingConfig

_EXAMPLES = """examples:
  leafcode tune items.parquet --text text --path path --out tuned/
  leafcode tune items.parquet --path path --out tuned/ --seconds 3600       # as many trials as an hour allows
  leafcode tune items.parquet --path path --out tuned/ --resume --trials 48 # 24 more
  leafcode tune items.parquet --path path --out tuned/ --reconstruction-limit 1.05

Takes about as long as one leafcode fit --no-baselines per trial, less for trials that are stopped early.
Needs Optuna: pip install 'leafcode[tune]'.
"""

_TRAINING = ("grades", *STEPS, "batch_size", "contrast_batch_size", "learning_rate", "seed")
_REPEATED = ("taxonomy_option",)
"""Options that are given once for each value."""
_NOT_FOR_FIT = ("items", "out", "trials", "seconds", "reconstruction_limit", "resume", "overwrite")
_MACHINE = ("device", "cache", "quiet", "run")


def add_parser(commands: Any) -> None:  # noqa: ANN401 (argparse has no public type for it)
    """Add the command."""
    parser = commands.add_parser(
        "tune",
        help="find how much of the tree to put into the codes",
        description="Search lambda, the share of it that the second code gets, and the temperature: the "
        "front of gain against cost, and the setting to take.",
        epilog=_EXAMPLES,
        formatter_class=HelpFormatter,
    )
    add_catalog_options(parser)
    parser.add_argument("--out", required=True, help="folder for study.db, front.parquet and tuned.html")
    defaults = TuneOptions()
    search = parser.add_argument_group("search")
    search.add_argument("--trials", type=int, default=defaults.trials, help="trials in the end")
    search.add_argument("--seconds", type=float, help="begin no trial after this long")
    search.add_argument(
        "--reconstruction-limit",
        type=float,
        default=defaults.reconstruction_limit,
        help="content error that the recommended setting may have, in times that of lambda = 0",
    )
    shared = parser.add_argument_group("what all trials have in common; see leafcode fit")
    add_levels_option(shared)
    training = TrainingConfig()
    for name in _TRAINING:
        value = getattr(training, name)
        shared.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value, help="as for fit")
    shared.add_argument(
        "--holdout",
        type=float,
        default=0.2,
        help="share of items kept out of all trials, and measured on at the end",
    )
    shared.add_argument("--split-seed", type=int, default=0, help="another seed, other held-out items")
    add_again_options(parser, "study", "go on with it, up to --trials")
    add_machine_options(parser)
    parser.set_defaults(run=functools.partial(run, default=parser.get_default))


def run(options: argparse.Namespace, default: Callable[[str], Any]) -> None:
    """Run the command; `default` gives the default of an option."""
    source = catalog_source(options)
    training = dataclasses.replace(TrainingConfig(), **{name: getattr(options, name) for name in _TRAINING})
    settings = TuneOptions(
        fit=FitOptions(
            sizes=options.levels, holdout=options.holdout, split_seed=options.split_seed, training=training
        ),
        trials=options.trials,
        seconds=options.seconds,
        reconstruction_limit=options.reconstruction_limit,
    )
    device, progress = pick_device(options.device), not options.quiet
    catalog = source.load(cache=options.cache, device=device, progress=progress)
    found = tune(
        catalog,
        options.out,
        settings,
        source=source,
        command=fit_command(options, default),
        resume=options.resume,
        overwrite=options.overwrite,
        device=device,
        progress=progress,
    )
    print(_text(found))
    print(f"\nfront   {Path(options.out) / 'front.parquet'}\npage    {Path(options.out) / 'tuned.html'}")


def fit_command(options: argparse.Namespace, default: Callable[[str], Any]) -> str:
    """The command line that fits on the same catalogue with the same settings.

    Options of `leafcode tune` that `leafcode fit` has too are repeated where they are not at their default;
    they have the same names there.

    Example:
        >>> options = argparse.Namespace(items="my items.csv", path="path", levels=(64, 32), quiet=True)
        >>> fit_command(options, {"path": None, "levels": "1024,256,64"}.get)
        "leafcode fit 'my items.csv' --out run --path path --levels 64,32"
    """
    words = ["leafcode", "fit", *_words(options.items), "--out", "run"]
    for name, value in vars(options).items():
        if name in (*_NOT_FOR_FIT, *_MACHINE) or _words(value) == _words(default(name)):
            continue
        flag, given = f"--{name.replace('_', '-')}", _words(value)
        if name in _REPEATED:
            words += [word for one in given for word in (flag, one)]
        elif len(given) == 1 and given[0].startswith("-"):
            words.append(f"{flag}={given[0]}")  # or it would be taken for an option
        else:
            words += [flag, *given]
    return shlex.join(words)


def _words(value: object) -> list[str]:
    """The words after an option: those of a list side by side, numbers joined by commas."""
    if isinstance(value, list):
        return [str(part) for part in value]
    return [",".join(map(str, value)) if isinstance(value, tuple) else str(value)]


def _text(found: TuneData) -> str:
    """Tables and verdict for the terminal."""
    parts = [
        f"On the items of the trials:\n\n{_table([found.without_tree, found.auto, *found.front], found)}",
        f"On {found.catalogue.held_out} held-out items:\n\n{_table(found.checks, found)}"
        if found.checks
        else "",
        verdict_text(judge_tuning(found)),
        found.command,
    ]
    return "\n\n".join(filter(None, parts))


def _table(points: Sequence[TunedPoint], found: TuneData) -> str:
    rows = []
    for point in points:
        taken = found.recommended is not None and point.name == found.recommended.name
        row = {"setting": point.name}
        row |= {
            name: f"{point.parameters[name]:.3g}" if name in point.parameters else UNDEFINED
            for name in found.auto.parameters
        }
        row |= {
            "content error": decimal(point.ratio),
            "wrong category": percent(point.error),
            "lower by": UNDEFINED if math.isnan(point.reduction) else percent(point.reduction),
            "collisions": percent(point.collision_rate),
            "": "recommended" if taken else "",
        }
        rows.append(row)
    return text_table(rows)
