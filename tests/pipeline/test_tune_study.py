import re

import pytest
from tests.pipeline.outcomes import WITHOUT_TREE, outcome

from leafcode.errors import InputError
from leafcode.pipeline.tune_study import SHARES, TEMPERATURES, WEIGHTS, Trial, open_study
from leafcode.pipeline.tune_trial import Setting

FIRST = Setting(0.766, 0.125, 0.05)
IDENTITY = {"model sizes": (8, 4), "catalogue": "abc"}


def opened(path, identity=IDENTITY, levels=2, seed=0):
    return open_study(path, identity, levels=levels, seed=seed)


def end(study, number, setting, ratio, error):
    """End a trial as complete; its objectives depend on nothing but the arguments."""
    found = outcome(ratio, error)
    trial = Trial(number, "complete", setting, found, found, 0.5)
    study.end(trial, found.objectives(WITHOUT_TREE))


def run(study, trials):
    """Settings of some more trials, each ended with objectives that follow from its setting."""
    settings = []
    for _ in range(trials):
        number, setting = study.propose(FIRST)
        weight = setting.contrast_weight
        end(study, number, setting, 1 + weight / 50, 0.5 - weight / 20)
        settings.append(setting)
    return settings


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("study") / "study.db") as study:
        return run(study, 12)


def test_settings_lie_in_the_space_and_cover_it(uninterrupted):
    for name, (low, high) in (
        ("contrast_weight", WEIGHTS),
        ("second_share", SHARES),
        ("temperature", TEMPERATURES),
    ):
        values = [getattr(setting, name) for setting in uninterrupted]
        assert all(low <= value <= high for value in values)
        assert len(set(values)) > 8
    thirds = sorted(setting.contrast_weight for setting in uninterrupted[1:9])
    assert thirds[1] < 0.3
    assert thirds[-2] > 1.5


def test_another_seed_proposes_other_settings(tmp_path, uninterrupted):
    with opened(tmp_path / "study.db", seed=1) as study:
        assert run(study, 2)[1] != uninterrupted[1]


def test_the_first_setting_is_given_and_moved_into_the_space(tmp_path, uninterrupted):
    assert uninterrupted[0] == FIRST
    with opened(tmp_path / "study.db") as study:
        beyond = Setting(0.0, SHARES[1] + 1.0, 0.5)
        assert study.propose(beyond)[1] == Setting(WEIGHTS[0], SHARES[1], TEMPERATURES[1])


@pytest.mark.parametrize("ended", [3, 10])
def test_a_study_that_was_stopped_proposes_what_it_would_have_proposed(tmp_path, uninterrupted, ended):
    path = tmp_path / "study.db"
    with opened(path) as study:
        before = run(study, ended)
        study.propose(FIRST)  # and stopped while it ran
    with opened(path) as study:
        assert len(study.trials()) == ended
        after = run(study, 12 - ended)
        assert [trial.setting for trial in study.trials()] == before + after
    assert before + after == uninterrupted


def test_trials_are_read_back_as_they_ended(tmp_path):
    path, nan = tmp_path / "study.db", float("nan")
    first = outcome(1.1, 0.3)
    with opened(path) as study:
        written = []
        for state, message in (("complete", ""), ("pruned", ""), ("failed", "not finite")):
            number, setting = study.propose(FIRST)
            done = first if state == "complete" else None
            written.append(Trial(number, state, setting, first, done, 1.5, message))
            study.end(written[-1], done and done.objectives(WITHOUT_TREE))
        assert study.once("kept", lambda: {"accuracy": [1.0, None]}) == {"accuracy": [1.0, None]}
    with opened(path) as study:
        assert study.trials() == written
        assert study.once("kept", lambda: {"never": nan}) == {"accuracy": [1.0, None]}


def test_one_level_has_no_second_share(tmp_path):
    with opened(tmp_path / "study.db", levels=1) as study:
        assert {setting.second_share for setting in run(study, 9)} == {None}


def test_other_settings_or_another_catalogue_are_refused(tmp_path):
    path = tmp_path / "study.db"
    with opened(path):
        pass
    for identity, told in (
        ({**IDENTITY, "model sizes": (8, 8)}, "model sizes [8, 4], not [8, 8]"),
        ({**IDENTITY, "catalogue": "other"}, "another catalogue"),
    ):
        with pytest.raises(InputError, match=re.escape(told)), opened(path, identity):
            pass


def test_a_file_that_is_no_study(tmp_path):
    path = tmp_path / "study.db"
    path.write_text("no database " * 1000)
    with pytest.raises(InputError, match=r"study\.db: found no study that can be read"), opened(path):
        pass


def test_any_name_of_a_folder_will_do(tmp_path):
    folder = tmp_path / "50% of a?b #1 ü"
    folder.mkdir()
    with opened(folder / "study.db") as study:
        run(study, 1)
    assert [path.name for path in folder.iterdir()] == ["study.db"]
    assert list(tmp_path.iterdir()) == [folder]
