import dataclasses
import math

import pytest

from leafcode.errors import InputError
from leafcode.training import TrainingConfig


def test_the_defaults_are_in_range():
    assert TrainingConfig() == TrainingConfig(contrast_weight="auto", seed=0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 0),
        ("tree_steps", 0),
        ("content_steps", 0),
        ("batch_size", 1),
        ("contrast_batch_size", 3),
        ("learning_rate", 0.0),
        ("learning_rate", math.inf),
        ("weight_decay", -1e-9),
        ("contrast_weight", -0.1),
        ("contrast_weight", math.nan),
        ("contrast_weight", math.inf),
        ("contrast_weight", "much"),
        ("level_weights", ()),
        ("level_weights", (1.0, -1.0)),
        ("level_weights", (math.nan,)),
        ("reconstruction_limit", 0.99),
        ("reconstruction_limit", math.nan),
        ("temperature", 0.0),
        ("items_per_category", 1),
        ("related_fraction", 0.0),
        ("related_fraction", 1.0),
        ("validation_fraction", -0.1),
        ("validation_fraction", 0.5),
        ("evaluate_every", 0),
        ("seed", -1),
        ("seed", 2**32),
    ],
)
def test_what_is_out_of_range(name, value):
    with pytest.raises(InputError) as caught:
        TrainingConfig(**{name: value})
    assert f"{name}={value!r}" in caught.value.found
    assert caught.value.expected.startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("contrast_weight", 0),
        ("contrast_weight", 2.5),
        ("weight_decay", 0.0),
        ("reconstruction_limit", 1.0),
        ("validation_fraction", 0.0),
        ("level_weights", (0.0, 1.0)),
        ("seed", 2**32 - 1),
        ("steps", 1),
    ],
)
def test_the_ends_of_the_ranges_belong_to_them(name, value):
    assert getattr(TrainingConfig(**{name: value}), name) == value


def test_all_mistakes_are_named_at_once():
    with pytest.raises(InputError) as caught:
        TrainingConfig(steps=0, temperature=-1.0, seed=-5)
    assert caught.value.found == "steps=0, temperature=-1.0, seed=-5"
    assert [part.split(":")[0] for part in caught.value.expected.split("; ")] == [
        "steps",
        "temperature",
        "seed",
    ]


def test_settings_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainingConfig().steps = 3
