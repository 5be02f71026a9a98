import pytest
import torch

from leafcode import products
from leafcode.products import FastLinear, linear


@pytest.fixture(autouse=True)
def with_onednn(monkeypatch):
    """As on a processor with AVX-512, whatever this one is."""
    monkeypatch.setattr(products, "_ONEDNN", products._POINTWISE)


@pytest.mark.parametrize("rows", [0, 1, 7, 300])
@pytest.mark.parametrize("with_bias", [False, True])
def test_linear_is_the_product_in_double_precision(rows, with_bias):
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(rows, 33, generator=generator)
    bias = torch.randn(50, generator=generator) if with_bias else None
    for weight in (torch.randn(50, 33, generator=generator), torch.randn(33, 50, generator=generator).T):
        expected = inputs.double() @ weight.double().T + (bias.double() if with_bias else 0.0)
        torch.testing.assert_close(linear(inputs, weight, bias).double(), expected, atol=1e-5, rtol=1e-5)


LAYOUTS = {
    "packed": lambda x: x.contiguous(),
    "transposed": lambda x: x.T.contiguous().T,
    "part of rows": lambda x: torch.cat([x, x], dim=-1)[..., : x.shape[-1]],
    "every other": lambda x: torch.stack([x, -x], dim=-1)[..., 0],
    "one row many times": lambda x: x[:1].expand_as(x),
    "one column many times": lambda x: x[..., :1].expand_as(x),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_any_layout_is_multiplied_and_onednn_gets_weights_without_gaps(monkeypatch, layout):
    handed = []

    def watched(inputs, weight, bias, *rest):
        handed.append(weight.is_contiguous() or weight.T.is_contiguous())
        return products._POINTWISE(inputs, weight, bias, *rest)

    monkeypatch.setattr(products, "_ONEDNN", watched)
    generator = torch.Generator().manual_seed(0)
    inputs, weight = (layout(torch.randn(rows, 6, generator=generator)) for rows in (7, 5))
    bias = layout(torch.randn(2, 5, generator=generator))[0]
    expected = inputs.double() @ weight.double().T + bias.double()
    torch.testing.assert_close(linear(inputs, weight, bias).double(), expected, atol=1e-5, rtol=1e-5)
    assert handed == [True]


class Everything(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.map, self.bare = torch.nn.Linear(6, 5), torch.nn.Linear(5, 4, bias=False)
        self.weight = torch.nn.Parameter(torch.randn(4, 3))

    def forward(self, x):
        x = self.bare(torch.relu(self.map(x))) @ self.weight
        sequences = torch.stack([x, x + 1]).transpose(0, 1)
        of_sequences = torch.nn.functional.linear(sequences, x)
        return torch.matmul(x.matmul(x.T), x), x[None] @ x.T, x @ x[0], of_sequences


@torch.no_grad()
def test_modules_compute_the_same_within_the_mode(monkeypatch):
    torch.manual_seed(0)
    model, x, shapes = Everything(), torch.randn(9, 6), []
    expected = model(x)

    def counted(inputs, weight, bias=None):
        shapes.append((*inputs.shape, len(weight)))
        return linear(inputs, weight, bias)

    monkeypatch.setattr(products, "linear", counted)
    with FastLinear():
        found = model(x)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)
    of_sequences = [(9, 2, 3, 9), (18, 3, 9)]
    assert shapes == [(9, 6, 5), (9, 5, 4), (9, 4, 3), *of_sequences, (9, 3, 9), (9, 9, 3)]
    model(x)
    assert len(shapes) == 7


@pytest.mark.parametrize("rows", [(7,), (2, 3)])
@pytest.mark.parametrize("with_bias", [False, True])
def test_gradients_are_those_of_torch(rows, with_bias):
    generator = torch.Generator().manual_seed(0)
    shapes = [(*rows, 5), (4, 5), *([(4,)] if with_bias else [])]
    ours = [torch.randn(shape, generator=generator, requires_grad=True) for shape in shapes]
    theirs = [one.detach().clone().requires_grad_() for one in ours]
    linear(*ours).sin().sum().backward()
    torch.nn.functional.linear(*theirs).sin().sum().backward()
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.grad, other.grad)
    linear(*ours).sum().backward()  # the gradient of a sum has no memory of its own
    found, exact = [], [one.detach().double().requires_grad_() for one in ours]
    for product, given in ((linear, ours), (torch.nn.functional.linear, exact)):
        (slope,) = torch.autograd.grad(product(*given).sin().sum(), given[:1], create_graph=True)
        found.append(torch.autograd.grad(slope.square().sum(), given))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one.double(), other, atol=1e-4, rtol=1e-4)


def test_what_onednn_does_not_have_is_left_to_torch():
    double = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(linear, (double, torch.randn(4, 2, dtype=torch.float64)))
    with torch.autocast("cpu", torch.bfloat16):
        assert linear(torch.randn(3, 2), torch.randn(4, 2)).dtype == torch.bfloat16


ONES = torch.ones(2, 3, 5)


@pytest.mark.parametrize(
    ("inputs", "weight", "bias"),
    [
        (ONES, torch.ones(5), None),
        (ONES[0, 0], torch.ones(4, 5), torch.ones(4)),
        (ONES, torch.ones(4, 5), torch.tensor(7.0)),
        (ONES, torch.ones(4, 5), torch.ones(1)),
        (ONES[0], torch.ones(4, 5), torch.ones(3, 4)),
        (ONES[0], torch.ones(4, 5).to_sparse(), None),
        (ONES, torch.ones(4, 6), None),
    ],
)
def test_within_the_mode_whatever_torch_takes_is_taken(inputs, weight, bias):
    def result():
        try:
            found = torch.nn.functional.linear(inputs, weight, bias)
        except RuntimeError as error:
            return str(error)
        return found.tolist()

    expected = result()
    with FastLinear():
        assert result() == expected


@pytest.mark.filterwarnings("ignore:.*nested tensors")
def test_nested_tensors_are_left_to_torch():
    inputs, weight = torch.nested.nested_tensor([ONES[0], ONES[0, :2]]), torch.ones(4, 5)
    with FastLinear():
        found = torch.nn.functional.linear(inputs, weight)
    assert [one.shape for one in found.unbind()] == [(3, 4), (2, 4)]


def test_a_graph_that_is_exported_has_products_of_torch():
    module = torch.nn.Linear(5, 4)
    with FastLinear():
        program = torch.export.export(module, (ONES[0],), strict=True)
    assert "mkldnn" not in str(program.graph)


def test_without_onednn_torch_multiplies(monkeypatch):
    monkeypatch.setattr(products, "_ONEDNN", None)
    inputs, weight, bias = torch.randn(3, 2), torch.randn(4, 2), torch.randn(4)
    assert torch.equal(linear(inputs, weight, bias), torch.nn.functional.linear(inputs, weight, bias))
