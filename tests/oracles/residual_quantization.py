"""Residual quantisation and the rotation trick, item by item in NumPy, as their formulas stand."""

import numpy as np


def encode(latents, codebooks, metric):
    """Codes, and the residual before each level and after the last, of every item. Loops on purpose."""
    codes, residuals = [], []
    for latent in np.asarray(latents, np.float64):
        row, rests = [], [latent]
        for codebook, weights in zip(codebooks, metric, strict=True):
            distances = [np.sum(weights * (rests[-1] - codeword) ** 2) for codeword in codebook]
            row.append(int(np.argmin(distances)))
            rests.append(rests[-1] - codebook[row[-1]])
        codes.append(row)
        residuals.append(rests)
    return np.array(codes), np.array(residuals)


def decode(codes, codebooks):
    """Sum of the codewords of every item."""
    return np.array(
        [sum(codebook[code] for codebook, code in zip(codebooks, row, strict=True)) for row in codes]
    )


def rotation(start, end):
    """Orthogonal matrix that turns `start` into the direction of `end`, within their plane.

    By its angle in the plane of the two, where the rotation trick takes two reflections.
    """
    first = start / np.linalg.norm(start)
    target = end / np.linalg.norm(end)
    second = target - (target @ first) * first
    second = second / np.linalg.norm(second)
    cosine, sine = target @ first, target @ second
    plane = np.stack([first, second], axis=1)
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.eye(len(start)) - plane @ plane.T + plane @ turn @ plane.T
