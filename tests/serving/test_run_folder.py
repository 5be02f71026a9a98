import dataclasses
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from leafcode.codes import IdRegistry
from leafcode.errors import InputError, RunFolderError
from leafcode.quantizers import RQVAE, RQVAEConfig
from leafcode.serving import FORMAT_VERSION, RunConfig, RunFolder, ids_table
from leafcode.serving.storage import read_tensors, write_tensors
from leafcode.taxonomy import Taxonomy

SHAPE = RQVAEConfig(embedding_dim=6, sizes=(4, 4), categories=3, depths=2, tree_dim=2, hidden_dim=5)
SPANS = torch.tensor([[[0, 2], [0, 1]], [[0, 2], [1, 2]], [[2, 3], [2, 3]]])
CONFIG = RunConfig(SHAPE, {"steps": 3}, (1.0, 0.5), 0.1, {"path": "items.csv"}, {"fraction": 0.2})


@pytest.fixture
def run(tmp_path):
    run = RunFolder.create(tmp_path / "run")
    run.write_config(CONFIG)
    return run


def model():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        made = RQVAE(SHAPE)
        for weight in made.parameters():
            torch.nn.init.normal_(weight)
    made.set_level_weights((1.0, 0.5))
    made.tree_encoder.spans.copy_(SPANS)
    made.tree_encoder.temperature.fill_(0.3)
    return made


def test_every_file_has_a_name_of_its_own():
    run = RunFolder(Path("run"))
    named = {
        getattr(run, name)
        for name, value in vars(RunFolder).items()
        if isinstance(value, property) and isinstance(getattr(run, name), Path)
    }
    assert named == set(run.files)
    assert len(run.files) == 11
    assert (run.files[0], run.files[-1]) == (run.model, run.config)


def test_the_model_reads_back_and_draws_no_random_numbers(run):
    saved = model()
    assert not run.finished
    run.save_model(saved)
    assert run.finished
    state = torch.random.get_rng_state()
    loaded = run.load_model()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert loaded.config == SHAPE
    assert loaded.level_weights == (1.0, 0.5)
    assert not loaded.training
    x = torch.randn(7, 6, generator=torch.Generator().manual_seed(0))
    assert torch.equal(loaded.encode(x), saved.eval().encode(x))
    assert torch.equal(loaded.latents(x), saved.latents(x))
    assert run.read_config() == CONFIG


def test_weights_of_another_model_are_named(run):
    run.save_model(RQVAE(dataclasses.replace(SHAPE, sizes=(4, 8))))
    with pytest.raises(
        RunFolderError,
        match=r"model\.safetensors: tensor 'quantizer\.\S+': found float32 of shape \(8,.*\); "
        r"expected float32 of shape \(4,",
    ):
        run.load_model()


@pytest.mark.parametrize(
    ("name", "tensor", "found"),
    [
        ("decoder.outer.bias", None, "found no such tensor; expected float32 of shape"),
        ("decoder.extra", torch.zeros(1), r"found float32 of shape \(1,\); expected no such tensor"),
        ("decoder.outer.bias", torch.zeros(6, dtype=torch.float64), "found float64 of shape"),
        ("decoder.outer.bias", torch.full((6,), torch.nan), "found a NaN or an infinity"),
    ],
)
def test_damaged_weights_are_named(run, name, tensor, found):
    run.save_model(model())
    tensors = read_tensors(run.model)
    tensors.pop(name, None)
    write_tensors(run.model, tensors if tensor is None else tensors | {name: tensor})
    with pytest.raises(RunFolderError, match=rf"tensor '{name}': {found}"):
        run.load_model()


def test_a_missing_and_a_truncated_model(run):
    with pytest.raises(RunFolderError, match=r"model\.safetensors: found no such file"):
        run.load_model()
    run.save_model(model())
    run.model.write_bytes(run.model.read_bytes()[:-20])
    with pytest.raises(RunFolderError, match=r"model\.safetensors: found a damaged file"):
        run.load_model()


def test_the_taxonomy_reads_back(run):
    taxonomy, _ = Taxonomy.from_paths(["Pantry > Salt", "Bath > Soap", "Bath"])
    run.save_taxonomy(taxonomy)
    loaded = run.load_taxonomy()
    assert (loaded.keys, loaded.names) == (taxonomy.keys, taxonomy.names)
    np.testing.assert_array_equal(loaded.ancestors, taxonomy.ancestors)


def test_a_table_that_is_no_tree(run):
    _, registry = IdRegistry.empty(2).assign(["a"], [[0, 1]])
    run.write_ids(ids_table(registry, ["a"], splits=["train"]))
    run.ids.rename(run.taxonomy)
    with pytest.raises(RunFolderError, match=r"taxonomy\.parquet: found a damaged file .*a column 'key'"):
        run.load_taxonomy()


