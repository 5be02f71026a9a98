"""Results in many Parquet files: each is made from one file of items, once, and says from which."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
from tqdm import tqdm

from leafcode.errors import InputError
from leafcode.pipeline.part_folder import SUFFIXES, Part, PartFolder


class PartWork(Protocol):
    """Makes the result of a file of items; sent to other processes, and called there for many files."""

    @property
    def fingerprint(self) -> str:
        """What the result depends on beside the file."""

    def __call__(self, items: Path, /) -> pa.Table:
        """The result: a row per item, in their order."""


@dataclass(frozen=True, eq=False)
class PartJob:
    """Work to do on files of one folder, with results of the same names in another.

    A result says in its metadata what it was made from. If it is there already, and the file is as it was, it
    stays; if the file has changed, it is made anew. So a job may be called for a part as often as one likes,
    by several processes too.

    Attributes:
        work: What makes a result.
        inputs: Folder of the items.
        outputs: Folder of the results.
    """

    work: PartWork
    inputs: PartFolder
    outputs: PartFolder

    def __call__(self, part: Part) -> None:
        """Make a result, unless it is there.

        Raises:
            InputError: As `is_made`, or whatever the work finds wrong with the items.
        """
        if self.is_made(part):
            return
        with self.inputs.local(part.name) as items:
            table = self.work(items)
        self.outputs.write(part.name, table, self.mark(part))

    def mark(self, part: Part) -> dict[str, Any]:
        """What the result of a part is made from."""
        return {"work": self.work.fingerprint, **asdict(part)}

    def is_made(self, part: Part) -> bool:
        """Whether the result is there, made from the file as it was listed.

        Raises:
            InputError: Something else is there: a file of another origin, or the result of other work.
        """
        found = self.outputs.read_mark(part.name)
        if found is not None and found.get("work") != self.work.fingerprint:
            where, expected = self.outputs.where(part.name), "one of this model and these options"
            hint = "Choose another folder, or delete this one."
            raise InputError(where, "a result of another model or of other options", expected, hint)
        return found == self.mark(part)


class Engine(Protocol):
    """Has a job done."""

    @property
    def device(self) -> str:
        """Torch device of the processes that do it."""

    def __call__(self, job: PartJob, parts: Sequence[Part], /) -> None:
        """Call the job for every part; raises what it raises."""


@dataclass(frozen=True)
class LocalEngine:
    """Does one part after the other in this process.

    Attributes:
        device: Torch device.
        progress: Show a progress bar.
    """

    device: str = "cpu"
    progress: bool = True

    def __call__(self, job: PartJob, parts: Sequence[Part]) -> None:
        """Call the job for every part."""
        for part in tqdm(parts, desc="parts", unit="part", disable=not self.progress):
            job(part)


def list_parts(place: str, out: PartFolder) -> tuple[PartFolder, list[Part]]:
    """The Parquet files at a place, in a folder or one alone; gives their folder and at least one part.

    Args:
        place: What the user named.
        out: Where their results will go.

    Raises:
        InputError: No Parquet file there; a filesystem that PyArrow does not know; results that would lie
            among the items of a folder; or files in ``out`` that come from none of these.
    """
    folder = PartFolder.open(place)
    info = folder.filesystem.get_file_info(folder.path)
    if info.is_file and place.endswith(SUFFIXES):
        above, name = posixpath.split(folder.path)
        beside = PartFolder(posixpath.dirname(place) or ".", folder.filesystem, above)
        return beside, [beside.part(name, info)]
    parts = [] if info.is_file else folder.parts()
    if not parts:
        raise InputError(place, "no Parquet file", f"files that end in {' or '.join(SUFFIXES)}")
    if f"{out.path}/".startswith(f"{folder.path}/") and out.filesystem == folder.filesystem:
        raise InputError(out.place, f"a folder among the items in {place}", "one apart from it")
    others = out.names() - {part.name for part in parts}
    if others:
        found = f"{min(others)}, which no file of {place} has made"
        raise InputError(out.place, found, "an empty folder, or results of these items")
    return folder, parts


def make_parts(engine: Engine, job: PartJob, parts: Sequence[Part]) -> None:
    """Have a job done, and see to it that all results are there.

    Raises:
        InputError: What the job raises; or other processes wrote results where this one does not see them.
    """
    engine(job, parts)
    lost = next((part.name for part in parts if not job.is_made(part)), None)
    if lost is not None:
        found = "no file, or an older one, where a worker wrote one"
        raise InputError(job.outputs.where(lost), found, "a folder that all machines share")
    job.outputs.remove_halves({part.name for part in parts})
