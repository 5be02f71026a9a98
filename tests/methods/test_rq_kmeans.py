import numpy as np
import torch
from tests.methods.tasks import new_items, task_of
from tests.training.catalogues import SIZES

from leafcode.methods import rq_kmeans
from leafcode.methods.kmeans_codes import unit_vectors
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


def test_of_many_items_a_sample_is_learned_from(monkeypatch):
    task, seen = task_of(), []
    few = len(task.embeddings) // 2

    def watched(embeddings):
        seen.append(embeddings)
        return unit_vectors(embeddings)

    monkeypatch.setattr(rq_kmeans, "unit_vectors", watched)
    whole = fit_rq_kmeans(task)
    monkeypatch.setattr(rq_kmeans, "_MOST", few)
    first, again = fit_rq_kmeans(task), fit_rq_kmeans(task)
    assert [len(one) for one in seen] == [len(task.embeddings), few, few]
    assert {tuple(row) for row in seen[1]} <= {tuple(row) for row in task.embeddings}
    for ours, theirs, other in zip(first.codebooks, again.codebooks, whole.codebooks, strict=True):
        assert torch.equal(ours, theirs)
        assert not torch.equal(ours, other)
