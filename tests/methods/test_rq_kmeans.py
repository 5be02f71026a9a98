import numpy as np
from tests.methods.tasks import new_items, task_of
from tests.training.catalogues import SIZES

from leafcode.methods.rq_kmeans import RQKMeans, fit_rq_kmeans


def test_codes_are_the_nearest_codewords_of_what_is_left():
    task, items = task_of(), new_items()
    found = RQKMeans().train(task).encode(items)
    rest = items.astype(np.float64)
    rest /= np.linalg.norm(rest, axis=1, keepdims=True)
    unit = rest
    for level, book in enumerate(fit_rq_kmeans(task).codebooks):
        words = book.detach().numpy()
        assert len(words) == SIZES[level]
        distances = ((rest[:, None] - words) ** 2).sum(2)
        np.testing.assert_array_equal(found.codes[:, level], distances.argmin(1))
        rest = rest - words[found.codes[:, level]]
    np.testing.assert_allclose(found.quantized, unit - rest, atol=1e-6)
    np.testing.assert_array_equal(found.reconstructions, found.quantized)
