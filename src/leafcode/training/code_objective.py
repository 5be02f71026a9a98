"""What encoder, codebooks and decoder are trained for, and the batches that they see."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from leafcode.quantizers import RQVAE, RQVAEOutput
from leafcode.sampling import UniformBatchSampler
from leafcode.training.code_term import CodeTerm
from leafcode.training.config import TrainingConfig
from leafcode.training.randomness import Stream, stream_generator
from leafcode.training.upkeep import CodeUsage
from leafcode.training.world import World, current_world

LongArray = npt.NDArray[np.int64]

_LATENT_SAMPLE = 65_536
_CHUNK = 4_096
"""Items whose latents are computed at once."""


class Latents(NamedTuple):
    """What is quantised: values (N, D), and bool (N, D) where they are known, None if all are."""

    values: Tensor
    known: Tensor | None


class CodeObjective:
    """Reconstruction and quantisation on uniform batches, and a further term where there is one.

    Args:
        model: What is trained.
        inputs: (n, E), or (n, E + H) with engagement, possibly memory-mapped.
        train: Positions of the items to train on.
        config: Settings.
        device: Where to train.
        code_term: A further term.
    """

    def __init__(
        self,
        model: RQVAE,
        inputs: npt.NDArray[np.floating[Any]],
        train: LongArray,
        config: TrainingConfig,
        device: torch.device,
        code_term: CodeTerm | None,
    ) -> None:
        self._model, self._inputs, self._train = model, inputs, train
        self._config, self._device, self._code_term = config, device, code_term
        self._uniform = UniformBatchSampler(
            len(train), batch_size=min(config.batch_size, len(train)), seed=config.seed
        )
        self._usage = CodeUsage(model.config.sizes, device)
        self._world = current_world()
        self._tree_parts: Tensor | None = None

    def take(self, items: LongArray) -> Tensor:
        """Input rows (B, E or E + H) float32 of items (B,)."""
        return torch.from_numpy(np.asarray(self._inputs[items], np.float32)).to(self._device)

    @torch.no_grad()
    def take_tree_parts(self) -> None:
        """Compute the tree part of every item once, for from now on the tree encoder is left alone.

        Of more items than are drawn it is computed when they are.
        """
        drawn = _LATENT_SAMPLE + self._config.batch_size * (self._config.content_steps + self._config.steps)
        if len(self._inputs) <= drawn:
            self._tree_parts = self._compute_tree_parts(np.arange(len(self._inputs)))

    def latents(self, items: LongArray) -> Latents:
        """Latents of items (B,)."""
        inputs = self.take(items)
        return Latents(self._model.latents(inputs, self._parts_of(items)), self._model.known(inputs))

    @torch.no_grad()
    def sample_latents(self) -> Latents:
        """Latents of a large sample of the training items, always the same one."""
        generator = stream_generator(self._config.seed, Stream.INITIALISE)
        order = torch.randperm(len(self._train), generator=generator)[:_LATENT_SAMPLE].numpy()
        values, known = zip(*(self.latents(part) for part in _chunks(self._train[order])), strict=True)
        return Latents(torch.cat(values), None if known[0] is None else torch.cat(known))

    def step(self, step: int) -> dict[str, Tensor]:
        """The terms on the batches of a step, which is all that they depend on; see `terms`."""
        items, extra = self._train[self._uniform.step_batch(step)], None
        if self._code_term is not None:
            extra = self._code_term.batch(step)
            if extra is not None and self._code_term.replaces_uniform:
                items, extra = extra, None
        terms = self.terms(items, self._masked_depth(len(items), step), with_code_term=extra is None)
        if extra is not None:
            terms |= self._code_terms(self._forward(self.take(extra), extra), extra)
        return terms

    def terms(
        self, items: LongArray, depth: Tensor | None = None, *, with_code_term: bool = True
    ) -> dict[str, Tensor]:
        """The terms on items (B,), by name; scalars.

        In training, a process takes its share of the items, and the terms of all processes add up to those
        on the whole batch.
        """
        world = self._world if self._model.training else World()
        rows, weight = world.share(len(items))
        own = items[rows]
        x = self.take(own)
        output = self._forward(x, own, None if depth is None else depth[rows], count=False)
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

    def _forward(
        self, x: Tensor, items: LongArray, depth: Tensor | None = None, *, count: bool = True
    ) -> RQVAEOutput:
        output: RQVAEOutput = self._model(x, tree_part=self._parts_of(items), depth=depth, count=count)
        return output

    def _parts_of(self, items: LongArray) -> Tensor:
        if self._tree_parts is None:
            return self._compute_tree_parts(items)
        return self._tree_parts.index_select(0, torch.from_numpy(items).to(self._device))

    @torch.no_grad()
    def _compute_tree_parts(self, items: LongArray) -> Tensor:
        training = self._model.training
        self._model.eval()
        parts = [self._model.tree_part(self.take(part)) for part in _chunks(items)]
        self._model.train(training)
        return torch.cat(parts)

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
