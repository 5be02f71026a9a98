import json

import numpy as np
import pytest
import torch
from datasets import Dataset, DatasetDict
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import MatryoshkaLoss
from tests.integrations import two_processes
from tests.integrations.trainers import TREE, encoder, one_column, rows, save_model, train
from tests.oracles.graded_contrastive import graded_contrastive
from tests.torchrun import TORCHRUN, run
from torch import nn

from leafcode import Grades, HierarchicalBatchSampler, InputError
from leafcode.integrations.prototypes import CategoryPrototypes
from leafcode.integrations.sentence_transformers import TaxonomyBatchSampler, TaxonomyContrastiveLoss


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    save_model(folder)
    return folder


def hierarchical(nodes, **settings):
    return HierarchicalBatchSampler(nodes, TREE, items_per_category=2, related_fraction=0.25, **settings)


def losses_of(trainer):
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def column(*values):
    return {"sentence_embedding": torch.tensor(values, dtype=torch.float64)}


def loss_of(*columns, labels, **settings):
    loss = TaxonomyContrastiveLoss(nn.Identity(), TREE, **settings)
    return loss([{"sentence_embedding": one} for one in columns], labels), loss


class TestLoss:
    def test_one_column_is_the_formula(self):
        rng = np.random.default_rng(1)
        embeddings = torch.from_numpy(rng.normal(size=(20, 4)))
        labels = torch.from_numpy(rng.integers(-1, len(TREE), 20))
        found, loss = loss_of(embeddings, labels=labels, temperature=0.2)
        padded = np.where(labels.numpy()[:, None] >= 0, TREE.ancestors[labels.numpy()], -1)
        relevance = torch.from_numpy(Grades.by_depth(2).matrix(padded))
        expected = graded_contrastive(embeddings, relevance, (0.5, 1.0), (0.25, 1.0), 0.2)
        assert found.item() == pytest.approx(np.nanmean(expected), rel=1e-6)
        assert loss.anchors.item() == np.count_nonzero(~np.isnan(expected))

    def test_several_columns_are_texts_of_the_same_items(self):
        rng = np.random.default_rng(2)
        first, second, third = torch.from_numpy(rng.normal(size=(3, 9, 4)))
        labels = torch.from_numpy(rng.integers(-1, len(TREE), 9))
        found, _ = loss_of(first, second, third, labels=labels)
        # One long batch, of which only the texts of the first column are anchors.
        texts, items = torch.cat([first, second, third]), np.tile(np.arange(9), 3)
        nodes = labels.numpy()[items]
        padded = np.where(nodes[:, None] >= 0, TREE.ancestors[nodes], -1)
        relevance = Grades.by_depth(2).matrix(padded)
        relevance[items[:, None] == items] = 1
        relevance[9:] = np.nan
        expected = graded_contrastive(texts, torch.from_numpy(relevance), (0.5, 1.0), (0.25, 1.0), 0.1)
        assert found.item() == pytest.approx(np.nanmean(expected[:9]), rel=1e-6)

    def test_prototypes_are_a_further_term_of_every_column(self):
        rng = np.random.default_rng(3)
        first, second, before = torch.from_numpy(rng.normal(size=(3, 9, 4)))
        labels = torch.from_numpy(rng.integers(0, len(TREE), 9))
        prototypes = CategoryPrototypes(TREE, labels.numpy(), before.numpy())
        pairs, _ = loss_of(first, second, labels=labels)
        found, loss = loss_of(first, second, labels=labels, prototypes=prototypes)
        extra = (prototypes(first, labels) + prototypes(second, labels)) / 2
        assert found.item() == pytest.approx(float(pairs + extra))
        assert loss.get_config_dict()["prototypes"] == len(prototypes.vectors)
        assert not loss.state_dict(), "there is nothing to save"

    def test_unlabelled_pairs_of_texts_are_still_positives(self):
        columns = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
        found, loss = loss_of(*columns, labels=torch.full((3,), -1))
        assert loss.anchors == 3
        assert found.item() == pytest.approx(0.0, abs=1e-6)  # nothing is known to be a negative

    @pytest.mark.parametrize("size", [1, 2])
    def test_a_batch_without_a_positive_is_zero_with_zero_gradients(self, size):
        embeddings = torch.randn(size, 4, requires_grad=True)
        found, loss = loss_of(embeddings, labels=torch.tensor([1, 7][:size]))
        found.backward()
        assert (found.item(), loss.anchors.item()) == (0, 0)
        assert (embeddings.grad == 0).all()

    @pytest.mark.parametrize(
        ("labels", "told"),
        [
            (None, "labels: found none; expected 2 node ids"),
            (torch.tensor([0]), "labels: found shape"),
            (torch.tensor([0.0, 1.0]), "labels: found shape"),
            (torch.tensor([0, -2]), "labels: found labels from -2 to 0"),
            (torch.tensor([0, 99]), "labels: found labels from 0 to 99"),
        ],
    )
    def test_mistakes_are_told(self, labels, told):
        with pytest.raises(InputError, match=told):
            loss_of(torch.eye(2), labels=labels)

    def test_settings_go_to_the_model_card(self):
        _, loss = loss_of(torch.eye(2), labels=torch.tensor([1, 2]), grades=Grades.default())
        config = json.loads(json.dumps(loss.get_config_dict()))
        assert config["grades"] == {"kind": "distance", "table": [1.0, 0.5]}
        assert (config["temperature"], config["grade_weights"]) == (0.1, [0.25, 1.0])
        assert config["gather_across_devices"] is False
        assert loss.citation.strip().startswith("@inproceedings{")


