"""The tree's weight in the codes: codebooks that begin with it, and lambda from the data."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from leafcode.quantizers import RQVAE
from leafcode.training.code_objective import Latents
from leafcode.training.config import TrainingConfig

FIRST_WEIGHT = 2.5
"""Lambda while the codebooks are turned towards the tree. Cells that are formed by the tree and then filled
by content keep more of both than cells that weigh the two alike from the beginning."""

WEIGHT_IN_TRAINING = 0.4
"""Lambda in training where it is found afterwards."""

TREE_ITERATIONS = 10
"""Of k-means from content codes towards the tree."""

_TRIALS = [WEIGHT_IN_TRAINING * float(2.0 ** (quarter / 4)) for quarter in range(-16, 13)]
"""From .025 to 3.2; codebooks that were trained with another weight are of little use beyond."""


@torch.no_grad()
def turn_towards_tree(
    model: RQVAE, latents: Latents, config: TrainingConfig, tree_weight: float, generator: torch.Generator
) -> None:
    """Fit codebooks that follow tree and engagement by k-means, from the codes that content alone has.

    Begun afresh, cells that serve content and tree cost more content for the same gain.

    Args:
        model: Its codebooks and level weights are set.
        latents: Of training items, as large a sample as fits.
        config: `level_weights` and `engagement_weights` are used.
        tree_weight: Lambda of the training that follows.
        generator: CPU generator that owns the randomness of k-means.
    """
    levels = len(model.config.sizes)
    start = model.quantizer.encode(*latents)
    model.set_level_weights(by_level(config.level_weights, max(FIRST_WEIGHT, tree_weight), levels))
    model.set_engagement_weights(by_level(config.engagement_weights, 1.0, levels))
    model.quantizer.fit(
        latents.values, generator, iterations=TREE_ITERATIONS, start=start, known=latents.known
    )
    model.set_level_weights(by_level(config.level_weights, tree_weight, levels))


@torch.no_grad()
def choose_tree_weight(
    model: RQVAE, kept_aside: Latents, embeddings: Tensor, config: TrainingConfig
) -> float:
    """Set lambda to the largest value at which the codes of a trained model keep to the limit on content.

    Lambda decides how much the tree has to say when an item chooses its codewords, which are what they are
    by now. So every trial is a matter of encoding the same items with the same codebooks, and the errors of
    two trials can be told apart where few items are at hand. Against another model, such as one trained with
    lambda = 0, they cannot.

    Args:
        model: Trained with lambda `WEIGHT_IN_TRAINING`; its level weights are set.
        kept_aside: Latents of items that nothing was learned from.
        embeddings: (M, E) their embeddings.
        config: `level_weights` are used, and `reconstruction_limit`, a multiple of the smallest error of a
            trial.

    Returns:
        Lambda, above 0.
    """
    levels, unit = len(model.config.sizes), F.normalize(embeddings, dim=1)

    def error(weight: float) -> float:
        model.set_level_weights(by_level(config.level_weights, weight, levels))
        codewords = model.quantizer.codewords(model.quantizer.encode(*kept_aside))
        rest = unit - model.decoder(codewords, codewords.sum(1))
        return float(rest.square().sum(1).mean())

    errors = [error(weight) for weight in _TRIALS]
    limit = config.reconstruction_limit * min(errors)
    chosen = max(weight for weight, found in zip(_TRIALS, errors, strict=True) if found <= limit)
    model.set_level_weights(by_level(config.level_weights, chosen, levels))
    return chosen


def by_level(shares: Sequence[float], weight: float, levels: int) -> tuple[float, ...]:
    """The weight of a part at each code level; shares of levels that do not exist count for nothing.

    Example:
        >>> by_level((1.0, 0.5), 2.0, levels=3)
        (2.0, 1.0, 0.0)
    """
    return tuple(weight * share for share in (*shares, *(0.0,) * levels)[:levels])
