"""Draws a run: the bank and its zones, who went where, what flew where, where the lifebuoy fell and drifted."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from flightctl.site import SiteFile
from geofence.position import Enu, FloatArray, LocalFrame
from sim.scenario.record import Record, Source, TrackPoint
from sim.scenario.result import ScenarioResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LAND = {
    "river": ("#dbe7ee", 0),
    "foreshore": ("#d8cdb4", 1),
    "promenade": ("#e9e6df", 2),
    "seawall": ("#a9a49a", 2),
    "groyne": ("#b5aea0", 2),
}
_DRONE_COLOURS = ("#1f5fbf", "#0e8f7e", "#8a4fbf", "#3f4f63")
_PERSON, _BUOY, _TROUBLE = "#c8372d", "#e08a00", "#7a1712"
_MARGIN_M = 45.0
_LEAST_SPAN_M = 170.0


@dataclass(frozen=True, slots=True)
class Outline:
    """What does not move, in metres."""

    land: tuple[tuple[str, FloatArray], ...]
    dangers: tuple[FloatArray, ...]
    site: SiteFile
    frame: LocalFrame


def read_outline(folder: Path, site: SiteFile) -> Outline:
    frame = LocalFrame(site.origin)
    land = tuple(
        (str(feature["properties"].get("layer", "")), _ring(feature, frame))
        for feature in _features(folder / "basemap.geojson")
    )
    dangers = tuple(
        _ring(feature, frame)
        for feature in _features(folder / "zones.geojson")
        if feature["properties"].get("kind") == "danger" and feature["properties"].get("surface") != "water"
    )
    return Outline(land, dangers, site, frame)


def _features(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [f for f in json.loads(path.read_text("utf-8"))["features"] if f["geometry"]["type"] == "Polygon"]


def _ring(feature: dict[str, Any], frame: LocalFrame) -> FloatArray:
    ring = np.asarray(feature["geometry"]["coordinates"][0], dtype=np.float64)
    return frame.to_enu_array(ring[:, 1], ring[:, 0])


def draw(result: ScenarioResult, outline: Outline, path: Path) -> None:
    """Writes a PNG: the map above, the steps and the drones' heights below."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 9.5), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, 2, height_ratios=(2.4, 1), width_ratios=(1, 1))
    _map(figure.add_subplot(grid[0, :]), result, outline)
    _steps(figure.add_subplot(grid[1, 0]), result)
    _heights(figure.add_subplot(grid[1, 1]), result.record)
    verdict = "all expectations held" if result.held else "NOT all expectations held"
    figure.suptitle(f"{result.title} - seed {result.seed}, {result.time_mode} time - {verdict}", fontsize=14)
    figure.savefig(path)


def _map(axes: Axes, result: ScenarioResult, outline: Outline) -> None:
    record = result.record
    west, east, south, north = _extent(record, outline)
    for layer, ring in outline.land:
        colour, order = _LAND.get(layer, ("#eeeeee", 0))
        axes.fill(ring[:, 0], ring[:, 1], color=colour, zorder=order, linewidth=0)
    for ring in outline.dangers:
        axes.plot(ring[:, 0], ring[:, 1], color=_TROUBLE, linewidth=1, linestyle=(0, (4, 3)), zorder=3)
    _devices(axes, outline)
    moving = {name: track for name, track in record.people.items() if _length(track) > 2.0}
    told = {e.subject for e in record.of(Source.WORLD) if e.kind in {"fell", "climbed_down", "swept"}}
    for name, track in moving.items():
        _line(axes, track, _PERSON if name in told else "#8b8680", 1.8 if name in told else 0.7)
        if name in told:
            _mark(axes, track[0].position, "o", _PERSON, f"{name}, start")
    for index, (name, track) in enumerate(sorted(record.drones.items())):
        if _length(track) > 3.0:
            colour = _DRONE_COLOURS[index % len(_DRONE_COLOURS)]
            _line(axes, track, colour, 1.6, label=f"{name}'s flight")
            _arrows(axes, track, colour)
    for name, track in sorted(record.buoys.items()):
        _line(axes, track, _BUOY, 2.2, label=f"{name}'s drift", dashed=True)
    _moments(axes, record)
    axes.set_xlim(west, east)
    axes.set_ylim(south, north)
    axes.set_aspect("equal")
    axes.set_xlabel("metres east of the site's origin")
    axes.set_ylabel("metres north")
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        axes.legend(handles, labels, loc="upper right", fontsize=8, framealpha=0.9)


def _devices(axes: Axes, outline: Outline) -> None:
    for dock in outline.site.docks:
        at = outline.frame.to_enu(dock.position)
        axes.plot(at.east_m, at.north_m, "s", color="#22303c", markersize=9, zorder=6)
        axes.annotate(dock.id, (at.east_m, at.north_m), (0, 9), textcoords="offset points", ha="center", fontsize=8,
                      clip_on=True, annotation_clip=True)  # fmt: skip
    for camera in outline.site.cameras:
        at = outline.frame.to_enu(camera.position)
        half = camera.lens.hfov_deg / 2
        bearings = np.radians(np.linspace(camera.yaw_deg - half, camera.yaw_deg + half, 24))
        arc = np.column_stack(
            [at.east_m + camera.range_m * np.sin(bearings), at.north_m + camera.range_m * np.cos(bearings)]
        )
        ring = np.vstack([[at.east_m, at.north_m], arc, [at.east_m, at.north_m]])
        axes.fill(ring[:, 0], ring[:, 1], color="#5a7fa0", alpha=0.07, zorder=3, linewidth=0)
        axes.plot(ring[:, 0], ring[:, 1], color="#5a7fa0", alpha=0.5, linewidth=0.6, zorder=3)
        axes.annotate(camera.id, (at.east_m, at.north_m), (3, -9), textcoords="offset points", fontsize=7,
                      color="#41617d", clip_on=True, annotation_clip=True)  # fmt: skip


