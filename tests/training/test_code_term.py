import numpy as np
import pytest
import torch
from tests.training.catalogues import QUICK, catalogue, model_of, same
from torch import nn

from leafcode.errors import TrainingError
from leafcode.sampling import UniformBatchSampler
from leafcode.training import CodeTerm, Trainer, TrainingConfig, cumulative_sums


class Pull(CodeTerm):
    """Pulls the content of the latents to a learned point, and notes what it was asked."""

    def __init__(self, weight=1.0, batches=None, replaces=False):
        super().__init__(weight)
        self.point = nn.Parameter(torch.full((8,), 0.5))
        self.batches, self.replaces_uniform = batches, replaces
        self.train_items, self.seen = None, []

    def prepare(self, train):
        self.train_items = train

    def batch(self, step):
        return None if self.batches is None else self.batches[step % len(self.batches)]

    def loss(self, model, output, items):
        if model.training:
            self.seen.append(items)
        return (output.latents[:, :8] - self.point).square().sum(1).mean()


def trainer(term, checkpoint=None, **settings):
    embeddings, nodes, tree = catalogue()
    config = TrainingConfig(**{**QUICK, "contrast_weight": 0.0, **settings})
    return Trainer(
        model_of(), embeddings, nodes, tree, config, checkpoint=checkpoint, progress=False, code_term=term
    )


def test_weight_0_changes_nothing():
    without, with_term = trainer(None).fit(), trainer(Pull(weight=0.0)).fit()
    for row in with_term.history:
        assert row.pop("code_term") == 0.0
    assert same(without, with_term)


def test_it_trains_the_encoder_and_its_own_parameters():
    term = Pull(weight=10.0)
    result = trainer(term, steps=40, evaluate_every=10, learning_rate=1e-2).fit()
    assert (term.point != 0.5).all()
    values = [row["code_term"] for row in result.history]
    assert values[-1] < 0.5 * values[0]


def test_it_has_a_say_in_the_best_checkpoint():
    result = trainer(Pull(weight=100.0), steps=40, evaluate_every=10, learning_rate=1e-2).fit()
    for row in result.history:
        assert row["validation"] == pytest.approx(row["reconstruction"] + row["code_term"])
    best = min(result.history, key=lambda row: row["validation"])
    assert result.best_step == best["step"]
    # By reconstruction alone the start would have won.
    assert min(result.history, key=lambda row: row["reconstruction"])["step"] == 0 < result.best_step


def test_it_returns_to_the_best_step_with_the_model():
    points = []

    class Watched(Pull):
        def loss(self, model, output, items):
            if not model.training:
                points.append(self.point.detach().clone())
            return super().loss(model, output, items)

    result = trainer(term := Watched(), learning_rate=1.0).fit()  # so high that the best step is no late one
    best = [(row["phase"], row["step"]) for row in result.history].index(("codes", result.best_step))
    assert best < len(result.history) - 1
    assert torch.equal(term.point, points[best])
    assert not torch.equal(term.point, points[-1])


def test_it_learns_on_the_uniform_batches_by_default():
    term = Pull()
    used = trainer(term)
    used.fit()
    assert len(term.seen) == QUICK["content_steps"] + QUICK["steps"]
    aside = np.setdiff1d(np.arange(120), term.train_items)
    assert len(aside) > 0
    sampler = UniformBatchSampler(len(term.train_items), batch_size=QUICK["batch_size"], seed=0)
    for step, items in enumerate(term.seen):
        np.testing.assert_array_equal(items, term.train_items[sampler.step_batch(step)])


def test_a_second_stream_leaves_the_uniform_one_as_it_is():
    batches = [np.array([0, 1, 2]), np.array([3, 4])]
    apart, none = trainer(Pull(0.0, batches)), trainer(None)
    first, second = apart.fit(), none.fit()
    for expected, items in zip(batches * 6, apart.code_term.seen, strict=True):
        np.testing.assert_array_equal(items, expected)
    ours, theirs = first.model.state_dict(), second.model.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    # Nor is it counted towards the even use of codes, which the best step may be too early to show.
    for row in first.history:
        row.pop("code_term", None)
    assert first.history == second.history


def test_its_batches_may_carry_the_whole_objective():
    batches = [np.arange(20)]
    with_term = trainer(Pull(0.0, batches, replaces=True))
    result = with_term.fit()
    assert all((items == batches[0]).all() for items in with_term.code_term.seen)
    ours, plain = result.model.state_dict(), trainer(None).fit().model.state_dict()
    assert not all(torch.equal(ours[name], plain[name]) for name in ours)


def test_it_has_no_say_in_what_the_tree_may_cost():
    class Constant(Pull):
        def loss(self, model, output, items):
            return super().loss(model, output, items) * 0.0 + 1000.0

    auto = {"contrast_weight": "auto", "reconstruction_limit": 1.05, "level_weights": (30.0, 30.0)}
    without, with_term = (trainer(term, **auto).fit().tree_weight for term in (None, Constant()))
    assert with_term == without < trainer(None, **{**auto, "reconstruction_limit": 100.0}).fit().tree_weight


@pytest.mark.parametrize("learning_rate", [3e-3, 1.0])  # so high that the best step is no late one
@pytest.mark.parametrize("step", [1, 3, 5, 6, 10])
def test_it_resumes(tmp_path, monkeypatch, step, learning_rate):
    rate = {"learning_rate": learning_rate}
    expected, whole = trainer(term := Pull(5.0), **rate).fit(), term.point.clone()

    class Stopped(BaseException):
        pass

    calls, original = [], torch.optim.AdamW.step

    def stop(self, *arguments):
        calls.append(0)
        if len(calls) == step:
            raise Stopped
        return original(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", stop)
        with pytest.raises(Stopped):
            trainer(Pull(5.0), tmp_path / "c", **rate).fit()
    resumed = trainer(term := Pull(5.0), tmp_path / "c", **rate).fit()
    assert same(resumed, expected)
    assert torch.equal(term.point, whole)


@pytest.mark.parametrize("other", [None, Pull(4.0)])
def test_a_checkpoint_belongs_to_a_term(tmp_path, other):
    trainer(Pull(5.0), tmp_path / "c").fit()
    with pytest.raises(TrainingError, match="other data or settings"):
        trainer(other, tmp_path / "c").fit()


def test_a_term_that_is_not_finite_is_an_error():
    class Broken(Pull):
        def loss(self, model, output, items):
            return super().loss(model, output, items) * torch.nan

    with pytest.raises(TrainingError, match=r"not finite at step 0 of content.*code_term nan"):
        trainer(Broken()).fit()


def test_cumulative_sums_reach_codewords_and_latents():
    model = model_of()
    for book in model.quantizer.codebooks:
        nn.init.normal_(book)
    x = torch.randn(5, 8, generator=torch.Generator().manual_seed(0))
    output = model(x)
    codewords = output.quantizer.codewords.detach()[..., :8]
    sums = cumulative_sums(output, 8)
    torch.testing.assert_close(sums[:, 0], codewords[:, 0])
    torch.testing.assert_close(sums[:, 1], codewords[:, 0] + codewords[:, 1])
    weights = torch.randn(2, 8, generator=torch.Generator().manual_seed(1))
    latents, words = torch.autograd.grad((sums * weights).sum(), [output.latents, output.quantizer.codewords])
    torch.testing.assert_close(latents[:, :8], weights.sum(0).expand(5, 8))
    assert (latents[:, 8:] == 0).all()
    torch.testing.assert_close(words[:, 0, :8], weights.sum(0).expand(5, 8))
    torch.testing.assert_close(words[:, 1, :8], weights[1].expand(5, 8))
