import importlib

import numpy as np
import pytest
import torch
from sklearn.metrics import homogeneity_score
from tests.training.catalogues import QUICK, catalogue, model_of, same, trainer_of

from leafcode.catalog import split_by_content
from leafcode.errors import InputError, TrainingError
from leafcode.quantizers import RQVAE, ResidualQuantizer
from leafcode.sampling import UniformBatchSampler
from leafcode.taxonomy import Taxonomy
from leafcode.training import Trainer, TrainingConfig, tree_weight
from leafcode.training.tree_weight import by_level

TRAINER = importlib.import_module("leafcode.training.trainer")


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def state(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def equal(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


class Stopped(Exception):
    pass


def stop(*_, **__):
    raise Stopped


def rows(result, phase):
    return [row for row in result.history if row["phase"] == phase]


def test_the_seed_decides():
    random, numpy = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    settings = {"shape": {"dropout": 0.2}, "progressive_masking": True}
    first, second, other = (trainer_of(seed=seed, **settings).fit() for seed in (3, 3, 4))
    assert same(first, second)
    assert not equal(first.model.state_dict(), other.model.state_dict())
    assert torch.equal(torch.get_rng_state(), random)
    assert (np.random.get_state()[1] == numpy).all()  # noqa: NPY002


def test_what_was_drawn_before_has_no_influence():
    results = []
    for ambient in (1, 2):
        trainer = trainer_of(shape={"dropout": 0.2}, progressive_masking=True)
        with torch.random.fork_rng():
            torch.manual_seed(ambient)
            results.append(trainer.fit())
    assert same(*results)


def test_every_phase_learns():
    # On the training items, for those kept aside are too few to tell.
    settings = {"evaluate_every": 20, "learning_rate": 5e-3, "validation_fraction": 0.0}
    result = trainer_of(tree_steps=60, content_steps=40, steps=120, contrast_weight=1.0, **settings).fit()
    contrast = [row["contrast"] for row in rows(result, "tree")]
    assert [row["step"] for row in rows(result, "tree")] == [20, 40, 60]
    assert min(contrast[1:]) < contrast[0]
    content = {row["step"]: row["reconstruction"] for row in rows(result, "content")}
    assert list(content) == [0, 20, 40]
    assert min(content.values()) < content[0]
    error = {row["step"]: row["reconstruction"] for row in rows(result, "codes")}
    assert list(error) == [0, 20, 40, 60, 80, 100, 120]
    assert error[result.best_step] == min(error.values()) < error[0]
    assert result.warnings == []
    assert not result.model.training


def test_it_ends_with_the_best_weights_on_items_kept_aside():
    embeddings, _, _ = catalogue()
    # A high learning rate, so that the last step is not the best.
    result = trainer_of(steps=12, learning_rate=0.3, contrast_weight=1.0).fit()
    aside = split_by_content(embeddings, QUICK["validation_fraction"], 0, salt="validation")
    x = embeddings[aside]
    decoded = result.model.decode(result.model.encode(torch.from_numpy(x))).numpy()
    error = ((unit(x) - decoded) ** 2).sum(1).mean()
    best = min(row["reconstruction"] for row in rows(result, "codes"))
    assert error == pytest.approx(best, rel=1e-4)
    assert best < rows(result, "codes")[-1]["reconstruction"]


def test_the_perplexity_is_that_of_the_codes():
    embeddings, _, _ = catalogue()
    result = trainer_of(validation_fraction=0.0, contrast_weight=1.0).fit()
    codes = result.model.encode(torch.from_numpy(embeddings)).numpy()
    (best,) = [row for row in rows(result, "codes") if row["step"] == result.best_step]
    for level, column in enumerate(codes.T):
        shares = np.bincount(column) / len(column)
        shares = shares[shares > 0]
        assert best["perplexity"][level] == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))


