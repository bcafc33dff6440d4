"""Networks of a few kilobytes that "recognise" red things: what a site's detector looks like from outside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SIDE = 128
BOX = (16, 48)  # width and height of every box it puts out, in input pixels
_STEP = 8


def write_network(path: Path, style: str = "v8", *, side: int = SIDE, bgr: bool = False) -> Path:
    """`style`: v8, v5, end2end, detr (sigmoid), odd. Each cell's score is how much redder than green its box is."""
    width, height = BOX
    down, across = (side - height) // _STEP + 1, (side - width) // _STEP + 1
    grid = np.meshgrid(np.arange(across) * _STEP + width / 2, np.arange(down) * _STEP + height / 2)
    cells = down * across
    centred = np.column_stack([grid[0].ravel(), grid[1].ravel(), np.full(cells, width), np.full(cells, height)])
    weights = np.zeros((1, 3, 1, 1), np.float32)
    weights[0, 2 if bgr else 0], weights[0, 1] = 1.0, -1.0
    nodes = [
        helper.make_node("Conv", ["images", "weights"], ["red"]),
        helper.make_node("Relu", ["red"], ["redness"]),
        helper.make_node(
            "AveragePool", ["redness"], ["pooled"], kernel_shape=[height, width], strides=[_STEP, _STEP]
        ),
    ]
    constants: dict[str, NDArray[np.float32]] = {"weights": weights}
    outputs: list[tuple[str, list[int]]] = [("out", [1, 5, cells])]
    if style == "v8":
        nodes += [_reshape("pooled", "scores", [1, 1, cells])]
        constants["boxes"] = centred.T[None].astype(np.float32)
        nodes += [helper.make_node("Concat", ["boxes", "scores"], ["out"], axis=1)]
    elif style == "v5":
        nodes += [_reshape("pooled", "scores", [1, cells, 1])]
        constants["boxes"] = centred[None].astype(np.float32)
        constants["sure"], constants["other"] = (np.full((1, cells, 1), v, np.float32) for v in (1, 0))
        nodes += [helper.make_node("Concat", ["boxes", "sure", "scores", "other"], ["out"], axis=2)]
        outputs = [("out", [1, cells, 7])]
    elif style == "end2end":
        corners = np.column_stack([centred[:, :2] - centred[:, 2:] / 2, centred[:, :2] + centred[:, 2:] / 2])
        nodes += [_reshape("pooled", "scores", [1, cells, 1])]
        constants["boxes"] = corners[None].astype(np.float32)
        constants["classes"] = np.zeros((1, cells, 1), np.float32)
        nodes += [helper.make_node("Concat", ["boxes", "scores", "classes"], ["out"], axis=2)]
        outputs = [("out", [1, cells, 6])]
    elif style == "detr":
        nodes += [_reshape("pooled", "scores", [1, cells, 1])]
        constants["gain"], constants["bias"] = np.array([20.0], np.float32), np.array([-16.0], np.float32)
        nodes += [
            helper.make_node("Mul", ["scores", "gain"], ["scaled"]),
            helper.make_node("Add", ["scaled", "bias"], ["logits"]),
            helper.make_node("Identity", ["shares"], ["pred_boxes"]),
        ]
        constants["shares"] = (centred / side)[None].astype(np.float32)
        outputs = [("logits", [1, cells, 1]), ("pred_boxes", [1, cells, 4])]
    else:
        nodes += [_reshape("pooled", "out", [1, cells])]
        outputs = [("out", [1, cells])]
    shapes = {node.output[0]: node for node in nodes}
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    for name in [one for one in shapes if one in {"scores", "out"} and shapes[one].op_type == "Reshape"]:
        target = np.array(_TARGETS[name], np.int64)
        initializers.append(numpy_helper.from_array(target, f"{name}_shape"))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, side, side])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, str(path))
    return path


_TARGETS: dict[str, list[int]] = {}


def _reshape(name: str, result: str, shape: list[int]) -> onnx.NodeProto:
    _TARGETS[result] = shape
    return helper.make_node("Reshape", [name, f"{result}_shape"], [result])
