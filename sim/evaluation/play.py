"""Plays one case: the world, one camera of the shipped site, its pipeline; frames in their own time, JPEG between.

Vision gets what it gets in the service, encoded pictures and the site's calibration, but no forecast of the level:
what it knows of the bore is what it sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np

from flightctl.scene import camera_scene
from flightctl.site_loading import HAINING, Site, load_site
from geofence.position import LocalFrame
from sim.camera import SimCamera
from sim.evaluation.cases import Case
from sim.evaluation.disturbed import DisturbedCamera
from sim.evaluation.pictures import Moment, Shown, draw_failure
from sim.evaluation.truth import TruthWatch
from sim.world import Ground, River, Weather, World
from sim.world.view import WorldView
from vision.alert import Alert, FrameReport
from vision.evaluation import Told, Verdict, judge
from vision.pipeline import CameraPipeline

BEGIN = datetime(2026, 9, 28, 4, 0, tzinfo=UTC)
_MOST_PICTURES = 8  # of one case
_SHOWN_AFTER_S = 2.5  # the picture of a miss: when it should long have been told


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a case."""

    case: Case
    verdict: Verdict
    failures: tuple[str, ...]  # a line each
    pictures: tuple[tuple[str, bytes], ...]  # file name, JPEG


@cache
def _site() -> Site:
    return load_site(Path(HAINING))


def play(case: Case, *, pictures: bool = False) -> Played:
    """Runs it to its end."""
    site = _site()
    camera = next(camera for camera in site.file.cameras if camera.id == case.camera_id)
    rng = np.random.default_rng([case.seed, 3])
    ground = Ground(site.river.bank.crest)
    weather = Weather.drawn(
        rng, wind_mps=case.wind_mps, wind_from_deg=float(rng.uniform(0, 360)), light=case.light, rain=case.rain
    )
    river = River.with_eddies(rng, low_water_amsl_m=site.river.level.low_amsl_m, bore=case.bore)
    world = World(
        ground, river, weather, rng, people=case.people, crowds=case.crowds, boats=case.boats, gulls=case.gulls
    )
    lens = DisturbedCamera(
        camera, site.frame, ground, case.disturbances, seed=case.seed, stretch=case.stretch, seconds=case.seconds
    )
    scene = camera_scene(site, camera.id)
    pipeline = CameraPipeline(camera, scene, seed=case.seed, preview_every_s=1e9)
    frame_s = 1.0 / camera.analysis_fps
    truth = TruthWatch(lens, ground, scene.watched, frame_s)
    album = _Album(lens, truth) if pictures else None
    alerts: list[Alert] = []
    for index in range(round(case.seconds / frame_s)):
        world.advance(index * frame_s)
        view = world.view()
        truth.step(world, view)
        frame = lens.encoded(view, BEGIN + timedelta(seconds=index * frame_s))
        assert frame is not None
        report = pipeline.process(frame)
        alerts += report.alerts
        if album is not None:
            album.keep(frame.data, report, view)
    told = [_told(alert, site.frame) for alert in alerts]
    verdict = judge(truth.events(), told, watched_s=case.seconds)
    reasons = dict(zip(told, (str(alert.details.get("reason", "")) for alert in alerts), strict=True))
    moments = _moments(verdict, reasons)
    drawn = [] if album is None else [(m.file_name(case.id), album.drawn(case, m)) for m in moments[:_MOST_PICTURES]]
    return Played(case, verdict, tuple(m.line for m in moments), tuple(drawn))


def _told(alert: Alert, frame: LocalFrame) -> Told:
    speed = alert.details.get("speed_mps") if alert.kind.value == "bore_front" else None
    place = None if alert.position is None else frame.to_enu(alert.position)
    return Told(alert.kind, (alert.at - BEGIN).total_seconds(), place, None if speed is None else float(speed))


def _moments(verdict: Verdict, reasons: dict[Told, str]) -> list[Moment]:
    missed = [
        Moment("missed", e.kind, e.at_s + _SHOWN_AFTER_S, f"{e.id} at {e.at_s:.1f} s", e.place_at(e.at_s))
        for e in verdict.missed
    ]
    false = [Moment("false", a.kind, a.at_s, reasons[a], a.place) for a in verdict.false]
    return sorted([*missed, *false], key=lambda moment: moment.at_s)


class _Album:
    """Every frame as it came, and what was known of it on both sides."""

    def __init__(self, camera: SimCamera, truth: TruthWatch) -> None:
        self._camera, self._truth = camera, truth
        self._shown: list[Shown] = []

    def keep(self, jpeg: bytes, report: FrameReport, view: WorldView) -> None:
        danger = tuple(person.id for person in view.people if self._truth.in_danger(person.id))
        self._shown.append(Shown(view.at_s, jpeg, report.tracks, view.people, danger))

    def drawn(self, case: Case, moment: Moment) -> bytes:
        shown = min(self._shown, key=lambda one: abs(one.at_s - moment.at_s))
        return draw_failure(self._camera.lens, shown, f"{case.id} {case.camera_id}", moment)
