"""config.json of a run folder: what was trained, how, and on what."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from leafcode.errors import InputError, RunFolderError
from leafcode.quantizers import RQVAEConfig

FORMAT_VERSION = 4
"""Of the run folder; raised when an older leafcode could no longer read it rightly."""

Settings = TypeVar("Settings")


def installed_version() -> str:
    """Version of the installed leafcode, or ``"uninstalled"`` when it runs from its sources."""
    try:
        return importlib.metadata.version("leafcode")
    except importlib.metadata.PackageNotFoundError:
        return "uninstalled"


@dataclass(frozen=True)
class RunConfig:
    """Contents of config.json.

    Attributes:
        model: Shape of the model.
        training: Fields of the training settings as JSON has them; `settings_from_json` makes
            a `leafcode.training.TrainingConfig` of them.
        level_weights: Weight of the tree part at each code level (L).
        contrast_weight: Lambda that was used, also where it was found automatically.
        source: The catalogue: its path, columns, embedding model, fingerprint.
        split: How items were held out.
        leafcode_version: Version that wrote the run.

    Raises:
        InputError: Another number of level weights than levels, or a negative or non-finite weight.

    Example:
        >>> config = RunConfig(RQVAEConfig(384, sizes=(256, 256)), {"steps": 9}, (1.0, 0.25), 0.1, {}, {})
        >>> RunConfig.from_json(config.to_json(), "config.json") == config
        True
    """

    model: RQVAEConfig
    training: Mapping[str, Any]
    level_weights: tuple[float, ...]
    contrast_weight: float
    source: Mapping[str, Any]
    split: Mapping[str, Any]
    leafcode_version: str = field(default_factory=installed_version)

    def __post_init__(self) -> None:
        weights = [*self.level_weights, self.contrast_weight]
        if len(weights) != len(self.model.sizes) + 1 or not all(0 <= weight < math.inf for weight in weights):
            found = f"level_weights={list(self.level_weights)}, contrast_weight={self.contrast_weight}"
            raise InputError(
                "run config", found, f"weights >= 0, one for each of {len(self.model.sizes)} levels"
            )

    def to_json(self) -> dict[str, Any]:
        """A JSON object, the format version first."""
        return {
            "format_version": FORMAT_VERSION,
            "leafcode_version": self.leafcode_version,
            "model": dataclasses.asdict(self.model),
            "training": dict(self.training),
            "level_weights": list(self.level_weights),
            "contrast_weight": self.contrast_weight,
            "source": dict(self.source),
            "split": dict(self.split),
        }

    @classmethod
    def from_json(cls, value: object, where: str) -> RunConfig:
        """Read what `to_json` gave.

        Args:
            value: The parsed JSON text.
            where: The file, for errors.

        Raises:
            RunFolderError: Another format version (both are told), or a field that is missing, unknown or
                out of range.
        """
        check_format_version(value, where)
        fields = dict(value) if isinstance(value, dict) else {}
        del fields["format_version"]
        for name in ("model", "training", "source", "split"):
            if not isinstance(fields.get(name), dict):
                raise RunFolderError(where, f"{name!r}: {fields.get(name)!r}", f"an object {name!r}")
        fields["model"] = settings_from_json(RQVAEConfig, fields["model"], f"{where}: 'model'")
        return settings_from_json(cls, fields, where)


def check_format_version(value: object, where: str) -> None:
    """`value` is the config of a run folder that this version of leafcode can read.

    Raises:
        RunFolderError: It is not.
    """
    if not isinstance(value, dict) or "format_version" not in value:
        raise RunFolderError(where, "no 'format_version'", "the config of a run folder")
    version = value["format_version"]
    if version != FORMAT_VERSION:
        written = value.get("leafcode_version", "of unknown version")
        found = f"run folder format {version} (written by leafcode {written})"
        hint = f"Use leafcode {written} for this run, or train it again with this version."
        raise RunFolderError(where, found, f"format {FORMAT_VERSION} (leafcode {installed_version()})", hint)


def settings_from_json(kind: type[Settings], values: Mapping[str, Any], where: str) -> Settings:
    """A settings dataclass from a JSON object; JSON arrays become tuples.

    Args:
        kind: The dataclass.
        values: Its fields; those with a default may be left out.
        where: The file, for errors.

    Raises:
        RunFolderError: An unknown or missing field, or a value that `kind` does not accept.

    Example:
        >>> settings_from_json(RQVAEConfig, {"embedding_dim": 8, "sizes": [4, 4]}, "config.json").sizes
        (4, 4)
        >>> settings_from_json(RQVAEConfig, {"embeding_dim": 8}, "config.json")
        Traceback (most recent call last):
        leafcode.errors.RunFolderError: config.json: found unknown 'embeding_dim', missing 'embedding_dim'; \
expected the fields of RQVAEConfig
    """
    known = {one.name: one for one in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = [f"unknown {name!r}" for name in values if name not in known]
    missing = [
        f"missing {name!r}"
        for name, one in known.items()
        if name not in values
        and one.default is dataclasses.MISSING
        and one.default_factory is dataclasses.MISSING
    ]
    if unknown or missing:
        raise RunFolderError(where, ", ".join(unknown + missing), f"the fields of {kind.__name__}")
    try:
        return kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})
    except InputError as error:
        raise RunFolderError(f"{where}: {error.where}", error.found, error.expected) from error
    except TypeError as error:
        raise RunFolderError(
            where, f"a value of another type ({error})", f"the fields of {kind.__name__}"
        ) from error
