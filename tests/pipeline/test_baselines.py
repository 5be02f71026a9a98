import dataclasses

import numpy as np
import pytest
import torch
from tests.catalogues import DIM, OPTIONS, SHORT, clustered

from leafcode.codes import encode_items
from leafcode.pipeline.baselines import encode_lambda_0, encode_rq_kmeans, train_baselines
from leafcode.quantizers import ResidualQuantizer
from leafcode.training import Trainer, new_model

SHAPE = OPTIONS.model(DIM)


@pytest.fixture(scope="module")
def vectors():
    return clustered()[1]


@pytest.fixture(scope="module")
def tensors(vectors):
    return train_baselines(SHAPE, vectors, SHORT, progress=False)


def test_rq_kmeans_is_k_means_on_unit_vectors_level_by_level(vectors, tensors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    found = encode_rq_kmeans(SHAPE, tensors, vectors)
    rest = unit.astype(np.float64)
    for level in (0, 1):
        book = tensors[f"rq_kmeans/codebooks.{level}"].numpy()
        distances = ((rest[:, None] - book[None]) ** 2).sum(2)
        np.testing.assert_array_equal(found.codes[:, level], distances.argmin(1))
        rest = rest - book[found.codes[:, level]]
    np.testing.assert_allclose(found.quantized, unit - rest, atol=1e-6)
    np.testing.assert_array_equal(found.reconstructions, found.quantized)


def test_rq_kmeans_depends_on_the_seed_alone(vectors, tensors):
    again = ResidualQuantizer(DIM, SHAPE.sizes)
    unit = torch.nn.functional.normalize(torch.from_numpy(vectors), dim=1)
    again.fit(unit, torch.Generator().manual_seed(SHORT.seed))
    for name, value in again.state_dict().items():
        assert torch.equal(tensors[f"rq_kmeans/{name}"], value)


def test_lambda_0_is_training_without_the_tree(vectors, tensors):
    config = dataclasses.replace(SHORT, contrast_weight=0.0)
    model = new_model(SHAPE, SHORT.seed)
    trainer = Trainer(model, vectors, np.full(240, -1), None, config, progress=False)
    expected = encode_items(trainer.fit().model, vectors)
    found = encode_lambda_0(SHAPE, tensors, vectors)
    np.testing.assert_array_equal(found.codes, expected.codes)
    np.testing.assert_array_equal(found.reconstructions, expected.reconstructions)


def test_codes_do_not_depend_on_the_rows_beside_them(vectors, tensors):
    order = np.random.default_rng(0).permutation(240)
    for encode in (encode_rq_kmeans, encode_lambda_0):
        whole = encode(SHAPE, tensors, vectors).codes
        np.testing.assert_array_equal(encode(SHAPE, tensors, vectors[order]).codes, whole[order])
        np.testing.assert_array_equal(encode(SHAPE, tensors, vectors[7:8]).codes, whole[7:8])
