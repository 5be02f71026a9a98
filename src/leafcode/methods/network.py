"""What the methods that train an `RQVAE` share."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path

from leafcode.codes import encode_items
from leafcode.errors import TrainingError
from leafcode.methods.method import Task, TrainedMethod
from leafcode.quantizers import RQVAE
from leafcode.taxonomy import Taxonomy
from leafcode.training import CodeTerm, Trainer, TrainingResult, new_model


def network_trainer(
    task: Task,
    *,
    code_term: CodeTerm | None = None,
    checkpoint: Path | None = None,
    title: str = "codes",
    on_initialised: Callable[[RQVAE], None] | None = None,
) -> Trainer:
    """What trains the network of a task from its seed, as `task.training` says.

    Args:
        task: Training items and settings.
        code_term: A further term of the objective.
        checkpoint: See `leafcode.training.Trainer`.
        title: Of the progress bar.
        on_initialised: See `leafcode.training.Trainer`.
    """
    # With lambda = 0 there is no tree part.
    tree = task.taxonomy if task.training.contrast_weight != 0 else None
    shape = dataclasses.replace(task.shape, categories=0, depths=0)
    labels = task.nodes if task.places is None else task.places
    return Trainer(
        new_model(shape, task.training.seed, labels, tree),
        task.embeddings,
        task.nodes,
        task.taxonomy,
        task.training,
        trust=task.trust,
        places=task.places,
        device=task.device,
        checkpoint=checkpoint,
        progress=task.progress,
        title=title,
        code_term=code_term,
        on_initialised=on_initialised,
    )


def train_network(
    task: Task, *, code_term: CodeTerm | None = None, checkpoint: Path | None = None, title: str = "codes"
) -> TrainingResult:
    """Train the network of a task; see `network_trainer`."""
    return network_trainer(task, code_term=code_term, checkpoint=checkpoint, title=title).fit()


def train_with_term(task: Task, term: CodeTerm, title: str) -> TrainedMethod:
    """Train a network with a further term instead of leafcode's own use of the tree."""
    training = dataclasses.replace(task.training, contrast_weight=0.0)
    result = train_network(dataclasses.replace(task, training=training), code_term=term, title=title)
    return trained(task, result, {"weight": term.weight, "best_step": float(result.best_step)})


def trained(task: Task, result: TrainingResult, settings: dict[str, float]) -> TrainedMethod:
    """What a method that trained a network gives back."""
    return TrainedMethod(partial(encode_items, result.model, device=task.device), settings)


def need_taxonomy(task: Task, title: str) -> Taxonomy:
    """The tree of a task.

    Raises:
        TrainingError: There is none, or fewer than two categories have training items.
    """
    used = len(set(task.nodes[task.nodes >= 0].tolist()))
    if task.taxonomy is None or used < 2:
        raise TrainingError(
            f"{title} learns from categories, and the training items are of {used}; it takes two."
        )
    return task.taxonomy