def test_ids_and_registry_read_back(run):
    _, registry = IdRegistry.empty(2).assign(["a", "b"], [[0, 1], [0, 1]])
    table = ids_table(registry, ["a", "b"], splits=["train", "heldout"], texts=["salt", None])
    run.write_ids(table)
    assert run.read_ids().equals(table)
    assert run.read_registry().table.equals(registry.table)
    for rows in ([table.slice(0, 1), table.slice(1)], [table.slice(0, 0)]):
        run.write_id_batches(iter(rows))
        whole = pa.concat_tables(rows)
        assert run.read_ids().equals(whole)
        assert run.read_registry().table.equals(whole.select(registry.table.column_names))
        assert pa.concat_tables([whole.slice(0, 0), *run.read_id_batches()]).equals(whole)


def test_other_tables_are_no_ids(run):
    taxonomy, _ = Taxonomy.from_paths(["a"])
    with pytest.raises(RunFolderError, match=r"ids\.parquet: found the columns key: string"):
        run.write_ids(taxonomy.to_table())
    assert not run.ids.exists()
    run.save_taxonomy(taxonomy)
    run.taxonomy.rename(run.ids)
    with pytest.raises(RunFolderError, match=r"ids\.parquet: found the columns key: string"):
        run.read_registry()


def test_ids_that_contradict_each_other(run):
    _, registry = IdRegistry.empty(1).assign(["a", "b"], [[0], [0]])
    table = ids_table(registry, ["a", "b"], splits=["train", "train"])
    suffix = table.schema.get_field_index("suffix")
    run.write_ids(table.set_column(suffix, table.schema.field("suffix"), table["suffix"].take([0, 0])))
    with pytest.raises(
        RunFolderError, match=r"ids\.parquet: found a damaged file .*two items with one Semantic ID"
    ):
        run.read_registry()


def test_metrics_history_and_baselines_read_back(run):
    run.write_metrics({"prefix_accuracy": {1: 0.5, 2: float("nan")}})
    assert run.read_metrics() == {"prefix_accuracy": {"1": 0.5, "2": None}}
    run.write_history([{"step": 1, "perplexity": (2.0, 3.0)}])
    assert run.read_history() == [{"step": 1, "perplexity": [2.0, 3.0]}]
    run.save_baselines({"rq_kmeans/codebooks.0": torch.ones(2, 2)})
    assert torch.equal(run.load_baselines()["rq_kmeans/codebooks.0"], torch.ones(2, 2))


def test_metrics_and_history_of_another_shape(run):
    for path in (run.metrics, run.history):
        path.write_text("[1]")
    with pytest.raises(RunFolderError, match="found list; expected an object of measures"):
        run.read_metrics()
    with pytest.raises(RunFolderError, match="expected an array of objects"):
        run.read_history()


def test_another_format_version(run):
    run.config.write_text(json.dumps(CONFIG.to_json() | {"format_version": 7, "leafcode_version": "9.0"}))
    with pytest.raises(
        RunFolderError, match=rf"format 7 \(written by leafcode 9\.0\); expected format {FORMAT_VERSION}"
    ):
        run.load_model()


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"found no folder '.*none'"):
        RunFolder(tmp_path / "none").read_config()


def test_create_makes_parents_and_takes_empty_folders(tmp_path):
    path = tmp_path / "runs" / "1"
    assert RunFolder.create(path).path == path
    (path / ".config.json.x.tmp").touch()
    assert RunFolder.create(path) == RunFolder(path)


def test_create_takes_a_run_that_has_not_finished(run):
    run.checkpoint.touch()
    assert RunFolder.create(run.path) == run
    assert run.checkpoint.exists()


def test_create_overwrites_only_what_it_is_told_to(run):
    for file in run.files[:-1]:
        file.touch()
    notes = run.path / "notes.txt"
    notes.touch()
    with pytest.raises(RunFolderError, match=r"found a finished run; .* allow the run to be overwritten"):
        RunFolder.create(run.path)
    assert all(file.exists() for file in run.files)
    RunFolder.create(run.path, overwrite=True)
    assert list(run.path.iterdir()) == [notes]


@pytest.mark.parametrize("config", [None, "{", "[]", '{"format_version": 1}'])
def test_create_never_overwrites_other_folders(tmp_path, config):
    (tmp_path / "model.safetensors").touch()
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    for overwrite in (False, True):
        with pytest.raises(RunFolderError, match="found a folder of other files"):
            RunFolder.create(tmp_path, overwrite=overwrite)
    assert (tmp_path / "model.safetensors").exists()


def test_create_where_a_file_is(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunFolderError, match=r"found no folder that can be used"):
        RunFolder.create(tmp_path / "file")
