"""The folder that a training run leaves: what is in it, and how it is read and written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from leafcode.codes import IdRegistry
from leafcode.errors import RunFolderError
from leafcode.files import remove_halves
from leafcode.quantizers import RQVAE
from leafcode.serving.ids_table import BATCH, check_ids_table
from leafcode.serving.run_config import RunConfig
from leafcode.serving.storage import (
    read_batches,
    read_json,
    read_schema,
    read_table,
    read_tensors,
    reading,
    write_batches,
    write_json,
    write_table,
    write_tensors,
)
from leafcode.taxonomy import Taxonomy


@dataclass(frozen=True)
class RunFolder:
    """A run folder. Every file in it is replaced in one piece: a reader never sees half of one.

    ====================== ==========================================================================
    config.json            settings, source and split; see `RunConfig`
    model.safetensors      weights of the trained model; a folder that has it is *finished*
    taxonomy.parquet       the category tree; missing where no item has a category
    engagement.safetensors engagement vectors of the training items; missing in a run without engagement
    ids.parquet            every Semantic ID ever given; see `ids_table`
    metrics.json           measures of the run and of its baselines
    baselines.safetensors  what the baselines' measures were computed from
    history.json           losses over training
    checkpoint.safetensors training state of a run that has not ended (checkpoint-lambda-0.safetensors
                           that of the baseline)
    report.html            the report
    ====================== ==========================================================================

    Args:
        path: The folder. Use `create` to begin a run.

    Example:
        >>> RunFolder(Path("runs/1")).model.as_posix()
        'runs/1/model.safetensors'
    """

    path: Path

    @property
    def model(self) -> Path:
        """model.safetensors."""
        return self.path / "model.safetensors"

    @property
    def config(self) -> Path:
        """config.json."""
        return self.path / "config.json"

    @property
    def taxonomy(self) -> Path:
        """taxonomy.parquet."""
        return self.path / "taxonomy.parquet"

    @property
    def engagement(self) -> Path:
        """engagement.safetensors."""
        return self.path / "engagement.safetensors"

    @property
    def ids(self) -> Path:
        """ids.parquet."""
        return self.path / "ids.parquet"

    @property
    def metrics(self) -> Path:
        """metrics.json."""
        return self.path / "metrics.json"

    @property
    def report(self) -> Path:
        """report.html."""
        return self.path / "report.html"

    @property
    def checkpoint(self) -> Path:
        """checkpoint.safetensors."""
        return self.path / "checkpoint.safetensors"

    @property
    def baseline_checkpoint(self) -> Path:
        """checkpoint-lambda-0.safetensors."""
        return self.path / "checkpoint-lambda-0.safetensors"

    @property
    def baselines(self) -> Path:
        """baselines.safetensors."""
        return self.path / "baselines.safetensors"

    @property
    def history(self) -> Path:
        """history.json."""
        return self.path / "history.json"

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them; the model first and the config last, the order in which they are removed."""
        middle = (
            self.checkpoint,
            self.baseline_checkpoint,
            self.taxonomy,
            self.engagement,
            self.ids,
            self.metrics,
            self.report,
            self.baselines,
            self.history,
        )
        return (self.model, *middle, self.config)

    @property
    def finished(self) -> bool:
        """Whether training ended: the folder has a model."""
        return self.model.exists()

    @classmethod
    def create(cls, path: Path, *, overwrite: bool = False) -> RunFolder:
        """A folder for a run: a new or empty one, or that of a run that has not finished, to resume it.

        Args:
            path: The folder; made with its parents if missing.
            overwrite: Remove the files of an earlier run, finished or not; other files stay.

        Halves of files that a killed run was writing are removed.

        Raises:
            RunFolderError: A finished run is there and may not be overwritten; something is there that is no
                run folder (never overwritten); or the folder cannot be made.

        Example:
            >>> import tempfile
            >>> with tempfile.TemporaryDirectory() as place:
            ...     RunFolder.create(Path(place) / "runs" / "1").finished
            False
        """
        run = cls(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
            # Names with a dot are temporary files of an interrupted write, or the system's own.
            empty = all(entry.name.startswith(".") for entry in path.iterdir())
            if not (empty or run._is_run()):
                raise RunFolderError(str(path), "a folder of other files", "a new, empty or run folder")
            if overwrite:
                for file in run.files:
                    file.unlink(missing_ok=True)
            if not run.finished:
                for file in run.files:
                    remove_halves(file)
        except OSError as error:
            found = f"no folder that can be used ({error})"
            raise RunFolderError(str(path), found, "a folder to write to") from error
        if run.finished:
            hint = "Choose another folder, or allow the run to be overwritten."
            raise RunFolderError(str(path), "a finished run", "a folder without one", hint)
        return run

    def _is_run(self) -> bool:
        """Whether leafcode wrote the folder, whatever its format version."""
        if not self.config.exists():
            return False
        try:
            value = read_json(self.config)
        except RunFolderError:
            return False
        return isinstance(value, dict) and {"format_version", "leafcode_version"} <= value.keys()

    def write_config(self, config: RunConfig) -> None:
        """Write config.json.

        Raises:
            RunFolderError: A value that JSON cannot hold.
            InputError: A file that cannot be written (as all `write_` and `save_` methods).
        """
        write_json(self.config, config.to_json())

    def read_config(self) -> RunConfig:
        """Read config.json.

        Raises:
            RunFolderError: The file is missing or damaged (as all `read_` and `load_` methods), or of
                another format version.
        """
        return RunConfig.from_json(read_json(self.config), str(self.config))

    def save_model(self, model: RQVAE) -> None:
        """Write the weights; `write_config` keeps the shape they belong to."""
        write_tensors(self.model, model.state_dict())

    def load_model(self) -> RQVAE:
        """The trained model, on the CPU and in evaluation mode.

        Raises:
            RunFolderError: A file is missing or damaged, or the weights are not those of the model that
                config.json describes: a name, shape or type differs, or a number is not finite.
        """
        config = self.read_config().model
        with torch.random.fork_rng(devices=[]):  # the weights drawn here are replaced below
            model = RQVAE(config)
        expected, found = model.state_dict(), read_tensors(self.model)
        for name in sorted(expected.keys() | found.keys()):
            descriptions = [_describe(tensors.get(name)) for tensors in (found, expected)]
            if descriptions[0] != descriptions[1]:
                raise RunFolderError(f"{self.model}: tensor {name!r}", descriptions[0], descriptions[1])
            if not bool(found[name].isfinite().all()):
                raise RunFolderError(
                    f"{self.model}: tensor {name!r}", "a NaN or an infinity", "finite weights"
                )
        model.load_state_dict(found)
        return model.eval()

    def save_taxonomy(self, taxonomy: Taxonomy) -> None:
        """Write the category tree."""
        write_table(self.taxonomy, taxonomy.to_table())

    def load_taxonomy(self) -> Taxonomy:
        """The category tree, node ids as they were."""
        with reading(self.taxonomy, "a category tree"):
            return Taxonomy.from_table(read_table(self.taxonomy), str(self.taxonomy))

    def save_engagement(self, vectors: npt.NDArray[np.float32]) -> None:
        """Write engagement vectors (n, H) of the catalogue's items; rows of zeros take no room."""
        rows = np.flatnonzero(vectors.any(axis=1))
        tensors = {"items": rows, "vectors": vectors[rows]}
        write_tensors(self.engagement, {name: torch.from_numpy(array) for name, array in tensors.items()})

    def load_engagement(self, items: int) -> npt.NDArray[np.float32] | None:
        """Engagement vectors (items, H), zeros for items without history; None in a run without engagement.

        Raises:
            RunFolderError: The vectors do not fit the model or the number of items.
        """
        dim = self.read_config().model.engagement_dim
        if not dim:
            return None
        tensors, where = read_tensors(self.engagement), str(self.engagement)
        if tensors.keys() != {"items", "vectors"}:
            raise RunFolderError(where, f"tensors {sorted(tensors)}", "the tensors items and vectors")
        rows, found = tensors["items"].numpy(), tensors["vectors"].numpy()
        fits = found.shape == (len(rows), dim) and (not len(rows) or 0 <= rows.min() <= rows.max() < items)
        if not fits or not np.isfinite(found).all():
            raise RunFolderError(
                where, f"vectors of shape {found.shape}", f"finite ones of {dim} dimensions for {items} items"
            )
        vectors = np.zeros((items, dim), np.float32)
        vectors[rows] = found
        return vectors

    def write_ids(self, table: pa.Table) -> None:
        """Write the table of `ids_table`.

        Raises:
            RunFolderError: A table of other columns.
        """
        check_ids_table(table, str(self.ids))
        write_table(self.ids, table)

    def write_id_batches(self, batches: Iterable[pa.Table]) -> None:
        """Write the table of `ids_table` as `ids_batches` gives it; at least one batch."""
        write_batches(self.ids, batches)

    def read_ids(self) -> pa.Table:
        """The table of `ids_table`.

        Raises:
            RunFolderError: A table of other columns.
        """
        table = read_table(self.ids)
        check_ids_table(table, str(self.ids))
        return table

    def read_id_batches(self) -> Iterator[pa.Table]:
        """What `read_ids` gives, a batch of rows after the other."""
        for batch in read_batches(self.ids, BATCH):
            check_ids_table(batch, str(self.ids))
            yield batch

    def read_registry(self) -> IdRegistry:
        """Every Semantic ID ever given in this run, to give more."""
        nothing = read_schema(self.ids).empty_table()
        check_ids_table(nothing, str(self.ids))
        others = ("semantic_id", "path", "text", "split")
        names = [name for name in nothing.column_names if name not in others]
        # Part by part, for to read all rows at once takes several times their room.
        parts = read_batches(self.ids, BATCH, names)
        with reading(self.ids, "Semantic IDs"):
            return IdRegistry(pa.concat_tables([nothing.select(names), *parts]))

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write metrics.json; undefined measures (NaN) become null."""
        write_json(self.metrics, metrics)

    def read_metrics(self) -> dict[str, Any]:
        """Read metrics.json."""
        metrics = read_json(self.metrics)
        if not isinstance(metrics, dict):
            raise RunFolderError(str(self.metrics), type(metrics).__name__, "an object of measures")
        return metrics

    def write_history(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Write history.json, one object per validation."""
        write_json(self.history, list(history))

    def read_history(self) -> list[dict[str, Any]]:
        """Read history.json."""
        history = read_json(self.history)
        if not isinstance(history, list) or not all(isinstance(entry, dict) for entry in history):
            raise RunFolderError(str(self.history), type(history).__name__, "an array of objects")
        return history

    def save_baselines(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Write tensors of the baselines."""
        write_tensors(self.baselines, tensors)

    def load_baselines(self) -> dict[str, torch.Tensor]:
        """The tensors of the baselines, on the CPU."""
        return read_tensors(self.baselines)


def _describe(tensor: torch.Tensor | None) -> str:
    if tensor is None:
        return "no such tensor"
    return f"{str(tensor.dtype).removeprefix('torch.')} of shape {tuple(tensor.shape)}"
