"""Flat supervised contrast at the encoder's output, jointly with reconstruction and quantisation."""

from __future__ import annotations

from leafcode.methods.method import Method, Task, TrainedMethod
from leafcode.methods.network import need_taxonomy, train_with_term
from leafcode.taxonomy import Grades
from leafcode.training import ContrastTerm

_SAME_CATEGORY = Grades.by_distance((1.0,))


class SupervisedContrast(Method):
    """Supervised contrastive learning (Khosla et al. 2020): items of one category attract, all others repel.

    The loss acts on the content part of the latents, so it moves the encoder and with it the codes, and it
    does not know how far two categories are apart. The strength is its weight beside reconstruction.
    """

    name = "supervised_contrast"
    title = "Supervised contrast"
    uses_tree = True
    strengths = (0.03, 0.1)
    default = 0.1

    def train(self, task: Task, strength: float | None = None) -> TrainedMethod:
        """Train on uniform batches."""
        term = ContrastTerm(
            task.nodes,
            need_taxonomy(task, self.title),
            task.training,
            weight=self.default if strength is None else strength,
            grades=_SAME_CATEGORY,
        )
        return train_with_term(task, term, self.title)
