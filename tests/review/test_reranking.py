import numpy as np
import pyarrow as pa
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from leafcode.errors import InputError
from leafcode.review import Audit, Evidence, Reranker, reranking
from leafcode.taxonomy import Taxonomy

PATHS = [f"{a} > {a}{b} > {a}{b}{c}" for a in "ABC" for b in range(3) for c in range(3)]


def findings(probability, given, suggested, tree):
    n = len(probability)
    nothing = Evidence(
        np.zeros(n + 1, np.int64), pa.chunked_array([[]], pa.string()), np.zeros(0), np.zeros(0, np.int64)
    )
    zeros = np.zeros(n, np.int64)
    ids = [str(row) for row in range(n)]
    return Audit(None, {}, tree, ids, [None] * n, probability, zeros, given, suggested, zeros, nothing, None)


def simulated(seed, kind, n=900):
    """Findings in the order of an audit whose log-odds are 3 too high where `kind` says, and the truth."""
    rng = np.random.default_rng(seed)
    tree, leaf = Taxonomy.from_paths(PATHS)
    partner = {int(v): rng.choice(leaf[leaf != v], 2, replace=False) for v in leaf}
    given = rng.choice(leaf, n)
    suggested = np.array([rng.choice(partner[int(v)]) for v in given])
    honest = rng.normal(-2, 1.6, n)
    too_high = np.zeros(n, bool)
    if kind == "one pair":
        source = leaf[0]
        given[: n // 8], suggested[: n // 8] = source, partner[int(source)][0]
        too_high = (given == source) & (suggested == partner[int(source)][0])
    elif kind == "one branch":
        too_high = tree.ancestors[given, 0] == 0
    wrong = rng.random(n) < expit(honest)
    said = honest + 3.0 * too_high
    order = np.argsort(-said, kind="stable")
    audit = findings(
        expit(said[order]), given[order].astype(np.int64), suggested[order].astype(np.int64), tree
    )
    return audit, wrong[order]


def gain(audit, wrong, decided):
    """Change of the average precision of what remains."""
    model, rest = Reranker(audit), np.arange(decided, len(audit))
    after = model.scores(np.arange(decided), wrong[:decided])
    before = audit.probability
    return average_precision_score(wrong[rest], after[rest]) - average_precision_score(
        wrong[rest], before[rest]
    )


@pytest.mark.parametrize("kind", ["one pair", "one branch"])
def test_what_remains_is_ranked_better_where_the_audit_errs_in_one_place(kind):
    gains = [gain(*simulated(seed, kind), decided=60) for seed in range(4)]
    assert np.mean(gains) > 0.01
    assert min(gains) > -0.005


def test_where_the_audit_errs_nowhere_little_is_lost():
    gains = [gain(*simulated(seed, "nothing"), decided=decided) for seed in range(4) for decided in (20, 80)]
    assert np.mean(gains) > -0.01
    assert min(gains) > -0.04


@pytest.mark.parametrize("kind", ["one pair", "one branch"])
def test_reviewing_in_the_new_order_finds_more(kind):
    more = []
    for seed in range(2):
        audit, wrong = simulated(seed, kind)
        model, done = Reranker(audit), list(range(10))
        while len(done) < 80:
            scores = model.scores(done, wrong[done])
            scores[done] = -np.inf
            done += np.argsort(-scores, kind="stable")[:10].tolist()
        more.append(int(wrong[done].sum()) - int(wrong[:80].sum()))
    assert min(more) >= 0
    assert np.mean(more) >= 1


def test_without_decisions_the_order_is_that_of_the_audit():
    audit, _ = simulated(0, "nothing")
    np.testing.assert_allclose(Reranker(audit).scores([], []), logit(audit.probability))


def test_few_decisions_change_little_and_most_where_they_were_made():
    audit, _ = simulated(0, "nothing")
    change = Reranker(audit).scores([0], [False]) - logit(audit.probability)
    same = (audit.given == audit.given[0]) & (audit.suggested == audit.suggested[0])
    other = audit.taxonomy.ancestors[audit.given, 0] != audit.taxonomy.ancestors[audit.given[0], 0]
    same_probability = np.abs(audit.probability - audit.probability[0]) < 0.05
    assert np.abs(change).max() < 2
    assert change[same].mean() < change[other & ~same].mean() - 0.05
    assert (change[same_probability] < 0).all()


def test_rejections_lower_and_acceptances_raise_their_pair():
    audit, _ = simulated(1, "one pair")
    pair = np.flatnonzero((audit.given == audit.given[0]) & (audit.suggested == audit.suggested[0]))
    decided, rest = pair[:6], pair[6:]
    model = Reranker(audit)
    lower, higher = (model.scores(decided, np.full(6, label)) for label in (False, True))
    assert (lower[rest] < model.scores([], [])[rest]).all()
    assert (higher[rest] > lower[rest]).all()


def test_a_fit_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    design = np.column_stack([np.zeros(60), rng.normal(size=(60, 4))])
    label = rng.random(60) < expit(design @ [0, 1, -1, 0.5, 0])
    fitted = reranking._fit(reranking.csr_array(design), label, np.full(5, 0.7))
    peer = LogisticRegression(C=0.7**2, fit_intercept=False, tol=1e-10).fit(design, label)
    np.testing.assert_allclose(fitted.weights[1:], peer.coef_[0][1:], atol=1e-4)


def test_the_evidence_is_that_of_an_integral():
    rng = np.random.default_rng(0)
    x, label = rng.normal(size=40), rng.random(40) < 0.5
    design = np.column_stack([np.zeros(40), x])
    fitted = reranking._fit(reranking.csr_array(design), label, np.array([0.25, 0.7]))
    weight = np.linspace(-6, 6, 4001)
    likelihood = np.exp(-np.logaddexp(0, -np.where(label, 1, -1) * weight[:, None] * x).sum(1))
    density = np.exp(-0.5 * (weight / 0.7) ** 2) / (0.7 * np.sqrt(2 * np.pi))
    assert fitted.evidence == pytest.approx(np.log(np.trapezoid(likelihood * density, weight)), abs=0.05)


def test_probabilities_of_0_and_1_and_findings_without_suggestion():
    tree, leaf = Taxonomy.from_paths(["A > a", "B > b"])
    audit = findings(
        np.array([1.0, 0.5, 0.0]), leaf[[0, 1, 1]].astype(np.int64), np.array([-1, -1, -1]), tree
    )
    scores = Reranker(audit).scores([0], [False])
    assert np.isfinite(scores).all()
    assert scores[0] > scores[1] > scores[2]


@pytest.mark.parametrize(("rows", "wrong"), [([0], []), ([900], [True]), ([-1], [True]), ([[0]], [[True]])])
def test_decisions_that_do_not_fit(rows, wrong):
    with pytest.raises(InputError, match="as many labels as rows"):
        Reranker(simulated(0, "nothing")[0]).scores(rows, wrong)
