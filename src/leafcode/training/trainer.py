"""The training loop: two streams of batches, one for content and one for the tree.

Reconstruction and quantisation learn from uniform batches, the contrastive term from hierarchical ones. One
batch for both would teach the codebooks a distribution that is not the catalogue's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from leafcode.catalog import split_by_content
from leafcode.errors import InputError, TrainingError
from leafcode.quantizers import RQVAE, RQVAEOutput
from leafcode.sampling import UniformBatchSampler
from leafcode.taxonomy import Taxonomy
from leafcode.training.categories import find_categories
from leafcode.training.checkpoint import (
    Checkpoint,
    cpu_state,
    identity_of,
    load_checkpoint,
    save_checkpoint,
)
from leafcode.training.code_term import CodeTerm
from leafcode.training.config import SMALLEST_BATCH, TrainingConfig
from leafcode.training.randomness import Stream, stream_generator, stream_seed
from leafcode.training.tree_term import TreeTerm
from leafcode.training.tree_weight import choose_tree_weight, initialise_codes
from leafcode.training.upkeep import CodeUsage, collapse_warnings, perplexity

_LATENT_SAMPLE = 65_536
_VALIDATION_SAMPLE = 2_048
_CHUNK = 4_096
"""Items whose latents are computed at once."""


@dataclass(frozen=True)
class TrainingResult:
    """What training ends with.

    Attributes:
        model: The best model of the second phase by the validation loss, in evaluation mode.
        tree_weight: Lambda, as given or as found.
        best_step: Step of the second phase with the best validation loss.
        history: A row per validation: phase, step, loss terms, perplexity of each level.
        warnings: What a user should know, in plain language, with what to change.
    """

    model: RQVAE
    tree_weight: float
    best_step: int
    history: list[dict[str, Any]]
    warnings: list[str]


class Trainer:
    """Trains an `RQVAE` on embeddings and, if there are categories, with the help of their tree.

    The objective is::

        L = |x - x_hat|^2 + L_rq + lambda * L_contrastive

    The contrastive term has its gradient in the tree projection alone, and the others need codebooks that
    are initialised where the projection ends up. So the sum is minimised in turn rather than at once:
    first the contrastive term, on hierarchical batches; then lambda is set, all codebooks are initialised
    by k-means on a large sample of the latents, and encoder, codebooks and decoder are trained on uniform
    batches. Lambda is the weight that the tree part of the latents has inside L_rq, and when a code level
    (coarse ones more, see `TrainingConfig.level_weights`) chooses a codeword.

    Every `evaluate_every` steps the terms are taken on items that were kept aside. The first phase runs to
    its end, for a projection grows surer of itself, which costs contrastive loss on new items, while it still
    learns to place them. The second ends with the weights of the smallest reconstruction error.

    Args:
        model: A fresh model, from `new_model` with `nodes` and `taxonomy`; trained in place.
        embeddings: (n, E) of the training items, possibly memory-mapped.
        nodes: (n,) nodes in `taxonomy`, -1 for unlabelled items, which take no part in the contrastive term.
        taxonomy: The category tree, or None to train without it.
        config: Settings.
        device: Where to train.
        checkpoint: File to write checkpoints to; if it exists, training goes on from it.
        progress: Show progress bars.
        title: What the progress bar of the second phase is called.
        code_term: A further term of the second phase, with weights of its own; it has a say in which
            checkpoint is best.
        on_initialised: Called between the phases with the model, whose codebooks k-means has just set; an
            exception that it raises ends training.

    Raises:
        InputError: Fewer items than codes, not one node per item, or lambda > 0 and a model without
            prototypes of the items' categories.
        TrainingError: lambda > 0 without two categories that have items, a checkpoint that belongs to other
            settings or data, or a loss that is not finite.
    """

    def __init__(
        self,
        model: RQVAE,
        embeddings: npt.NDArray[np.floating[Any]],
        nodes: npt.NDArray[np.integer[Any]],
        taxonomy: Taxonomy | None,
        config: TrainingConfig,
        *,
        device: str | torch.device = "cpu",
        checkpoint: Path | None = None,
        progress: bool = True,
        title: str = "codes",
        code_term: CodeTerm | None = None,
        on_initialised: Callable[[RQVAE], None] | None = None,
    ) -> None:
        self.title, self.on_initialised = title, on_initialised
        self.config, self.device, self.checkpoint, self.progress = (
            config,
            torch.device(device),
            checkpoint,
            progress,
        )
        self.model = model.to(self.device)
        self.code_term = None if code_term is None else code_term.to(self.device)
        self.embeddings, self.nodes = embeddings, np.asarray(nodes)
        if self.nodes.shape != (len(embeddings),):
            raise InputError(
                "nodes", f"shape {self.nodes.shape}", f"one node for each of {len(embeddings)} items"
            )
        self.warnings: list[str] = []
        self.history: list[dict[str, Any]] = []
        self.best: tuple[float, int, dict[str, Tensor]]
        self.optimizer: torch.optim.AdamW

        held_out = split_by_content(embeddings, config.validation_fraction, config.seed, salt="validation")
        self._train = np.flatnonzero(~held_out)
        if len(self._train) <= max(model.config.sizes):
            raise InputError(
                "catalog",
                f"{len(self._train)} items to train on ({held_out.sum()} more are kept aside for validation)",
                f"more than the largest level has codes, {max(model.config.sizes)}",
                "Choose smaller levels, for example --levels 64,32,16.",
            )
        # Without items kept aside, training items have to do.
        self._validation = self._sample(np.flatnonzero(held_out) if held_out.any() else self._train)
        if self.code_term is not None:
            self.code_term.prepare(self._train)
        self.taxonomy = taxonomy if self._tree_can_teach(taxonomy) else None
        self.tree_weight = (
            0.0 if self.taxonomy is None or config.contrast_weight == "auto" else config.contrast_weight
        )
        self._uniform = UniformBatchSampler(
            len(self._train), batch_size=min(config.batch_size, len(self._train)), seed=config.seed
        )
        if self.taxonomy is not None:
            self._tree = TreeTerm(self.nodes, self.taxonomy, config, self._train, self.device)
            self._tree_encoder = self._tree.check(self.model.tree_encoder)
            kept_aside = self._validation[self.nodes[self._validation] >= 0]
            watched = kept_aside if len(kept_aside) else self._sample(self._tree.labelled)
            self._tree_validation = watched[: config.contrast_batch_size]
        self._usage = CodeUsage(model.config.sizes, self.device)
        self._start_phase("codes" if self.taxonomy is None else "tree")

    def fit(self) -> TrainingResult:
        """Train from the beginning, or from the checkpoint if there is one."""
        phase, step = self._restore()
        if phase == "tree":
            if self.taxonomy is not None:
                self._tree_encoder.temperature.fill_(self.config.temperature)
                self._run("tree", step, self.config.tree_steps)
            self._take_tree_parts()
            self._initialise_codes()
            if self.on_initialised is not None:
                self.on_initialised(self.model)
            self._start_phase("codes")
            self._validate("codes", 0)
            self._save("codes", 0)
            step = 0
        else:
            self._take_tree_parts()
        self._run("codes", step, self.config.steps)
        self.model.load_state_dict(self.best[2])
        self.model.eval()
        with torch.no_grad():
            self.model.quantizer.balance(self._sample_latents(), self.model.config.balance)
        used = next(
            row["perplexity"]
            for row in self.history
            if (row["phase"], row["step"]) == ("codes", self.best[1])
        )
        self.warnings += collapse_warnings(used, self.model.config.sizes, len(self._validation))
        return TrainingResult(self.model, self.tree_weight, self.best[1], self.history, self.warnings)

    def _start_phase(self, phase: str) -> None:
        """A fresh optimiser over the parameters of the phase, and nothing that is best so far."""
        self.model.requires_grad_(phase != "tree")
        if self.model.tree_encoder is not None:
            self.model.tree_encoder.requires_grad_(phase == "tree")
        in_phase = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        if self.code_term is not None and phase != "tree":
            in_phase += self.code_term.parameters()
        self.optimizer = torch.optim.AdamW(
            in_phase, lr=self.config.learning_rate, weight_decay=self.config.weight_decay
        )
        self.best = (math.inf, 0, {})
        self._usage.reset()

    def _tree_can_teach(self, taxonomy: Taxonomy | None) -> bool:
        """Whether lambda is not zero and enough training items lie in two categories at least."""
        if self.config.contrast_weight == 0 or (taxonomy is None and self.config.contrast_weight == "auto"):
            return False
        if taxonomy is None:
            raise TrainingError("There is no category tree. Train with --contrast-weight 0 or auto.")
        labels = self.nodes[self._train]
        labels = labels[labels >= 0]
        # The finest ones: a category and its only subcategory cannot be told apart.
        categories = len(find_categories(labels, taxonomy).spans)
        if categories >= 2 and len(labels) >= SMALLEST_BATCH:
            return True
        found = f"{len(labels)} training items have a category, of {categories} different ones"
        needed = f"it takes {SMALLEST_BATCH} items and two categories to tell them apart"
        if self.config.contrast_weight == "auto":
            self.warnings.append(f"The tree was not used: {found}, and {needed}.")
            return False
        raise TrainingError(f"Only {found}, and {needed}. Train with --contrast-weight 0.")

    def _run(self, phase: str, step: int, steps: int) -> int:
        """Take the steps of one phase that are left."""
        self.model.train()
        with tqdm(
            total=steps,
            initial=step,
            desc=self.title if phase == "codes" else phase,
            unit="step",
            disable=not self.progress or steps == 0,
        ) as bar:
            while step < steps:
                terms = self._step(phase, step, steps)
                step += 1
                bar.update()
                if step % 25 == 0:
                    bar.set_postfix(
                        {name: f"{float(value):.4f}" for name, value in terms.items()}, refresh=False
                    )
                if step % self.config.evaluate_every == 0 or step == steps:
                    if phase == "codes" and step < steps:
                        self._revive(step)
                    self._validate(phase, step)
                    self._save(phase, step)
        return step

    @torch.no_grad()
    def _take_tree_parts(self) -> None:
        """Compute the tree part of every item once, since the second phase leaves the tree encoder alone."""
        self.model.eval()
        rows = np.arange(len(self.embeddings))
        parts = [
            self.model.tree_part(self._take(part))
            for part in np.split(rows, range(_CHUNK, len(rows), _CHUNK))
        ]
        self._tree_parts = torch.cat(parts)

    def _latents(self, items: npt.NDArray[np.int64]) -> Tensor:
        return self.model.latents(
            self._take(items), self._tree_parts[torch.from_numpy(items).to(self.device)]
        )

    def _step(self, phase: str, step: int, steps: int) -> dict[str, Tensor]:
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * _schedule(step, steps)
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(stream_seed(self.config.seed, Stream.DROPOUT, phase == "codes", step))
            terms = self._losses(phase, step)
        loss = torch.stack(list(terms.values())).sum()
        if not bool(loss.isfinite()):
            raise _not_finite(phase, step, terms)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return {name: value.detach() for name, value in terms.items()}

    def _losses(self, phase: str, step: int) -> dict[str, Tensor]:
        if phase == "tree":
            return self._tree_terms(self._tree.batch(step))
        items, extra = self._train[self._uniform.step_batch(step)], None
        if self.code_term is not None:
            extra = self.code_term.batch(step)
            if extra is not None and self.code_term.replaces_uniform:
                items, extra = extra, None
        terms = self._content_terms(items, self._masked_depth(len(items), step), with_code_term=extra is None)
        if extra is not None:
            terms |= self._code_terms(self._forward(self._take(extra), extra), extra)
        return terms

    def _content_terms(
        self, items: npt.NDArray[np.int64], depth: Tensor | None = None, *, with_code_term: bool = True
    ) -> dict[str, Tensor]:
        x = self._take(items)
        output = self._forward(x, items, depth)
        if self.model.training:
            self._usage.count(output.quantizer.codes)
        error = (F.normalize(x, dim=1) - output.reconstruction).square().sum(1).mean()
        terms = {"reconstruction": error, "quantization": output.quantizer.loss}
        return terms | self._code_terms(output, items) if with_code_term else terms

    def _forward(self, x: Tensor, items: npt.NDArray[np.int64], depth: Tensor | None = None) -> RQVAEOutput:
        parts = self._tree_parts[torch.from_numpy(items).to(self.device)]
        output: RQVAEOutput = self.model(x, tree_part=parts, depth=depth)
        return output

    def _code_terms(self, output: RQVAEOutput, items: npt.NDArray[np.int64]) -> dict[str, Tensor]:
        if self.code_term is None:
            return {}
        return {"code_term": self.code_term.weight * self.code_term.loss(self.model, output, items)}

    def _tree_terms(self, items: npt.NDArray[np.int64]) -> dict[str, Tensor]:
        return {"contrast": self._tree.loss(self._tree_encoder, self._take(items), items)}

    def _initialise_codes(self) -> None:
        """Set lambda if it is to be found, then all codebooks."""
        self.model.eval()
        find = self.taxonomy is not None and self.config.contrast_weight == "auto"
        latents = self._sample_latents()
        if find:
            kept_aside = self._latents(self._validation)
            self.tree_weight = choose_tree_weight(self.model, latents, kept_aside, self.config, self.progress)
            if self.tree_weight == 0.0:
                self.warnings.append(
                    "The tree was not used: any weight costs more content than --reconstruction-limit allows."
                )
        generator = stream_generator(self.config.seed, Stream.INITIALISE, 1)
        initialise_codes(self.model, latents, self.config, self.tree_weight, generator)

    @torch.no_grad()
    def _sample_latents(self) -> Tensor:
        """Latents of a large sample of the training items."""
        generator = stream_generator(self.config.seed, Stream.INITIALISE)
        order = torch.randperm(len(self._train), generator=generator)[:_LATENT_SAMPLE].numpy()
        return torch.cat(
            [self._latents(part) for part in np.split(self._train[order], range(_CHUNK, len(order), _CHUNK))]
        )

    @torch.no_grad()
    def _validate(self, phase: str, step: int) -> None:
        """Add a row to the history and remember the model if it gives the best codes so far."""
        row: dict[str, Any] = {"phase": phase, "step": step}
        self.model.eval()
        if phase == "tree":
            terms = self._tree_terms(self._tree_validation)
        else:
            terms = self._content_terms(self._validation)
            codes = self.model.quantizer.encode(self._latents(self._validation))
            row["perplexity"] = [perplexity(column) for column in codes.T]
        self.model.train()
        row |= {name: float(value) for name, value in terms.items()}
        # Quantisation has no say: an encoder may trade it against scale without any gain in content.
        row["validation"] = row["contrast" if phase == "tree" else "reconstruction"] + row.get(
            "code_term", 0.0
        )
        if not math.isfinite(row["validation"]):
            raise _not_finite(phase, step, terms)
        self.history.append(row)
        if phase == "codes" and row["validation"] < self.best[0]:
            self.best = (row["validation"], step, cpu_state(self.model))

    @torch.no_grad()
    def _revive(self, step: int) -> None:
        """Move codewords that no item of the last stretch chose to residuals of random training items."""
        generator = stream_generator(self.config.seed, Stream.REVIVE, step)
        for level, dead in enumerate(self._usage.dead()):
            if len(dead):
                picks = torch.randint(len(self._train), (len(dead),), generator=generator).numpy()
                latents = self._latents(self._train[picks])
                self.model.quantizer.codebooks[level][dead] = self.model.quantizer.residuals(latents, level)
        self._usage.reset()

    def _masked_depth(self, items: int, step: int) -> Tensor | None:
        if not self.config.progressive_masking:
            return None
        levels = len(self.model.config.sizes)
        depth = torch.randint(
            1, levels + 1, (items,), generator=stream_generator(self.config.seed, Stream.DEPTH, step)
        )
        return depth.to(self.device)

    def _take(self, items: npt.NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(np.asarray(self.embeddings[items], np.float32)).to(self.device)

    def _sample(self, items: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        order = torch.randperm(
            len(items), generator=stream_generator(self.config.seed, Stream.VALIDATE)
        ).numpy()
        return np.asarray(items[np.sort(order[:_VALIDATION_SAMPLE])], np.int64)

    def _save(self, phase: str, step: int) -> None:
        if self.checkpoint is None:
            return
        loss, best_step, best = self.best
        progress = {
            "belongs_to": self._identity(),
            "phase": phase,
            "step": step,
            "tree_weight": self.tree_weight,
            "history": self.history,
            "warnings": self.warnings,
            "best": [loss if best else None, best_step],
        }
        term = {} if self.code_term is None else self.code_term.state_dict()
        state = Checkpoint(self.model.state_dict(), best, self.optimizer.state_dict(), progress, term)
        save_checkpoint(self.checkpoint, state)

    def _restore(self) -> tuple[str, int]:
        """Phase and step to go on from; the beginning where there is no checkpoint."""
        if self.checkpoint is None or not self.checkpoint.exists():
            return "tree", 0
        saved = load_checkpoint(self.checkpoint)
        progress = saved.progress
        if progress["belongs_to"] != self._identity():
            raise TrainingError(
                f"{self.checkpoint} was written for other data or settings. Use the same ones to go on, or "
                "start again without resuming."
            )
        self._start_phase(progress["phase"])
        self.model.load_state_dict(dict(saved.model))
        if self.code_term is not None:
            self.code_term.load_state_dict(dict(saved.code_term))
        self.optimizer.load_state_dict(dict(saved.optimizer))
        self.tree_weight, self.history = progress["tree_weight"], progress["history"]
        self.warnings = progress["warnings"]
        loss, best_step = progress["best"]
        self.best = (math.inf if loss is None else loss, best_step, dict(saved.best))
        return progress["phase"], progress["step"]

    def _identity(self) -> dict[str, Any]:
        """What a checkpoint must agree with."""
        settings = {"training": asdict(self.config), "model": asdict(self.model.config)}
        if self.code_term is not None:
            settings["code_term"] = self.code_term.identity()
        parents = None if self.taxonomy is None else self.taxonomy.parents
        return identity_of(settings, self.embeddings, self.nodes, parents)


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
