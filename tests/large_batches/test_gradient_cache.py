import pytest
import torch
from torch import nn

from leafcode.errors import InputError
from leafcode.large_batches import GradientCache
from leafcode.losses import graded_contrastive_loss, in_batch_softmax_loss

ROWS, RELEVANCE = 10, torch.eye(10).roll(1, 0) + torch.eye(10).roll(1, 1)


def make_encoder(seed=0, dropout=0.0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 4))


def features(seed=0):
    return torch.randn(ROWS, 6, generator=torch.Generator().manual_seed(seed))


def in_chunks(encoder, inputs, size):
    return torch.cat([encoder(chunk) for chunk in inputs.split(size)])


def assert_same_gradients(ours, theirs):
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        largest = other.grad.abs().max().item()
        assert largest > 1e-4
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-5, atol=1e-5 * largest)


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("chunk_size", [1, 3, 5, 10, 64])
def test_gradients_are_those_of_the_whole_batch(chunk_size, dropout):
    ours, theirs = make_encoder(dropout=dropout), make_encoder(dropout=dropout)
    torch.manual_seed(7)
    output = GradientCache(ours, graded_contrastive_loss, chunk_size).backward(
        features(), relevance=RELEVANCE
    )
    after = torch.rand(3)
    torch.manual_seed(7)
    expected = graded_contrastive_loss(in_chunks(theirs, features(), chunk_size), RELEVANCE)
    assert torch.equal(torch.rand(3), after), "the generator stands where one pass leaves it"
    expected.loss.backward()
    torch.testing.assert_close(output.loss, expected.loss, rtol=1e-5, atol=0)
    assert output.anchors == expected.anchors
    assert_same_gradients(ours, theirs)


def test_gradients_are_added_to_those_that_are_there():
    ours, theirs = make_encoder(), make_encoder()
    cache = GradientCache(ours, graded_contrastive_loss, 4)
    for seed in (1, 2):
        cache.backward(features(seed), relevance=RELEVANCE)
        graded_contrastive_loss(theirs(features(seed)), RELEVANCE).loss.backward()
    assert_same_gradients(ours, theirs)


@pytest.mark.parametrize("shared", [False, True])
def test_several_encoders(shared):
    ours, theirs = ([make_encoder(1), make_encoder(2)] for _ in range(2))
    if shared:
        ours[1], theirs[1] = ours[0], theirs[0]
    cache = GradientCache(tuple(ours), in_batch_softmax_loss, 4)
    output = cache.backward(features(1), features(2), temperature=0.3)
    expected = in_batch_softmax_loss(theirs[0](features(1)), theirs[1](features(2)), temperature=0.3)
    expected.loss.backward()
    torch.testing.assert_close(output.loss, expected.loss)
    for one, other in zip(ours, theirs, strict=True):
        assert_same_gradients(one, other)


