import dataclasses

import numpy as np
import pytest
from tests.catalogues import OPTIONS, with_several_paths, write
from tests.pipeline.fits import source

from leafcode.cli.main import build_parser
from leafcode.pipeline.items import hold_out
from leafcode.pipeline.tune_trial import Outcome, Setting, Split
from leafcode.quantizers.balance import CodeBalance
from leafcode.training import TrainingConfig


@pytest.fixture(scope="module")
def split(catalogue):
    catalog = source(catalogue.items, catalogue.vectors).load()
    return Split(catalog, hold_out(catalog, 0.25, 0))


@pytest.mark.parametrize("setting", [Setting(1.23, 0.0571, 0.0312), Setting(0.05, None, 0.3)])
def test_the_words_of_a_setting_are_the_setting(setting):
    words = ["fit", "items.csv", "--out", "run", *setting.words()]
    options = build_parser().parse_args(words)
    applied = setting.apply(TrainingConfig())
    assert float(options.contrast_weight) == applied.contrast_weight
    assert options.level_weights == applied.level_weights
    assert options.temperature == applied.temperature


def test_outcomes_survive_json_with_their_undefined_depths():
    outcome = Outcome(0.2, (0.5, float("nan")), 0.1, 1.0)
    again = Outcome.from_json(outcome.to_json())
    np.testing.assert_equal(again.accuracy, outcome.accuracy)
    assert outcome.to_json()["accuracy"] == [0.5, None]
    assert (again.error, again.reconstruction) == (0.5, 0.2)


def test_the_first_codes_are_those_that_training_starts_from(split, monkeypatch):
    monkeypatch.setattr(CodeBalance, "update", lambda *_: None)
    starts = []
    # Steps too small to move a weight, and no offset or codeword moved beside them: the end is the start.
    still = dataclasses.replace(OPTIONS.training, learning_rate=1e-12, evaluate_every=100)
    end = split.run(OPTIONS, still, "cpu", starts.append)
    (start,) = starts
    assert start.accuracy == end.accuracy
    assert start.reconstruction == pytest.approx(end.reconstruction, rel=1e-6)
    assert start.contrast_weight == end.contrast_weight == 1.0


def test_an_exception_ends_the_trial_before_its_codes_are_trained(split):
    class Enough(Exception):
        pass

    def stop(_):
        raise Enough

    with pytest.raises(Enough):
        split.run(OPTIONS, OPTIONS.training, "cpu", stop)


def test_a_run_depends_on_nothing_but_its_settings(split):
    training = Setting(1.0, 0.25, 0.1).apply(OPTIONS.training)
    assert split.run(OPTIONS, training, "cpu") == split.run(OPTIONS, training, "cpu", lambda _: None)


def test_a_trial_learns_from_all_paths_and_any_is_right(tmp_path, catalogue):
    files = write(tmp_path, with_several_paths(catalogue.rows), catalogue.embeddings)
    several = source(files.items, files.vectors).load()
    split = Split(several, hold_out(several, 0.25, 0))
    trainer = split.trainer(OPTIONS, OPTIONS.training, "cpu")
    np.testing.assert_array_equal(trainer.labels.places, several.places[~split.held_out])
    model = trainer.model
    first = dataclasses.replace(split, catalog=dataclasses.replace(several, places=None))
    accuracy, of_the_first = (one.measure(model, 1.0).accuracy for one in (split, first))
    assert all(any_path >= one for any_path, one in zip(accuracy, of_the_first, strict=True))
