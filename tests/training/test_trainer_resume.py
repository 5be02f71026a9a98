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

TRAINER = importlib.import_module("leafcode.training.trainer")
# Checkpoints after steps 4 and 6 of the tree phase and 0, 4 and 8 of the codes phase.
SETTINGS = {"evaluate_every": 4, "progressive_masking": True}
SHAPE = {"dropout": 0.2, "estimator": "rotation"}


class Killed(BaseException):
    """As KeyboardInterrupt: no `except Exception` holds it up."""


@pytest.fixture(scope="module")
def expected():
    return trainer_of(shape=SHAPE, **SETTINGS).fit()


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
        *[(*STEP, call) for call in (1, 4, 5, 6, 7, 8, 10, 11, 12, 14)],
        (TreeEncoder, "project", 3),  # in the midst of a step of the tree phase
        (ResidualQuantizer, "forward", 2),  # in the midst of a step of the codes phase
        (ResidualQuantizer, "fit", 1),  # at the phase change: while lambda is looked for,
        (RQVAE, "set_level_weights", 1),  # once it is found,
        (ResidualQuantizer, "encode", 3),
        *[(TRAINER, "save_checkpoint", call) for call in range(1, 6)],
        *[(os, "fsync", call) for call in range(1, 6)],  # with half a checkpoint on disk
    ],
)
def test_killed_at_any_moment(tmp_path, monkeypatch, expected, owner, name, call):
    path = tmp_path / "c"
    kill(monkeypatch, path, owner, name, call)
    assert {file.name for file in tmp_path.iterdir()} <= {"c"}, "no half-written file is left"
    assert same(fit(path), expected)


def test_killed_again_and_again(tmp_path, monkeypatch, expected):
    path = tmp_path / "c"
    for call in (5, 3, 2, 5, 3):  # in the tree phase, after it, and in the codes phase
        kill(monkeypatch, path, *STEP, call)
    assert same(fit(path), expected)


def test_what_was_done_is_not_done_again(tmp_path, monkeypatch):
    path, calls = tmp_path / "c", []
    kill(monkeypatch, path, *STEP, 12)  # after step 5 of the codes phase, whose last checkpoint is at step 4
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
        {"learning_rate": 2e-3},
        {"steps": 9},
        {"contrast_weight": 1.0},
        {"level_weights": (1.0, 0.5)},
        {"shape": {"sizes": (8, 5)}},
        {"shape": {"estimator": "rotation"}},
        {"shape": {"commitment": 0.5}},
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
