import errno
import json
import os
import pickle
import struct

import pytest
import torch
from tests.training.catalogues import model_of, same, trainer_of

from leafcode.errors import InputError, RunFolderError
from leafcode.training import Checkpoint, load_checkpoint, save_checkpoint


def a_checkpoint(seed=0):
    """Of a model and an optimiser that have taken a step."""
    model = model_of(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    sum(parameter.square().sum() for parameter in model.parameters()).backward()
    optimizer.step()
    best = {name: value.clone() + 1 for name, value in model.state_dict().items()}
    progress = {"step": 3, "history": [{"loss": 0.1 + 0.2}], "best": [None, 0]}
    terms = {"point": torch.ones(2)}, {"point": torch.zeros(2)}
    return Checkpoint(model.state_dict(), best, optimizer.state_dict(), progress, *terms)


def check_equal(first, second):
    torch.testing.assert_close(dict(first.model), dict(second.model), rtol=0, atol=0)
    torch.testing.assert_close(dict(first.best), dict(second.best), rtol=0, atol=0)
    torch.testing.assert_close(dict(first.code_term), dict(second.code_term), rtol=0, atol=0)
    torch.testing.assert_close(dict(first.best_code_term), dict(second.best_code_term), rtol=0, atol=0)
    torch.testing.assert_close(first.optimizer["state"], second.optimizer["state"], rtol=0, atol=0)
    groups = [json.dumps(each.optimizer["param_groups"]) for each in (first, second)]
    assert groups[0] == groups[1]
    assert first.progress == second.progress


def test_it_comes_back_bit_by_bit(tmp_path):
    saved = a_checkpoint()
    save_checkpoint(tmp_path / "c", saved)
    loaded = load_checkpoint(tmp_path / "c")
    check_equal(saved, loaded)
    model = model_of(1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1.0)
    model.load_state_dict(dict(loaded.model))
    optimizer.load_state_dict(dict(loaded.optimizer))
    assert optimizer.param_groups[0]["lr"] == 0.01


def test_without_a_best_model_and_without_steps(tmp_path):
    model = model_of()
    optimizer = torch.optim.AdamW(model.parameters())
    saved = Checkpoint(model.state_dict(), {}, optimizer.state_dict(), {"step": 0})
    save_checkpoint(tmp_path / "c", saved)
    check_equal(saved, load_checkpoint(tmp_path / "c"))


def test_the_file_is_plain_safetensors(tmp_path):
    """By the format's own description: eight bytes of length, a JSON header, then the numbers."""
    saved = a_checkpoint()
    save_checkpoint(tmp_path / "c", saved)
    content = (tmp_path / "c").read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    metadata = header.pop("__metadata__")
    assert json.loads(metadata["leafcode"])["progress"] == saved.progress
    assert {name.split("/")[0] for name in header} == {
        "model",
        "best",
        "code_term",
        "best_code_term",
        "optimizer",
    }
    assert max(entry["data_offsets"][1] for entry in header.values()) == len(content) - 8 - length


def test_no_pickle(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("pickle was used")

    class Refused:
        def __init__(self, *_, **__):
            refuse()

    expected = trainer_of().fit()
    for module, name in ((pickle, "dump"), (pickle, "dumps"), (pickle, "load"), (pickle, "loads")):
        monkeypatch.setattr(module, name, refuse)
    monkeypatch.setattr(pickle, "Pickler", Refused)
    monkeypatch.setattr(pickle, "Unpickler", Refused)
    monkeypatch.setattr(torch, "save", refuse)
    monkeypatch.setattr(torch, "load", refuse)
    first = trainer_of(checkpoint=tmp_path / "c").fit()
    assert same(first, expected)
    assert same(trainer_of(checkpoint=tmp_path / "c").fit(), expected), "read back from the last step"


@pytest.mark.parametrize("kept", [0, 5, 200, -1])
def test_a_truncated_file(tmp_path, kept):
    path = tmp_path / "c"
    save_checkpoint(path, a_checkpoint())
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(RunFolderError, match="damaged checkpoint") as caught:
        load_checkpoint(path)
    assert caught.value.where == str(path)
    assert "Delete it" in str(caught.value)
    with pytest.raises(RunFolderError, match="damaged checkpoint"):
        trainer_of(checkpoint=path).fit()


def test_files_of_other_kinds(tmp_path):
    path = tmp_path / "c"
    for content in (b"not at all", b"\0" * 64, pickle.dumps({"a": 1})):
        path.write_bytes(content)
        with pytest.raises(RunFolderError, match="damaged checkpoint"):
            load_checkpoint(path)
    with pytest.raises(RunFolderError, match="none"):
        load_checkpoint(tmp_path / "none")


@pytest.mark.parametrize("header", [None, {}, {"leafcode": "no JSON"}, {"leafcode": "{}"}])
def test_safetensors_that_are_no_checkpoint(tmp_path, header):
    from safetensors.torch import save_file

    save_file({"model/a": torch.zeros(2)}, tmp_path / "c", metadata=header)
    with pytest.raises(RunFolderError, match="damaged checkpoint"):
        load_checkpoint(tmp_path / "c")


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    path, first = tmp_path / "c", a_checkpoint()
    save_checkpoint(path, first)

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left"):
        save_checkpoint(path, a_checkpoint(1))
    check_equal(first, load_checkpoint(path))
    assert list(tmp_path.iterdir()) == [path]
