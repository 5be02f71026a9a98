import dataclasses
import importlib

import numpy as np
import pytest
from tests.catalogues import OPTIONS, clustered, with_several_paths, write
from tests.pipeline.fits import fit_files

from leafcode.catalog import Catalog
from leafcode.codes import encode_items
from leafcode.errors import InputError, TrainingError
from leafcode.files import locked
from leafcode.pipeline import FitOptions, Run, fit
from leafcode.taxonomy import Taxonomy

QUICK = dataclasses.replace(OPTIONS, baselines=False)


@pytest.fixture
def arrays():
    rows, vectors = clustered()
    tree, nodes = Taxonomy.from_paths([row["path"] for row in rows])
    return Catalog(np.array([row["id"] for row in rows], object), None, nodes, tree, vectors)


def test_a_catalogue_of_arrays(tmp_path, arrays):
    run = fit(arrays, tmp_path / "run", QUICK, progress=False)
    assert run.ids()["text"].null_count == len(arrays)
    assert run.evaluate(arrays, progress=False) == run.folder.read_metrics()
    with pytest.raises(InputError, match="a catalogue that was not read from a file"):
        _ = run.source
    other = dataclasses.replace(arrays, embeddings=arrays.embeddings * 2)
    with pytest.raises(InputError, match="catalog: found other items, texts, categories or vectors"):
        run.evaluate(other, progress=False)


def test_equal_items_fall_on_one_side(tmp_path, arrays):
    twice = np.repeat(np.arange(120), 2)
    doubled = dataclasses.replace(
        arrays, embeddings=arrays.embeddings[twice], nodes=arrays.nodes[twice], texts=None
    )
    table = fit(doubled, tmp_path / "run", QUICK, progress=False).ids().sort_by("id")
    sides = np.array(table["split"].to_pylist()).reshape(-1, 2)
    assert (sides[:, 0] == sides[:, 1]).all()
    assert len(set(table["semantic_id"].to_pylist())) == 240


def test_the_order_of_the_items_does_not_matter_for_encoding(tmp_path, catalogue):
    run = fit_files(catalogue.items, tmp_path / "run", QUICK)
    order = np.random.default_rng(1).permutation(240)
    shuffled = run.source.load().subset(order)
    before = run.ids()
    found = run.encode(shuffled)
    assert found["id"].to_pylist() == shuffled.ids.tolist()
    assert run.ids().equals(before)


def test_what_was_drawn_before_does_not_matter(tmp_path, arrays):
    import torch

    ids = []
    for seed in (1, 2):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            state = torch.random.get_rng_state()
            ids.append(fit(arrays, tmp_path / str(seed), QUICK, progress=False).ids())
            assert torch.equal(torch.random.get_rng_state(), state)
    assert ids[0].equals(ids[1])


def test_both_estimators_and_masking(tmp_path, arrays):
    training = dataclasses.replace(OPTIONS.training, progressive_masking=True, grades="1,0.5")
    options = dataclasses.replace(QUICK, estimator="rotation", training=training)
    run = fit(arrays, tmp_path / "run", options, progress=False)
    assert Run.open(run.folder.path).config.model.estimator == "rotation"


def test_no_tree_without_its_weight(tmp_path, arrays):
    """lambda = 0 gives the codes of the baseline of that name."""
    options = dataclasses.replace(
        OPTIONS, training=dataclasses.replace(OPTIONS.training, contrast_weight=0.0)
    )
    run = fit(arrays, tmp_path / "run", options, progress=False)
    assert (run.config.model.categories, run.config.model.depths) == (0, 0)
    metrics = run.folder.read_metrics()
    baseline = metrics.pop("baseline")["lambda_0"]
    assert {name: metrics[name] for name in baseline} == baseline


def test_the_model_has_a_prototype_for_every_category_of_the_training_items(tmp_path, arrays):
    run = fit(arrays, tmp_path / "run", QUICK, progress=False)
    paths = {row["path"] for row in run.ids().to_pylist() if row["split"] == "train" and row["path"]}
    finest = {path for path in paths if not any(other.startswith(f"{path} > ") for other in paths)}
    assert run.config.model.categories == len(finest) == len(run.model.tree_encoder.prototypes)


def test_the_catalogue_is_encoded_once(tmp_path, arrays, monkeypatch):
    encoded = []
    # The package's `fit` is the function.
    owner = importlib.import_module("leafcode.pipeline.fit")
    monkeypatch.setattr(owner, "encode_items", lambda *given: encoded.append(1) or encode_items(*given))
    fit(arrays, tmp_path / "run", QUICK, progress=False)
    assert len(encoded) == 1


