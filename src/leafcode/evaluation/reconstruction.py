"""What the codes lose of the embedding."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from leafcode.evaluation._arrays import mean_or_nan, row_blocks, unit_rows
from leafcode.evaluation._checks import check_embeddings, check_vectors, check_widths


def reconstruction_error(x: npt.ArrayLike, x_hat: npt.ArrayLike) -> float:
    """Mean of 1 - cos(x, x_hat) over the items; 0 is perfect, 2 the opposite direction.

    It does not measure: length (only the direction counts), which part of the content was lost, or
    whether the tree survived. It is not the mean squared error, which other tools report.

    Args:
        x: (n, E) floats, the input embeddings.
        x_hat: (n, E) floats, what the codes decode to.

    Returns:
        The mean in float64. NaN for no items. NaN as well if a row of `x_hat` is all zeros: it has no
        direction, and leaving it out would hide it.

    Raises:
        InputError: If the shapes differ, a number is not finite, or a row of `x` is all zeros.

    Example:
        >>> round(reconstruction_error([[1.0, 0.0], [0.0, 2.0]], [[3.0, 0.0], [0.6, 0.8]]), 6)
        0.1
    """
    x = check_embeddings(x, "x")
    x_hat = check_vectors(x_hat, "x_hat", len(x))
    check_widths(x, x_hat, "x_hat")
    cosines = np.empty(len(x))
    for block in row_blocks(*x.shape):
        cosines[block] = np.einsum("ij,ij->i", unit_rows(x[block]), unit_rows(x_hat[block]))
    cosines[~x_hat.any(axis=1)] = np.nan
    return mean_or_nan(1.0 - np.clip(cosines, -1.0, 1.0))
