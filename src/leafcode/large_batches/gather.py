"""The batches of all processes as one, with gradient."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from leafcode.errors import InputError


def gather_with_gradient(tensor: Tensor) -> Tensor:
    """Rows of all processes, in the order of their ranks, on every process.

    A contrastive loss that sees only the pairs of its own process misses most pairs of the global batch. Here
    its gradient flows back through the gathered rows to the process that each row came from, summed over all
    processes. It follows, for DistributedDataParallel, which averages the gradients of the parameters over
    the processes: *training follows the mean of the losses of the processes*, exactly and without a factor.
    So if every process takes the loss of the whole gathered batch, the gradients are those of one process
    with that batch. (The factor ``world_size`` that is sometimes seen belongs to gathering without gradient.)

    Every process must call this equally often, in the same order, and run backward through all results or
    through none, as with any collective operation.

    Args:
        tensor: (b, ...), of the same shape and dtype on every process; also without a gradient, such as
            labels.

    Returns:
        (b * world_size, ...). Without an initialised process group, or with one process, the tensor itself.

    Raises:
        InputError: The tensor is a scalar, or its shape differs between processes; raised on all of them.

    Example:
        >>> embeddings = torch.eye(2)
        >>> gather_with_gradient(embeddings) is embeddings  # one process
        True
    """
    if tensor.ndim == 0:
        raise InputError("tensor", "a scalar", "a tensor with rows")
    if _rank_and_processes()[1] == 1:
        return tensor
    _check_equal_shapes(tensor)
    gathered: Tensor = _AllGather.apply(tensor)  # type: ignore[no-untyped-call]
    return gathered


def own_rows(count: int) -> slice:
    """Where the rows of this process stand among those that `gather_with_gradient` returns.

    Args:
        count: Rows of each process.

    Example:
        >>> own_rows(3)  # one process
        slice(0, 3, None)
    """
    rank, _ = _rank_and_processes()
    return slice(rank * count, (rank + 1) * count)


def process_weight(count: Tensor) -> Tensor:
    """Factor that turns the mean of the processes' means into the mean over all items.

    Where every process takes the loss of its own anchors, and some have more anchors than others, their mean
    loss is not that of all anchors. Multiplied by this, it is.

    Args:
        count: Integer scalar: of how many items this process's loss is the mean.

    Returns:
        Scalar: count * world_size / sum of all counts; 0 where there is no item at all. A collective
        operation, as `gather_with_gradient` is.

    Example:
        >>> process_weight(torch.tensor(5)).item()  # one process
        1.0
    """
    counts = gather_with_gradient(count.reshape(1))
    return count * len(counts) / counts.sum().clamp_min(1)


class _AllGather(torch.autograd.Function):
    """All-gather along the rows; its adjoint sums over the processes and takes the own rows."""

    @staticmethod
    def forward(ctx: FunctionCtx, tensor: Tensor) -> Tensor:
        gathered = tensor.new_empty((dist.get_world_size(), *tensor.shape))
        dist.all_gather(list(gathered.unbind(0)), tensor.contiguous())
        return gathered.flatten(0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> Tensor:
        # Reduce-scatter would do with half the traffic, but not every backend has it.
        total = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total.chunk(dist.get_world_size())[dist.get_rank()]


def _rank_and_processes() -> tuple[int, int]:
    """This process and how many there are; (0, 1) without a process group."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def _check_equal_shapes(tensor: Tensor) -> None:
    """Compare shapes before the rows travel: unequal ones would be garbled, or wait for ever."""
    own = torch.tensor([tensor.ndim, len(tensor), tensor.numel()], device=tensor.device)
    shapes = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(shapes, own)
    rows = torch.stack(shapes).tolist()
    if any(row != rows[0] for row in rows):
        found = ", ".join(f"{count:,} rows of {size // max(count, 1):,}" for _, count, size in rows)
        expected = "as many rows, of one shape, on every process"
        raise InputError("tensor", f"by rank: {found}", expected, "Drop the last, smaller batch.")