def test_arguments_that_cannot_be_used(tmp_path, arrays):
    out = tmp_path / "run"
    with pytest.raises(InputError, match="catalog: found no embeddings"):
        fit(dataclasses.replace(arrays, embeddings=None), out, QUICK)
    with pytest.raises(InputError, match="found 7 items to train on"):
        fit(arrays.subset(np.arange(8)), out, dataclasses.replace(QUICK, holdout=0.0))
    one_class = dataclasses.replace(arrays, nodes=np.zeros_like(arrays.nodes))
    with pytest.raises(TrainingError, match="of 1 different ones"):
        fit(one_class, out, QUICK, progress=False)
    assert not out.exists()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"ids": lambda ids, _: ids.take([0, 0, *range(2, len(ids))])}, "'ids': found 1 id.* in rows 1, 2"),
        ({"embeddings": lambda _, x: np.where(np.arange(len(x))[:, None] == 3, 0, x)}, "row 4: found zeros"),
        (
            {"embeddings": lambda _, x: np.where(np.arange(len(x))[:, None] == 3, np.nan, x)},
            "row 4: found a NaN",
        ),
    ],
)
def test_what_cannot_be_used_is_told_before_the_folder_is_touched(tmp_path, arrays, change, named):
    changed = {name: of(arrays.ids, arrays.embeddings) for name, of in change.items()}
    with pytest.raises(InputError, match=named):
        fit(dataclasses.replace(arrays, **changed), tmp_path / "run", QUICK, progress=False)
    assert not (tmp_path / "run").exists()


def test_a_folder_that_another_process_works_on(tmp_path, arrays):
    run = tmp_path / "run"
    fit(arrays, run, QUICK, progress=False)
    (run / "model.safetensors").unlink()
    half = run / ".checkpoint.safetensors.x.tmp"
    half.write_text("half")
    with (
        locked(run / "config.json"),
        pytest.raises(InputError, match="a folder that another process is working on"),
    ):
        fit(arrays, run, QUICK, resume=True, progress=False)
    assert half.exists()
    fit(arrays, run, QUICK, resume=True, progress=False)
    assert not half.exists()


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"sizes": ()}, "levels: found no level"),
        ({"sizes": (8, 1)}, "levels: found 8,1"),
        ({"holdout": 1.0}, r"holdout: found 1\.0"),
        ({"split_seed": -1}, "split seed: found -1"),
        ({"split_seed": 2**32}, "split seed: found 4294967296"),
    ],
)
def test_options_out_of_range(values, named):
    with pytest.raises(InputError, match=named):
        FitOptions(**values)


def test_items_are_taught_by_all_of_their_paths(tmp_path):
    rows, vectors = clustered()
    files = write(tmp_path, with_several_paths(rows), vectors)
    run = fit_files(files.items, tmp_path / "run", QUICK)
    assert [row["path"] for row in run.ids().sort_by("id").to_pylist()] == [row["path"] for row in rows]
    assert run.folder.load_taxonomy().keys[:3] == ("Gifts", "Gifts > Large", "Gifts > Small")
    # No item stands on a shelf alone, and yet the model knows the shelves.
    assert run.config.model.categories == 9 + 2
    metrics = run.folder.read_metrics()
    assert run.evaluate(run.source.load(), progress=False) == metrics
    # Gifts are spread over all clusters: nothing but the own category can be told from the vectors.
    assert metrics["prefix_accuracy"]["1"] > 0.9
    assert metrics["ceiling"]["knn"]["1"] > 0.9
    fit_files(files.items, tmp_path / "run", QUICK, resume=True)
    fewer = with_several_paths(rows)
    fewer[0]["path"].pop()
    write(tmp_path, fewer, vectors)
    with pytest.raises(InputError, match="catalogue"):
        fit_files(files.items, tmp_path / "run", QUICK, resume=True)


def test_lists_of_one_path_give_the_same_bits_as_paths(tmp_path):
    rows, vectors = clustered()
    for stem, paths in (("plain", lambda path: path), ("listed", lambda path: [path] if path else None)):
        named = [{**row, "path": paths(row["path"])} for row in rows]
        files = write(tmp_path / stem, named, vectors)
        fit_files(files.items, tmp_path / stem / "run", QUICK)
    for name in ("model.safetensors", "ids.parquet", "metrics.json", "history.json"):
        plain, listed = ((tmp_path / stem / "run" / name).read_bytes() for stem in ("plain", "listed"))
        assert plain == listed, name
