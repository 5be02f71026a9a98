import numpy as np
import pytest
from safetensors.numpy import save_file

from leafcode.catalog import check_embeddings, embeddings, load_embeddings
from leafcode.errors import InputError


class TestLoad:
    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    @pytest.mark.parametrize("name", ["e.npy", "e.safetensors"])
    def test_as_stored(self, tmp_path, dtype, name):
        x = np.arange(6, dtype=dtype).reshape(3, 2)
        if name == "e.npy":
            np.save(tmp_path / name, x)
        else:
            save_file({"anything": x}, tmp_path / name)
        found = load_embeddings(tmp_path / name)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, x)

    @pytest.mark.parametrize(
        "x", [np.ones(3), np.ones((2, 2, 2)), np.ones((0, 2)), np.ones((2, 0)), np.ones((2, 2), int)]
    )
    def test_wrong_arrays(self, tmp_path, x):
        np.save(tmp_path / "e.npy", x)
        with pytest.raises(InputError, match=r"e\.npy: found"):
            load_embeddings(tmp_path / "e.npy")

    def test_other_byte_order(self, tmp_path):
        np.save(tmp_path / "e.npy", np.ones((2, 2), ">f4"))
        with pytest.raises(InputError, match=">f4"):
            load_embeddings(tmp_path / "e.npy")

    def test_no_pickles(self, tmp_path):
        np.save(tmp_path / "e.npy", np.array([[object()]]), allow_pickle=True)
        with pytest.raises(InputError, match=r"e\.npy: found content that cannot be read"):
            load_embeddings(tmp_path / "e.npy")

    @pytest.mark.parametrize("name", ["e.npy", "e.safetensors"])
    @pytest.mark.parametrize("keep", [0, 3, -5])
    def test_cut_off(self, tmp_path, name, keep):
        file, x = tmp_path / name, np.ones((50, 4), np.float32)
        if name == "e.npy":
            np.save(file, x)
        else:
            save_file({"x": x}, file)
        file.write_bytes(file.read_bytes()[:keep])
        with pytest.raises(InputError, match="content that cannot be read"):
            load_embeddings(file)

    def test_several_tensors(self, tmp_path):
        x = np.ones((2, 2), np.float32)
        save_file({"a": x, "b": x}, tmp_path / "e.safetensors")
        with pytest.raises(InputError, match=r"the tensors \['a', 'b'\]; expected one tensor"):
            load_embeddings(tmp_path / "e.safetensors")

    def test_no_file(self, tmp_path):
        with pytest.raises(InputError, match="no such file"):
            load_embeddings(tmp_path / "e.npy")
        with pytest.raises(InputError, match="suffix"):
            load_embeddings(tmp_path / "e.pt")


class TestCheck:
    @pytest.fixture(autouse=True)
    def _small_chunks(self, monkeypatch):
        monkeypatch.setattr(embeddings, "_CHUNK_VALUES", 10)  # 3 rows of 3 at a time

    @pytest.mark.parametrize("row", [0, 2, 3, 9])
    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_names_the_first_bad_row(self, row, value):
        x = np.ones((10, 3))
        x[row:, 1] = value
        with pytest.raises(InputError, match=f"e: row {row + 1}: found a NaN or an infinity"):
            check_embeddings(x, "e")

    def test_zeros(self):
        x = np.ones((10, 3), np.float16)
        x[[5, 7]] = 0
        x[2, :2] = 0
        with pytest.raises(InputError, match="e: row 6: found zeros only"):
            check_embeddings(x, "e")

    @pytest.mark.parametrize("length", [1e-11, 1e-200, 1e19, 1e200])
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_lengths_that_float32_cannot_square(self, length, dtype):
        if dtype == np.float32 and not 1e-37 < length < 1e37:
            return
        x = np.ones((10, 3), dtype)
        x[5] = [length, 0, 0]
        with pytest.raises(
            InputError, match=r"e: row 6: found a length of .*; expected one from 1e-10 to 1e\+18"
        ):
            check_embeddings(x, "e")
        check_embeddings(x[:5] * dtype(1e-9))
        check_embeddings(x[:5] * dtype(1e17))

    def test_good_ones_pass_from_a_memory_map(self, tmp_path):
        np.save(tmp_path / "e.npy", -np.eye(10))
        check_embeddings(np.load(tmp_path / "e.npy", mmap_mode="r"))

    def test_form(self):
        with pytest.raises(InputError, match=r"shape \(3,\)"):
            check_embeddings(np.ones(3))
        with pytest.raises(InputError, match="int64"):
            check_embeddings(np.ones((2, 2), np.int64))
