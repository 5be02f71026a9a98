"""Products of float32 matrices on the CPU by oneDNN, and work on several threads of one thread each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

_Given = TypeVar("_Given")
_Found = TypeVar("_Found")

_PATIENCE = 60.0
"""Seconds that threads may take to begin."""
_MATMUL = (torch.matmul, Tensor.matmul, Tensor.__matmul__)
_ONEDNN: Any = None
_BUILT: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
if _BUILT and hasattr(torch.ops.mkldnn, "_linear_pointwise"):
    _ONEDNN = torch.ops.mkldnn._linear_pointwise.default


def linear(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``inputs @ weight.T + bias``, without a gradient.

    torch has two libraries for this, and takes MKL, which does not use all that AMD's processors can do:
    oneDNN is more than twice as fast there.

    Args:
        inputs: (n, D).
        weight: (K, D).
        bias: (K,).

    Returns:
        (n, K).
    """
    if _ONEDNN is None or inputs.device.type != "cpu" or inputs.dtype != torch.float32 or not len(inputs):
        return F.linear(inputs, weight, bias)
    product: Tensor = _ONEDNN(inputs, weight, bias, "none", [], "")
    return product


class FastLinear(TorchFunctionMode):
    """Within it, the linear maps and products of matrices of any module are computed by `linear`.

    Example:
        >>> with torch.no_grad(), FastLinear():
        ...     torch.nn.Linear(3, 2)(torch.zeros(4, 3)).shape
        torch.Size([4, 2])
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Collection[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 (whatever the function returns)
        """Called in place of each function of torch."""
        if not types and not kwargs:
            if func is F.linear:
                return linear(*args)
            if func in _MATMUL and args[0].dim() == args[1].dim() == 2:
                return linear(args[0], args[1].T)
        return func(*args, **(kwargs or {}))


@contextmanager
def one_thread_each(
    threads: int,
) -> Iterator[Callable[[Callable[[_Given], _Found], Iterable[_Given]], Iterable[_Found]]]:
    """``map`` on so many threads, in each of which torch computes with one; results in order.

    Many small operations gain little from threads that meet after each of them.
    """
    if threads < 2:
        yield map
        return
    all_begun, before = threading.Barrier(threads + 1, timeout=_PATIENCE), torch.get_num_threads()

    def begin() -> None:
        torch.get_num_threads()  # a thread that has not asked would take over what is set below
        torch.set_num_threads(1)
        all_begun.wait()

    with ThreadPoolExecutor(threads, initializer=begin) as pool:
        for _ in range(threads):
            pool.submit(int)
        all_begun.wait()
        # What a thread sets for itself, threads that begin later take over.
        torch.set_num_threads(before)
        yield pool.map
