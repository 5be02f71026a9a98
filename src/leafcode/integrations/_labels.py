"""Labels as other libraries pass them, integers per item, taken for the nodes of a taxonomy."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from leafcode.errors import InputError
from leafcode.taxonomy import Taxonomy


def ancestor_table(taxonomy: Taxonomy) -> Tensor:
    """``taxonomy.ancestors`` with one more row, all -1: the one that the label -1, unlabelled, takes.

    Returns:
        int32 (len(taxonomy) + 1, D).
    """
    return torch.from_numpy(np.pad(taxonomy.ancestors, ((0, 1), (0, 0)), constant_values=-1))


def ancestors_of(labels: Tensor, table: Tensor) -> Tensor:
    """Ancestor rows of labels.

    Args:
        labels: Integers (B,): node ids, -1 for unlabelled.
        table: From `ancestor_table`.

    Returns:
        int32 (B, D), on the device of the table.

    Raises:
        InputError: The labels are no node ids.

    Example:
        >>> tree, nodes = Taxonomy.from_paths(["A > x", "B", None])
        >>> ancestors_of(torch.from_numpy(nodes), ancestor_table(tree)).tolist()
        [[0, 1], [2, -1], [-1, -1]]
    """
    return table[rows_of(labels, table)]


def rows_of(labels: Tensor, table: Tensor) -> Tensor:
    """Where the labels stand in a table with a row for each node, and one more, the last, for -1.

    Args:
        labels: Integers (B,): node ids, -1 for unlabelled.
        table: (nodes + 1, ...).

    Returns:
        int64 (B,), on the device of the table.

    Raises:
        InputError: The labels are no node ids.
    """
    nodes = len(table) - 1
    expected = f"node ids in [0, {nodes}), or -1"
    if labels.ndim != 1 or labels.is_floating_point() or labels.dtype == torch.bool:
        raise InputError("labels", f"shape {tuple(labels.shape)} of {labels.dtype}", f"(B,) {expected}")
    if len(labels) and not -1 <= int(labels.min()) <= int(labels.max()) < nodes:
        raise InputError("labels", f"labels from {labels.min()} to {labels.max()}", expected)
    return labels.to(table.device, torch.int64)
