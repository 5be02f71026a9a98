"""Options about codes and training that several commands share."""

from __future__ import annotations

import argparse

from leafcode.cli.options import numbers
from leafcode.pipeline import FitOptions
from leafcode.training import TrainingConfig

STEPS = ("tree_steps", "content_steps", "steps")
"""Fields of `TrainingConfig` that `add_step_options` asks for."""


def add_levels_option(group: argparse._ArgumentGroup) -> None:
    """The number of codes of each level."""
    group.add_argument(
        "--levels",
        type=numbers(int),
        default=",".join(map(str, FitOptions().sizes)),
        help="codes of each level, coarse to fine",
    )


def add_step_options(group: argparse._ArgumentGroup) -> None:
    """The length of each phase of training."""
    helps = (
        "steps of the first phase, which trains the tree projection",
        "steps of the phase that trains encoder, codebooks and decoder on content",
        "steps of the last phase, which trains them with the tree",
    )
    defaults = TrainingConfig()
    for name, text in zip(STEPS, helps, strict=True):
        group.add_argument(
            f"--{name.replace('_', '-')}", type=int, default=getattr(defaults, name), help=text
        )