class TestSampler:
    def make(self, nodes, name="label", drop_last=False, batch_size=16, seed=3):
        dataset = Dataset.from_dict({"text": ["a"] * len(nodes), name: nodes})
        return TaxonomyBatchSampler.of(TREE)(
            dataset, batch_size, drop_last, valid_label_columns=["label", "labels"], seed=seed
        )

    def test_batches_are_those_of_the_hierarchical_sampler(self):
        nodes = np.append(rows()[1], [-1] * 5)
        sampler = self.make(nodes, name="labels")
        expected = hierarchical(nodes, batch_size=16, seed=3)
        for epoch in (0, 2, 2):
            sampler.set_epoch(epoch)
            expected.set_epoch(epoch)
            assert list(sampler) == list(expected)
        assert len(sampler) == len(list(sampler)) == 5  # of 72 labelled rows

    def test_without_the_last_batch_there_is_one_less(self):
        sampler = self.make(rows()[1], drop_last=True)
        assert len(sampler) == len(list(sampler)) == 4

    def test_rows_of_a_selection_are_its_own(self):
        dataset = one_column().select(range(71, 20, -1))
        sampler = TaxonomyBatchSampler.of(TREE)(dataset, 16, False, valid_label_columns=["label"])
        expected = hierarchical(np.array(dataset["label"][:]), batch_size=16)
        assert list(sampler) == list(expected)

    @pytest.mark.parametrize("split", [False, True])
    def test_each_process_gets_its_share_of_the_same_batches(self, split):
        from accelerate.data_loader import BatchSamplerShard

        samplers = [self.make(rows()[1], drop_last=True) for _ in range(2)]
        shards = [BatchSamplerShard(one, 2, rank, split) for rank, one in enumerate(samplers)]
        for one in samplers:
            one.set_epoch(1)
        pairs = zip(*shards, strict=True)
        together = [a + b for a, b in pairs] if split else [batch for pair in pairs for batch in pair]
        assert together == list(samplers[0])

    @pytest.mark.parametrize(
        ("nodes", "name", "told"),
        [
            ([0] * 20, "other", "dataset: found the columns text, other; expected node ids in a column"),
            ([0.5] * 20, "label", "dataset: column 'label': found float64"),
            ([1, 2] * 4, "label", "found 8 labelled items; expected at least batch_size = 16"),
            ([99] * 20, "label", "found the node 99"),
        ],
    )
    def test_mistakes_are_told(self, nodes, name, told):
        with pytest.raises(InputError, match=told):
            self.make(nodes, name=name)


