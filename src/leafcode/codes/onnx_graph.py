"""A model as an ONNX graph, for runtimes without Python: embeddings in, codes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from leafcode.codes.search import ResidualSearch
from leafcode.errors import InputError
from leafcode.files import replacing
from leafcode.quantizers import RQVAE, ResidualQuantizer
from leafcode.quantizers.residual_block import ResidualBlock
from leafcode.quantizers.tree_encoder import TreeEncoder

_OPSET = 20
"""The first with GELU."""
_FORMAT = 9
"""Version of the file format that this operator set came with; older runtimes read no newer one."""

_LARGEST = 2**31 - 2**20
"""Bytes of weights; the whole file must be below 2 GiB."""


class OnnxGraph:
    """An ONNX graph from embeddings to codes, to which nodes are added one by one.

    Args:
        width: E, dimension of the embeddings.

    Raises:
        InputError: There is no package onnx.
    """

    inputs = "embeddings"
    """float32 (items, E)."""
    outputs = "codes"
    """int64 (items, L)."""

    def __init__(self, width: int) -> None:
        self._onnx, self.width = _import_onnx(), width
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def constant(self, value: Tensor) -> str:
        """A tensor, as float32 or int64; gives its name."""
        name, value = f"constant_{len(self._constants)}", value.detach().cpu()
        value = value.float() if value.is_floating_point() else value
        self._constants.append(self._onnx.numpy_helper.from_array(value.numpy(), name))
        return name

    def add(self, operator: str, *inputs: str, name: str | None = None, **attributes: object) -> str:
        """A node; gives the name of what it computes."""
        name = name or f"{operator}_{len(self._nodes)}"
        self._nodes.append(self._onnx.helper.make_node(operator, inputs, [name], **attributes))
        return name

    def columns(self, x: str, start: int, end: int) -> str:
        """``x[:, start:end]``."""
        bounds = [self.constant(torch.tensor([value])) for value in (start, end, 1)]
        return self.add("Slice", x, *bounds)

    def linear(self, x: str, weight: Tensor, bias: Tensor | None = None) -> str:
        """``x @ weight.T + bias``."""
        given = [] if bias is None else [self.constant(bias)]
        return self.add("Gemm", x, self.constant(weight), *given, transB=1)

    def codes(self, latents: str, quantizer: ResidualQuantizer, known: str | None = None) -> None:
        """The nearest codewords of latents (items, D), which are what the graph gives.

        Args:
            latents: Their name.
            quantizer: The quantiser.
            known: Name of float32 (items, D), 0 for entries that are missing; None if there are none.
        """
        levels, found, residual = ResidualSearch(quantizer).levels, [], latents
        for place, level in enumerate(levels):
            bias = level.bias if known is None else level.offset
            scores = self.linear(residual, level.towards, bias)
            if known is not None:
                scores = self.add("Add", scores, self.linear(known, level.squares))
            found.append(self.add("ArgMin", scores, axis=1, keepdims=1))
            if place + 1 < len(levels):
                index = self.add("Squeeze", found[-1], self.constant(torch.tensor([1])))
                codeword = self.add("Gather", self.constant(level.codebook), index, axis=0)
                residual = self.add("Sub", residual, codeword)
                residual = residual if known is None else self.add("Mul", residual, known)
        self.add("Concat", *found, axis=1, name=self.outputs)

    def save(self, path: Path) -> None:
        """Write the graph, once it has codes.

        Raises:
            InputError: The weights are too many, or the file cannot be written.
        """
        size = sum(len(constant.raw_data) for constant in self._constants)
        if size >= _LARGEST:
            raise InputError("ONNX", f"{size / 2**30:.1f} GiB of weights", "less than 2 GiB in a file")
        helper, kinds = self._onnx.helper, self._onnx.TensorProto
        graph = helper.make_graph(
            self._nodes,
            "leafcode",
            [helper.make_tensor_value_info(self.inputs, kinds.FLOAT, ["items", self.width])],
            [helper.make_tensor_value_info(self.outputs, kinds.INT64, ["items", None])],
            self._constants,
        )
        imports = [helper.make_opsetid("", _OPSET)]
        model = helper.make_model(graph, opset_imports=imports, ir_version=_FORMAT, producer_name="leafcode")
        self._onnx.checker.check_model(model)
        with replacing(path) as beside:
            beside.write_bytes(model.SerializeToString())


def export_onnx(model: RQVAE, path: str | Path) -> None:
    """Write the part of a model that makes codes as an ONNX file.

    The input ``embeddings`` is float32 (items, E), for a model with an engagement part (items, E + H); the
    output ``codes`` is int64 (items, L). ONNX runtimes compute in float32, so the code of an item to which
    two codewords are almost equally near may be another than that of `encode_codes`; nor do they refuse rows
    that are zero or not finite.

    Args:
        model: A trained model.
        path: The file to write.

    Raises:
        InputError: There is no package onnx, the weights are too many, or the file cannot be written.
    """
    config = model.config
    graph = OnnxGraph(config.embedding_dim + config.engagement_dim)
    content, known = graph.inputs, None
    if config.engagement_dim:
        content = graph.columns(graph.inputs, 0, config.embedding_dim)
        engagement = graph.columns(graph.inputs, config.embedding_dim, graph.width)
    parts = [_residual_block(graph, model.content_encoder, _unit(graph, content))]
    if model.tree_encoder is not None:
        parts.append(_tree_part(graph, model.tree_encoder, content))
    if config.engagement_dim:
        parts.append(engagement)
        known = _known(graph, engagement, model.quantizer.dim, config.engagement_dim)
    latents = graph.add("Concat", *parts, axis=1) if len(parts) > 1 else parts[0]
    graph.codes(latents, model.quantizer, known)
    graph.save(Path(path))


def _unit(graph: OnnxGraph, x: str) -> str:
    return graph.add("LpNormalization", x, axis=1, p=2)


def _residual_block(graph: OnnxGraph, block: ResidualBlock, x: str) -> str:
    inner = graph.add("Gelu", graph.linear(x, block.inner.weight, block.inner.bias))
    update = graph.linear(inner, block.outer.weight, block.outer.bias)
    if isinstance(block.skip, nn.Linear):
        x = graph.linear(x, block.skip.weight, block.skip.bias)
    return graph.add("Add", x, update)


@torch.no_grad()
def _tree_part(graph: OnnxGraph, encoder: TreeEncoder, content: str) -> str:
    prototypes = nn.functional.normalize(encoder.prototypes, dim=1) / encoder.temperature
    projection = _unit(graph, _residual_block(graph, encoder.projection, _unit(graph, content)))
    categories = graph.add("Softmax", graph.linear(projection, prototypes), axis=1)
    return graph.add("MatMul", categories, graph.constant(encoder.places()))


def _known(graph: OnnxGraph, engagement: str, dim: int, last: int) -> str:
    """float32 (items, D): ones, but zeros for the last entries of items without any engagement."""
    largest = graph.add("ReduceMax", graph.add("Abs", engagement), graph.constant(torch.tensor([1])))
    some = graph.add("Sign", largest)
    of_engagement = torch.arange(dim)[None] >= dim - last
    entries = graph.add("MatMul", some, graph.constant(of_engagement.float()))
    return graph.add("Add", entries, graph.constant((~of_engagement).float()))


def _import_onnx() -> Any:  # noqa: ANN401 (installed or not, its types are not checked)
    try:
        import onnx
    except ImportError as error:
        raise InputError("ONNX", "no package onnx", "the package", "pip install 'leafcode[onnx]'") from error
    return onnx
