"""A person detector that a site brings as an ONNX file, run by onnxruntime (extra `onnx`), in 32-bit floats.

What comes out of such files is not standardised; these forms are known and told apart by their shapes:

    [1, 4+C, N]            YOLOv8, 11 and alike: centre and size in input pixels, then C scores
    [1, N, 5+C]            YOLOv5, v7; YOLOX (its boxes may still be relative to a grid): objectness, then C scores
    [1, N, 6]              end to end (YOLOv10, ...): corners, score, class
    [1, Q, 4] and [1, Q, C]  DETR, RT-DETR: centre and size as shares of the picture, and logits

An input of fixed size is filled by letterbox for YOLO and by stretching for DETR.
"""

from __future__ import annotations

import importlib
import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.errors import DetectorTooSlow, DetectorUnusable
from vision.picture import Bgr
from vision.recognise import PersonBox

FloatImage = NDArray[np.float32]
Style = Literal["yolo", "detr", "auto"]
Pixels = Literal["auto", "rgb01", "bgr255", "imagenet"]

_USUAL_PX = 640  # of a model that takes any size
_OVERLAP = 0.5  # boxes of one class that overlap more are the same person
_GRAY = 114  # what letterboxes are padded with
_STRIDES = (8, 16, 32)
_MOST = 300
_GRID_SIZES = 12.0  # sizes that are all below are logarithms
_MATCH = 0.3
_AROUND = 2.0  # a crop is this much larger than the box it is about
_IMAGENET = (np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32))


@dataclass(frozen=True, slots=True)
class _Form:
    """What the network puts out, and how the picture must be put in."""

    kind: Literal["v8", "v5", "yolox", "end2end", "detr"]
    boxes: int = 0  # index of the output
    scores: int = 0
    softmax: bool = False

    @property
    def letterbox(self) -> bool:
        return self.kind != "detr"


