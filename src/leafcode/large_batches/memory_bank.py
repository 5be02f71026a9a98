"""Embeddings of past batches, to contrast the present one with."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from leafcode.errors import InputError


class MemoryBank(nn.Module):
    """The latest embeddings and the categories of their items: a ring of fixed capacity.

    Cross-batch memory (Wang et al., "Cross-Batch Memory for Embedding Learning", CVPR 2020): embeddings drift
    slowly once training has settled, so those of past batches are nearly as good as fresh ones, and cost no
    encoding. The bank holds node ids of the tree, not grades, so its relevance to a batch can be read off at
    any grades. Its vectors take no gradient.

    All of it is in buffers: it is saved with ``state_dict``, moves with ``to``, and vectors take the dtype
    of the module. Keep it outside of a DistributedDataParallel module, which would overwrite it with that of
    rank 0; push `gather_with_gradient` of the embeddings to have the batches of all processes in each bank.

    Args:
        capacity: Number of embeddings to keep, at least 1.
        dim: Their length, at least 1.

    Raises:
        InputError: An argument is not a positive integer.

    Example:
        >>> bank = MemoryBank(capacity=3, dim=2)
        >>> bank.push(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([4, 7]))
        >>> bank.push(torch.tensor([[1.0, 1.0], [2.0, 1.0]]), torch.tensor([4, 9]))
        >>> vectors, nodes = bank.contents()
        >>> nodes.tolist(), vectors.tolist()[0]
        ([7, 4, 9], [0.0, 1.0])
    """

    vectors: Tensor
    nodes: Tensor
    count: Tensor
    cursor: Tensor

    def __init__(self, capacity: int, dim: int) -> None:
        super().__init__()
        for name, value in (("capacity", capacity), ("dim", dim)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InputError(name, repr(value), "an integer of at least 1")
        self.capacity, self.dim = capacity, dim
        self.register_buffer("vectors", torch.zeros(capacity, dim))
        self.register_buffer("nodes", torch.full((capacity,), -1))
        self.register_buffer("count", torch.tensor(0))
        self.register_buffer("cursor", torch.tensor(0))

    def __len__(self) -> int:
        """Number of embeddings in the bank."""
        return int(self.count)

    @torch.no_grad()
    def push(self, embeddings: Tensor, nodes: Tensor) -> None:
        """Add a batch; the oldest embeddings make room. Of a batch above the capacity the last are kept.

        Args:
            embeddings: Floating point (B, dim); kept without their graph.
            nodes: Integers (B,): node of each item, -1 for unlabelled ones.

        Raises:
            InputError: Shapes or dtypes do not fit.
        """
        if embeddings.ndim != 2 or embeddings.shape[1] != self.dim or not embeddings.is_floating_point():
            found = f"shape {tuple(embeddings.shape)} of {embeddings.dtype}"
            raise InputError("embeddings", found, f"a floating-point tensor of shape (B, {self.dim})")
        integers = not (nodes.is_floating_point() or nodes.is_complex() or nodes.dtype == torch.bool)
        if nodes.shape != embeddings.shape[:1] or not integers:
            found = f"shape {tuple(nodes.shape)} of {nodes.dtype}"
            raise InputError("nodes", found, f"integers of shape ({len(embeddings)},)")
        embeddings, nodes = embeddings[-self.capacity :], nodes[-self.capacity :]
        added = len(nodes)
        places = (self.cursor + torch.arange(added, device=self.cursor.device)) % self.capacity
        self.vectors[places] = embeddings.to(self.vectors)
        self.nodes[places] = nodes.to(self.nodes)
        self.cursor.add_(added).remainder_(self.capacity)
        self.count.add_(added).clamp_(max=self.capacity)

    def contents(self) -> tuple[Tensor, Tensor]:
        """What the bank holds, the oldest first; copies, which a later `push` does not change.

        Returns:
            Vectors (n, dim) in the dtype of the module, and nodes int64 (n,).
        """
        held = len(self)
        places = (self.cursor - held + torch.arange(held, device=self.cursor.device)) % self.capacity
        return self.vectors[places], self.nodes[places]

    def extra_repr(self) -> str:
        """The sizes, for ``print(module)``."""
        return f"capacity={self.capacity}, dim={self.dim}"
