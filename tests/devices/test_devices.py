"""Tensors stay on the device that they were sent to.

There need not be a GPU: a device that only pretends to be another one than the CPU shows wherever tensors of
both would meet. Registering it changes what torch takes for granted, so that happens in another process.
"""

import json
import sys

import pytest
from tests.torchrun import run
from torch.utils import backend_registration

pytestmark = pytest.mark.skipif(
    not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"),
    reason="this torch has no devices written in Python",
)
CASES = [
    *(f"method {name}" for name in ("rq_kmeans", "lda_rq_kmeans", "without_tree", "supervised_contrast")),
    *(f"method {name}" for name in ("tag_heads", "triplets", "tree")),
    *("engagement, several places", "resumed", "command line", "losses", "large batches", "miner"),
]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """By case: None, or what went wrong."""
    file = tmp_path_factory.mktemp("devices") / "outcomes.json"
    ended = run(sys.executable, "-m", "tests.devices.cases", file)
    assert ended.returncode == 0, ended.stderr
    return json.loads(file.read_text())


def test_every_case_is_known(outcomes):
    assert list(outcomes) == CASES


@pytest.mark.parametrize("case", CASES)
def test_another_device_gives_the_same(outcomes, case):
    assert outcomes[case] is None, outcomes[case]
