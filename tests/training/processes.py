"""Trainings in several processes: ``torchrun -m tests.training.processes FOLDER``.

Every process writes what its trainings ended with, for the test beside it.
"""

import json
import sys
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from tests.training.catalogues import catalogue, trainer_of

from leafcode.errors import LeafcodeError
from leafcode.training import current_world, join_world, world

RUNS = {
    "plain": {},
    # Of 106 items one is left for the last batch of an epoch, which all processes take.
    "one left over": {"batch_size": 35},
    "masked": {"progressive_masking": True, "batch_size": 31, "contrast_batch_size": 13},
    "trust": {"trust": np.linspace(0, 1, 120, dtype=np.float32), "shape": {"estimator": "rotation"}},
    "without tree": {"contrast_weight": 0.0, "content_steps": 40, "steps": 40},
}

# The learning rate kills codes, and then every rounding error counts.
REVIVED = {"shape": {"sizes": (32, 16)}, "learning_rate": 0.1, "batch_size": 64, "evaluate_every": 10}


class Stopped(Exception):
    """In the midst of training."""


def stop_in_the_midst(checkpoint):
    """Train until the third step of the second phase; its last checkpoint is that after the second."""
    step, calls = torch.optim.AdamW.step, []

    def counted(*arguments):
        calls.append(1)
        if len(calls) == 9:
            raise Stopped
        return step(*arguments)

    torch.optim.AdamW.step = counted
    try:
        trainer_of(checkpoint=checkpoint).fit()
    except Stopped:
        return
    finally:
        torch.optim.AdamW.step = step


def write(result, path):
    """The model, and beside it what else there is."""
    save_file(result.model.state_dict(), path.with_suffix(".safetensors"))
    rest = [result.tree_weight, result.best_step, result.history, result.warnings]
    path.with_suffix(".json").write_text(json.dumps(rest))


def error_of(action):
    """The error that an action must end with."""
    try:
        action()
    except LeafcodeError as error:
        return f"{type(error).__name__}: {error}"
    return "none"


def main(folder):
    """Train in every way."""
    errors = {}
    with join_world("cpu") as ours:
        for name, settings in RUNS.items():
            write(trainer_of(**settings).fit(), folder / f"{name} {ours.rank}")
        write(trainer_of(checkpoint=folder / "of one").fit(), folder / f"of one {ours.rank}")
        write(trainer_of(**REVIVED, content_steps=30).fit(), folder / f"revived {ours.rank}")
        stop_in_the_midst(folder / "of two")
        embeddings, nodes, tree = catalogue()
        other = trainer_of((embeddings + ours.rank, nodes, tree))
        errors["other data"] = error_of(other.fit)
    assert current_world().size == 1
    world._TIMEOUT = timedelta(seconds=5)
    with join_world("cpu") as ours:
        if ours.is_first:
            errors["silence"] = error_of(lambda: ours.sum_([torch.ones(1)]))
        else:
            time.sleep(8)
    (folder / f"errors {ours.rank}.json").write_text(json.dumps(errors))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
