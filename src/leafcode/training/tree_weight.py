"""The tree's weight in the codes: lambda from the data, and codebooks that begin with it."""

from __future__ import annotations

import torch
from torch import Tensor
from tqdm import tqdm

from leafcode.quantizers import RQVAE, ResidualQuantizer
from leafcode.training.config import TrainingConfig

_SAMPLE = 32_768
TREE_ITERATIONS = 10
"""Of k-means from content codes towards the tree: the further it goes on, the more content they lose."""

_LARGEST = 1.0
"""Beyond, the price grows faster than the gain, and a lucky trial on few items would do the most harm."""

_BISECTIONS = 4


@torch.no_grad()
def choose_tree_weight(
    model: RQVAE, latents: Tensor, kept_aside: Tensor, config: TrainingConfig, progress: bool
) -> float:
    """Find lambda by trial codes: as large as the limit on the reconstruction error allows.

    Every trial fits the codebooks by k-means and measures the squared error of the content part on items that
    neither they nor the tree encoder have learned from: it is surer of those it knows, whose codes pay
    another price for it. The tree part enters a trial only through the choice of codewords, so the error
    grows with lambda, and bisection finds where it is `reconstruction_limit` times that of lambda = 0.

    Args:
        model: Only its shape is used.
        latents: (N, E + T) of training items, as after the first phase; more of them than codes in a level.
        kept_aside: (M, E + T) of other items.
        config: `reconstruction_limit`, `level_weights` and `seed` are used.
        progress: Show a progress bar.

    Returns:
        lambda in [0, 1]; 1 if even that keeps to the limit.
    """
    dim, sizes = model.config.embedding_dim, model.config.sizes
    latents = latents[: max(_SAMPLE, 2 * max(sizes))]

    def fit(weight: float, start: Tensor | None) -> ResidualQuantizer:
        metric = torch.ones_like(model.quantizer.metric)
        metric[:, dim:] = metric.new_tensor(level_weights(config, weight, len(sizes)))[:, None]
        quantizer = ResidualQuantizer(latents.shape[1], sizes, metric=metric.cpu()).to(latents.device)
        generator = torch.Generator().manual_seed(config.seed)
        quantizer.fit(latents, generator, iterations=TREE_ITERATIONS, start=start)
        return quantizer

    # All trials start from the same codes, or the luck of seeding would outweigh a per cent of content.
    content_codes = fit(0.0, None).encode(latents)

    def error(weight: float) -> float:
        quantizer = fit(weight, content_codes)
        rest = kept_aside - quantizer.decode(quantizer.encode(kept_aside))
        return float(rest[:, :dim].square().sum(1).mean())

    with tqdm(total=_BISECTIONS + 2, desc="lambda", unit="trial", disable=not progress) as bar:

        def within(weight: float) -> bool:
            kept = error(weight) <= limit
            bar.update()
            return kept

        limit = config.reconstruction_limit * error(0.0)
        bar.update()
        if within(_LARGEST):
            return _LARGEST
        low, high = 0.0, _LARGEST
        for _ in range(_BISECTIONS):
            # Halved on the scale of distances, whose square the weight multiplies.
            middle = ((low**0.5 + high**0.5) / 2) ** 2
            low, high = (middle, high) if within(middle) else (low, middle)
    return low


@torch.no_grad()
def initialise_codes(
    model: RQVAE, latents: Tensor, config: TrainingConfig, tree_weight: float, generator: torch.Generator
) -> None:
    """Set level weights and codebooks: by content alone, and with lambda > 0 from there towards the tree.

    Begun afresh, cells that serve content and tree cost more content for the same gain.

    Args:
        model: Its quantiser is set.
        latents: (N, E + T) of training items, as large a sample as fits.
        config: `level_weights` are used.
        tree_weight: lambda.
        generator: CPU generator that owns the randomness of k-means.
    """
    levels = len(model.config.sizes)
    model.set_level_weights((0.0,) * levels)
    model.quantizer.fit(latents, generator)
    if tree_weight > 0:
        start = model.quantizer.encode(latents)
        model.set_level_weights(level_weights(config, tree_weight, levels))
        model.quantizer.fit(latents, generator, iterations=TREE_ITERATIONS, start=start)


def level_weights(config: TrainingConfig, tree_weight: float, levels: int) -> tuple[float, ...]:
    """Weight of the tree part at each code level; shares of levels that do not exist count for nothing.

    Example:
        >>> level_weights(TrainingConfig(level_weights=(1.0, 0.5)), tree_weight=2.0, levels=3)
        (2.0, 1.0, 0.0)
    """
    shares = config.level_weights[:levels]
    return tuple(tree_weight * share for share in (*shares, *(0.0,) * (levels - len(shares))))
