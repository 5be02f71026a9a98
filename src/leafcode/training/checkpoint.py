"""Training state on disk: tensors in safetensors, everything else as JSON in its header."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from leafcode.errors import RunFolderError
from leafcode.files import replacing


@dataclass(frozen=True)
class Checkpoint:
    """Everything that training needs to go on as if it had not been stopped.

    Attributes:
        model: State of the model at the step.
        best: State of the best model so far; empty before the first validation.
        optimizer: State of the optimiser, as `torch.optim.Optimizer.state_dict` gives it.
        progress: JSON-serialisable rest: phase, step, history, the settings it belongs to.
        code_term: State of the further term of the objective at the step, if there is one.
        best_code_term: Its state beside the best model.
    """

    model: Mapping[str, Tensor]
    best: Mapping[str, Tensor]
    optimizer: Mapping[str, Any]
    progress: Mapping[str, Any]
    code_term: Mapping[str, Tensor] = field(default_factory=dict)
    best_code_term: Mapping[str, Tensor] = field(default_factory=dict)


def identity_of(
    settings: Mapping[str, Any],
    embeddings: npt.NDArray[np.floating[Any]],
    nodes: npt.NDArray[np.integer[Any]],
    parents: npt.NDArray[np.integer[Any]] | None,
) -> dict[str, Any]:
    """What a checkpoint belongs to, as JSON has it: settings, and data by size and a checksum of a sample.

    Args:
        settings: All settings, JSON-serialisable.
        embeddings: (n, E) of the training items; 256 of them count.
        nodes: (n,) their categories.
        parents: Of the tree's nodes, or None without a tree.
    """
    rows = np.linspace(0, len(embeddings) - 1, num=min(len(embeddings), 256), dtype=np.int64)
    digest = hashlib.sha256(np.ascontiguousarray(embeddings[rows], np.float32).tobytes())
    digest.update(np.ascontiguousarray(nodes, np.int64).tobytes())
    if parents is not None:
        digest.update(parents.tobytes())
    identity = {**settings, "items": len(embeddings), "data": digest.hexdigest()}
    as_read: dict[str, Any] = json.loads(json.dumps(identity))
    return as_read


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint in one piece; the one before stays until the new one is whole."""
    tensors = {f"model/{name}": value for name, value in checkpoint.model.items()}
    tensors |= {f"best/{name}": value for name, value in checkpoint.best.items()}
    tensors |= {f"code_term/{name}": value for name, value in checkpoint.code_term.items()}
    tensors |= {f"best_code_term/{name}": value for name, value in checkpoint.best_code_term.items()}
    for index, state in checkpoint.optimizer["state"].items():
        tensors |= {f"optimizer/{index}/{name}": value for name, value in state.items()}
    header = {"groups": checkpoint.optimizer["param_groups"], "progress": checkpoint.progress}
    with replacing(path) as beside:
        save_file(
            {name: value.detach().cpu().contiguous() for name, value in tensors.items()},
            beside,
            metadata={"leafcode": json.dumps(header)},
        )


def load_checkpoint(path: Path) -> Checkpoint:
    """Read what `save_checkpoint` wrote; tensors lie on the CPU.

    Raises:
        RunFolderError: The file is damaged or not a checkpoint.
    """
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "code_term": {}, "best_code_term": {}}
    state: dict[int, dict[str, Tensor]] = {}
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads(file.metadata()["leafcode"])
            for key in file.keys():  # noqa: SIM118 (safe_open is no mapping)
                part, name = key.split("/", 1)
                if part == "optimizer":
                    index, name = name.split("/", 1)
                    state.setdefault(int(index), {})[name] = file.get_tensor(key)
                else:
                    parts[part][name] = file.get_tensor(key)
        optimizer = {"state": state, "param_groups": header["groups"]}
        return Checkpoint(optimizer=optimizer, progress=header["progress"], **parts)
    except (SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
        raise RunFolderError(
            str(path),
            f"a damaged checkpoint ({error})",
            "a file written by leafcode",
            "Delete it to start training from the beginning.",
        ) from error


def cpu_state(model: torch.nn.Module) -> dict[str, Tensor]:
    """A copy of the model's state on the CPU."""
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
