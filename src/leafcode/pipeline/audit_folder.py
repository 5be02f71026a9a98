"""The folder that an audit leaves: what is in it, and when it may be written to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from leafcode.errors import InputError, RunFolderError
from leafcode.files import remove_halves
from leafcode.review.audit_folder import FORMAT
from leafcode.review.decisions import DECISIONS
from leafcode.serving.storage import read_json

_OF_THE_REVIEW = (DECISIONS, "corrected.")
"""How the names of files begin that a review leaves here; none of them is an audit's to remove."""


@dataclass(frozen=True)
class AuditFolder:
    """An audit's folder, which `leafcode.review.read_audit` reads; every file is replaced in one piece.

    ================== ==============================================================================
    audit.json         where the catalogue came from, settings and figures; a folder that has it is whole
    findings.parquet   a row for each labelled item, most doubtful first
    categories.parquet findings about categories
    taxonomy.parquet   the category tree
    audit.html         the page
    review.sqlite      decisions, once there are any; never removed here
    corrected.*        the corrected catalogue and its decisions, if the review has exported them; likewise
    ================== ==============================================================================

    Args:
        path: The folder. Use `check` before the work, and `begin` before the first file is written.

    Example:
        >>> AuditFolder(Path("audit")).findings.as_posix()
        'audit/findings.parquet'
    """

    path: Path

    @property
    def summary(self) -> Path:
        """audit.json."""
        return self.path / "audit.json"

    @property
    def findings(self) -> Path:
        """findings.parquet."""
        return self.path / "findings.parquet"

    @property
    def categories(self) -> Path:
        """categories.parquet."""
        return self.path / "categories.parquet"

    @property
    def taxonomy(self) -> Path:
        """taxonomy.parquet."""
        return self.path / "taxonomy.parquet"

    @property
    def page(self) -> Path:
        """audit.html."""
        return self.path / "audit.html"

    @property
    def files(self) -> tuple[Path, ...]:
        """All that an audit writes; audit.json first, the order in which they are removed."""
        return (self.summary, self.page, self.findings, self.categories, self.taxonomy)

    def check(self, *, overwrite: bool) -> None:
        """Refuse a folder that may not be written to; touches nothing.

        Args:
            overwrite: Whether an earlier audit may be replaced.

        Raises:
            InputError: An earlier audit is there that may not be replaced.
            RunFolderError: It holds other files and no audit, or is no folder.
        """
        try:
            entries = {entry.name for entry in self.path.iterdir() if not entry.name.startswith(".")}
        except FileNotFoundError:
            return
        except OSError as error:
            found = f"no folder that can be used ({error})"
            raise RunFolderError(str(self.path), found, "a folder to write to") from error
        own = {file.name for file in self.files}
        others = sorted(name for name in entries - own if not name.startswith(_OF_THE_REVIEW))
        if others and not self._is_audit():
            raise RunFolderError(
                str(self.path),
                f"a folder of other files ({others[0]})",
                "a new or empty folder, or that of an audit",
            )
        if entries & own and not overwrite:
            raise InputError(
                str(self.path), "an earlier audit", "a new folder", "Replace it with --overwrite."
            )

    def _is_audit(self) -> bool:
        """Whether leafcode wrote the folder, whatever its version."""
        try:
            about = read_json(self.summary)
        except RunFolderError:
            return False
        return isinstance(about, dict) and about.get("format") == FORMAT

    def begin(self) -> None:
        """Make the folder, and remove the files of an earlier audit and halves of such; others stay.

        Raises:
            RunFolderError: The folder cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for file in self.files:
                file.unlink(missing_ok=True)
                remove_halves(file)
        except OSError as error:
            found = f"no folder that can be made ({error})"
            raise RunFolderError(str(self.path), found, "a folder to write to") from error