def test_each_phase_trains_its_own_part():
    settings = {"contrast_weight": 1.0, "validation_fraction": 0.0}
    short, long = (trainer_of(steps=steps, **settings) for steps in (1, 30))
    content = state(short.model.content_encoder)
    projection = state(short.model.tree_encoder)
    first, second = short.fit().model, long.fit().model
    assert not equal(projection, first.tree_encoder.state_dict())
    assert equal(first.tree_encoder.state_dict(), second.tree_encoder.state_dict())
    assert not equal(content, second.content_encoder.state_dict())


def test_the_first_phase_ends_with_its_last_weights(monkeypatch):
    """Whatever the contrastive loss on the items kept aside has to say."""
    states, step = [], torch.optim.AdamW.step
    embeddings, nodes, tree = catalogue()
    # Categories by chance, of which nothing can be learnt but the training items by heart.
    data = (embeddings, np.random.default_rng(0).permutation(nodes), tree)
    trainer = trainer_of(data, tree_steps=40, learning_rate=0.05, temperature=1.0)

    def watched(*arguments):
        step(*arguments)
        states.append(state(trainer.model.tree_encoder))

    monkeypatch.setattr(torch.optim.AdamW, "step", watched)
    result = trainer.fit()
    contrast = [row["contrast"] for row in rows(result, "tree")]
    assert min(contrast) < contrast[-1], "or the best weights would be the last ones"
    assert equal(result.model.tree_encoder.state_dict(), states[39])
    assert not equal(states[38], states[39])


@pytest.mark.parametrize("resumed", [False, True])
def test_tree_parts_are_those_that_the_model_would_compute(tmp_path, monkeypatch, resumed):
    settings = {"shape": {"dropout": 0.5}, "checkpoint": tmp_path / "c"}
    if resumed:
        with monkeypatch.context() as patch:
            # After the checkpoint at the start of the second phase.
            patch.setattr(UniformBatchSampler, "step_batch", stop)
            with pytest.raises(Stopped):
                trainer_of(**settings).fit()
    seen, forward = [], RQVAE.forward

    def watched(self, batch, *, tree_part, **more):
        seen.append((batch, tree_part))
        return forward(self, batch, tree_part=tree_part, **more)

    monkeypatch.setattr(RQVAE, "forward", watched)
    model = trainer_of(**settings).fit().model
    assert len(seen) >= QUICK["content_steps"] + QUICK["steps"]
    with torch.no_grad():
        for batch, part in seen:
            torch.testing.assert_close(part, model.tree_part(batch), rtol=1e-4, atol=1e-5)


def test_a_model_for_other_items_is_refused_at_once():
    embeddings, nodes, tree = catalogue()
    config = trainer_of(contrast_weight=1.0).config
    for used_tree, named in ((None, "no tree part"), (Taxonomy.from_paths(["A", "B"])[0], "2 categories")):
        wrong = model_of(data=(embeddings, np.arange(len(nodes)) % 2, used_tree))
        with pytest.raises(InputError, match=rf"model: found .*{named}.*leafcode\.training\.new_model"):
            Trainer(wrong, embeddings, nodes, tree, config, progress=False)


def test_unlabelled_items_teach_content_but_not_the_tree():
    embeddings, nodes, tree = catalogue()
    moved = embeddings.copy()
    moved[nodes < 0] = np.random.default_rng(9).normal(size=moved[nodes < 0].shape)
    data = [(embeddings, nodes, tree), (moved, nodes, tree)]
    # Nothing is kept aside, for what is kept aside depends on the embeddings.
    first, second = (trainer_of(each, contrast_weight=1.0, validation_fraction=0.0).fit() for each in data)
    assert rows(first, "tree") == rows(second, "tree")
    assert equal(first.model.tree_encoder.state_dict(), second.model.tree_encoder.state_dict())
    assert rows(first, "codes") != rows(second, "codes")
    assert not equal(first.model.quantizer.state_dict(), second.model.quantizer.state_dict())


