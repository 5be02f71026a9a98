"""The same model without the tree: what every gain of the tree is measured against."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from leafcode.methods.method import Method, Task, TrainedMethod
from leafcode.methods.network import train_network, trained
from leafcode.training import TrainingResult


class WithoutTree(Method):
    """RQ-VAE (Lee et al. 2022; TIGER, Rajput et al. 2023) with leafcode's network and lambda = 0."""

    name = "without_tree"
    title = "RQ-VAE, λ = 0"
    uses_tree = False

    def train(self, task: Task, strength: float | None = None) -> TrainedMethod:
        """Train on content alone."""
        result = train_without_tree(task)
        return trained(task, result, {"best_step": float(result.best_step)})


def train_without_tree(task: Task, checkpoint: Path | None = None) -> TrainingResult:
    """Train the network of a task with lambda = 0, whatever its settings say."""
    training = dataclasses.replace(task.training, contrast_weight=0.0)
    return train_network(
        dataclasses.replace(task, training=training), checkpoint=checkpoint, title="lambda = 0"
    )
