"""Batches larger than memory: the loss sees the whole batch, the encoder one chunk of it at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from leafcode.errors import InputError

Encoder = Callable[[Any], Tensor]
Inputs = Tensor | Mapping[str, Tensor] | Sequence[Any]
Output = TypeVar("Output")


class GradientCache(Generic[Output]):
    """Gradients of a contrastive loss over a large batch, in the memory that a chunk of it takes.

    A contrastive loss cannot be accumulated over small batches, for each has other negatives. But it needs
    the embeddings only, which are small; what takes memory is the graph of the encoder. Gao et al., "Scaling
    Deep Contrastive Learning Batch Size under Memory Limited Setup" (RepL4NLP 2021, section 3.2), take it
    apart: (1) encode all chunks without a graph; (2) take the loss of all embeddings and its gradient by
    each; (3) encode chunk by chunk again, with a graph, and pass the kept gradient back. The gradients are
    those of the whole batch, for one more forward pass.

    The random numbers of PyTorch, on the CPU and on CUDA devices, are the same in both passes of a chunk, so
    dropout has the same masks; afterwards the generators stand where one pass leaves them. Random numbers
    from elsewhere (NumPy, ``random``) are not repeated. Layers that mix the items of a batch, such as
    BatchNorm, see chunks and see each twice.

    Works inside ``torch.autocast``. With a gradient scaler, or where losses are accumulated, scale in
    ``loss_fn``. With DistributedDataParallel encoders gradients are exchanged once, in the last chunk of an
    encoder; use `gather_with_gradient` in ``loss_fn``, on the embeddings.

    Args:
        encoders: One encoder or several, each called with one chunk of its input and returning floating-point
            embeddings (rows of the chunk, D). One that is named twice is shared.
        loss_fn: Called with the embeddings (B, D) of each encoder and the ``loss_arguments`` of `backward`;
            returns a scalar, or something that has one as ``loss``. Parameters of its own get their gradient
            too.
        chunk_size: Rows that an encoder sees at once, at least 1.

    Raises:
        InputError: There is no encoder, or the chunk size is not a positive integer.

    Example:
        >>> from leafcode.losses import graded_contrastive_loss
        >>> encoder = torch.nn.Linear(2, 2, bias=False)
        >>> _ = torch.nn.init.eye_(encoder.weight)
        >>> cache = GradientCache(encoder, graded_contrastive_loss, chunk_size=2)
        >>> inputs = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
        >>> relevance = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 1.0]])
        >>> output = cache.backward(inputs, relevance=relevance)
        >>> round(output.loss.item(), 4), encoder.weight.grad.norm().item() > 0
        (0.0636, True)
    """

    def __init__(
        self, encoders: Encoder | Sequence[Encoder], loss_fn: Callable[..., Output], chunk_size: int
    ) -> None:
        # A module may be both, callable and a sequence (nn.Sequential has a length).
        self.encoders = (encoders,) if callable(encoders) else tuple(encoders)
        if not self.encoders:
            raise InputError("encoders", "none", "at least one")
        if isinstance(chunk_size, bool) or not isinstance(chunk_size, int) or chunk_size < 1:
            raise InputError("chunk_size", repr(chunk_size), "an integer of at least 1")
        self.loss_fn = loss_fn
        self.chunk_size = chunk_size

    def backward(self, *inputs: Inputs, **loss_arguments: object) -> Output:
        """Add the gradients of one batch to the ``grad`` of all parameters.

        Args:
            *inputs: One for each encoder: a tensor (B, ...), a mapping of such tensors (a tokeniser's
                output), or a sequence such as a list of texts. It is cut into chunks of rows of the same
                type; of a mapping, into dictionaries.
            **loss_arguments: Handed to the loss, such as ``relevance``.

        Returns:
            What ``loss_fn`` returned, to be read: its graph is spent.

        Raises:
            InputError: The inputs do not fit the encoders, an encoder returns another number of rows than it
                was given, the loss is no scalar, or nothing takes a gradient.
        """
        if len(inputs) != len(self.encoders):
            raise InputError("inputs", f"{len(inputs)}", f"{len(self.encoders)}, one per encoder")
        works = [
            [_Chunk(encoder, rows, count) for rows, count in _chunks(batch, self.chunk_size, place)]
            for place, (encoder, batch) in enumerate(zip(self.encoders, inputs, strict=True))
        ]
        embeddings = [torch.cat([chunk.embed() for chunk in chunks]).requires_grad_() for chunks in works]
        # Older versions of PyTorch would reuse the copies of weights that autocast made without a graph.
        torch.clear_autocast_cache()
        output = self.loss_fn(*embeddings, **loss_arguments)
        loss = output if isinstance(output, Tensor) else getattr(output, "loss", None)
        if not isinstance(loss, Tensor) or loss.ndim > 0:
            found = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else f"a {type(output).__name__}"
            raise InputError("loss_fn", found, "a scalar tensor, or something that has one as `loss`")
        with torch.autocast(loss.device.type, enabled=False):
            torch.autograd.backward(loss)

        pairs = [
            (chunk, gradient)
            for chunks, embedding in zip(works, embeddings, strict=True)
            if embedding.grad is not None  # else the loss does not depend on it
            for chunk, gradient in zip(chunks, torch.split(embedding.grad, self.chunk_size), strict=True)
        ]
        last = {id(chunk.encoder): place for place, (chunk, _) in enumerate(pairs)}
        reached = [
            chunk.pass_back(gradient, exchange=last[id(chunk.encoder)] == place)
            for place, (chunk, gradient) in enumerate(pairs)
        ]
        if not any(reached):
            raise InputError("encoders", "none with a parameter that takes a gradient", "something to train")
        return output


@dataclass
class _Chunk:
    """Some rows on their two ways through an encoder."""

    encoder: Encoder
    inputs: Inputs
    rows: int

    def embed(self) -> Tensor:
        """Embeddings without a graph; remembers the random state before it."""
        self._random = _RandomState()
        with torch.no_grad():
            embeddings = self.encoder(self.inputs)
        if not isinstance(embeddings, Tensor):
            raise InputError("encoders", f"a {type(embeddings).__name__} as output", "a tensor of embeddings")
        if embeddings.shape[:1] != (self.rows,) or not embeddings.is_floating_point():
            found = f"an output of shape {tuple(embeddings.shape)} of {embeddings.dtype}"
            raise InputError("encoders", found, f"floating point with {self.rows} rows, as many as given")
        return embeddings

    def pass_back(self, gradient: Tensor, *, exchange: bool) -> bool:
        """Encode again, with a graph, and pass the gradient back; False if nothing takes it."""
        distributed = isinstance(self.encoder, DistributedDataParallel)
        wait = cast(DistributedDataParallel, self.encoder).no_sync() if distributed and not exchange else None
        with wait or contextlib.nullcontext():
            with self._random.again():
                embeddings = self.encoder(self.inputs)
            if not embeddings.requires_grad:
                return False
            with torch.autocast(gradient.device.type, enabled=False):
                torch.autograd.backward(embeddings, gradient)
        return True


class _RandomState:
    """The random state of PyTorch, on the CPU and on all CUDA devices that are in use."""

    def __init__(self) -> None:
        self.cpu = torch.get_rng_state()
        self.cuda = torch.cuda.get_rng_state_all() if _cuda_in_use() else []

    @contextlib.contextmanager
    def again(self) -> Iterator[None]:
        """Go back to it for a while."""
        with torch.random.fork_rng(range(len(self.cuda))):
            torch.set_rng_state(self.cpu)
            if self.cuda:
                torch.cuda.set_rng_state_all(self.cuda)
            yield


def _cuda_in_use() -> bool:
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


def _chunks(batch: Inputs, size: int, place: int) -> Iterator[tuple[Inputs, int]]:
    """Chunks of the rows of an input, and how many rows each has."""
    parts = list(batch.values()) if isinstance(batch, Mapping) else [batch]
    lengths = {len(part) for part in parts}
    if len(lengths) != 1 or lengths == {0}:
        found = " and ".join(map(str, sorted(lengths))) or "no"
        raise InputError(f"inputs: {place}", f"{found} rows", "one and the same number of rows, at least 1")
    for start in range(0, len(parts[0]), size):
        rows = slice(start, start + size)
        count = min(size, len(parts[0]) - start)
        if isinstance(batch, Mapping):
            yield {name: part[rows] for name, part in batch.items()}, count
        else:
            yield batch[rows], count