def test_autocast():
    ours, theirs = make_encoder(dropout=0.3), make_encoder(dropout=0.3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.manual_seed(3)
        output = GradientCache(ours, graded_contrastive_loss, 4).backward(features(), relevance=RELEVANCE)
        torch.manual_seed(3)
        embeddings = in_chunks(theirs, features(), 4)
        assert embeddings.dtype == torch.bfloat16
        expected = graded_contrastive_loss(embeddings, RELEVANCE).loss
    expected.backward()
    assert output.loss.item() == pytest.approx(expected.item(), rel=1e-6)
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        # Gradients of chunks are rounded to bfloat16 before they are added.
        torch.testing.assert_close(one.grad, other.grad, rtol=0.02, atol=0.01 * other.grad.abs().max().item())


def test_mappings_and_sequences_are_cut_into_chunks():
    seen = []

    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(8, 4)

        def forward(self, tokens):
            seen.append(type(tokens))
            return (self.embedding(tokens["input_ids"]) * tokens["attention_mask"][..., None]).sum(1)

    torch.manual_seed(0)
    tokens = {"input_ids": torch.randint(0, 8, (10, 5)), "attention_mask": torch.ones(10, 5)}
    encoder = Tokens()
    GradientCache(encoder, graded_contrastive_loss, 4).backward(tokens, relevance=RELEVANCE)
    ours = encoder.embedding.weight.grad.clone()
    encoder.zero_grad()
    graded_contrastive_loss(encoder(tokens), RELEVANCE).loss.backward()
    torch.testing.assert_close(ours, encoder.embedding.weight.grad, rtol=1e-5, atol=1e-6)
    assert set(seen) == {dict}

    weight = torch.ones(4, requires_grad=True)
    texts = [f"item {n % 3}" for n in range(10)]
    chunks = []

    def embed(batch):
        chunks.append(batch)
        return torch.tensor([[int(text[-1]), len(text), 1.0, 2.0] for text in batch]) * weight

    GradientCache(embed, graded_contrastive_loss, 4).backward(texts, relevance=RELEVANCE)
    assert chunks == [texts[:4], texts[4:8], texts[8:]] * 2
    assert weight.grad is not None


def test_parameters_of_the_loss_and_a_scaled_loss():
    scale = torch.tensor(2.0, requires_grad=True)
    ours, theirs = make_encoder(), make_encoder()

    def loss(embeddings):
        return 8 * graded_contrastive_loss(embeddings * scale.exp(), RELEVANCE).loss * scale

    GradientCache(ours, loss, 3).backward(features())
    gradient, scale.grad = scale.grad, None
    loss(theirs(features())).backward()
    torch.testing.assert_close(gradient, scale.grad)
    assert_same_gradients(ours, theirs)


def test_a_frozen_encoder_beside_another():
    frozen = make_encoder(1).requires_grad_(False)
    ours, theirs = make_encoder(2), make_encoder(2)
    GradientCache((frozen, ours), in_batch_softmax_loss, 4).backward(features(1), features(2))
    in_batch_softmax_loss(frozen(features(1)), theirs(features(2))).loss.backward()
    assert_same_gradients(ours, theirs)
    with pytest.raises(InputError, match="something to train"):
        GradientCache(frozen, graded_contrastive_loss, 4).backward(features(), relevance=RELEVANCE)


def test_one_chunk_at_a_time_has_a_graph():
    alive, sizes = [], []
    weight = torch.eye(6).requires_grad_()

    def encode(rows):
        embeddings = rows @ weight
        if embeddings.requires_grad:
            alive.append(len(rows))
            sizes.append(sum(alive))
            embeddings.register_hook(lambda gradient: alive.remove(len(gradient)))
        return embeddings

    GradientCache(encode, graded_contrastive_loss, 3).backward(features(), relevance=RELEVANCE)
    assert sizes == [3, 3, 3, 1]
    assert alive == []


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({"encoders": ()}, "encoders"),
        ({"chunk_size": 0}, "chunk_size"),
        ({"chunk_size": 2.0}, "chunk_size"),
        ({"chunk_size": True}, "chunk_size"),
    ],
)
def test_bad_settings(arguments, where):
    with pytest.raises(InputError) as error:
        GradientCache(
            **{"encoders": make_encoder(), "loss_fn": graded_contrastive_loss, "chunk_size": 4, **arguments}
        )
    assert error.value.where == where


@pytest.mark.parametrize(
    ("encoder", "loss_fn", "inputs", "where"),
    [
        (make_encoder(), graded_contrastive_loss, (), "inputs"),
        (make_encoder(), graded_contrastive_loss, (features(), features()), "inputs"),
        (make_encoder(), graded_contrastive_loss, (features()[:0],), "inputs: 0"),
        (
            make_encoder(),
            graded_contrastive_loss,
            ({"a": torch.ones(2, 1), "b": torch.ones(3, 1)},),
            "inputs: 0",
        ),
        (lambda rows: rows[:1], graded_contrastive_loss, (features(),), "encoders"),
        (lambda rows: rows.long(), graded_contrastive_loss, (features(),), "encoders"),
        (lambda rows: {"embedding": rows}, graded_contrastive_loss, (features(),), "encoders"),
        (make_encoder(), lambda embeddings: embeddings, (features(),), "loss_fn"),
        (make_encoder(), lambda embeddings: 1.0, (features(),), "loss_fn"),
    ],
)
def test_bad_batches(encoder, loss_fn, inputs, where):
    with pytest.raises(InputError) as error:
        GradientCache(encoder, loss_fn, 4).backward(*inputs)
    assert error.value.where == where