class OnnxRecogniser:
    """One loaded network. Raises DetectorUnusable with a sentence."""

    def __init__(
        self,
        model: Path,
        *,
        style: Style = "auto",
        person_class: int = 0,
        min_confidence: float = 0.35,
        pixels: Pixels = "auto",
        limit_s: float = 5.0,
    ) -> None:
        self.name = model.name
        self._person, self._least, self._limit_s = person_class, min_confidence, limit_s
        self._runtime = _runtime()
        self._session = _opened(self._runtime, model)
        self._input = self._session.get_inputs()[0].name
        self.size = _input_size(self._session, model)
        outputs = self._run(np.zeros((1, 3, self.size[1], self.size[0]), np.float32))
        self._form = _form_of([output.shape for output in outputs], self.size, style, model, person_class)
        usual: Pixels = "bgr255" if self._form.kind == "yolox" else "imagenet" if self._form.softmax else "rgb01"
        self._pixels: Pixels = usual if pixels == "auto" else pixels

    def search(self, bgr: Bgr) -> list[PersonBox]:
        blob, scale_x, scale_y, left, top = self._prepared(bgr)
        boxes, scores = self._decoded(self._run(blob))
        sure = np.flatnonzero(np.nan_to_num(scores) >= self._least)
        sure = sure[np.argsort(-scores[sure])][:_MOST]
        if not len(sure):
            return []
        found = boxes[sure]
        kept = cv2.dnn.NMSBoxes([tuple(box) for box in found.tolist()], scores[sure].tolist(), self._least, _OVERLAP)
        rows, columns = bgr.shape[:2]
        people: list[PersonBox] = []
        for index in np.array(kept).ravel().tolist():
            x, y, w, h = found[index]
            x0, y0 = max((x - left) / scale_x, 0.0), max((y - top) / scale_y, 0.0)
            x1, y1 = min((x + w - left) / scale_x, float(columns)), min((y + h - top) / scale_y, float(rows))
            if x1 - x0 >= 1.0 and y1 - y0 >= 1.0:
                people.append(
                    PersonBox(float(x0), float(y0), float(x1 - x0), float(y1 - y0), float(scores[sure[index]]))
                )
        return people

    def verify(self, bgr: Bgr, boxes: Sequence[PersonBox]) -> list[float | None]:
        """Each in a crop of its own, so that somebody far away is large enough for the network."""
        told: list[float | None] = []
        for box in boxes:
            crop, left, top = _around(bgr, box)
            if not crop.size:
                told.append(None)
                continue
            here = PersonBox(box.x - left, box.y - top, box.w, box.h, 0.0)
            told.append(
                max((one.confidence for one in self.search(crop) if overlap(one, here) >= _MATCH), default=0.0)
            )
        return told

    # --- in

    def _prepared(self, bgr: Bgr) -> tuple[FloatImage, float, float, float, float]:
        """The input, and how its pixels follow from the picture's: two scales and an offset."""
        width, height = self.size
        rows, columns = bgr.shape[:2]
        if self._form.letterbox:
            scale = min(width / columns, height / rows)
            scaled = (max(round(columns * scale), 1), max(round(rows * scale), 1))
            left, top = (width - scaled[0]) // 2, (height - scaled[1]) // 2
            if self._form.kind == "yolox":
                left = top = 0  # it was taught with the picture in the upper left corner
            canvas = np.full((height, width, 3), _GRAY, np.uint8)
            small = cv2.resize(bgr, scaled, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
            canvas[top : top + scaled[1], left : left + scaled[0]] = small
            return self._blob(canvas), scaled[0] / columns, scaled[1] / rows, float(left), float(top)
        canvas = cast("Bgr", cv2.resize(bgr, (width, height), interpolation=cv2.INTER_AREA))
        return self._blob(canvas), width / columns, height / rows, 0.0, 0.0

    def _blob(self, bgr: Bgr) -> FloatImage:
        if self._pixels == "bgr255":
            values = bgr.astype(np.float32)
        else:
            values = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB).astype(np.float32) / np.float32(255.0)
            if self._pixels == "imagenet":
                values = (values - _IMAGENET[0]) / _IMAGENET[1]
        return np.ascontiguousarray(values.transpose(2, 0, 1)[None])

    def _run(self, blob: FloatImage) -> list[NDArray[np.float32]]:
        """One inference; told to end when it takes longer than it may (it obeys between two layers)."""
        options = self._runtime.RunOptions()
        late = threading.Event()

        def cut() -> None:
            late.set()
            options.terminate = True

        timer = threading.Timer(self._limit_s, cut)
        timer.daemon = True
        timer.start()
        try:
            return cast("list[NDArray[np.float32]]", self._session.run(None, {self._input: blob}, options))
        except Exception as error:
            if late.is_set():
                raise DetectorTooSlow(f"a look takes longer than {self._limit_s:g} s") from error
            raise
        finally:
            timer.cancel()

    # --- out

    def _decoded(self, outputs: list[NDArray[np.float32]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(n, 4) left, top, width, height in input pixels, and (n,) how surely each is a person."""
        form, person = self._form, self._person
        width, height = self.size
        raw = outputs[form.boxes][0]
        if form.kind == "end2end":
            corners, score = raw[:, :4], np.where(np.round(raw[:, 5]) == person, raw[:, 4], 0.0)
            return np.column_stack([corners[:, :2], corners[:, 2:4] - corners[:, :2]]), score.astype(np.float32)
        if form.kind == "v8":
            centred, score = raw[:4].T, raw[4 + person]
        elif form.kind == "detr":
            logits = outputs[form.scores][0]
            score = _softmax(logits)[:, person] if form.softmax else _sigmoid(logits[:, person])
            centred = raw[:, :4]
        else:
            score = raw[:, 4] * raw[:, 5 + person]
            centred = raw[:, :4]
            if form.kind == "yolox" and float(np.max(centred[:, 2:4], initial=0.0)) < _GRID_SIZES:
                centred = _off_the_grid(centred, self.size)
        if form.kind == "detr" or float(np.max(np.abs(centred), initial=0.0)) <= 2.0:  # shares of the picture
            centred = centred * np.array([width, height, width, height], np.float32)
        boxes = np.column_stack([centred[:, :2] - centred[:, 2:4] / 2, centred[:, 2:4]])
        return boxes.astype(np.float32), score.astype(np.float32)


def overlap(a: PersonBox, b: PersonBox) -> float:
    """Of two boxes, the share of both that is common to both."""
    wide = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    high = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    if wide <= 0 or high <= 0:
        return 0.0
    return wide * high / (a.w * a.h + b.w * b.h - wide * high)


def _around(bgr: Bgr, box: PersonBox) -> tuple[Bgr, int, int]:
    side = _AROUND * max(box.w, box.h)
    left, top = max(round(box.x + box.w / 2 - side / 2), 0), max(round(box.y + box.h / 2 - side / 2), 0)
    return bgr[top : top + round(side), left : left + round(side)], left, top


# --- loading


def _runtime() -> Any:
    try:
        return importlib.import_module("onnxruntime")
    except ImportError as error:
        raise DetectorUnusable(
            "a detector needs onnxruntime, which is not installed: pip install 'chaoxun[onnx]'"
        ) from error


def _opened(runtime: Any, model: Path) -> Any:
    if not model.is_file():
        raise DetectorUnusable(f"{model} does not exist: give the path of an ONNX file")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = runtime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no common class of their own
        raise DetectorUnusable(
            f"{model} is no ONNX network that onnxruntime can load: {_first_line(error)}"
        ) from error
    inputs = session.get_inputs()
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        shown = ", ".join(f"{one.name} {list(one.shape)}" for one in inputs)
        raise DetectorUnusable(f"{model} takes {shown}: one input [1, 3, height, width] is needed")
    if inputs[0].type != "tensor(float)":
        raise DetectorUnusable(f"{model} takes {inputs[0].type}: export it with 32-bit floats")
    if inputs[0].shape[1] not in {3, None} and not isinstance(inputs[0].shape[1], str):
        raise DetectorUnusable(f"{model} takes {list(inputs[0].shape)}: one input [1, 3, height, width] is needed")
    return session


def _input_size(session: Any, model: Path) -> tuple[int, int]:
    """Width and height; a model that takes any size gets the usual one."""
    del model
    _, _, height, width = session.get_inputs()[0].shape
    return (
        width if isinstance(width, int) and width > 0 else _USUAL_PX,
        height if isinstance(height, int) and height > 0 else _USUAL_PX,
    )


def _form_of(
    shapes: Sequence[tuple[int, ...]], size: tuple[int, int], style: Style, model: Path, person: int
) -> _Form:
    form = _known_form(shapes, size, style)
    classes = 0
    if form is not None:
        shape = shapes[form.scores]
        classes = {"v8": shape[1] - 4, "detr": shape[-1], "end2end": 10_000}.get(form.kind, shape[-1] - 5)
    if form is None:
        shown = ", ".join(str(list(shape)) for shape in shapes)
        raise DetectorUnusable(
            f"{model} puts out {shown}, which is none of the known forms: YOLO [1, 4+classes, N] or "
            "[1, N, 5+classes] or [1, N, 6], DETR [1, N, 4] with [1, N, classes]"
        )
    if person >= classes:
        raise DetectorUnusable(f"{model} knows {classes} classes, so person_class {person} is not among them")
    return form


def _known_form(shapes: Sequence[tuple[int, ...]], size: tuple[int, int], style: Style) -> _Form | None:
    wide = [(index, shape) for index, shape in enumerate(shapes) if len(shape) == 3 and shape[0] == 1]
    if style in {"detr", "auto"}:
        for index, shape in wide:
            for other, logits in wide:
                if index != other and shape[2] == 4 and logits[1] == shape[1]:
                    return _Form("detr", boxes=index, scores=other, softmax=logits[2] == 92)
    if style in {"yolo", "auto"} and wide:
        index, (_, rows, columns) = wide[0]
        cells = sum(math.ceil(size[0] / s) * math.ceil(size[1] / s) for s in _STRIDES)
        if columns == 6 and rows <= 2 * _MOST and rows not in {cells, 3 * cells}:
            return _Form("end2end", boxes=index, scores=index)
        if 5 <= rows < columns:
            return _Form("v8", boxes=index, scores=index)
        if columns >= 6:
            return _Form("yolox" if rows == cells else "v5", boxes=index, scores=index)
    return None


def _off_the_grid(centred: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """YOLOX's boxes as the network leaves them: offsets in cells, and logarithms of sizes in cells."""
    cells, strides = [], []
    for stride in _STRIDES:
        grid = np.meshgrid(np.arange(math.ceil(size[0] / stride)), np.arange(math.ceil(size[1] / stride)))
        cells.append(np.column_stack([grid[0].ravel(), grid[1].ravel()]))
        strides.append(np.full((len(cells[-1]), 1), stride))
    at, step = np.concatenate(cells), np.concatenate(strides)
    return np.column_stack([(centred[:, :2] + at) * step, np.exp(centred[:, 2:4]) * step]).astype(np.float32)


def _sigmoid(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return (1.0 / (1.0 + np.exp(-np.clip(values, -60, 60)))).astype(np.float32)


def _softmax(values: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
