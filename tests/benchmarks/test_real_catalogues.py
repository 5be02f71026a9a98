import hashlib

from tests.benchmarks.test_catalogues import data  # noqa: F401 (a fixture)

from real_catalogues import load


def test_a_sample_is_decided_by_the_ids(data):  # noqa: F811
    whole, part = load(data, "shop", progress=False), load(data, "shop", sample=50, progress=False)
    wanted = sorted(whole.ids.to_pylist(), key=lambda one: hashlib.sha256(one.encode()).digest())[:50]
    assert sorted(part.ids.to_pylist()) == sorted(wanted)
    assert part.embeddings is not None
    assert len(part.embeddings) == 50
