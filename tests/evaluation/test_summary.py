import json

import numpy as np
import pytest
from tests.evaluation.catalogues import random_catalogue

from leafcode import evaluation
from leafcode.errors import InputError
from leafcode.evaluation import ceilings, evaluate, sample_rows, to_json


def arguments(c, **changes):
    fields = {
        "codes": c.codes,
        "heldout": c.heldout,
        "ancestors": c.ancestors,
        "embeddings": c.embeddings,
        "reconstructions": c.embeddings + 0.1,
        "quantized": c.quantized,
        "codebook_sizes": (4,) * c.codes.shape[1],
    }
    return fields | changes


@pytest.fixture
def catalogue():
    return random_catalogue(7, n=150, depth=2, codebook=4)


def test_shape_of_metrics_json(catalogue):
    metrics = evaluate(**arguments(catalogue), seed=0)
    assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics
    number, by_depth, by_level = 0.5, {"1", "2"}, {"1", "2", "3"}
    shape = {key: set(value) if isinstance(value, dict) else number for key, value in metrics.items()}
    assert shape == {
        "reconstruction": number,
        "prefix_accuracy": by_depth,
        "hp_at_10": number,
        "precision_at_10": by_depth,
        "similarity_depth_spearman": number,
        "shared_prefix_at_0.9": by_level,
        "ami": by_level,
        "utilization": by_level,
        "perplexity": by_level,
        "collision_rate": number,
    }
    assert all(set(row) == by_depth for row in metrics["ami"].values())


def test_each_measure_sees_its_own_items(catalogue):
    c, train, test = catalogue, catalogue.train, catalogue.heldout
    metrics = evaluate(**arguments(c), seed=4, k=3)
    paths = c.ancestors[train], c.ancestors[test]
    neighbors = evaluation.code_neighbors(
        c.codes[train], c.quantized[train], c.codes[test], c.quantized[test], k=3
    )
    accuracy = evaluation.prefix_accuracy(c.codes[train], paths[0], c.codes[test], paths[1])
    shared = evaluation.shared_prefix_at(
        c.codes[train], c.embeddings[train], c.codes[test], c.embeddings[test]
    )
    agreement = evaluation.ami(c.codes[test], paths[1])
    expected = {
        "reconstruction": evaluation.reconstruction_error(c.embeddings[test], c.embeddings[test] + 0.1),
        "prefix_accuracy": dict(zip("12", accuracy.tolist(), strict=True)),
        "hp_at_3": evaluation.hp_at_k(neighbors, *paths),
        "precision_at_3": dict(zip("12", evaluation.precision_at_k(neighbors, *paths).tolist(), strict=True)),
        "similarity_depth_spearman": evaluation.similarity_depth_spearman(
            c.codes[test], c.embeddings[test], seed=4
        ),
        "shared_prefix_at_0.9": dict(zip("123", shared.tolist(), strict=True)),
        "ami": {
            level: dict(zip("12", row.tolist(), strict=True))
            for level, row in zip("123", agreement, strict=True)
        },
        "utilization": dict(zip("123", evaluation.utilization(c.codes, (4, 4, 4)).tolist(), strict=True)),
        "perplexity": dict(zip("123", evaluation.perplexity(c.codes).tolist(), strict=True)),
        "collision_rate": evaluation.collision_rate(c.codes),
    }
    assert metrics == to_json(expected)


def test_without_heldout_items_only_the_use_of_the_codebooks_is_defined(catalogue):
    metrics = evaluate(**arguments(catalogue, heldout=np.zeros(150, bool)), seed=0)
    assert metrics["reconstruction"] is metrics["hp_at_10"] is metrics["similarity_depth_spearman"] is None
    assert metrics["prefix_accuracy"] == metrics["precision_at_10"] == {"1": None, "2": None}
    assert metrics["shared_prefix_at_0.9"] == {"1": None, "2": None, "3": None}
    assert metrics["ami"] == {level: {"1": None, "2": None} for level in "123"}
    assert metrics["collision_rate"] > 0
    assert all(share > 0 for share in metrics["utilization"].values())
    assert ceilings(catalogue.embeddings, catalogue.ancestors, np.zeros(150, bool), 0) == {
        "knn": {"1": None, "2": None},
        "probe": {"1": None, "2": None},
    }


