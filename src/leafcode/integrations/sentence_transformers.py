"""The graded loss and the hierarchical batches for the trainer of sentence-transformers (5.0 or later)."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from sentence_transformers import DefaultBatchSampler, SentenceTransformer
from torch import Tensor, nn

from leafcode.errors import InputError
from leafcode.integrations._labels import ancestor_table, ancestors_of
from leafcode.integrations.prototypes import CategoryPrototypes
from leafcode.large_batches import gather_with_gradient, own_rows, process_weight
from leafcode.losses import GradedContrastiveLoss
from leafcode.sampling import HierarchicalBatchSampler
from leafcode.taxonomy import Grades, Taxonomy

if TYPE_CHECKING:
    from datasets import Dataset

_CITATION = """
@inproceedings{zha2023rank,
    title={Rank-N-Contrast: Learning Continuous Representations for Regression},
    author={Kaiwen Zha and Peng Cao and Jeany Son and Yuzhe Yang and Dina Katabi},
    booktitle={Advances in Neural Information Processing Systems},
    year={2023}
}
"""


class TaxonomyContrastiveLoss(nn.Module):
    """Graded contrastive loss of texts filed in a category tree, as sentence-transformers' trainers want it.

    Texts are pulled together the more, the closer their categories are in the tree; see
    `leafcode.losses.graded_contrastive_loss`.

    Labels are node ids of ``taxonomy``, -1 for an unlabelled text. With one text column, every text is
    contrasted with the others of its batch. With several, those of a row are the same item: the texts of the
    first column are contrasted with those of all columns, with its own row's at relevance 1, labelled or not.

    Args:
        model: The model to train.
        taxonomy: The category tree.
        grades: How much two categories count as alike; `Grades.by_depth` of the tree's depth if left out.
        grade_weights: A positive weight per grade. If left out, the squares of the grades: with the grades
            themselves, which the pure loss takes, top categories gain at the cost of the finest ones.
        temperature: Positive divisor of the cosines.
        prototypes: A further term, of the same weight: every text against prototypes of all categories. See
            `with_prototypes`, which makes them.
        gather_across_devices: Contrast the texts with those of all processes, not of their own alone. Then
            training is that of one process with the batches of all as one. All must have equally many rows.

    Attributes:
        anchors: Scalar int64: texts of this process's last batch that had a positive. Where it is 0 the loss
            was 0 and said nothing.

    Raises:
        InputError: A setting is out of range.

    References:
        Zha et al., "Rank-N-Contrast: Learning Continuous Representations for Regression", NeurIPS 2023;
        Khosla et al., "Supervised Contrastive Learning", NeurIPS 2020, equation 2, for a single grade.

    Example:
        >>> tree, nodes = Taxonomy.from_paths(["A > x", "A > x", "A > y", "B > z"])
        >>> texts = {"sentence_embedding": torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8], [0.0, 1.0]])}
        >>> loss = TaxonomyContrastiveLoss(nn.Identity(), tree)  # vectors in place of a model and its input
        >>> round(loss([texts], torch.from_numpy(nodes)).item(), 4), loss.anchors.item()
        (1.1864, 3)
    """

    ancestors: Tensor

    def __init__(
        self,
        model: SentenceTransformer | nn.Module,
        taxonomy: Taxonomy,
        grades: Grades | None = None,
        grade_weights: Sequence[float] | None = None,
        temperature: float = 0.1,
        prototypes: CategoryPrototypes | None = None,
        gather_across_devices: bool = False,
    ) -> None:
        super().__init__()
        self.model = model  # by this name the trainer finds it, to put its wrapped model there
        self.grades = Grades.by_depth(taxonomy.max_depth) if grades is None else grades
        squares = [grade**2 for grade in self.grades.levels]
        self.grade_weights = tuple(squares if grade_weights is None else map(float, grade_weights))
        self.contrast = GradedContrastiveLoss(self.grades.levels, self.grade_weights, temperature)
        self.prototypes = prototypes
        self.gather_across_devices = gather_across_devices
        self.taxonomy = repr(taxonomy)
        self.anchors = torch.zeros((), dtype=torch.int64)
        self.register_buffer("ancestors", ancestor_table(taxonomy), persistent=False)

    @classmethod
    def with_prototypes(
        cls,
        model: SentenceTransformer,
        taxonomy: Taxonomy,
        texts: Sequence[str],
        labels: npt.NDArray[np.integer[Any]] | Sequence[int],
        grades: Grades | None = None,
        grade_weights: Sequence[float] | None = None,
        temperature: float = 0.1,
        gather_across_devices: bool = False,
    ) -> TaxonomyContrastiveLoss:
        """The loss with prototypes: the means of the categories' texts as the model embeds them now.

        To be called before training, and again with the same model where training is resumed: it encodes the
        texts once.

        Args:
            model: The model to train.
            taxonomy: The category tree.
            texts: Of the training items (n,).
            labels: Integers (n,), node ids; -1 for unlabelled.
            grades: As of the class.
            grade_weights: As of the class.
            temperature: Of both terms.
            gather_across_devices: As of the class.
        """
        embeddings = model.encode(list(texts), show_progress_bar=False, convert_to_numpy=True)
        prototypes = CategoryPrototypes(taxonomy, np.asarray(labels), embeddings, grades, temperature)
        prototypes = prototypes.to(model.device)
        return cls(model, taxonomy, grades, grade_weights, temperature, prototypes, gather_across_devices)

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor | None = None) -> Tensor:
        """Loss of one batch.

        Args:
            sentence_features: The model's input, for each text column.
            labels: Integers (B,), node ids; -1 for unlabelled.

        Returns:
            Scalar.

        Raises:
            InputError: There are no labels, or they are no node ids.
        """
        embeddings = [self.model(features)["sentence_embedding"] for features in sentence_features]
        return self.compute_loss_from_embeddings(embeddings, labels)

    def compute_loss_from_embeddings(
        self, embeddings: Sequence[Tensor], labels: Tensor | None = None
    ) -> Tensor:
        """As `forward`, from the embeddings (B, D) of each column."""
        anchors, candidates = embeddings[0], list(embeddings)
        rows = every = self._rows(labels, len(anchors))
        here = slice(0, len(anchors))
        if self.gather_across_devices:
            candidates = [gather_with_gradient(column) for column in candidates]
            every, here = gather_with_gradient(rows), own_rows(len(anchors))
        relevance = self.grades.matrix(rows, every)
        own = torch.zeros_like(relevance, dtype=torch.bool)
        own[:, here].fill_diagonal_(True)
        blocks = [relevance.masked_fill(own, math.nan)]
        blocks += [relevance.masked_fill(own, 1.0)] * (len(candidates) - 1)
        output = self.contrast(anchors, torch.cat(blocks, dim=1), candidates=torch.cat(candidates))
        self.anchors = output.anchors
        loss: Tensor = output.loss * self._weight(output.anchors)
        if self.prototypes is not None and labels is not None:
            weight = self._weight(self.prototypes.count(labels))
            for column in embeddings:
                loss = loss + self.prototypes(column, labels) * weight / len(embeddings)
        return loss

    def _weight(self, count: Tensor) -> Tensor | float:
        """What makes a mean over items of this process its part of the mean over those of all."""
        return process_weight(count) if self.gather_across_devices else 1.0

    def _rows(self, labels: Tensor | None, count: int) -> Tensor:
        if labels is None or labels.shape != (count,):
            found = "none" if labels is None else f"shape {tuple(labels.shape)}"
            hint = "The trainer reads them from a column 'label'."
            raise InputError("labels", found, f"{count} node ids, one per row", hint)
        return ancestors_of(labels, self.ancestors)

    def get_config_dict(self) -> dict[str, Any]:
        """The settings, for the model card."""
        return {
            "taxonomy": self.taxonomy,
            "grades": {"kind": self.grades.kind, "table": list(self.grades.table)},
            "grade_weights": list(self.grade_weights),
            "temperature": self.contrast.temperature,
            "prototypes": 0 if self.prototypes is None else len(self.prototypes.vectors),
            "gather_across_devices": self.gather_across_devices,
        }

    @property
    def citation(self) -> str:
        """BibTeX of the source, for the model card."""
        return _CITATION


class TaxonomyBatchSampler(DefaultBatchSampler):
    """`HierarchicalBatchSampler` as the ``batch_sampler`` of sentence-transformers' training arguments.

    Batches hold same-category, sibling and unrelated texts; see
    `leafcode.sampling.HierarchicalBatchSampler` for what they guarantee. An epoch has as many batches as with
    the default sampler, counting labelled rows only. All of them have ``batch_size`` rows, so evaluation data
    needs at least that many labelled rows too.

    Encoders are trained on smaller batches than codes, so the defaults are those for many categories in few
    rows: two of each, a quarter of the batch from one subtree.

    Batch b of epoch e is a function of (seed, e, b), so training resumed from a checkpoint goes on with the
    batches that it would have had. With several processes the trainer hands each its share of the batches.

    The trainer makes the sampler; `of` says with which taxonomy.

    Args:
        dataset: Rows with a column of node ids, -1 for unlabelled rows, which are not drawn.
        batch_size: At least ``4 * items_per_category``, at least 12.
        drop_last: Whether an epoch has floor(labelled / batch_size) batches rather than ceil.
        valid_label_columns: The first of these columns that the dataset has holds the node ids.
        generator: Unused: the batches depend on ``seed`` alone.
        seed: In [0, 2**64); the trainer passes its own.
        taxonomy: The category tree.
        items_per_category: At least 2.
        related_fraction: Share of the batch that comes from one subtree, between 0 and 1.

    Raises:
        InputError: There is no column of node ids, there are too few labelled rows, or a setting is out of
            range.

    Example:
        >>> from datasets import Dataset
        >>> tree, nodes = Taxonomy.from_paths([f"{a} > {b}" for a in "ABC" for b in "xyz" for _ in range(10)])
        >>> dataset = Dataset.from_dict({"text": ["…"] * len(nodes), "label": nodes})
        >>> make = TaxonomyBatchSampler.of(tree)  # SentenceTransformerTrainingArguments(batch_sampler=make)
        >>> sampler = make(dataset, batch_size=16, drop_last=False, valid_label_columns=["label"])
        >>> len(sampler), [len(batch) for batch in sampler]
        (6, [16, 16, 16, 16, 16, 16])
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        drop_last: bool,
        valid_label_columns: list[str] | None = None,
        generator: torch.Generator | None = None,
        seed: int = 0,
        *,
        taxonomy: Taxonomy,
        items_per_category: int = 2,
        related_fraction: float = 0.25,
    ) -> None:
        nodes = _read_labels(dataset, valid_label_columns or [])
        labelled = int(np.count_nonzero(nodes >= 0))
        self.batches = HierarchicalBatchSampler(
            nodes,
            taxonomy,
            batch_size=batch_size,
            items_per_category=items_per_category,
            related_fraction=related_fraction,
            num_batches=max(1, labelled // batch_size) if drop_last else None,
            seed=seed,
        )
        # As the base class's `sampler` it is also told of a new epoch where accelerate wraps this one.
        super().__init__(self.batches, batch_size, drop_last, valid_label_columns, generator, seed)

    @classmethod
    def of(
        cls, taxonomy: Taxonomy, *, items_per_category: int = 2, related_fraction: float = 0.25
    ) -> functools.partial[TaxonomyBatchSampler]:
        """What to pass as ``batch_sampler`` to `SentenceTransformerTrainingArguments`; see the class."""
        return functools.partial(
            cls, taxonomy=taxonomy, items_per_category=items_per_category, related_fraction=related_fraction
        )

    def set_epoch(self, epoch: int) -> None:
        """Go to an epoch; the trainer calls it."""
        super().set_epoch(epoch)
        self.batches.set_epoch(epoch)

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


def _read_labels(dataset: Dataset, columns: Sequence[str]) -> npt.NDArray[np.integer[Any]]:
    """Node ids (n,) from the first of the columns that the dataset has."""
    name = next((column for column in columns if column in dataset.column_names), None)
    if name is None:
        found = f"the columns {', '.join(dataset.column_names)}"
        raise InputError("dataset", found, f"node ids in a column {' or '.join(map(repr, columns))}")
    nodes = np.asarray(dataset[name][:])
    if nodes.ndim != 1 or not np.issubdtype(nodes.dtype, np.integer):
        found = f"{nodes.dtype} of shape {nodes.shape}"
        raise InputError(f"dataset: column {name!r}", found, "an integer per row, -1 for an unlabelled one")
    return nodes
