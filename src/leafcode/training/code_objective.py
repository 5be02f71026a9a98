"""What encoder, codebooks and decoder are trained for, and the batches that they see."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from leafcode.quantizers import RQVAE, RQVAEOutput
from leafcode.sampling import UniformBatchSampler
from leafcode.training.batch import Batch, Inputs, LongArray
from leafcode.training.code_term import CodeTerm
from leafcode.training.config import TrainingConfig
from leafcode.training.randomness import Stream, stream_generator
from leafcode.training.upkeep import CodeUsage
from leafcode.training.world import World

LATENT_SAMPLE = 65_536
"""Items that k-means takes."""
_CHUNK = 4_096
"""Items whose latents are computed at once."""
_MOST_KEPT = 1 << 22
"""Items whose tree parts are kept: 2 GiB of them."""


class Latents(NamedTuple):
    """What is quantised: values (N, D), and bool (N, D) where they are known, None if all are."""

    values: Tensor
    known: Tensor | None


class CodeObjective:
    """Reconstruction and quantisation on uniform batches, and a further term where there is one.

    Args:
        model: What is trained.
        inputs: Of all items.
        train: Positions of the items to train on.
        validation: Positions of items kept aside, or of training items if none are.
        config: Settings.
        code_term: A further term.
    """

    def __init__(
        self,
        model: RQVAE,
        inputs: Inputs,
        train: LongArray,
        validation: LongArray,
        config: TrainingConfig,
        code_term: CodeTerm | None,
    ) -> None:
        self._model, self._inputs, self._train, self._validation = model, inputs, train, validation
        self._config, self._device, self._code_term = config, inputs.device, code_term
        self._uniform = UniformBatchSampler(
            len(train), batch_size=min(config.batch_size, len(train)), seed=config.seed
        )
        self._usage = CodeUsage(model.config.sizes, inputs.device)
        self._with_parts: LongArray = np.empty(0, np.int64)
        self._tree_parts = torch.empty(0, device=inputs.device)

    def take_tree_parts(self, *, progress: bool = False) -> None:
        """Compute the tree parts of all items to be drawn, for from now on the tree encoder is left alone.

        Those of any further item are computed whenever they are asked for, and of a batch if all would be too
        many.
        """
        if self._model.tree_encoder is None:
            return
        steps = self._config.content_steps + self._config.steps
        drawn = steps * self._config.batch_size
        if len(self._inputs) <= min(LATENT_SAMPLE + drawn, _MOST_KEPT):
            items = np.arange(len(self._inputs))
        else:
            batches = [self._batch_items(step)[0] for step in range(steps if drawn <= _MOST_KEPT else 0)]
            items = np.unique(np.concatenate([self._validation, self._sampled(), *batches]))
        with tqdm(total=len(items), desc="places in the tree", unit="item", disable=not progress) as bar:
            self._tree_parts = self._compute_tree_parts(items, bar)
        self._with_parts = items

    def latents(self, items: LongArray) -> Latents:
        """Latents of items (B,)."""
        inputs = self._inputs.take(items)
        return Latents(self._model.latents(inputs, self._parts_of(items)), self._model.known(inputs))

    @torch.no_grad()
    def sample_latents(self) -> Latents:
        """Latents of a large sample of the training items, always the same one."""
        values, known = zip(*(self.latents(part) for part in _chunks(self._sampled())), strict=True)
        return Latents(torch.cat(values), None if known[0] is None else torch.cat(known))

    def draw(self, step: int) -> Batch:
        """The batch of a step, which depends on nothing else."""
        items, extra = self._batch_items(step)
        return self._inputs.batch(items, None if extra is None else self._inputs.batch(extra))

    def step(self, step: int, batch: Batch) -> dict[str, Tensor]:
        """The terms on the batch of a step, by name; scalars.

        A process takes its share of the items, and the terms of all processes add up to those on the whole
        batch.
        """
        depth = self._masked_depth(len(batch.items), step)
        terms = self._terms(batch, depth, with_code_term=batch.extra is None)
        if batch.extra is not None:
            items, x, _ = batch.extra
            terms |= self._code_terms(self._forward(x, items), items)
        return terms

    def validate(self) -> dict[str, Tensor]:
        """The terms on items kept aside."""
        return self._terms(Batch(self._validation, self._inputs.take(self._validation)))

    @torch.no_grad()
    def validation_codes(self) -> Tensor:
        """Codes (M, L) of items kept aside."""
        return self._model.quantizer.encode(*self.latents(self._validation))

    def _terms(
        self, batch: Batch, depth: Tensor | None = None, *, with_code_term: bool = True
    ) -> dict[str, Tensor]:
        items, x, _ = batch
        world = self._inputs.world if self._model.training else World()
        rows, weight = world.share(len(items))
        own = items[rows]
        output = self._forward(x, own, None if depth is None else depth[rows])
        if self._model.training:
            codes = world.gather(output.quantizer.codes, len(items))
            self._model.quantizer.count(codes, world.gather(output.quantizer.errors, len(items)))
            self._usage.count(codes)
        error = (self._model.content(x) - output.reconstruction).square().sum(1).mean()
        terms = {"reconstruction": weight * error, "quantization": weight * output.quantizer.loss}
        return terms | self._code_terms(output, own) if with_code_term else terms

    @torch.no_grad()
    def revive(self, step: int) -> None:
        """Move codewords that no item of the last stretch chose to residuals of random training items."""
        generator = stream_generator(self._config.seed, Stream.REVIVE, step)
        for level, dead in enumerate(self._usage.dead()):
            if len(dead):
                picks = torch.randint(len(self._train), (len(dead),), generator=generator).numpy()
                latents, known = self.latents(self._train[picks])
                residuals = self._model.quantizer.residuals(latents, level, known)
                self._model.quantizer.codebooks[level][dead] = residuals
        self.forget_usage()

    def forget_usage(self) -> None:
        """Begin to count anew which codes are chosen."""
        self._usage.reset()

    def _forward(self, x: Tensor, items: LongArray, depth: Tensor | None = None) -> RQVAEOutput:
        # Counted are the uniform batches alone, and those whole.
        output: RQVAEOutput = self._model(x, tree_part=self._parts_of(items), depth=depth, count=False)
        return output

    def _batch_items(self, step: int) -> tuple[LongArray, LongArray | None]:
        """Items of a step, and those that a further term has of its own."""
        term = self._code_term
        extra = None if term is None else term.batch(step)
        if extra is not None and term is not None and term.replaces_uniform:
            return extra, None
        return self._train[self._uniform.step_batch(step)], extra

    def _sampled(self) -> LongArray:
        generator = stream_generator(self._config.seed, Stream.INITIALISE)
        order = torch.randperm(len(self._train), generator=generator)[:LATENT_SAMPLE].numpy()
        return np.asarray(self._train[order], np.int64)

    def _parts_of(self, items: LongArray) -> Tensor | None:
        """Tree parts (B, T) of items (B,); None for a model that has none."""
        if self._model.tree_encoder is None:
            return None
        rows = np.searchsorted(self._with_parts, items)
        if rows.max() == len(self._with_parts) or not np.array_equal(self._with_parts[rows], items):
            return self._compute_tree_parts(items)
        return self._tree_parts.index_select(0, torch.from_numpy(rows).to(self._device))

    @torch.no_grad()
    def _compute_tree_parts(self, items: LongArray, bar: tqdm[Any] | None = None) -> Tensor:
        training = self._model.training
        self._model.eval()
        parts = torch.empty(len(items), self._model.config.tree_dim, device=self._device)
        for place, part in zip(torch.split(parts, _CHUNK), _chunks(items), strict=True):
            place.copy_(self._model.tree_part(self._inputs.take(part)))
            if bar is not None:
                bar.update(len(part))
        self._model.train(training)
        return parts

    def _code_terms(self, output: RQVAEOutput, items: LongArray) -> dict[str, Tensor]:
        if self._code_term is None:
            return {}
        return {"code_term": self._code_term.weight * self._code_term.loss(self._model, output, items)}

    def _masked_depth(self, items: int, step: int) -> Tensor | None:
        if not self._config.progressive_masking:
            return None
        levels = len(self._model.config.sizes)
        generator = stream_generator(self._config.seed, Stream.DEPTH, step)
        return torch.randint(1, levels + 1, (items,), generator=generator).to(self._device)


def _chunks(items: LongArray) -> list[LongArray]:
    return np.split(items, range(_CHUNK, len(items), _CHUNK))