def test_without_a_tree_the_measures_of_content_remain(catalogue):
    metrics = evaluate(**arguments(catalogue, ancestors=np.empty((150, 0), int)), seed=0)
    assert metrics["prefix_accuracy"] == metrics["precision_at_10"] == {}
    assert metrics["ami"] == {"1": {}, "2": {}, "3": {}}
    assert metrics["hp_at_10"] is None
    assert metrics["reconstruction"] > 0


def test_ceilings_are_those_of_the_split(catalogue):
    c = catalogue
    split = c.embeddings[c.train], c.ancestors[c.train], c.embeddings[c.heldout], c.ancestors[c.heldout]
    assert ceilings(c.embeddings, c.ancestors, c.heldout, 2) == {
        "knn": dict(zip("12", evaluation.knn_accuracy(*split).tolist(), strict=True)),
        "probe": dict(zip("12", evaluation.probe_accuracy(*split, seed=2).tolist(), strict=True)),
    }


def test_memory_mapped_float16_embeddings(catalogue, tmp_path):
    np.save(tmp_path / "x.npy", catalogue.embeddings.astype(np.float16))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    metrics = evaluate(**arguments(catalogue, embeddings=mapped), seed=0)
    assert metrics["reconstruction"] == pytest.approx(
        evaluate(**arguments(catalogue), seed=0)["reconstruction"], abs=1e-3
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heldout": np.ones(150, bool)}, "heldout: found all 150 items held out; expected at least one"),
        ({"heldout": np.ones(150, int)}, r"heldout: found int64 of shape \(150,\); expected bool"),
        ({"heldout": np.ones(3, bool)}, r"heldout: found bool of shape \(3,\)"),
        ({"ancestors": np.zeros((3, 2), int)}, "ancestors: found 3 rows; expected 150"),
        ({"embeddings": np.ones((3, 2))}, "embeddings: found 3 rows; expected 150"),
        ({"reconstructions": np.ones((150, 2))}, "reconstructions: found 2 columns; expected 6"),
        ({"quantized": np.full((150, 2), np.nan)}, "quantized: row 0: found a NaN"),
        ({"codebook_sizes": (2, 2, 2)}, "codes: row .*; expected a code below 2"),
        ({"k": 0}, "k: found 0"),
    ],
)
def test_faulty_arguments_are_named(catalogue, changes, message):
    with pytest.raises(InputError, match=message):
        evaluate(**(arguments(catalogue) | {"seed": 0} | changes))


def test_to_json_keeps_structure_and_types():
    value = {"a": [np.float32(0.5), float("nan"), None, True, 3], 1: np.array([[1.0, np.nan]]), "s": "x"}
    assert to_json(value) == {"a": [0.5, None, None, True, 3], "1": [[1.0, None]], "s": "x"}
    assert to_json(np.int64(3)) == 3


def test_to_json_refuses_what_json_cannot_hold():
    with pytest.raises(InputError, match="to_json: found inf"):
        to_json({"a": [float("inf")]})
    with pytest.raises(TypeError, match="cannot turn set into JSON"):
        to_json({1})


def test_rows_that_are_all_change_nothing(catalogue):
    fields = arguments(catalogue)
    assert evaluate(**fields, seed=0, rows=np.arange(150)) == evaluate(**fields, seed=0)


def test_some_measures_are_of_some_rows_and_others_of_all(catalogue):
    rows = np.random.default_rng(0).permutation(150)[:80]
    fields = arguments(catalogue)
    part = {name: value if name == "codebook_sizes" else value[rows] for name, value in fields.items()}
    vectors = {name: part[name] for name in ("embeddings", "reconstructions", "quantized")}
    found = evaluate(**fields | vectors, seed=0, rows=rows)
    whole, alone = evaluate(**fields, seed=0), evaluate(**part, seed=0)
    of_all = {"prefix_accuracy", "utilization", "perplexity", "collision_rate"}
    assert found == {name: (whole if name in of_all else alone)[name] for name in whole}


def test_sampled_rows():
    heldout = np.random.default_rng(0).random(500) < 0.3
    assert sample_rows(heldout, 0, queries=int(heldout.sum()), among=500) is None
    rows = sample_rows(heldout, 0, queries=20, among=30)
    assert heldout[rows].sum() == 20
    assert len(np.unique(rows)) == len(rows) == 50
    assert rows.tolist() == sorted(rows.tolist()) == sample_rows(heldout, 0, queries=20, among=30).tolist()
    assert rows.tolist() != sample_rows(heldout, 1, queries=20, among=30).tolist()
    few = sample_rows(heldout, 0, queries=500, among=30)
    assert np.isin(np.flatnonzero(heldout), few).all()
