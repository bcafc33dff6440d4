"""The real clips of an evaluation folder against their annotations (`chaoxun eval footage --footage DIR`).

The clips come without a calibration, so only what needs none can be asked: who is tracked, how long somebody
standing is held, whether anything is told where nothing is. The metric picture series of breaking fronts is the
exception: it is looked at by the bore's own code, as if from straight above. A clip that is absent is left out and
said so.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np

from geofence.position import LatLon, LocalFrame
from vision.background import Gray
from vision.calibration import Projection
from vision.camera import Camera, Lens
from vision.front import WIDE_SEA, FrontWatch, cells_of
from vision.scene import SceneGeometry, SceneModel
from vision.watch import watch

_SLACK_S = 0.5  # the annotations are good to five frames
_SURE_MPS = 0.35  # a front whose speed is less sure is not asked for it
_BESIDE_M = 16.0
_HFOV_DEG = 8.0  # of the lens that stands in for a view from straight above


@dataclass(frozen=True, slots=True)
class Finding:
    """One question put to one clip."""

    clip: str
    question: str
    true: str
    found: str
    note: str = ""

    @property
    def row(self) -> tuple[str, ...]:
        return self.clip, self.question, self.true, self.found, self.note


@dataclass(frozen=True, slots=True)
class FootageReport:
    findings: tuple[Finding, ...] = ()
    skipped: str = ""  # why, when there was nothing to look at

    def to_json(self) -> dict[str, Any]:
        rows = [
            {"clip": f.clip, "question": f.question, "true": f.true, "found": f.found, "note": f.note}
            for f in self.findings
        ]
        return {"material": "footage", "note": "real clips", "skipped": self.skipped or None, "findings": rows}


def evaluate_footage(folder: Path | None) -> FootageReport:
    """Everything in the folder that is known."""
    if folder is None:
        return FootageReport(skipped="no --footage DIR was given")
    if not folder.is_dir():
        return FootageReport(skipped=f"{folder} is not a folder")
    found = [*_one_by_one(folder), *_cars(folder), *_falls(folder), *_fronts(folder)]
    return FootageReport(tuple(found)) if found else FootageReport(skipped=f"none of the known clips is in {folder}")


@dataclass(frozen=True, slots=True)
class _Seen:
    tracks: tuple[tuple[float, float], ...]  # first and last second, of those that count as people
    others: int  # tracks that do not
    alerts: dict[str, int]


def _watched(path: Path) -> _Seen:
    lines: list[str] = []
    summary = watch(str(path), emit=lines.append, json=True)
    told = [one for one in map(json.loads, lines) if one["type"] == "track"]
    people = tuple((one["from_s"], one["to_s"]) for one in told if one["person"])
    return _Seen(people, len(told) - len(people), {str(k): n for k, n in summary.alerts.items()})


def _one_by_one(folder: Path) -> Iterator[Finding]:
    clip, truth = folder / "one_by_one.mp4", folder / "one_by_one.gt.json"
    if not clip.exists() or not truth.exists():
        return
    content = json.loads(truth.read_text("utf-8"))
    fps, visits, seen = content["fps"], content["visits"], _watched(clip)
    yield Finding(clip.name, *held_while_standing(visits, fps, seen.tracks))
    spans = [(visit["enter"] / fps, visit["leave"] / fps) for visit in visits]
    stray = sum(not any(a - 1.0 <= first <= b + 1.0 for a, b in spans) for first, _ in seen.tracks)
    yield Finding(clip.name, "people", str(content["people"]), str(len(seen.tracks)), _others(seen))
    yield Finding(clip.name, "tracks where nobody is", "0", str(stray))
    yield Finding(clip.name, "alerts", "0", str(sum(seen.alerts.values())))


def held_while_standing(
    visits: list[dict[str, float]], fps: float, tracks: tuple[tuple[float, float], ...]
) -> tuple[str, str, str]:
    """Question, truth, finding: who stands is held by one track from first to last."""
    held = sum(
        any(
            first <= visit["still_from"] / fps + _SLACK_S and last >= visit["still_to"] / fps - _SLACK_S
            for first, last in tracks
        )
        for visit in visits
    )
    return "held by one track while standing", str(len(visits)), str(held)


def _others(seen: _Seen) -> str:
    return f"tracks that count as people; {seen.others} more do not"


def _cars(folder: Path) -> Iterator[Finding]:
    clip = folder / "cars.mp4"
    if clip.exists():
        seen = _watched(clip)
        yield Finding(clip.name, "people", "0", str(len(seen.tracks)), _others(seen))
        yield Finding(clip.name, "alerts", "0", str(sum(seen.alerts.values())))


def _falls(folder: Path) -> Iterator[Finding]:
    clips = sorted((folder / "falls").glob("S*_*.mp4"))
    if not clips:
        return
    falling = [clip for clip in clips if _has_fall(clip)]
    told = {clip: sum(_watched(clip).alerts.values()) for clip in clips}
    note = "by posture, on land; acted falls, alone and near the lens: no figure for the field"
    yield Finding("falls/", "falls told", str(len(falling)), str(sum(told[c] > 0 for c in falling)), note)
    calm = len(clips) - len(falling)
    yield Finding(
        "falls/", f"alerts in {calm} clips without a fall", "0", str(sum(told[c] for c in clips if c not in falling))
    )


def _has_fall(clip: Path) -> bool:
    """By the annotation beside it: S1_Fall_13.mp4 is row 13.mp4 of S1_Fall.csv."""
    stem, _, number = clip.stem.rpartition("_")
    table = clip.with_name(f"{stem}.csv")
    if not table.exists():
        return False
    with table.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.reader(lines) if row and row[0].strip() == f"{number}.mp4"]
    return any("Falling" in ",".join(row) for row in rows)


def _fronts(folder: Path) -> Iterator[Finding]:
    series = folder / "bore_like_fronts"
    truth, pictures = series / "fronts.gt.json", sorted(series.glob("*.png"))
    if not truth.exists() or not pictures:
        return
    content = json.loads(truth.read_text("utf-8"))
    first = cv2.imread(str(pictures[0]))
    if first is None:
        return
    scene, size_m = _from_above(first.shape[1], first.shape[0], content["metres_per_px"]), content["metres_per_px"]
    seen: list[tuple[float, float, float]] = []  # column, row, speed; of the surest look at each
    watch = FrontWatch(cells_of(scene, WIDE_SEA), WIDE_SEA)
    for path in pictures:
        gray = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if gray is None:
            continue
        for front in watch.step(cast("Gray", gray), int(path.stem.rpartition("_")[2]) / 1000):
            column, row = scene.projection.pixel(front.place, 0.0)
            if front.speed_sigma_mps < _SURE_MPS:
                seen.append((column, row, front.speed_mps))
    for true in content["fronts"]:
        near = [
            one for one in seen if abs(one[1] - true["row"]) * size_m < _BESIDE_M
            and true["x_end_px"] - 20 < one[0] < true["x0_px"] + 20
        ]  # fmt: skip
        found = "none" if not near else f"{float(np.median([speed for _, _, speed in near])):.1f}"
        yield Finding("bore_like_fronts/", f"speed at row {true['row']}, m/s", str(true["speed_m_s"]), found)
    belt = sum(85 <= column <= 120 and not 150 < row < 215 for column, row, _ in seen)
    yield Finding("bore_like_fronts/", "fronts in the standing belt", "0", str(belt))


def _from_above(width_px: int, height_px: int, metres_per_px: float) -> SceneModel:
    """Water everywhere, a bank along the upper edge, a long lens so high that every pixel is the same size."""
    half_m = width_px * metres_per_px / 2
    camera = Camera(
        id="from-above",
        name={"en": "from above", "zh": "正上方"},
        stream="-",
        position=LatLon(lat=0.0, lon=0.0),
        height_amsl_m=float(half_m / np.tan(np.radians(_HFOV_DEG / 2))),
        yaw_deg=0.0,
        pitch_deg=-90.0,
        lens=Lens(width_px=width_px, height_px=height_px, hfov_deg=_HFOV_DEG),
        range_m=height_px * metres_per_px,
    )
    north = height_px * metres_per_px / 2 - metres_per_px
    crest = np.array([[-2 * half_m, north], [2 * half_m, north]])
    return SceneModel(Projection(camera, LocalFrame(camera.position)), SceneGeometry((), 0.0, 0.0, crest))
