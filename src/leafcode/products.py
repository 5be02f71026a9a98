"""Products of float32 matrices on the CPU by oneDNN, with their gradients."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

_MATMUL = (torch.matmul, Tensor.matmul, Tensor.__matmul__)
_BUILT: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
_POINTWISE: Any = None
if _BUILT and hasattr(torch.ops.mkldnn, "_linear_pointwise"):
    _POINTWISE = torch.ops.mkldnn._linear_pointwise.default
# MKL keeps to AVX2 on AMD's processors. Where there is no more, it is as fast, and faster for gradients.
_ONEDNN: Any = _POINTWISE if torch.backends.cpu.get_cpu_capability() == "AVX512" else None


def linear(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``inputs @ weight.T + bias``.

    torch has two libraries for this, and takes MKL, which does not use the AVX-512 of AMD's processors:
    oneDNN is more than twice as fast there. Without AVX-512, and for what oneDNN does not have, the product
    is torch's own.

    Args:
        inputs: (…, D), of two or more dimensions.
        weight: (K, D).
        bias: (K,).

    Returns:
        (…, K).

    Example:
        >>> linear(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0], [0.0, 1.0]]))
        tensor([[11.,  2.]])
    """
    if _ONEDNN is None or not _suits_onednn(inputs, weight, bias):
        return F.linear(inputs, weight, bias)
    if inputs.dim() > 2:
        return linear(inputs.flatten(0, -2), weight, bias).view(*inputs.shape[:-1], len(weight))
    given = (inputs, weight) if bias is None else (inputs, weight, bias)
    if torch.is_grad_enabled() and any(one.requires_grad for one in given):
        product: Tensor = _Product.apply(inputs, weight, bias)  # type: ignore[no-untyped-call]
        return product
    return _multiply(inputs, weight, bias)


def _suits_onednn(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    """Whether these are plain float32 of the CPU, of shapes that fit, to be multiplied here and now."""
    given = (inputs, weight) if bias is None else (inputs, weight, bias)
    return (
        all(one.dtype == torch.float32 and one.layout == torch.strided and one.is_cpu for one in given)
        and weight.dim() == 2
        and not inputs.is_nested
        and inputs.dim() > 1
        and inputs.shape[-1] == weight.shape[1]
        and inputs.numel() > 0
        and (bias is None or bias.shape == weight.shape[:1])
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
    )


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:  # noqa: ANN401 (torch has no public type for it)
        ctx.save_for_backward(inputs, weight)
        return _multiply(inputs, weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        inputs, weight = ctx.saved_tensors
        gradient = gradient.contiguous()  # a sum's is one number seen everywhere
        of_inputs, of_weight, of_bias = ctx.needs_input_grad
        return (
            linear(gradient, weight.T) if of_inputs else None,
            linear(gradient.T, inputs.T) if of_weight else None,
            gradient.sum(0) if of_bias else None,
        )


def _multiply(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    # With gaps between them, oneDNN multiplies weights a thousand times slower, and reads biases wrongly.
    if not (weight.is_contiguous() or weight.T.is_contiguous()):
        weight = weight.contiguous()
    if bias is not None:
        bias = bias.contiguous()
    product: Tensor = _ONEDNN(inputs, weight, bias, "none", [], "")
    return product


class FastLinear(TorchFunctionMode):
    """Within it, the linear maps and products of matrices of any module are computed by `linear`.

    Example:
        >>> with FastLinear():
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