class TestTrainer:
    def test_the_loss_falls_and_the_card_names_it(self, folder, tmp_path):
        trainer = train(folder, tmp_path, one_column())
        values = losses_of(trainer)
        assert np.mean(values[-3:]) < 0.7 * np.mean(values[:3])
        trainer.model.save_pretrained(str(tmp_path / "saved"))
        card = (tmp_path / "saved" / "README.md").read_text(encoding="utf-8")
        assert "TaxonomyContrastiveLoss" in card
        assert "zha2023rank" in card
        assert '"temperature": 0.1' in card
        again = SentenceTransformer(str(tmp_path / "saved"), device="cpu")
        texts = rows()[0][:3]
        np.testing.assert_allclose(again.encode(texts), trainer.model.eval().encode(texts), rtol=1e-5)

    def test_labels_and_batches_reach_the_loss(self, folder, tmp_path):
        seen = []

        class Spy(TaxonomyContrastiveLoss):
            def forward(self, sentence_features, labels=None):
                seen.append((len(sentence_features), labels.tolist()))
                return super().forward(sentence_features, labels)

        texts, nodes = rows()
        dataset = Dataset.from_dict({"title": texts, "text": texts[::-1], "label": nodes})
        train(folder, tmp_path, dataset, loss=Spy, max_steps=5, seed=7)
        sampler = hierarchical(nodes, batch_size=24, seed=7)
        expected = [nodes[sampler.step_batch(step)].tolist() for step in range(5)]  # two epochs of 3
        assert seen == [(2, labels) for labels in expected]

    def test_resumed_training_ends_with_the_same_weights(self, folder, tmp_path):
        whole = train(folder, tmp_path / "whole", one_column(), max_steps=5)
        saves = {"save_strategy": "steps", "save_steps": 4}  # within the second epoch
        train(folder, tmp_path / "part", one_column(), max_steps=5, **saves)
        resumed = train(
            folder, tmp_path / "part", one_column(), max_steps=5, resume=str(tmp_path / "part/checkpoint-4")
        )
        for ours, theirs in zip(resumed.model.parameters(), whole.model.parameters(), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=0)

    def test_last_smaller_batches_of_the_default_sampler(self, folder, tmp_path):
        dataset = one_column().select(range(25))  # the last batch is a single text
        trainer = train(folder, tmp_path, dataset, batch_sampler="batch_sampler", max_steps=2)
        assert losses_of(trainer)[-1] == 0
        assert all(parameter.isfinite().all() for parameter in trainer.model.parameters())

    def test_several_datasets_and_evaluation(self, folder, tmp_path):
        data = DatasetDict(a=one_column(), b=one_column(seed=1))
        trainer = train(folder, tmp_path, data, per_device_eval_batch_size=16, max_steps=3)
        assert np.isfinite(trainer.evaluate(one_column(seed=2))["eval_loss"])

    def test_inside_another_loss(self, folder, tmp_path):
        def nested(model, tree):
            return MatryoshkaLoss(model, TaxonomyContrastiveLoss(model, tree), [16, 8])

        assert np.isfinite(losses_of(train(folder, tmp_path, one_column(), loss=nested, max_steps=2))).all()


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    """A model without dropout, the masks of which would differ."""
    folder = tmp_path_factory.mktemp("still")
    save_model(folder, dropout=0.0)
    return folder


@pytest.fixture(scope="module")
def results(still, tmp_path_factory):
    """What two processes wrote."""
    out = tmp_path_factory.mktemp("two")
    done = run(*TORCHRUN, "-m", "tests.integrations.two_processes", still, out, timeout=300)
    assert done.returncode == 0, done.stderr
    with np.load(out / "results.npz", allow_pickle=False) as arrays:
        return dict(arrays)


@pytest.mark.slow
@pytest.mark.parametrize("columns", [1, 2])
def test_two_processes_have_the_loss_and_the_gradients_of_one(results, columns):
    loss, gradients = two_processes.loss_and_gradients(two_processes.Encoder(), slice(None), columns)
    np.testing.assert_allclose(results[f"loss.{columns}"], loss, rtol=1e-5)
    for place, gradient in enumerate(gradients):
        assert abs(gradient).max() > 1e-3
        found = results[f"gradient.{columns}.{place}"]
        np.testing.assert_allclose(found, gradient, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_training_on_split_batches_is_that_of_one_process(results, still, tmp_path):
    one = train(still, tmp_path, one_column(), loss=two_processes.gathering, **two_processes.STEPS)
    before = two_processes.weights_of(encoder(still))
    moved = 0.0
    for place, weights in enumerate(two_processes.weights_of(one.model)):
        np.testing.assert_allclose(results[f"weight.{place}"], weights, rtol=1e-4, atol=1e-6)
        moved = max(moved, abs(weights - before[place]).max())
    assert moved > 1e-2