def test_a_label_more_changes_the_tree_part():
    embeddings, nodes, tree = catalogue()
    labelled = np.where(nodes < 0, nodes[0], nodes)
    first, second = (trainer_of((embeddings, each, tree)).fit() for each in (nodes, labelled))
    assert not equal(first.model.tree_encoder.state_dict(), second.model.tree_encoder.state_dict())


def test_what_is_not_trusted_does_not_teach():
    """Which wrong category an item without any trust is given makes no difference."""
    embeddings, nodes, tree = catalogue(unlabelled=0)
    trust = np.ones(len(nodes), np.float32)
    trust[:6] = 0
    results = []
    for wrong in (nodes[40], nodes[80]):
        given = nodes.copy()
        given[:6] = wrong
        # One batch of all items: batches themselves do depend on categories.
        trainer = trainer_of((embeddings, given, tree), contrast_batch_size=512, trust=trust)
        trainer._begin("tree")
        trainer._run("tree", 0)
        results.append(trainer.model.tree_encoder.state_dict())
    for name, first in results[0].items():
        torch.testing.assert_close(first, results[1][name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("wrong", [np.ones(3), np.full(120, 1.5), np.full(120, np.nan)])
def test_trust_out_of_range(wrong):
    with pytest.raises(InputError, match="trust"):
        trainer_of(trust=wrong.astype(np.float32))


def test_lambda_0_leaves_the_tree_out():
    embeddings, nodes, _ = catalogue()
    result = trainer_of(contrast_weight=0).fit()
    assert same(result, trainer_of((embeddings, np.full(len(nodes), -1), None), contrast_weight=0).fit())
    assert rows(result, "tree") == []
    assert result.tree_weight == 0.0
    assert result.model.level_weights == (0.0, 0.0)
    assert result.warnings == []


def test_a_fixed_lambda_is_shared_out_over_the_levels():
    result = trainer_of(contrast_weight=2.5, level_weights=(1.0, 0.5)).fit()
    assert result.tree_weight == 2.5
    assert result.model.level_weights == (2.5, 1.25)


def test_shares_by_level():
    assert by_level((1.0, 0.25), 2.0, 4) == (2.0, 0.5, 0.0, 0.0)
    assert by_level((1.0, 0.25), 0.0, 2) == (0.0, 0.0)
    assert by_level((1.0, 0.25), 2.0, 1) == (2.0,)


def test_lambda_auto_gives_more_at_a_looser_limit():
    weights = [
        trainer_of(unrelated(), reconstruction_limit=limit, level_weights=(100.0, 100.0)).fit().tree_weight
        for limit in (1.0, 1.1, 50.0)
    ]
    assert weights == sorted(weights)
    assert 0.0 < weights[0] < weights[2]


def unrelated():
    """Categories by chance, of which nothing can be held in the codes but at the cost of content."""
    embeddings, nodes, tree = catalogue()
    return embeddings, np.random.default_rng(0).permutation(nodes), tree


@pytest.mark.parametrize("weight", [1.0, "auto"])
def test_the_content_phase_is_that_of_lambda_0(weight):
    settings = {"content_steps": 12, "evaluate_every": 4, "shape": {"dropout": 0.3}}
    found = trainer_of(contrast_weight=weight, **settings).fit()
    alone = trainer_of(contrast_weight=0, **settings).fit()
    assert len(rows(found, "content")) == len(rows(alone, "content")) == 4
    for first, second in zip(rows(found, "content"), rows(alone, "content"), strict=True):
        assert first["step"] == second["step"]
        for name in ("reconstruction", "quantization", "perplexity"):
            np.testing.assert_allclose(first[name], second[name], rtol=1e-3)


def test_the_last_phase_begins_where_content_ended():
    embeddings, nodes, tree = catalogue()
    seen = {}
    for weight in (0.0, 2.0, "auto"):
        config = trainer_of(contrast_weight=weight).config
        model = model_of(data=(embeddings, nodes, None if weight == 0 else tree))
        Trainer(
            model,
            embeddings,
            nodes,
            tree,
            config,
            progress=False,
            on_initialised=lambda model, weight=weight: seen.setdefault(weight, state(model)),
        ).fit()
    parts = [name for name in seen[0.0] if name.startswith(("content_encoder", "decoder"))]
    for weight in (2.0, "auto"):
        for name in parts:
            torch.testing.assert_close(seen[weight][name], seen[0.0][name], rtol=1e-3, atol=1e-5)
        assert not torch.allclose(
            seen[weight]["quantizer.codebooks.0"][:, :8], seen[0.0]["quantizer.codebooks.0"]
        )


@pytest.mark.parametrize("limit", [1.02, 1.3, 3.0])
def test_the_codes_keep_to_the_limit_on_items_kept_aside(limit):
    embeddings, _, _ = catalogue()
    settings = {"validation_fraction": 0.3, "tree_steps": 40, "steps": 20, "level_weights": (1.0, 1.0)}
    result = trainer_of(reconstruction_limit=limit, **settings).fit()
    model, found = result.model, result.tree_weight
    assert model.level_weights == pytest.approx((found, found))
    x = embeddings[split_by_content(embeddings, 0.3, 0, salt="validation")]

    def error(weight):
        model.set_level_weights((weight, weight))
        return ((unit(x) - model.decode(model.encode(torch.from_numpy(x))).numpy()) ** 2).sum(1).mean()

    trials = {weight: error(weight) for weight in tree_weight._TRIALS}
    assert trials[found] <= limit * min(trials.values()) * (1 + 1e-5)


def test_with_a_large_lambda_the_first_code_follows_the_tree():
    embeddings, nodes, tree = catalogue(unlabelled=0)
    # The categories hide in one direction of eight.
    rng = np.random.default_rng(1)
    root = tree.ancestors[nodes, 0]
    embeddings = rng.normal(size=embeddings.shape).astype(np.float32)
    embeddings[:, 0] = 1.5 * (np.searchsorted(np.unique(root), root) - 1) + 0.1 * embeddings[:, 0]
    agreement = []
    for weight in (0.0, 8.0):
        settings = {"tree_steps": 100, "learning_rate": 0.02, "contrast_weight": weight}
        model = trainer_of((embeddings, root, tree), **settings).fit().model
        codes = model.encode(torch.from_numpy(embeddings)).numpy()
        agreement.append(homogeneity_score(root, codes[:, 0]))
    assert agreement[1] > agreement[0] + 0.2


def test_one_category_only():
    embeddings, nodes, tree = catalogue()
    data = (embeddings, np.where(nodes < 0, -1, nodes[0]), tree)
    result = trainer_of(data).fit()
    (warning,) = result.warnings
    assert "tree was not used" in warning
    assert result.tree_weight == 0.0
    assert rows(result, "tree") == []
    with pytest.raises(TrainingError, match=r"1 different.*--contrast-weight 0"):
        trainer_of(data, contrast_weight=1.0)
    assert trainer_of(data, contrast_weight=0.0).fit().warnings == []


def test_a_category_and_its_only_subcategory_cannot_be_told_apart():
    embeddings, nodes, _ = catalogue()
    lone, _ = Taxonomy.from_paths(["A > B"])
    data = (embeddings, np.where(nodes < 0, -1, nodes % 2), lone)
    (warning,) = trainer_of(data).fit().warnings
    assert "tree was not used" in warning
    with pytest.raises(TrainingError, match=r"1 different"):
        trainer_of(data, contrast_weight=1.0)


@pytest.mark.parametrize("labelled", [0, 10])
def test_too_few_labelled_items(labelled):
    embeddings, nodes, tree = catalogue()
    few = np.full_like(nodes, -1)
    few[:labelled] = nodes[: 12 * labelled : 12][:labelled]
    (warning,) = trainer_of((embeddings, few, tree), validation_fraction=0.0).fit().warnings
    assert "tree was not used" in warning
    assert "12 items" in warning


def test_no_labelled_item_is_kept_aside():
    embeddings, nodes, tree = catalogue()
    aside = split_by_content(embeddings, QUICK["validation_fraction"], 0, salt="validation")
    result = trainer_of((embeddings, np.where(aside, -1, nodes), tree)).fit()
    assert all(row["contrast"] > 0 for row in rows(result, "tree")), "labelled training items stand in"


@pytest.mark.parametrize("contrast_weight", ["auto", 0.0])
@pytest.mark.parametrize("where", ["everywhere", "one training item", "one item kept aside"])
def test_nan_embeddings(where, contrast_weight):
    embeddings, nodes, tree = catalogue()
    aside = np.flatnonzero(split_by_content(embeddings, 0.1, 0, salt="validation"))
    wrong = embeddings.copy()
    if where == "everywhere":
        wrong[:] = np.nan
    elif where == "one training item":
        wrong[min(set(range(len(wrong))) - set(aside)), 0] = np.nan
    else:  # the split goes by content, so look for a row with a NaN that it keeps aside
        for value in range(1000):
            wrong[0, :2] = np.nan, value
            if split_by_content(wrong, 0.1, 0, salt="validation")[0]:
                break
    with pytest.raises(TrainingError, match=r"not finite at step \d+ of (tree|content) \(.*nan") as caught:
        trainer_of((wrong, nodes, tree), contrast_weight=contrast_weight).fit()
    phase = "content" if contrast_weight == 0.0 else "tree"
    assert f"of {phase}" in str(caught.value)


@pytest.mark.parametrize("phase", ["content", "codes"])
def test_dead_codes_are_revived(monkeypatch, phase):
    embeddings, _, _ = catalogue()
    original = ResidualQuantizer.fit

    @torch.no_grad()
    def fit_and_lose(self, latents, generator, **arguments):
        original(self, latents, generator, **arguments)
        self.codebooks[0][::2] = 1e3

    monkeypatch.setattr(ResidualQuantizer, "fit", fit_and_lose)
    # So slow that codewords move by revival alone.
    settings = {"contrast_weight": 0, "learning_rate": 1e-12, "batch_size": 120, "validation_fraction": 0.0}
    steps = {"content_steps": 1, "steps": 1}
    longer = {**steps, "content_steps" if phase == "content" else "steps": 3}
    dead = trainer_of(**settings, **steps).fit()
    revived = trainer_of(**settings, **longer, evaluate_every=2).fit()
    books = [result.model.quantizer.codebooks[0].detach().numpy() for result in (dead, revived)]
    assert (books[0][::2] == 1e3).all()
    np.testing.assert_allclose(books[1][1::2], books[0][1::2], atol=1e-6)
    distances = np.linalg.norm(books[1][::2, None, :8] - unit(embeddings), axis=2)
    assert distances.min(1) == pytest.approx(0.0, abs=1e-5), "each is some item's residual now"
    before, after = rows(revived, phase)[:2]
    assert after["step"] == 2
    assert after["perplexity"][0] > before["perplexity"][0]


def test_a_collapse_is_told(monkeypatch):
    def collapse(self, latents, generator, **_):
        for codebook in self.codebooks:
            codebook.copy_(torch.zeros_like(codebook))

    healthy = trainer_of(validation_fraction=0.0, contrast_weight=1.0, shape={"sizes": (32, 4)}).fit()
    assert healthy.warnings == []
    monkeypatch.setattr(ResidualQuantizer, "fit", collapse)
    # At so low a rate that the codewords stay where they are.
    settings = {"content_steps": 1, "steps": 1, "learning_rate": 1e-12, "validation_fraction": 0.0}
    warnings = trainer_of(**settings, contrast_weight=1.0, shape={"sizes": (32, 32)}).fit().warnings
    assert [warning.split(":")[0] for warning in warnings] == [
        "Level 1 has collapsed",
        "Level 2 has collapsed",
    ]
    assert "1 of its 32 codes" in warnings[0]
    assert "--learning-rate" in warnings[0]


def test_embeddings_on_disk_and_in_half_precision(tmp_path):
    embeddings, nodes, tree = catalogue()
    half = embeddings.astype(np.float16)
    np.save(tmp_path / "e.npy", half)
    mapped = np.load(tmp_path / "e.npy", mmap_mode="r")
    first = trainer_of((mapped, nodes, tree)).fit()
    assert same(first, trainer_of((half.astype(np.float32), nodes, tree)).fit())


def test_too_few_items():
    embeddings, nodes, tree = catalogue()
    with pytest.raises(InputError, match=r"items to train on.*smaller levels"):
        trainer_of((embeddings[::10], nodes[::10], tree), shape={"sizes": (16, 4)})
    with pytest.raises(InputError, match="nodes: found shape"):
        trainer_of((embeddings, nodes[:-1], tree))


def test_batches_larger_than_the_catalogue():
    result = trainer_of(batch_size=4096, contrast_batch_size=4096).fit()
    assert np.isfinite(rows(result, "codes")[-1]["reconstruction"])


def test_progress_goes_to_standard_error(capsys):
    embeddings, nodes, tree = catalogue()
    trainer = Trainer(
        model_of(), embeddings, nodes, tree, trainer_of().config, title="leafcode", progress=True
    )
    trainer.fit()
    out, err = capsys.readouterr()
    assert out == ""
    assert all(name in err for name in ("tree", "content", "leafcode"))


def test_a_flat_tree_and_grades_by_distance():
    embeddings, nodes, _ = catalogue()
    flat, flat_nodes = Taxonomy.from_paths([None if node < 0 else f"{node}" for node in nodes])
    for grades in ("depth", "1,0.5"):
        assert (
            rows(trainer_of((embeddings, flat_nodes, flat), grades=grades).fit(), "tree")[-1]["contrast"] > 0
        )


def with_places(places, **settings):
    embeddings, nodes, tree = catalogue()
    config = TrainingConfig(**{**QUICK, **settings})
    model = model_of(data=(embeddings, places, tree))
    return Trainer(model, embeddings, nodes, tree, config, places=places, progress=False)


def test_places_of_one_path_each_change_no_bit():
    nodes = catalogue()[1]
    expected = trainer_of().fit()
    for columns in (1, 3):
        places = np.pad(nodes[:, None], ((0, 0), (0, columns - 1)), constant_values=-1)
        assert same(with_places(places).fit(), expected)


def test_a_checkpoint_of_other_places_is_refused(tmp_path):
    nodes = catalogue()[1]
    places = np.stack([nodes, np.where(nodes >= 0, np.roll(nodes, 40), -1)], axis=1)
    first, second = with_places(places), with_places(nodes[:, None])
    first.checkpoint = second.checkpoint = tmp_path / "checkpoint.safetensors"
    first.fit()
    with pytest.raises(TrainingError, match="written for other data"):
        second.fit()


@pytest.mark.parametrize("places", [np.zeros((120, 2), int), np.zeros(120, int), np.zeros((3, 1), int)])
def test_places_must_begin_with_the_nodes(places):
    embeddings, nodes, tree = catalogue()
    with pytest.raises(InputError, match=r"places: found .*expected shape \(120, P\)"):
        Trainer(model_of(), embeddings, nodes, tree, TrainingConfig(**QUICK), places=places, progress=False)


@pytest.mark.parametrize("width", [5, 9])
def test_inputs_of_another_width(width):
    x, nodes, tree = catalogue()
    inputs = np.ones((len(x), width), np.float32)
    with pytest.raises(InputError, match=rf"inputs: found shape \(120, {width}\); expected \(items, 8\)"):
        Trainer(model_of(), inputs, nodes, tree, TrainingConfig(**QUICK))
