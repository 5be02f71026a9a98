import numpy as np
import pytest
import scipy.optimize
from tests.audit.catalogues import all_categories
from tests.oracles.audit import given_probability, softmax

from leafcode.audit import label_model
from leafcode.audit.label_model import LabelModel, fit_label_model
from leafcode.audit.label_noise import categories_by_common_depth
from leafcode.errors import TrainingError
from leafcode.taxonomy import Taxonomy

PATHS = [f"{a} > {b} > {c}" for a in "ab" for b in "kl" for c in "xyz"]
RAGGED = ["a > k > x", "a > k > y", "a > k > z", "a > l > x", "a > m", "b", "c > k > x", "c > k > y"]
"""Categories without siblings, cousins or children."""
RATES = np.array([0.85, 0.03, 0.04, 0.08])
WEIGHTS = np.array([1.5, -0.7])


def simulate(n, seed=0, paths=PATHS):
    """Items drawn from the model itself: evidence, their true categories, and the given ones."""
    rng = np.random.default_rng(seed)
    tree, categories = Taxonomy.from_paths(paths)
    evidence = rng.normal(size=(n, len(paths), 2)) * [1.5, 2]
    scores = evidence @ WEIGHTS
    true = (scores + rng.gumbel(size=scores.shape)).argmax(1)
    parents = tree.parents.tolist()
    hand = np.array(
        [[given_probability(parents, categories, y, c, RATES) for y in categories] for c in categories]
    )
    given = (rng.random(n)[:, None] > hand[true].cumsum(1)).sum(1)
    return tree, categories, evidence, true, given


def fitted(n, seed=0):
    tree, categories, evidence, true, given = simulate(n, seed)
    candidates = all_categories(categories[given], categories, tree)
    relatives = categories_by_common_depth(tree, categories)
    features = evidence.reshape(-1, 2)
    return fit_label_model(features, candidates, relatives), features, candidates, relatives, true, given


def captured(monkeypatch, *arguments):
    """The function that is minimised, and where it starts."""
    calls = []

    def minimize(objective, start, **options):
        calls.append((objective, start))
        return scipy.optimize.minimize(objective, start, **options)

    monkeypatch.setattr(label_model, "minimize", minimize)
    fit_label_model(*arguments)
    return calls[0]


def small(paths=PATHS):
    tree, categories, evidence, _, given = simulate(12, paths=paths)
    candidates = all_categories(categories[given], categories, tree)
    return tree, categories, evidence, given, candidates, categories_by_common_depth(tree, categories)


@pytest.mark.parametrize("paths", [PATHS, RAGGED])
def test_likelihood_against_a_sum_over_all_categories(monkeypatch, paths):
    tree, categories, evidence, given, candidates, relatives = small(paths)
    features = evidence.reshape(-1, 2)
    objective, _ = captured(monkeypatch, features, candidates, relatives)
    weights, logits = np.array([0.8, -0.3]), np.array([-3.0, -2.0, -1.0])
    rates = softmax([0, *logits])
    expected = 0.0
    for item, y in enumerate(given):
        scores = ((evidence[item] - features.mean(0)) / features.std(0)) @ weights
        truth = zip(categories, softmax(scores), strict=True)
        likelihood = sum(
            p * given_probability(tree.parents.tolist(), categories, categories[y], c, rates)
            for c, p in truth
        )
        expected -= np.log(likelihood) / len(given)
    off = logits - np.log(label_model._FIRST_RATE)
    penalty = label_model._SHRINK * weights @ weights + label_model._SHRINK_RATES * off @ off
    assert objective(np.append(weights, logits))[0] == pytest.approx(expected + penalty, rel=1e-12)


@pytest.mark.parametrize("paths", [PATHS, RAGGED])
def test_gradient_against_finite_differences(monkeypatch, paths):
    *_, evidence, _, candidates, relatives = small(paths)
    objective, start = captured(monkeypatch, evidence.reshape(-1, 2), candidates, relatives)
    rng = np.random.default_rng(0)
    for point in (start, start + rng.normal(size=len(start)), 3 * rng.normal(size=len(start))):
        numeric = scipy.optimize.approx_fprime(point, lambda x: objective(x)[0], 1e-7)
        assert np.allclose(objective(point)[1], numeric, atol=1e-5)


