"""Residual quantisation: each level codes what the levels before it left over."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from leafcode.errors import InputError
from leafcode.quantizers.balance import CodeBalance
from leafcode.quantizers.gradient import Estimator, pass_gradient
from leafcode.quantizers.kmeans import assign, cluster_means, kmeans, masked
from leafcode.quantizers.residual_levels import quantize_levels


class QuantizerOutput(NamedTuple):
    """What `ResidualQuantizer.forward` returns; B items, L levels, D latent dimensions."""

    codes: Tensor
    """(B, L) int64; ``codes[:, l]`` in ``[0, sizes[l])``, not offset by level."""
    codewords: Tensor
    """(B, L, D) the chosen codeword of each level, zero where a level is masked."""
    quantized: Tensor
    """(B, D) sum of the codewords over levels, with a gradient to codewords and latents."""
    loss: Tensor
    """Scalar: codebook loss plus `commitment` times commitment loss, summed over levels."""
    errors: Tensor
    """(B, L) squared distance (in the level's metric) of each residual to its codeword, detached."""


class ResidualQuantizer(nn.Module):
    """A residual quantiser whose levels may each measure distance in a metric of their own.

    Level l picks the codeword that is nearest to the residual r_l under the weights ``metric[l]`` and
    passes ``r_l - codeword`` on. The codeword that is subtracted carries no gradient: subtracting a
    straight-through copy instead cancels the gradient, and commitment beyond level 1 never reaches
    the encoder. With all weights one this is the quantiser of RQ-VAE (Lee et al. 2022; Rajput et al.
    2023).

    Args:
        dim: D, the dimension of the latents.
        sizes: Number of codewords of each level; levels may differ.
        metric: (L, D) weights >= 0 of the squared differences; None means ones.
        commitment: Weight beta of the commitment loss.
        estimator: See `leafcode.quantizers.gradient.pass_gradient`.
        balance: Strength with which the codes of all levels but the first are kept in even use while they are
            trained, see `leafcode.quantizers.balance.CodeBalance`.

    Raises:
        InputError: No level, a level with fewer than two codes, or a metric of another shape.

    Example:
        >>> quantizer = ResidualQuantizer(dim=2, sizes=(2, 2))
        >>> points = torch.tensor([[0.0, 0.0], [0.0, 1.0], [9.0, 0.0], [9.0, 1.0]])
        >>> quantizer.fit(points, torch.Generator().manual_seed(0))
        >>> codes = quantizer.encode(points)
        >>> bool((quantizer.decode(codes) == points).all())
        True
    """

    metric: Tensor

    def __init__(
        self,
        dim: int,
        sizes: Sequence[int],
        *,
        metric: Tensor | None = None,
        commitment: float = 0.25,
        estimator: Estimator = "straight_through",
        balance: float = 0.0,
    ) -> None:
        super().__init__()
        if not sizes or min(sizes) < 2:
            raise InputError("sizes", f"{list(sizes)}", "at least one level of at least two codes each")
        self.dim, self.sizes = dim, tuple(sizes)
        self.commitment = commitment
        self.estimator: Estimator = estimator
        self.codebooks = nn.ParameterList(nn.Parameter(torch.zeros(size, dim)) for size in self.sizes)
        self.register_buffer("metric", torch.ones(len(self.sizes), dim))
        # The first level may follow a tree, whose categories differ in size; those after it make up for it.
        self.balances = nn.ModuleList(CodeBalance(size, balance) for size in self.sizes[1:] if balance > 0)
        if metric is not None:
            self.set_metric(metric)

    def set_metric(self, metric: Tensor) -> None:
        """Replace the weights of the levels; (L, D), finite, >= 0.

        Raises:
            InputError: Another shape, or a negative or non-finite weight.
        """
        if metric.shape != self.metric.shape or not bool((metric.isfinite() & (metric >= 0)).all()):
            raise InputError(
                "metric",
                f"shape {tuple(metric.shape)}",
                f"finite weights >= 0 of shape {tuple(self.metric.shape)}",
            )
        self.metric.copy_(metric)

    @property
    def levels(self) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
        """Codebook, metric and offset of each level."""
        offsets = [balance.offsets for balance in self._balances]
        unbalanced = [None] * (len(self.sizes) - len(offsets))
        return zip(self.codebooks, self.metric, [*unbalanced, *offsets], strict=True)

    @property
    def _balances(self) -> list[CodeBalance]:
        return [module for module in self.balances if isinstance(module, CodeBalance)]

    @torch.no_grad()
    def fit(
        self,
        latents: Tensor,
        generator: torch.Generator,
        *,
        iterations: int = 25,
        start: Tensor | None = None,
        known: Tensor | None = None,
    ) -> None:
        """Set every codebook by k-means on the residuals of `latents`; this alone is RQ-KMeans.

        Args:
            latents: (N, D), as large a sample as fits: a single batch makes poor codebooks.
            generator: CPU generator that owns the randomness of the seeding.
            iterations: Lloyd iterations per level.
            start: (N, L) int64 codes to start from, instead of seeding.
            known: (N, D) bool, False for entries that are missing; None if all are known.

        Raises:
            InputError: Fewer latents than codes in a level.
        """
        residual = latents
        for balance in self._balances:
            balance.reset()
        for level, (codebook, metric, _) in enumerate(self.levels):
            scale = metric.sqrt()
            centroids = kmeans(
                residual * scale,
                len(codebook),
                generator,
                iterations=iterations,
                start=None if start is None else start[:, level],
                known=known,
            )
            indices, _ = assign(residual * scale, centroids, known=known)
            # Means of the residuals themselves, since a dimension of weight zero has no centroid.
            codebook.copy_(cluster_means(residual, indices, len(codebook), known))
            residual = residual - codebook[indices]

    def forward(
        self,
        latents: Tensor,
        *,
        depth: Tensor | None = None,
        known: Tensor | None = None,
        count: bool = True,
    ) -> QuantizerOutput:
        """Quantise a batch; in training mode it also counts towards the even use of codes.

        The gradient of codewords and loss can be taken once: there is no second derivative.

        Args:
            latents: (B, D).
            depth: (B,) int64, number of leading levels that count for each item, for progressive
                masking (PLUM, He et al. 2025): deeper levels neither add to `quantized` nor to the loss.
            known: (B, D) bool: entries of the latents that are missing, and have no part in the loss or in
                the choice of codewords, are False; None if all are known. The codewords chosen tell what is
                to be expected there.
            count: False for part of a batch, of which the whole is given to `count` afterwards.
        """
        found = quantize_levels(latents, self.levels, self.commitment, depth, known)
        quantized = pass_gradient(latents, found.codewords.sum(1), self.estimator)
        output = QuantizerOutput(found.codes, found.codewords, quantized, found.loss, found.errors)
        if self.training and count:
            self.count(output.codes, output.errors)
        return output

    @torch.no_grad()
    def count(self, codes: Tensor, errors: Tensor) -> None:
        """Count a batch towards the even use of codes; codes and errors (B, L) as in `QuantizerOutput`."""
        for level, balance in enumerate(self._balances, start=1):
            # Copies, for the sum over a column within a matrix is rounded in another order.
            balance.update(codes[:, level].contiguous(), errors[:, level].contiguous())

    @torch.no_grad()
    def encode(self, latents: Tensor, known: Tensor | None = None) -> Tensor:
        """Codes (N, L) int64 of latents (N, D); missing entries, where `known` is False, have no say."""
        residual, codes = latents, []
        for codebook, metric, offset in self.levels:
            indices, _ = assign(residual, codebook, metric, offset, known)
            residual = residual - codebook[indices]
            codes.append(indices)
        return torch.stack(codes, dim=1)

    @torch.no_grad()
    def residuals(self, latents: Tensor, level: int, known: Tensor | None = None) -> Tensor:
        """What levels before `level` (counted from 0) leave of latents (N, D), 0 for missing entries."""
        residual = latents
        for codebook, metric, offset in itertools.islice(self.levels, level):
            residual = residual - codebook[assign(residual, codebook, metric, offset, known)[0]]
        return masked(residual, known)

    def codewords(self, codes: Tensor) -> Tensor:
        """Codewords (N, L, D) of codes (N, L)."""
        return torch.stack([book[codes[:, level]] for level, book in enumerate(self.codebooks)], dim=1)

    def decode(self, codes: Tensor) -> Tensor:
        """Quantised latents (N, D) of codes (N, L): the sum of their codewords."""
        return self.codewords(codes).sum(1)
