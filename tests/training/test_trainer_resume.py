"""Training that is killed at any moment ends where it would have ended."""

import importlib
import os

import numpy as np
import pytest
import torch
from tests.training.catalogues import catalogue, same, trainer_of

from leafcode.errors import TrainingError
from leafcode.quantizers import RQVAE, ResidualQuantizer, TreeEncoder
from leafcode.taxonomy import Taxonomy
from leafcode.training.tree_weight import _TRIALS

TRAINER = importlib.import_module("leafcode.training.trainer")
# 6, 4 and 8 steps: checkpoints after 4 and 6 of the tree phase, 0 and 4 of the content phase, and 0, 4 and 8
# of the codes phase.
SETTINGS = {"evaluate_every": 4, "progressive_masking": True, "reconstruction_limit": 1.1}
STEPS, CHECKPOINTS = 18, 7
SHAPE = {"dropout": 0.2, "estimator": "rotation"}


class Killed(BaseException):
    """As KeyboardInterrupt: no `except Exception` holds it up."""


@pytest.fixture(scope="module")
def expected():
    result = trainer_of(shape=SHAPE, **SETTINGS).fit()
    assert 0 < result.tree_weight < max(_TRIALS), "more than one trial is made"
    return result


def fit(checkpoint=None, **settings):
    return trainer_of(shape=SHAPE, checkpoint=checkpoint, **{**SETTINGS, **settings}).fit()


def kill(monkeypatch, checkpoint, owner, name, call):
    """Train until the given call of a function, which raises instead."""
    trainer, original, calls = (
        trainer_of(shape=SHAPE, checkpoint=checkpoint, **SETTINGS),
        getattr(owner, name),
        [],
    )

    def counted(*arguments, **keywords):
        calls.append(name)
        if len(calls) == call:
            raise Killed
        return original(*arguments, **keywords)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, counted)
        with pytest.raises(Killed):
            trainer.fit()


STEP = (torch.optim.AdamW, "step")


@pytest.mark.parametrize(
    ("owner", "name", "call"),
    [
        *[(*STEP, call) for call in (1, 4, 5, 6, 7, 8, 10, 11, 12, 15, 16, 18)],
        (TreeEncoder, "project", 3),  # in the midst of a step of the tree phase,
        (ResidualQuantizer, "forward", 2),  # of the content phase,
        (ResidualQuantizer, "forward", 9),  # of the codes phase
        (ResidualQuantizer, "fit", 1),  # before the content phase
        (RQVAE, "set_level_weights", 2),  # before the codes phase: while codebooks are turned,
        (ResidualQuantizer, "fit", 2),
        (RQVAE, "set_level_weights", 3),
        (RQVAE, "set_level_weights", 4),  # at the end, while lambda is looked for
        (RQVAE, "set_level_weights", 5),
        *[(TRAINER, "save_checkpoint", call) for call in range(1, CHECKPOINTS + 1)],
        *[(os, "fsync", call) for call in range(1, CHECKPOINTS + 1)],  # with half a checkpoint on disk
    ],
)
def test_killed_at_any_moment(tmp_path, monkeypatch, expected, owner, name, call):
    path = tmp_path / "c"
    kill(monkeypatch, path, owner, name, call)
    assert {file.name for file in tmp_path.iterdir()} <= {"c"}, "no half-written file is left"
    assert same(fit(path), expected)


def test_killed_again_and_again(tmp_path, monkeypatch, expected):
    path = tmp_path / "c"
    for call in (5, 3, 2, 5, 3, 5):  # in all phases, and at their beginnings
        kill(monkeypatch, path, *STEP, call)
    assert same(fit(path), expected)


def test_what_was_done_is_not_done_again(tmp_path, monkeypatch):
    path, calls = tmp_path / "c", []
    kill(monkeypatch, path, *STEP, STEPS - 2)  # after step 5 of the codes phase; its checkpoint is of step 4
    trainer, step = trainer_of(shape=SHAPE, checkpoint=path, **SETTINGS), torch.optim.AdamW.step
    monkeypatch.setattr(
        torch.optim.AdamW, "step", lambda *arguments: calls.append("step") or step(*arguments)
    )
    monkeypatch.setattr(ResidualQuantizer, "fit", lambda *_, **__: calls.append("fit"))
    trainer.fit()
    assert calls == ["step"] * 4


def test_a_finished_training_comes_back_as_it_was(tmp_path, expected):
    assert same(fit(tmp_path / "c"), expected), "checkpoints change nothing"
    written = (tmp_path / "c").stat().st_mtime_ns
    assert same(fit(tmp_path / "c"), expected)
    assert (tmp_path / "c").stat().st_mtime_ns == written


def test_warnings_survive(tmp_path, monkeypatch):
    embeddings, nodes, tree = catalogue()
    data = (embeddings, np.where(nodes < 0, -1, nodes.max()), tree)
    expected = trainer_of(data).fit()
    assert len(expected.warnings) == 1
    with monkeypatch.context() as patch:
        patch.setattr(TRAINER, "save_checkpoint", _then_killed(TRAINER.save_checkpoint))
        with pytest.raises(Killed):
            trainer_of(data, tmp_path / "c").fit()
    assert same(trainer_of(data, tmp_path / "c").fit(), expected)


def _then_killed(function):
    def call(*arguments):
        function(*arguments)
        raise Killed

    return call


def changed_data():
    embeddings, nodes, tree = catalogue()
    moved = embeddings.copy()
    moved[0, 0] += 1e-3
    other = nodes.copy()
    other[0] = nodes[-20]
    flat, _ = Taxonomy.from_paths([f"{number:02d}" for number in range(len(tree))])
    return {
        "an embedding": (moved, nodes, tree),
        "a label": (embeddings, other, tree),
        "the number of items": (embeddings[:-1], nodes[:-1], tree),
        "the order": (embeddings[::-1], nodes[::-1], tree),
        "the tree": (embeddings, nodes, flat),
    }


@pytest.mark.parametrize("what", list(changed_data()))
def test_a_checkpoint_of_other_data_is_refused(tmp_path, what):
    trainer_of(checkpoint=tmp_path / "c", grades="1,0.5").fit()
    with pytest.raises(TrainingError, match="written for other data or settings") as caught:
        trainer_of(changed_data()[what], tmp_path / "c", grades="1,0.5").fit()
    assert str(tmp_path / "c") in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"seed": 1},
        {"learning_rate": 1e-3},
        {"steps": 9},
        {"content_steps": 5},
        {"reconstruction_limit": 3.0},
        {"contrast_weight": 1.0},
        {"level_weights": (1.0, 0.5)},
        {"shape": {"sizes": (8, 5)}},
        {"shape": {"estimator": "rotation"}},
        {"shape": {"commitment": 0.5}},
        {"shape": {"balance": 0.01}},
        {"trust": np.full(120, 0.5, np.float32)},
    ],
)
def test_a_checkpoint_of_other_settings_is_refused(tmp_path, settings):
    trainer_of(checkpoint=tmp_path / "c").fit()
    before = (tmp_path / "c").read_bytes()
    with pytest.raises(TrainingError, match="written for other data or settings"):
        trainer_of(checkpoint=tmp_path / "c", **settings).fit()
    assert (tmp_path / "c").read_bytes() == before


def test_the_result_does_not_change_with_the_model_that_a_resumed_trainer_starts_from(tmp_path, expected):
    fit(tmp_path / "c")
    trainer = trainer_of(shape={**SHAPE, "seed": 5}, checkpoint=tmp_path / "c", **SETTINGS)
    resumed = trainer.fit()
    assert same(resumed, expected)
