"""Train on a catalogue, give every item its ID, measure, and write the run folder."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from torch import Tensor

from leafcode.catalog import Catalog, Engagement, row_view
from leafcode.codes import IdRegistry, encode_codes, encode_items
from leafcode.errors import InputError
from leafcode.evaluation import sample_rows
from leafcode.files import held
from leafcode.methods import Task
from leafcode.methods.network import network_trainer
from leafcode.pipeline.baselines import train_baselines
from leafcode.pipeline.coding import code_items
from leafcode.pipeline.engagement import engagement_vectors, model_inputs
from leafcode.pipeline.items import catalog_embeddings, category_path_array, hold_out, text_array
from leafcode.pipeline.measure import measure, sample_warnings
from leafcode.pipeline.resuming import CATALOGUE, check_choice, check_same
from leafcode.pipeline.run import Run
from leafcode.pipeline.source import CatalogSource, check_unread, content_digest
from leafcode.quantizers import RQVAEConfig
from leafcode.serving import RunConfig, RunFolder, ids_batches
from leafcode.training import TrainingConfig, current_world

_BESIDE = ("engagement", "trust")
"""What a run is trained on beside its catalogue, by digest."""


@dataclass(frozen=True)
class FitOptions:
    """Everything `fit` can be told, beside the catalogue.

    Attributes:
        sizes: Number of codes of each level, coarse to fine.
        tree_dim: Dimension of the tree part of the latents.
        engagement_dim: Dimension of the engagement part, where there is one; fewer if few items have history.
        hidden_dim: Width of the residual blocks.
        estimator: Gradient estimator of the quantiser.
        holdout: Share of the items kept out of training and measured on.
        split_seed: Another seed gives another split.
        training: Settings of training.
        baselines: Also train RQ-KMeans and lambda = 0, for comparison.
        ceilings: Also measure what the embedding itself allows, which takes a minute where there are
            thousands of categories.

    Raises:
        InputError: A setting is out of range.
    """

    sizes: tuple[int, ...] = (1024, 256, 64)
    tree_dim: int = 128
    engagement_dim: int = 64
    hidden_dim: int = 256
    estimator: str = "straight_through"
    holdout: float = 0.2
    split_seed: int = 0
    training: TrainingConfig = field(default_factory=TrainingConfig)
    baselines: bool = True
    ceilings: bool = True

    def __post_init__(self) -> None:
        if not self.sizes or min(self.sizes) < 2:
            found = ",".join(map(str, self.sizes)) or "no level"
            raise InputError("levels", found, "at least one level, of at least two codes each")
        if self.engagement_dim < 1:
            raise InputError("engagement_dim", str(self.engagement_dim), "at least 1")
        if not 0.0 <= self.holdout < 1.0:
            raise InputError("holdout", str(self.holdout), "a share in [0, 1)")
        if not 0 <= self.split_seed < 2**32:
            raise InputError("split seed", str(self.split_seed), "an integer in [0, 2^32)")

    def model(self, embedding_dim: int) -> RQVAEConfig:
        """Shape of the model for embeddings of this dimension, without engagement."""
        return RQVAEConfig(
            embedding_dim=embedding_dim,
            sizes=self.sizes,
            tree_dim=self.tree_dim,
            hidden_dim=self.hidden_dim,
            estimator=self.estimator,  # type: ignore[arg-type]
        )


def fit(
    catalog: Catalog,
    out: str | Path,
    options: FitOptions | None = None,
    *,
    engagement: Engagement | None = None,
    trust: npt.NDArray[np.float32] | None = None,
    source: CatalogSource | None = None,
    resume: bool = False,
    overwrite: bool = False,
    device: str = "cpu",
    progress: bool = True,
) -> Run:
    """Train on a catalogue and write a run folder.

    Several processes (`leafcode.training.join_world`) train together. The first one writes the folder, which
    all of them must see.

    Args:
        catalog: Items with embeddings, and with categories where they are known.
        out: The run folder.
        options: Settings; None for the defaults.
        engagement: Which items go together, to be learned beside the tree.
        trust: float32 (n,) in [0, 1], how far the category of each item is believed, such as what an audit
            leaves of it (`leafcode.audit`); None for 1.
        source: Where the catalogue came from, so that the run can read it again by itself.
        resume: Go on with a run that was stopped; one that has ended meanwhile is returned as it is.
        overwrite: Replace an earlier run.
        device: Torch device to train on.
        progress: Show progress bars.

    Returns:
        The finished run.

    Raises:
        InputError: The catalogue has no embeddings, ids or embeddings that cannot be used (see
            `Catalog.check`), too few items or too little engagement, the folder cannot be used, or the run to
            resume has other settings, another catalogue or other engagement. Nothing in the folder was
            touched.
        TrainingError: Training cannot go on.
    """
    options = options or FitOptions()
    vectors = catalog_embeddings(catalog)
    check_unread(catalog, source)
    held_out = hold_out(catalog, options.holdout, options.split_seed)
    train = np.flatnonzero(~held_out)
    shape, inputs, history = options.model(vectors.shape[1]), vectors, None
    if engagement is not None:
        seed = options.training.seed
        history = engagement_vectors(catalog, engagement, train, options.engagement_dim, seed)
        shape = dataclasses.replace(shape, engagement_dim=history.shape[1])
        inputs = model_inputs(vectors, history)
    if trust is not None and trust.shape != (len(catalog),):
        raise InputError("trust", f"shape {trust.shape}", f"a number for each of {len(catalog)} items")
    folder = RunFolder(Path(out))
    task = Task(
        inputs if len(train) == len(catalog) else row_view(inputs, train),
        catalog.nodes[train],
        catalog.taxonomy,
        shape,
        options.training,
        device=device,
        progress=progress,
        trust=None if trust is None else trust[train],
        places=None if catalog.places is None else catalog.places[train],
    )
    trainer = network_trainer(task, checkpoint=folder.checkpoint)
    config = RunConfig(
        model=trainer.model.config,
        training=dataclasses.asdict(options.training),
        level_weights=(0.0,) * len(shape.sizes),
        contrast_weight=0.0,
        source={
            "catalog": source.to_json() if source else None,
            "content": content_digest(catalog, source),
            "engagement": None if engagement is None else engagement.digest(),
            "trust": None if trust is None else hashlib.sha256(trust.tobytes()).hexdigest(),
        },
        split={"holdout": options.holdout, "seed": options.split_seed},
    )
    world = current_world()
    # Only now, when everything has been checked, is an earlier run touched.
    opened = _opened(folder, config, resume, overwrite) if world.is_first else contextlib.nullcontext()
    with opened:
        world.wait()
        if folder.finished:
            return _finish(folder)
        if world.is_first:
            folder.write_config(config)
        result = trainer.fit()
        del trainer  # its batches take more room than the items' ids
        baselines: dict[str, Tensor] = {}
        if options.baselines:
            baselines = train_baselines(
                shape,
                vectors if len(train) == len(catalog) else row_view(vectors, train),
                options.training,
                device=device,
                checkpoint=folder.baseline_checkpoint,
                progress=progress,
            )
        if not world.is_first:
            world.wait()  # for the first one to write and measure
            return Run.open(folder.path)
        model = result.model.to("cpu")
        rows = sample_rows(held_out, options.split_seed)
        warnings = [*catalog.remarks, *result.warnings, *sample_warnings(held_out, rows)]
        folder.write_config(
            dataclasses.replace(config, level_weights=model.level_weights, contrast_weight=result.tree_weight)
        )
        folder.write_history([*result.history, {"warnings": warnings}])
        if catalog.taxonomy is not None:
            folder.save_taxonomy(catalog.taxonomy)
        if history is not None:
            folder.save_engagement(history)
        if baselines:
            folder.save_baselines(baselines)
        codes = partial(encode_codes, model)
        coding = code_items(partial(encode_items, model), inputs, rows, only_codes=codes, progress=progress)
        _write_ids(folder, catalog, coding.codes, held_out)
        measure(folder, model, catalog, held_out, coding, with_ceilings=options.ceilings, progress=progress)
        # The model comes last: a folder that has it is finished.
        folder.save_model(model)
        run = _finish(folder)
        world.wait()
        return run


def _finish(folder: RunFolder) -> Run:
    """Remove what only an unfinished run needs."""
    folder.checkpoint.unlink(missing_ok=True)
    folder.baseline_checkpoint.unlink(missing_ok=True)
    return Run.open(folder.path)


def _opened(
    folder: RunFolder, config: RunConfig, resume: bool, overwrite: bool
) -> contextlib.AbstractContextManager[None]:
    """Hold the folder, made ready for a run of these settings.

    A finished run stays as it is if it is to be resumed.
    """
    check_choice("fit", resume, overwrite)
    return held(folder.config, partial(_make_ready, folder, config, resume, overwrite))


def _make_ready(folder: RunFolder, config: RunConfig, resume: bool, overwrite: bool) -> None:
    if resume and folder.config.exists():
        _check_same(folder, config)
        if folder.finished:  # stopped after the last file, or started once too often
            return
    elif folder.config.exists() and not folder.finished and not overwrite:
        raise InputError(
            str(folder.path),
            "a run that was stopped",
            "a new folder",
            "Go on with --resume, or start over with --overwrite.",
        )
    RunFolder.create(folder.path, overwrite=overwrite)


def _check_same(folder: RunFolder, config: RunConfig) -> None:
    """The run in the folder has these settings and was begun on this catalogue."""

    def settings(of: RunConfig) -> dict[str, Any]:
        parts = of.to_json()
        groups = ("model", "training", "split")
        named = {f"{part} {name}": value for part in groups for name, value in parts[part].items()}
        source = parts["source"]
        return named | {CATALOGUE: source.get("content")} | {key: source.get(key) for key in _BESIDE}

    check_same(str(folder.path), settings(folder.read_config()), settings(config))


def _write_ids(
    folder: RunFolder, catalog: Catalog, codes: npt.NDArray[np.integer[Any]], held_out: npt.NDArray[np.bool_]
) -> None:
    _, registry = IdRegistry.empty(codes.shape[1]).assign(catalog.ids, codes)
    given = {
        "path": category_path_array(catalog),
        "text": text_array(catalog),
        "split": pa.DictionaryArray.from_arrays(held_out.astype(np.int8), ["train", "heldout"]),
    }
    folder.write_id_batches(ids_batches(registry, catalog.ids, given))
