"""Lambda from the data: the largest weight of the tree that the codes can carry at a stated cost."""

from __future__ import annotations

import torch
from torch import Tensor
from tqdm import tqdm

from leafcode.errors import InputError
from leafcode.quantizers import RQVAE, ResidualQuantizer
from leafcode.training.config import TrainingConfig

_SAMPLE = 32_768
_HELD_OUT = 0.2
_ITERATIONS = 5
_LARGEST = 4.0
"""Beyond, the first code depends on the tree part almost alone, and the deepest categories pay for it."""

_BISECTIONS = 4


@torch.no_grad()
def choose_tree_weight(model: RQVAE, latents: Tensor, config: TrainingConfig, progress: bool) -> float:
    """Find lambda by trial codes: as large as the limit on the reconstruction error allows.

    Every trial fits the codebooks by k-means on one part of a sample and measures the squared error of the
    content part on the other. The tree part enters a trial only through the choice of codewords, so the
    error grows with lambda, and bisection finds where it is `reconstruction_limit` times that of lambda = 0.

    Args:
        model: Only its shape is used.
        latents: (N, E + T) of training items, as after the first phase; more of them than codes in a level.
        config: `reconstruction_limit`, `level_weights` and `seed` are used.
        progress: Show a progress bar.

    Returns:
        lambda in [0, 4]; 4 if even that keeps to the limit.
    """
    dim, sizes = model.config.embedding_dim, model.config.sizes
    latents = latents[: max(_SAMPLE, 2 * max(sizes))]
    # The codebooks need as many items as they have codes, however few are left to measure on.
    held_out = min(max(1, int(_HELD_OUT * len(latents))), len(latents) - max(sizes))
    test, train = latents[:held_out], latents[held_out:]

    def error(weight: float) -> float:
        metric = torch.ones_like(model.quantizer.metric)
        metric[:, dim:] = metric.new_tensor(level_weights(config, weight, len(sizes)))[:, None]
        quantizer = ResidualQuantizer(latents.shape[1], sizes, metric=metric.cpu()).to(latents.device)
        quantizer.fit(train, torch.Generator().manual_seed(config.seed), iterations=_ITERATIONS)
        rest = test - quantizer.decode(quantizer.encode(test))
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


def level_weights(config: TrainingConfig, tree_weight: float, levels: int) -> tuple[float, ...]:
    """Weight of the tree part at each of the code levels, for a given lambda.

    Raises:
        InputError: More shares than levels.

    Example:
        >>> level_weights(TrainingConfig(level_weights=(1.0, 0.5)), tree_weight=2.0, levels=3)
        (2.0, 1.0, 0.0)
    """
    shares = config.level_weights
    if len(shares) > levels:
        raise InputError("level_weights", f"{len(shares)} shares", f"at most {levels}, one per level")
    return tuple(tree_weight * share for share in (*shares, *(0.0,) * (levels - len(shares))))
