"""Graphs of ONNX files: what they hold, what of them is needed, and a torch module of the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import onnx
from torch import nn

from discorank._optional import import_optional
from discorank.errors import ModelFailed
from discorank.hub._operators import with_operators
from discorank.hub.adapter import failing

__all__ = ["constants", "cut", "torch_module"]


def constants(graph: Any) -> Iterator[Any]:
    """Yield the tensors that hold values: initialisers, and the outputs of constant nodes.

    Some converters (Paddle's) put all weights into the latter.
    """
    yield from graph.initializer
    for node in graph.node:
        if node.op_type == "Constant":
            yield from (attribute.t for attribute in node.attribute if attribute.name == "value")


def cut(graph: Any, outputs: Sequence[str]) -> None:
    """Make these tensors the outputs of a graph, and drop the nodes that do not lead to them."""
    needed = set(outputs)
    kept = []
    for node in reversed(graph.node):  # ONNX orders nodes so that each follows what it reads
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(_reads(node))
    nodes = kept[::-1]
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.output[:]
    graph.output.extend(map(onnx.helper.make_empty_tensor_value_info, outputs))


def torch_module(path: Path, output: str) -> nn.Module:
    """Return what leads from the input of an ONNX file to one of its tensors, as a torch module.

    Its weights are all constants of more than one number, but for statistics of batches.

    Raises
    ------
    MissingExtra
        If onnx2torch is not installed.
    ModelFailed
        If the graph has a node that has no counterpart in torch, or no weights.
    """
    library = with_operators(
        lambda: import_optional(
            "onnx2torch", extra="onnx-finetune", purpose="fine-tuning a model of an ONNX file"
        )
    )
    with failing("the graph could not be turned into a torch module (a linear probe needs none)"):
        model = onnx.load(path)
        cut(model.graph, [output])
        _fill_initialisers(model.graph)
        module: nn.Module = library.convert(model)
    _train_constants(module)
    if not any(True for _ in module.parameters()):
        raise ModelFailed(f"{str(path)!r} has no weights before {output!r} that could be trained")
    return module


def _train_constants(module: nn.Module) -> None:
    """Make weights of what onnx2torch takes for constants: the factors of matrix products, ..."""
    for part in module.modules():
        if type(part) is nn.Module:  # what holds constants only
            for name, values in list(part.named_buffers(recurse=False)):
                if values.is_floating_point() and values.numel() > 1:
                    delattr(part, name)
                    part.register_parameter(name, nn.Parameter(values.clone()))


def _fill_initialisers(graph: Any) -> None:
    """Put the values of constant nodes where onnx2torch looks for weights."""
    constant = [
        node
        for node in graph.node
        if node.op_type == "Constant" and node.attribute[0].name == "value"
    ]
    for node in constant:
        node.attribute[0].t.name = node.output[0]
        graph.initializer.append(node.attribute[0].t)
        graph.node.remove(node)


def _reads(node: Any) -> Iterator[str]:
    """Yield the tensors that a node reads, and those that its branches and loop bodies do."""
    yield from node.input
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                yield from _reads(inner)
