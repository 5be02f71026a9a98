import threading

import pytest
import torch

from leafcode.codes import kernels
from leafcode.codes.kernels import FastLinear, linear, one_thread_each


@pytest.mark.parametrize("rows", [0, 1, 7, 300])
@pytest.mark.parametrize("with_bias", [False, True])
def test_linear_is_the_product_in_double_precision(rows, with_bias):
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(rows, 33, generator=generator)
    bias = torch.randn(50, generator=generator) if with_bias else None
    for weight in (torch.randn(50, 33, generator=generator), torch.randn(33, 50, generator=generator).T):
        expected = inputs.double() @ weight.double().T + (bias.double() if with_bias else 0.0)
        torch.testing.assert_close(linear(inputs, weight, bias).double(), expected, atol=1e-5, rtol=1e-5)


class Everything(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.map, self.bare = torch.nn.Linear(6, 5), torch.nn.Linear(5, 4, bias=False)
        self.weight = torch.nn.Parameter(torch.randn(4, 3))

    def forward(self, x):
        x = self.bare(torch.relu(self.map(x))) @ self.weight
        return torch.matmul(x.matmul(x.T), x), x[None] @ x.T, x @ x[0]


@torch.no_grad()
def test_modules_compute_the_same_within_the_mode(monkeypatch):
    torch.manual_seed(0)
    model, x, shapes = Everything(), torch.randn(9, 6), []
    expected = model(x)

    def counted(inputs, weight, bias=None):
        shapes.append((*inputs.shape, len(weight)))
        return linear(inputs, weight, bias)

    monkeypatch.setattr(kernels, "linear", counted)
    with FastLinear():
        found = model(x)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)
    assert shapes == [(9, 6, 5), (9, 5, 4), (9, 4, 3), (9, 3, 9), (9, 9, 3)]
    model(x)
    assert len(shapes) == 5


def test_work_on_several_threads_comes_back_in_order(two_threads):
    def work(number):
        return number, threading.get_ident(), torch.get_num_threads()

    with one_thread_each(3) as each:
        numbers, idents, threads = zip(*each(work, range(100)), strict=True)
        later = []
        thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
        thread.start()
        thread.join()
    assert numbers == tuple(range(100))
    assert set(threads) == {1}
    assert threading.get_ident() not in idents
    assert later == [2], "threads of others compute as before"
    assert torch.get_num_threads() == 2


def test_one_thread_is_the_present_one(two_threads):
    with one_thread_each(1) as each:
        assert list(each(lambda _: torch.get_num_threads(), range(2))) == [2, 2]


def test_an_error_ends_the_work(two_threads):
    with pytest.raises(ZeroDivisionError), one_thread_each(2) as each:
        list(each(lambda number: 1 // number, range(10)))
