"""Do the codes carry the tree: categories predicted from shared code prefixes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from leafcode.evaluation._arrays import is_any_of, majority_vote, mean_or_nan, prefix_ids
from leafcode.evaluation._checks import check_codes, check_places, check_widths


def prefix_accuracy(
    train_codes: npt.ArrayLike,
    train_ancestors: npt.ArrayLike,
    test_codes: npt.ArrayLike,
    test_ancestors: npt.ArrayLike,
) -> npt.NDArray[np.float64]:
    """Share of test items whose depth-d category is predicted right from the codes, at every depth d.

    For a test item take the longest prefix of its code that at least one training item has, and predict
    the most frequent depth-d ancestor among those training items (ties: the smaller node id). A test
    item that shares not even the first code with a training item counts as wrong. Items, training and
    test, whose path is shorter than d are left out at d, and so an unlabelled item takes no part. An item
    with several paths votes with its first; as a test item it is predicted right by any of them.

    It does not measure: how balanced or how distinct the codes are (one code per category scores 1), nor
    how wrong a wrong prediction is. Frequent categories weigh as much as they have items. A category
    without training items can only be missed, which lowers the score on a split by leaf.

    Args:
        train_codes: (n, L) non-negative integers.
        train_ancestors: (n, D) node ids, the ancestor at each depth from the top, -1 below the item's
            own node; a row of -1 is an unlabelled item. Or (n, P, D) for items with up to P paths.
        test_codes: (m, L), as `train_codes`.
        test_ancestors: (m, D) or (m, P, D), as `train_ancestors`.

    Returns:
        float64 (D,): index d - 1 holds depth d; NaN where no test item reaches that depth.

    Raises:
        InputError: If shapes or types do not fit together.

    Example:
        >>> prefix_accuracy(
        ...     [[0, 0], [0, 1], [0, 1]], [[0, 1], [0, 2], [0, 2]], [[0, 0], [0, 7], [5, 0]], [[0, 1]] * 3
        ... ).round(3)
        array([0.667, 0.333])
    """
    train_codes, test_codes = check_codes(train_codes, "train_codes"), check_codes(test_codes, "test_codes")
    check_widths(train_codes, test_codes, "test_codes")
    voting = check_places(train_ancestors, "train_ancestors", len(train_codes))[:, 0]
    own = check_places(test_ancestors, "test_ancestors", len(test_codes))
    check_widths(voting, own[:, 0], "test_ancestors")

    train_ids, test_ids = prefix_ids(train_codes, test_codes)
    n_ids = len(train_ids) + len(test_ids)
    levels, depths = train_codes.shape[1], voting.shape[1]
    accuracy = np.full(depths, np.nan)
    for depth in range(depths):
        voters, scored = voting[:, depth] >= 0, (own[:, :, depth] >= 0).any(axis=1)
        votes = voting[voters, depth]
        predicted = np.full(int(scored.sum()), -1, dtype=np.int64)
        for level in reversed(range(levels)):
            winners = majority_vote(train_ids[voters, level], votes, n_ids)
            predicted = np.where(predicted < 0, winners[test_ids[scored, level]], predicted)
        accuracy[depth] = mean_or_nan(is_any_of(predicted, own[scored, :, depth]))
    return accuracy
