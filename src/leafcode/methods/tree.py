"""leafcode's own way to use the tree."""

from __future__ import annotations

import dataclasses

from leafcode.methods.method import Method, Task, TrainedMethod
from leafcode.methods.network import train_network, trained


class Tree(Method):
    """A projection learned by graded contrast, which has a say when the coarse levels choose a codeword.

    See `leafcode.training.Trainer`. The strength is lambda; the default is what the settings of training say,
    ``"auto"`` unless changed.
    """

    name = "tree"
    title = "leafcode"
    uses_tree = True
    strengths = (0.25, 0.5, 1.0)

    def train(self, task: Task, strength: float | None = None) -> TrainedMethod:
        """Train the projection, then the codes."""
        if strength is not None:
            training = dataclasses.replace(task.training, contrast_weight=strength)
            task = dataclasses.replace(task, training=training)
        result = train_network(task, title=self.title)
        return trained(task, result, {"lambda": result.tree_weight, "best_step": float(result.best_step)})