@pytest.mark.parametrize("paths", [PATHS, RAGGED])
def test_given_probabilities_sum_to_one_over_the_categories(paths):
    tree, categories = Taxonomy.from_paths(paths)
    relatives = categories_by_common_depth(tree, categories)
    candidates = all_categories(categories, categories, tree)  # one item given each category
    model = LabelModel(np.zeros(1), np.zeros(1), np.ones(1), RATES)
    p = model.probabilities(np.zeros((len(candidates.row), 1)), candidates)
    moved = (
        p * RATES[1:][label_model._depth(candidates)] * label_model._move_probability(candidates, relatives)
    )
    right = label_model._right(RATES, label_model._stays(candidates, relatives))
    assert candidates.sums(moved).sum() + (right * p[candidates.own]).sum() == pytest.approx(1)


def test_moves_are_the_posterior_of_each_true_category():
    tree, categories, evidence, given, candidates, relatives = small()
    model = LabelModel(WEIGHTS, np.zeros(2), np.ones(2), RATES)
    p = model.probabilities(evidence.reshape(-1, 2), candidates)
    moves = model.moves(p, candidates, relatives).reshape(evidence.shape[:2])
    for item, y in enumerate(given):
        truth = softmax(evidence[item] @ WEIGHTS)
        joint = [
            q * given_probability(tree.parents.tolist(), categories, categories[y], c, RATES)
            for c, q in zip(categories, truth, strict=True)
        ]
        expected = np.array(joint) / sum(joint)
        expected[y] = 0
        assert np.allclose(moves[item], expected)


def test_a_stranger_counts_for_all_it_stands_for():
    tree, categories = Taxonomy.from_paths(["a", "b", "c", "d"])
    candidates = all_categories(categories[:1], categories, tree)
    few = candidates._replace(
        row=candidates.row[:2],
        node=candidates.node[:2],
        log_count=np.log([1.0, 3.0]),
        common_depth=candidates.common_depth[:2],
    )
    model = LabelModel(np.ones(1), np.zeros(1), np.ones(1), np.array([0.9, 0.1]))
    all_of_them = model.probabilities(np.array([[2.0], [0.5], [0.5], [0.5]]), candidates)
    found = model.probabilities(np.array([[2.0], [0.5]]), few)
    assert found == pytest.approx([all_of_them[0], all_of_them[1:].sum()])


def test_recovers_weights_and_rates():
    model, *_ = fitted(6000)
    assert model.rates == pytest.approx(RATES, abs=0.015)
    assert model.weights / model.spread == pytest.approx(WEIGHTS, rel=0.08)


def test_probabilities_are_calibrated_on_new_items():
    model, *_ = fitted(4000)
    _, features, candidates, relatives, true, given = fitted(4000, seed=1)
    probability = candidates.sums(
        model.moves(model.probabilities(features, candidates), candidates, relatives)
    )
    wrong = true != given
    assert probability.mean() == pytest.approx(wrong.mean(), abs=0.02)
    part = np.digitize(probability, [0.05, 0.2, 0.5, 0.8])
    for bin_ in range(5):
        here = part == bin_
        error = np.sqrt(probability[here].mean() * (1 - probability[here].mean()) / here.sum())
        assert abs(probability[here].mean() - wrong[here].mean()) < 4 * error + 0.01


def test_without_wrong_labels_the_rates_are_small():
    tree, categories, evidence, true, _ = simulate(3000)
    candidates = all_categories(categories[true], categories, tree)
    relatives = categories_by_common_depth(tree, categories)
    model = fit_label_model(evidence.reshape(-1, 2), candidates, relatives)
    assert model.rates[0] > 0.98


def test_evidence_that_is_not_finite():
    *_, evidence, _, candidates, relatives = small()
    features = evidence.reshape(-1, 2).copy()
    features[3, 1] = np.nan
    with pytest.raises(TrainingError, match="not finite"):
        fit_label_model(features, candidates, relatives)


def test_a_line_search_that_gives_up_counts_where_the_gradient_is_flat(monkeypatch):
    *_, evidence, _, candidates, relatives = small()
    arguments = (evidence.reshape(-1, 2), candidates, relatives)
    expected = fit_label_model(*arguments)

    def giving_up(steps, status):
        def minimize(objective, start, **options):
            found = scipy.optimize.minimize(objective, start, **(options | {"options": {"maxiter": steps}}))
            found.success, found.status = False, status
            return found

        monkeypatch.setattr(label_model, "minimize", minimize)

    giving_up(2000, 2)
    np.testing.assert_array_equal(fit_label_model(*arguments).weights, expected.weights)
    for steps, status in ((1, 2), (2000, 1)):
        giving_up(steps, status)
        with pytest.raises(TrainingError, match="was not found"):
            fit_label_model(*arguments)
