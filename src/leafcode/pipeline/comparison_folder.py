"""The folder that a comparison leaves: what is in it, and when it may be written to."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from leafcode.errors import InputError, RunFolderError
from leafcode.files import held, remove_halves
from leafcode.pipeline.cells import Cell
from leafcode.pipeline.resuming import check_choice, check_same
from leafcode.serving.run_config import installed_version
from leafcode.serving.storage import read_json, write_json

_BEGUN_WITH = "begun_with"


@dataclass(frozen=True)
class ComparisonFolder:
    """A comparison's folder; every file in it is replaced in one piece.

    ================ ==================================================================================
    comparison.json  what it was begun with, and once it has ended, its verdict and figures
    results.parquet  every measure of every cell, a row each
    comparison.html  the page
    cells/           a JSON file for each cell that has been trained
    work/            arrays that the processes share; only there while cells are trained
    ================ ==================================================================================

    Args:
        path: The folder. Use `begin` to make it ready.

    Example:
        >>> ComparisonFolder(Path("comparison")).cell(Cell("tree", None, 0)).as_posix()
        'comparison/cells/tree.default.seed0.json'
    """

    path: Path

    @property
    def summary(self) -> Path:
        """comparison.json."""
        return self.path / "comparison.json"

    @property
    def results(self) -> Path:
        """results.parquet."""
        return self.path / "results.parquet"

    @property
    def page(self) -> Path:
        """comparison.html."""
        return self.path / "comparison.html"

    @property
    def cells(self) -> Path:
        """cells/."""
        return self.path / "cells"

    @property
    def work(self) -> Path:
        """work/."""
        return self.path / "work"

    def cell(self, cell: Cell) -> Path:
        """File of a cell."""
        return self.cells / f"{cell.key}.json"

    def trace(self, cell: Cell) -> Path:
        """Where the traceback of a cell goes that failed for a reason that is not the user's."""
        return self.cells / f"{cell.key}.traceback.txt"

    def opened(
        self, begun_with: Mapping[str, Any], *, resume: bool, overwrite: bool
    ) -> contextlib.AbstractContextManager[None]:
        """Hold the folder, made ready by `begin`.

        Raises:
            InputError: As `begin`, or another process works on it.
        """
        return held(self.summary, partial(self.begin, begun_with, resume=resume, overwrite=overwrite))

    def begin(self, begun_with: Mapping[str, Any], *, resume: bool, overwrite: bool) -> None:
        """Make the folder ready for a comparison with these settings, and note them.

        Args:
            begun_with: Settings by name, of JSON types, that every cell in the folder has to share.
            resume: Go on with a comparison of the same settings; its cells are kept.
            overwrite: Remove an earlier comparison; files that are not of one stay.

        Raises:
            InputError: Both `resume` and `overwrite`; a comparison is there and is neither to be resumed nor
                overwritten; or one to be resumed has other settings.
            RunFolderError: The folder holds other files, its comparison.json is damaged, or it cannot be
                made. Nothing was touched then.
        """
        check_choice("compare", resume, overwrite)
        try:
            others = [entry for entry in self.path.iterdir() if not entry.name.startswith(".")]
        except FileNotFoundError:
            others = []
        except OSError as error:
            raise RunFolderError(
                str(self.path), f"no folder that can be used ({error})", "a folder to write to"
            ) from error
        if self.summary.exists():
            self._check_earlier(begun_with, resume, overwrite)
        elif others:
            raise RunFolderError(
                str(self.path), "a folder of other files", "a new or empty folder, or that of a comparison"
            )
        if overwrite:
            self._clear()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if not self.summary.exists():
                self.write_summary(begun_with, {})
            self.cells.mkdir(exist_ok=True)
        except OSError as error:
            raise RunFolderError(
                str(self.path), f"no folder that can be made ({error})", "a folder to write to"
            ) from error
        self._clear_halves()

    def _check_earlier(self, begun_with: Mapping[str, Any], resume: bool, overwrite: bool) -> None:
        if overwrite:
            self.read_summary()  # only what is a comparison's is removed
        elif resume:
            check_same(str(self.path), self.read_summary()[_BEGUN_WITH], begun_with)
        else:
            raise InputError(
                str(self.path),
                "an earlier comparison",
                "a new folder",
                "Go on with --resume, or start over with --overwrite.",
            )

    def _clear_halves(self) -> None:
        """Remove what a comparison that was killed was writing, see `leafcode.files.replacing`."""
        self.clear_work()
        for file in (self.page, self.results, self.summary):
            remove_halves(file)
        for half in self.cells.glob(".*.tmp"):
            half.unlink(missing_ok=True)

    def _clear(self) -> None:
        for pattern in ("*.seed*.json", "*.seed*.traceback.txt"):
            for file in self.cells.glob(pattern):
                file.unlink(missing_ok=True)
        for file in (self.page, self.results, self.summary):
            file.unlink(missing_ok=True)

    def clear_work(self) -> None:
        """Remove the arrays that processes share."""
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.work)

    def write_summary(self, begun_with: Mapping[str, Any], outcome: Mapping[str, Any]) -> None:
        """Write comparison.json."""
        write_json(
            self.summary, {"leafcode_version": installed_version(), _BEGUN_WITH: dict(begun_with), **outcome}
        )

    def read_summary(self) -> dict[str, Any]:
        """Read comparison.json.

        Raises:
            RunFolderError: It is missing or damaged, or not a comparison's.
        """
        value = read_json(self.summary)
        if not isinstance(value, dict) or not isinstance(value.get(_BEGUN_WITH), dict):
            raise RunFolderError(str(self.summary), f"no {_BEGUN_WITH!r}", "a file written by leafcode")
        return value

    def read_cell(self, cell: Cell) -> dict[str, Any]:
        """What a cell's file says: seconds, settings and metrics.

        Raises:
            RunFolderError: It is missing or damaged, or another cell's.
        """
        file = self.cell(cell)
        value = read_json(file)
        expected = {"method": cell.method, "strength": cell.strength, "seed": cell.seed}
        parts = ("metrics", "settings", "seconds")
        if not isinstance(value, dict) or not all(part in value for part in parts):
            found, wanted = "no result of a cell", f"an object with {', '.join(parts)}"
        elif {name: value.get(name) for name in expected} != expected:
            found, wanted = "the result of another cell", str(cell)
        else:
            return value
        raise RunFolderError(str(file), found, wanted, "Delete it to train the cell again with --resume.")
