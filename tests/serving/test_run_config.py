import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafcode.errors import InputError, RunFolderError
from leafcode.quantizers import RQVAEConfig
from leafcode.serving import FORMAT_VERSION, RunConfig, RunFolder, settings_from_json
from leafcode.serving.run_config import installed_version
from leafcode.training import TrainingConfig

SHAPE = RQVAEConfig(embedding_dim=8, sizes=(4, 3), estimator="rotation")
CONFIG = RunConfig(
    model=SHAPE,
    training={"steps": 10, "level_weights": [1.0, 0.25], "contrast_weight": "auto"},
    level_weights=(1.0, 0.5),
    contrast_weight=0.1,
    source={"path": "items.parquet", "embedding_model": None},
    split={"fraction": 0.2},
    leafcode_version="1.2.3",
)


@given(
    st.builds(
        RQVAEConfig,
        embedding_dim=st.integers(1, 999),
        sizes=st.lists(st.integers(2, 999), min_size=1, max_size=5).map(tuple),
        dropout=st.floats(0, 0.99),
        estimator=st.sampled_from(["straight_through", "rotation"]),
    ),
    st.floats(0, 1e6),
)
def test_round_trip(model, weight):
    config = dataclasses.replace(
        CONFIG, model=model, level_weights=(weight,) * len(model.sizes), contrast_weight=weight
    )
    assert RunConfig.from_json(config.to_json(), "config.json") == config


def test_the_json_object():
    value = CONFIG.to_json()
    assert list(value)[:2] == ["format_version", "leafcode_version"]
    assert value["format_version"] == FORMAT_VERSION
    assert value["leafcode_version"] == "1.2.3"
    assert RunConfig(SHAPE, {}, (1.0, 0.5), 0.1, {}, {}).leafcode_version == installed_version() != ""


def test_another_format_version_names_both():
    value = CONFIG.to_json() | {"format_version": 7}
    with pytest.raises(
        RunFolderError,
        match=rf"format 7 \(written by leafcode 1\.2\.3\); expected format {FORMAT_VERSION} \(leafcode ",
    ):
        RunConfig.from_json(value, "run/config.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": None}, "found 'model': None; expected an object 'model'"),
        ({"model": {"sizes": [4, 3]}}, "config.json: 'model': found missing 'embedding_dim'"),
        (
            {"model": {"embedding_dim": 0}},
            "config.json: 'model': embedding_dim: found 0; expected at least 1",
        ),
        ({"model": {"embedding_dim": "8"}}, "config.json: 'model': found a value of another type"),
        ({"level_weights": [1.0]}, "one for each of 2 levels"),
        ({"level_weights": [1.0, -1.0]}, "weights >= 0"),
        ({"contrast_weight": "auto"}, "a value of another type"),
        ({"colour": "red"}, "found unknown 'colour'; expected the fields of RunConfig"),
    ],
)
def test_what_is_wrong_is_named(change, message):
    with pytest.raises(RunFolderError, match=message):
        RunConfig.from_json(CONFIG.to_json() | change, "config.json")


@pytest.mark.parametrize("value", [None, [], {}, {"model": {}}])
def test_other_json_is_no_config(value):
    with pytest.raises(RunFolderError, match=r"config\.json: found no 'format_version'"):
        RunConfig.from_json(value, "config.json")


def test_a_missing_field():
    value = CONFIG.to_json()
    del value["contrast_weight"]
    with pytest.raises(RunFolderError, match="missing 'contrast_weight'"):
        RunConfig.from_json(value, "config.json")


def test_weights_are_checked_when_the_config_is_made():
    with pytest.raises(InputError, match="run config"):
        dataclasses.replace(CONFIG, contrast_weight=float("nan"))


@dataclasses.dataclass(frozen=True)
class Settings:
    steps: int
    weights: tuple[float, ...] = (1.0,)


def test_settings_take_defaults_and_tuples():
    assert settings_from_json(Settings, {"steps": 3}, "x") == Settings(3)
    assert settings_from_json(Settings, {"steps": 3, "weights": [0.5, 2]}, "x") == Settings(3, (0.5, 2))


@pytest.mark.parametrize("weight", ["auto", 0.25])
def test_training_settings_survive_the_file(tmp_path, weight):
    training = TrainingConfig(steps=7, contrast_weight=weight, level_weights=(1.0, 0.5, 0.0))
    run = RunFolder(tmp_path)
    run.write_config(dataclasses.replace(CONFIG, training=dataclasses.asdict(training)))
    assert settings_from_json(TrainingConfig, run.read_config().training, "config.json") == training