def _moments(axes: Axes, record: Record) -> None:
    shown = {
        "fell": ("X", _TROUBLE, "fell"),
        "swept": ("X", _TROUBLE, "swept away"),
        "climbed_down": ("v", _TROUBLE, "went down"),
        "walked_back": ("^", "#2c7a3f", "back up"),
        "buoy_splash": ("*", _BUOY, "lifebuoy in the water"),
        "reached_buoy": ("P", "#2c7a3f", "has the lifebuoy"),
    }
    for event in record.of(Source.WORLD):
        if event.kind not in shown or "east_m" not in event.data:
            continue
        marker, colour, words = shown[event.kind]
        at = Enu(float(event.data["east_m"]), float(event.data["north_m"]))
        _mark(axes, at, marker, colour, f"{words}, {event.at_s:.0f} s")


def _mark(axes: Axes, at: Enu, marker: str, colour: str, label: str) -> None:
    axes.plot(at.east_m, at.north_m, marker, color=colour, markersize=9, markeredgecolor="white", zorder=9,
              linestyle="none", label=label)  # fmt: skip


def _line(
    axes: Axes, track: list[TrackPoint], colour: str, width: float, *, label: str = "", dashed: bool = False
) -> None:
    axes.plot(
        [p.position.east_m for p in track],
        [p.position.north_m for p in track],
        color=colour,
        linewidth=width,
        linestyle=(0, (3, 1.5)) if dashed else "solid",
        zorder=8 if dashed else 7,
        label=label or "_",
    )


def _arrows(axes: Axes, track: list[TrackPoint], colour: str) -> None:
    """A head every sixty metres, so that out and back can be told apart."""
    since = 30.0
    for one, two in itertools.pairwise(track):
        since += one.position.distance_m(two.position)
        if since > 60.0 and one.position.distance_m(two.position) > 0.5:
            since = 0.0
            axes.annotate(
                "",
                (two.position.east_m, two.position.north_m),
                (one.position.east_m, one.position.north_m),
                arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1.2},
                zorder=7,
                annotation_clip=True,
            )


def _length(track: list[TrackPoint]) -> float:
    return sum(a.position.distance_m(b.position) for a, b in itertools.pairwise(track))


def _extent(record: Record, outline: Outline) -> tuple[float, float, float, float]:
    """What the picture shows: all that moved with a purpose, or the whole watched bank when nothing did."""
    told = {e.subject for e in record.of(Source.WORLD) if e.kind in {"fell", "climbed_down", "swept"}}
    points = [p.position for name, track in record.people.items() if name in told for p in track]
    points += [p.position for track in record.drones.values() if _length(track) > 3.0 for p in track]
    points += [p.position for track in record.buoys.values() for p in track]
    if not points:
        points = [outline.frame.to_enu(camera.position) for camera in outline.site.cameras]
    east = [p.east_m for p in points]
    north = [p.north_m for p in points]
    west, right = min(east) - _MARGIN_M, max(east) + _MARGIN_M
    south, top = min(north) - _MARGIN_M, max(north) + _MARGIN_M
    width, height = max(right - west, _LEAST_SPAN_M * 2), max(top - south, _LEAST_SPAN_M)
    width, height = max(width, height * 2.2), max(height, width / 2.8)
    x, y = (west + right) / 2, (south + top) / 2
    return x - width / 2, x + width / 2, y - height / 2, y + height / 2


def _steps(axes: Axes, result: ScenarioResult) -> None:
    steps = sorted(result.steps_s.items(), key=lambda item: item[1])
    if not steps:
        axes.text(0.5, 0.5, "nothing happened", ha="center", va="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    before = 0.0
    for row, (_, at_s) in enumerate(steps):
        axes.barh(row, at_s - before, left=before, color="#5a7fa0", height=0.6)
        axes.annotate(f"{at_s:.1f} s", (at_s, row), (4, 0), textcoords="offset points", va="center", fontsize=7)
        before = at_s
    axes.set_yticks(range(len(steps)), [name.replace("_", " ") for name, _ in steps], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, steps[-1][1] * 1.12 + 1)
    axes.set_xlabel("seconds after it happened")
    axes.spines[["top", "right"]].set_visible(False)


def _heights(axes: Axes, record: Record) -> None:
    flown = False
    for index, (name, track) in enumerate(sorted(record.drones.items())):
        if max((p.height_m for p in track), default=0.0) > 1.0:
            flown = True
            colour = _DRONE_COLOURS[index % len(_DRONE_COLOURS)]
            axes.plot([p.at_s for p in track], [p.height_m for p in track], color=colour, label=name, linewidth=1.4)
    if not flown:
        axes.text(0.5, 0.5, "no drone flew", ha="center", va="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    for event in record.of(Source.WORLD, "buoy_released"):
        axes.axvline(event.at_s, color=_BUOY, linewidth=1, linestyle=(0, (3, 2)))
    axes.set_xlabel("seconds of the scenario (dashed: release)")
    axes.set_ylabel("height above home, m")
    axes.set_ylim(0, math.ceil(axes.get_ylim()[1] / 10) * 10)
    axes.legend(fontsize=8, loc="upper right")
    axes.spines[["top", "right"]].set_visible(False)
