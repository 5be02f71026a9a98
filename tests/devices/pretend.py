"""A device that stands in for a GPU where there is none.

It computes what the CPU computes, but its tensors mix with those of the CPU no better than those of a GPU do:
an operation on both is an error, and so are `Tensor.numpy` and pointers to data. Importing this module
registers the device ``pretend`` for good, so it belongs in a process of its own.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils import backend_registration
from torch.utils._pytree import tree_leaves, tree_map

DEVICE = "pretend"
aten = torch.ops.aten
_TAKE_CPU_INDICES = (aten.index.Tensor, aten.index_put.default, aten.index_put_.default)
_TAKE_CPU_INDICES += (aten._index_put_impl_.default,)
_FACTORIES = ("empty.memory_format", "empty_strided", "arange", "arange.start", "arange.start_step")
_FACTORIES += ("eye", "eye.m")


class _Module(backend_registration._DummyBackendModule):
    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16, torch.float16]


backend_registration._setup_privateuseone_for_python_backend(DEVICE, backend_module=_Module())


class PretendTensor(torch.Tensor):
    """A tensor of the device, around one of the CPU."""

    @staticmethod
    def __new__(cls, on_cpu: torch.Tensor) -> PretendTensor:
        tensor: Any = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            on_cpu.size(),
            strides=on_cpu.stride(),
            storage_offset=on_cpu.storage_offset(),
            dtype=on_cpu.dtype,
            device=torch.device(DEVICE, 0),
        )
        tensor.on_cpu = on_cpu
        return tensor

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def __repr__(self) -> str:
        return f"PretendTensor({self.on_cpu})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is aten.copy_.default:
            return _copy(args[1], args[0])
        if func is aten._to_copy.default:
            return _convert(args[0], **kwargs)
        if (func is aten.index.Tensor or func is aten.index_select.default) and not _is_ours(args[0]):
            raise RuntimeError(f"{func}: a tensor of the CPU, indexed by one of another device")
        indices = tree_leaves(args[1]) if func in _TAKE_CPU_INDICES else []
        given = [one for one in tree_leaves((args, kwargs)) if isinstance(one, torch.Tensor)]
        for one in given:
            # A number may come from anywhere.
            if not _is_ours(one) and one.dim() and not any(one is index for index in indices):
                raise RuntimeError(f"{func}: tensors on " + ", ".join(str(other.device) for other in given))
        if "device" in kwargs:
            kwargs["device"] = "cpu"
        found = func(*tree_map(_on_cpu, args), **tree_map(_on_cpu, kwargs))
        # What an operation changed in place and returns stays the object that it is.
        known = {id(one.on_cpu): one for one in given if _is_ours(one)}
        return tree_map(lambda one: known[id(one)] if id(one) in known else _ours(one), found)


def _is_ours(tensor: object) -> bool:
    return isinstance(tensor, PretendTensor)


def _on_cpu(value: Any) -> Any:
    return value.on_cpu if _is_ours(value) else value


def _ours(value: Any) -> Any:
    return PretendTensor(value) if isinstance(value, torch.Tensor) and not _is_ours(value) else value


def _copy(source: torch.Tensor, target: torch.Tensor, non_blocking: bool = False) -> torch.Tensor:
    _on_cpu(target).copy_(_on_cpu(source))
    return target


def _convert(tensor: torch.Tensor, *, device: Any = None, pin_memory: Any = None, **changes: Any) -> Any:
    to = torch.device(device or tensor.device)
    copy = _on_cpu(tensor).to(device="cpu", copy=True, **{k: v for k, v in changes.items() if k == "dtype"})
    return PretendTensor(copy) if to.type == DEVICE else copy


def _factory(name: str) -> Any:
    base, _, overload = name.partition(".")
    make = getattr(getattr(aten, base), overload or "default")

    def on_device(*args: Any, device: Any = None, pin_memory: Any = None, **kwargs: Any) -> PretendTensor:
        return PretendTensor(make(*args, device="cpu", **kwargs))

    return on_device


_LIBRARY = torch.library.Library("aten", "IMPL")
for _name in _FACTORIES:
    _LIBRARY.impl(_name, _factory(_name), "PrivateUse1")
_LIBRARY.impl("_copy_from", _copy, "PrivateUse1")
