"""The training loop: two streams of batches, one for content and one for the tree.

Reconstruction and quantisation learn from uniform batches, the contrastive term from hierarchical ones. One
batch for both would teach the codebooks a distribution that is not the catalogue's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

from leafcode.catalog import split_by_content
from leafcode.errors import InputError, TrainingError
from leafcode.products import FastLinear
from leafcode.quantizers import RQVAE
from leafcode.taxonomy import Taxonomy
from leafcode.training.batch import Batch, Inputs
from leafcode.training.checkpoint import (
    Checkpoint,
    cpu_state,
    identity_of,
    load_checkpoint,
    save_checkpoint,
)
from leafcode.training.code_objective import CodeObjective
from leafcode.training.code_term import CodeTerm
from leafcode.training.config import TrainingConfig
from leafcode.training.labels import Labels
from leafcode.training.prefetch import prefetch
from leafcode.training.randomness import Stream, seeded, stream_generator, stream_seed, validation_sample
from leafcode.training.tree_objective import TreeObjective, tree_can_teach
from leafcode.training.tree_weight import WEIGHT_IN_TRAINING, choose_tree_weight, turn_towards_tree
from leafcode.training.upkeep import collapse_warnings, perplexity
from leafcode.training.world import current_world


@dataclass(frozen=True)
class TrainingResult:
    """What training ends with.

    Attributes:
        model: The best model of the last phase by the validation loss, in evaluation mode.
        tree_weight: Lambda, as given or as found.
        best_step: Step of the last phase with the best validation loss.
        history: A row per validation: phase, step, loss terms, perplexity of each level.
        warnings: What a user should know, in plain language, with what to change.
    """

    model: RQVAE
    tree_weight: float
    best_step: int
    history: list[dict[str, Any]]
    warnings: list[str]


class _Best(NamedTuple):
    """The model of a phase with the smallest validation loss so far, and the further term beside it."""

    loss: float
    step: int
    state: Mapping[str, Tensor]
    code_term: Mapping[str, Tensor]


_NOTHING_YET = _Best(math.inf, 0, {}, {})


class Trainer:
    """Trains an `RQVAE` on embeddings and, if there are categories, with the help of their tree.

    The objective is::

        L = |x - x_hat|^2 + L_rq + lambda * L_contrastive

    The contrastive term has its gradient in the tree encoder alone, and lambda is the weight that the tree
    part of the latents has inside L_rq and when a code level (coarse ones more, see
    `TrainingConfig.level_weights`) chooses a codeword. So the sum is minimised in turn rather than at once:

    1. ``tree``: the tree encoder, by the contrastive term on hierarchical batches.
    2. ``content``: encoder, codebooks and decoder on uniform batches, with lambda = 0, after k-means on a
       large sample.
    3. ``codes``: k-means turns the codebooks towards the tree, and training goes on with lambda. Where lambda
       is to be found, it is set at the end, as large as the limit allows.

    Without a tree the first phase is left out and nothing is turned.

    Every `evaluate_every` steps the terms are taken on items that were kept aside. The first phase runs to
    its end, for a projection grows surer of itself, which costs contrastive loss on new items, while it still
    learns to place them. The others end with the weights of the smallest reconstruction error.

    Several processes (`leafcode.training.join_world`) share each batch out among themselves, and otherwise do
    the same, so that all of them end with the same model. The first one writes checkpoints.

    Args:
        model: A fresh model, from `new_model` with `nodes` and `taxonomy`; trained in place.
        inputs: Embeddings (n, E) of the training items, or (n, E + H) where the model has an engagement part,
            see `RQVAE`; possibly memory-mapped.
        nodes: (n,) nodes in `taxonomy`, -1 for unlabelled items, which take no part in the contrastive term.
        taxonomy: The category tree, or None to train without it.
        config: Settings.
        trust: float32 (n,) in [0, 1], how far the category of each item is believed: its weight in the
            contrastive term; None for equal weights.
        places: (n, P) all nodes of each item, first those of `nodes`, where items have several paths: any of
            them is right in the contrastive term; None for one path each.
        device: Where to train.
        checkpoint: File to write checkpoints to; if it exists, training goes on from it.
        progress: Show progress bars.
        title: What the progress bar of the last phase is called.
        code_term: A further term of all phases but the first, with weights of its own; it has a say in which
            checkpoint is best, and ends with its weights of that step.
        on_initialised: Called before the last phase with the model, whose codebooks have just been turned
            towards the tree; an exception that it raises ends training.

    Raises:
        InputError: Inputs of another width than the model's, fewer items than codes, not one node per item,
            lambda > 0 and a model without prototypes of the items' categories, or a further term in several
            processes.
        TrainingError: lambda > 0 without two categories that have items, a checkpoint that belongs to other
            settings or data, or a loss that is not finite.
        LostProcessError: Another process is gone.
    """

    def __init__(
        self,
        model: RQVAE,
        inputs: npt.NDArray[np.floating[Any]],
        nodes: npt.NDArray[np.integer[Any]],
        taxonomy: Taxonomy | None,
        config: TrainingConfig,
        *,
        trust: npt.NDArray[np.float32] | None = None,
        places: npt.NDArray[np.integer[Any]] | None = None,
        device: str | torch.device = "cpu",
        checkpoint: str | Path | None = None,
        progress: bool = True,
        title: str = "codes",
        code_term: CodeTerm | None = None,
        on_initialised: Callable[[RQVAE], None] | None = None,
    ) -> None:
        self._world = current_world()
        self.title, self.on_initialised = title, on_initialised
        self.config, self.progress = config, progress and self._world.is_first
        self.checkpoint = None if checkpoint is None else Path(checkpoint)
        # With its number, for each thread has a current GPU of its own.
        self.device = torch.empty(0, device=device).device
        self._inputs = Inputs(inputs, self.device)
        if code_term is not None and self._world.size > 1:
            raise InputError(
                "code_term",
                f"{type(code_term).__name__} in {self._world.size} processes",
                "one process",
                "A loss on the pairs of a batch is not a mean over its items that could be shared out.",
            )
        _check_width(model, inputs)
        self.model = model.to(self.device)
        self.code_term = None if code_term is None else code_term.to(self.device)
        self.labels = Labels.of(len(inputs), nodes, taxonomy, trust, places)
        self.warnings: list[str] = []
        self.history: list[dict[str, Any]] = []
        self.optimizer: torch.optim.AdamW
        self.best = _NOTHING_YET

        content = inputs[:, : model.config.embedding_dim]
        held_out = split_by_content(content, config.validation_fraction, config.seed, salt="validation")
        self._train = np.flatnonzero(~held_out)
        if len(self._train) <= max(model.config.sizes):
            raise InputError(
                "catalog",
                f"{len(self._train)} items to train on ({held_out.sum()} more are kept aside for validation)",
                f"more than the largest level has codes, {max(model.config.sizes)}",
                "Choose smaller levels, for example --levels 64,32,16.",
            )
        # Without items kept aside, training items have to do.
        kept_aside = np.flatnonzero(held_out) if held_out.any() else self._train
        self._validation = validation_sample(kept_aside, config.seed)
        if self.code_term is not None:
            self.code_term.prepare(self._train)
        wanted = config.contrast_weight
        with_tree = tree_can_teach(self.labels, self._train, wanted, self.warnings)
        self._find_weight = with_tree and wanted == "auto"
        self.tree_weight = 0.0
        self._tree: TreeObjective | None = None
        items = (self._train, self._validation, config)
        if with_tree:
            self.tree_weight = WEIGHT_IN_TRAINING if wanted == "auto" else wanted
            self._tree = TreeObjective(self.model, self._inputs, self.labels, *items)
        self._codes = CodeObjective(self.model, self._inputs, *items, self.code_term)
        self._steps = {
            "tree": config.tree_steps if with_tree else 0,
            "content": config.content_steps,
            "codes": config.steps,
        }

    def fit(self) -> TrainingResult:
        """Train from the beginning, or from the checkpoint if there is one."""
        with FastLinear():
            return self._fit()

    def _fit(self) -> TrainingResult:
        phases = [phase for phase, steps in self._steps.items() if steps]
        first, step = self._restore() or (phases[0], None)
        begun = {"belongs_to": self._identity, "phase": first, "step": step}
        self._world.check_same("a catalogue, settings or a checkpoint", json.dumps(begun), self.device)
        for phase in phases[phases.index(first) :]:
            if step is None:
                self._begin(phase)
            self._run(phase, step or 0)
            step = None
            if phase != "tree":
                self.model.load_state_dict(dict(self.best.state))
                if self.code_term is not None:
                    self.code_term.load_state_dict(dict(self.best.code_term))
            self._agree()
        self.model.eval()
        if self._find_weight:
            kept_aside = self._codes.latents(self._validation)
            embeddings = self._inputs.take(self._validation)[:, : self.model.config.embedding_dim]
            self.tree_weight = choose_tree_weight(self.model, kept_aside, embeddings, self.config)
            self._agree()
        used = [perplexity(column) for column in self._codes.validation_codes().T]
        self.warnings += collapse_warnings(used, self.model.config.sizes, len(self._validation))
        return TrainingResult(self.model, self.tree_weight, self.best.step, self.history, self.warnings)

    def _begin(self, phase: str) -> None:
        """Make the model ready for a phase."""
        generator = stream_generator(self.config.seed, Stream.INITIALISE, 1)
        self.model.eval()
        if phase == "tree" and self._tree is not None:
            self._tree.begin()
        elif phase == "content":
            self._codes.take_tree_parts(progress=self.progress)
            nothing = (0.0,) * len(self.model.config.sizes)
            self.model.set_level_weights(nothing)
            self.model.set_engagement_weights(nothing)
            latents = self._codes.sample_latents()
            self.model.quantizer.fit(latents.values, generator, known=latents.known)
        elif phase == "codes":
            if self.tree_weight > 0 or self.model.config.engagement_dim:
                latents = self._codes.sample_latents()
                turn_towards_tree(self.model, latents, self.config, self.tree_weight, generator)
            if self.on_initialised is not None:
                self.on_initialised(self.model)
        self._agree()
        self._start(phase)
        if phase != "tree":
            self._validate(phase, 0)
            self._save(phase, 0)

    def _agree(self) -> None:
        """Take over the model of the first process, should the last bits of the own one differ."""
        self._world.broadcast_(self.model.state_dict().values())

    def _start(self, phase: str) -> None:
        """A fresh optimiser over the parameters of the phase, and nothing that is best so far."""
        self.model.requires_grad_(phase != "tree")
        if self.model.tree_encoder is not None:
            self.model.tree_encoder.requires_grad_(phase == "tree")
        in_phase = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        if self.code_term is not None and phase != "tree":
            in_phase += self.code_term.parameters()
        self.optimizer = torch.optim.AdamW(
            in_phase, lr=self.config.learning_rate, weight_decay=self.config.weight_decay, fused=True
        )
        self.best = _NOTHING_YET
        self._codes.forget_usage()

    def _objective(self, phase: str) -> TreeObjective | CodeObjective:
        return self._tree if phase == "tree" and self._tree is not None else self._codes

    def _number(self, phase: str, step: int) -> int:
        """Of a step among the batches: the last phase goes on with those where the second left off."""
        return step + (self._steps["content"] if phase == "codes" else 0)

    def _draw(self, phase: str, step: int) -> Batch:
        return self._objective(phase).draw(self._number(phase, step))

    def _run(self, phase: str, step: int) -> None:
        """Take the steps of one phase that are left."""
        steps = self._steps[phase]
        self.model.train()
        with (
            closing(prefetch(partial(self._draw, phase), range(step, steps))) as batches,
            tqdm(
                total=steps,
                initial=step,
                desc=self.title if phase == "codes" else phase,
                unit="step",
                disable=not self.progress,
            ) as bar,
        ):
            for batch in batches:
                terms = self._step(phase, step, batch)
                step += 1
                bar.update()
                if step % 25 == 0:
                    bar.set_postfix(
                        {name: f"{float(value):.4f}" for name, value in terms.items()}, refresh=False
                    )
                if step % self.config.evaluate_every == 0 or step == steps:
                    if phase != "tree" and step < steps:
                        self._codes.revive(step)
                        self._agree()
                    self._validate(phase, step)
                    self._save(phase, step)

    def _step(self, phase: str, step: int, batch: Batch) -> dict[str, Tensor]:
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * _schedule(step, self._steps[phase])
        seed = stream_seed(self.config.seed, Stream.DROPOUT, phase != "tree", step) + self._world.rank
        with seeded(seed, self.device if self.device.type == "cuda" else None):
            terms = self._objective(phase).step(self._number(phase, step), batch)
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        terms = {name: value.detach() for name, value in terms.items()}
        in_phase = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        gradients = [parameter.grad for parameter in in_phase if parameter.grad is not None]
        self._world.sum_([*gradients, *terms.values()])
        if not bool(torch.stack(list(terms.values())).sum().isfinite()):
            raise _not_finite(phase, step, terms)
        self.optimizer.step()
        return terms

    @torch.no_grad()
    def _validate(self, phase: str, step: int) -> None:
        """Add a row to the history and remember the model if it gives the best codes so far."""
        row: dict[str, Any] = {"phase": phase, "step": step}
        self.model.eval()
        terms = self._objective(phase).validate()
        if phase != "tree":
            row["perplexity"] = [perplexity(column) for column in self._codes.validation_codes().T]
        self.model.train()
        row |= {name: float(value) for name, value in terms.items()}
        # Quantisation has no say: an encoder may trade it against scale without any gain in content.
        row["validation"] = row["contrast" if phase == "tree" else "reconstruction"] + row.get(
            "code_term", 0.0
        )
        if not math.isfinite(row["validation"]):
            raise _not_finite(phase, step, terms)
        self.history.append(row)
        if phase != "tree" and row["validation"] < self.best.loss:
            term = {} if self.code_term is None else cpu_state(self.code_term)
            self.best = _Best(row["validation"], step, cpu_state(self.model), term)

    def _save(self, phase: str, step: int) -> None:
        if self.checkpoint is None or not self._world.is_first:
            return
        progress = {
            "belongs_to": self._identity,
            "phase": phase,
            "step": step,
            "tree_weight": self.tree_weight,
            "history": self.history,
            "warnings": self.warnings,
            "best": [self.best.loss if self.best.state else None, self.best.step],
        }
        term = {} if self.code_term is None else self.code_term.state_dict()
        state = Checkpoint(
            self.model.state_dict(),
            self.best.state,
            self.optimizer.state_dict(),
            progress,
            term,
            self.best.code_term,
        )
        save_checkpoint(self.checkpoint, state)

    def _restore(self) -> tuple[str, int] | None:
        """Phase and step to go on from; None where there is no checkpoint."""
        if self.checkpoint is None or not self.checkpoint.exists():
            return None
        saved = load_checkpoint(self.checkpoint)
        progress = saved.progress
        if progress["belongs_to"] != self._identity:
            raise TrainingError(
                f"{self.checkpoint} was written for other data or settings. Use the same ones to go on, or "
                "start again without resuming."
            )
        self._start(progress["phase"])
        self.model.load_state_dict(dict(saved.model))
        if progress["phase"] != "tree":
            self._codes.take_tree_parts(progress=self.progress)
        if self.code_term is not None:
            self.code_term.load_state_dict(dict(saved.code_term))
        self.optimizer.load_state_dict(dict(saved.optimizer))
        self.tree_weight, self.history = progress["tree_weight"], progress["history"]
        self.warnings = progress["warnings"]
        loss, best_step = progress["best"]
        self.best = _Best(math.inf if loss is None else loss, best_step, saved.best, saved.best_code_term)
        return progress["phase"], progress["step"]

    @cached_property
    def _identity(self) -> dict[str, Any]:
        """What a checkpoint must agree with."""
        settings: dict[str, Any] = {"training": asdict(self.config), "model": asdict(self.model.config)}
        if self.code_term is not None:
            settings["code_term"] = self.code_term.identity()
        tree = None if self._tree is None else self.labels.taxonomy
        parents = None if tree is None else tree.parents
        return identity_of(settings | self.labels.digests(), self._inputs.rows, self.labels.nodes, parents)


def _check_width(model: RQVAE, inputs: npt.NDArray[np.floating[Any]]) -> None:
    content, engagement = model.config.embedding_dim, model.config.engagement_dim
    if inputs.ndim != 2 or inputs.shape[1] != content + engagement:
        wanted = f"{content} + {engagement}" if engagement else f"{content}"
        raise InputError("inputs", f"shape {inputs.shape}", f"(items, {wanted}), as the model takes them")


def _not_finite(phase: str, step: int, terms: dict[str, Tensor]) -> TrainingError:
    found = ", ".join(f"{name} {float(value.detach()):.4g}" for name, value in terms.items())
    return TrainingError(
        f"The loss is not finite at step {step} of {phase} ({found}). If the embeddings "
        "are finite, lower the learning rate."
    )


def _schedule(step: int, steps: int) -> float:
    """Linear warm-up over the first twentieth, then cosine decay to zero."""
    rising = min(1.0, (step + 1) / max(1.0, 0.05 * steps))
    return rising * 0.5 * (1.0 + math.cos(math.pi * step / steps))
