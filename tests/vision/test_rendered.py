"""Pixels rendered by the simulated cameras of Haining: what vision must say of them. Not real footage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import yaml

import sim
from geofence.position import LatLon, LocalFrame
from geofence.river import load_river
from geofence.zones import load_zones
from sim.camera import SimCamera
from sim.world import (
    BankPlace,
    BoatPlan,
    Bore,
    CrowdPlan,
    FallIn,
    Ground,
    PersonPlan,
    River,
    Walk,
    Wander,
    Weather,
    World,
)
from vision.alert import AlertKind, FrameReport, Surface
from vision.calibration import Projection
from vision.camera import Camera
from vision.camera_health import ReferenceShelf
from vision.pipeline import CameraPipeline
from vision.scene import SceneModel, geometry_of_site

SITE = Path(sim.__file__).parent / "sites" / "haining"
BEGIN = datetime(2026, 9, 28, 4, 0, tzinfo=UTC)


class Story:
    """A world before one camera of the site, and what that camera's pipeline says of it."""

    def __init__(
        self,
        camera_id: str,
        *,
        bore: Bore | None = None,
        people: Sequence[PersonPlan] = (),
        crowds: Sequence[CrowdPlan] = (),
        boats: Sequence[BoatPlan] = (),
        gulls: int = 0,
        references: ReferenceShelf | None = None,
    ) -> None:
        content = yaml.safe_load((SITE / "site.yaml").read_text())
        frame = self.frame = LocalFrame(LatLon(**content["origin"]))
        river = load_river(SITE / "river.yaml", frame)
        camera = next(Camera(**c) for c in content["cameras"] if c["id"] == camera_id)
        heights = content["heights_amsl_m"]
        geometry = geometry_of_site(
            load_zones(SITE / "zones.geojson", frame),
            river.bank.crest,
            promenade_amsl_m=heights["promenade"],
            foreshore_amsl_m=heights["foreshore"],
            water_amsl_m=1.5,
        )
        rng = np.random.default_rng(5)
        self.ground = Ground(river.bank.crest)
        water = River.with_eddies(rng, bore=bore)
        self.world = World(self.ground, water, Weather(), rng, people=people, crowds=crowds, boats=boats, gulls=gulls)
        self.camera = SimCamera(camera, frame, self.ground, seed=3)
        self.pipeline = CameraPipeline(
            camera,
            SceneModel(Projection(camera, frame), geometry),
            seed=1,
            preview_every_s=1e9,
            references=references,
        )
        self.reports: list[FrameReport] = []

    def run(self, seconds: float) -> None:
        for index in range(int(seconds * 5)):
            self.run_frame(index)

    def run_frame(self, index: int) -> None:
        self.world.advance(index / 5)
        frame = self.camera.encoded(self.world.view(), BEGIN + timedelta(seconds=index / 5))
        assert frame is not None
        self.reports.append(self.pipeline.process(frame))

    def told(self) -> list[tuple[AlertKind, float]]:
        return [(a.kind, (a.at - BEGIN).total_seconds()) for r in self.reports for a in r.alerts]


def test_a_fall_is_told_within_three_seconds_and_the_casualty_followed() -> None:
    person = PersonPlan("p", BankPlace(70, -4), (Walk(BankPlace(75, -4)), FallIn(12.0)))
    story = Story("cam-3", people=(person,), crowds=(CrowdPlan(5, 40, 140),), gulls=4)
    story.run(26)
    falls = [at for kind, at in story.told() if kind is AlertKind.FALL]
    assert len(falls) == 1
    assert 12.0 <= falls[0] <= 15.0
    assert {kind for kind, _ in story.told()} == {AlertKind.FALL, AlertKind.PERSON_IN_WATER}
    casualty = next(a.track_id for r in story.reports for a in r.alerts if a.kind is AlertKind.FALL)
    followed = [v for r in story.reports[-50:] for v in r.tracks if v.track_id == casualty and v.alerting]
    assert len(followed) >= 45
    assert {view.surface for view in followed} == {Surface.WATER}
    truth = story.world.people["p"].position
    assert story.frame.to_enu(followed[-1].position).distance_m(truth) < 3.0


def test_a_quiet_promenade_with_gulls_raises_nothing() -> None:
    story = Story("cam-4", crowds=(CrowdPlan(15, 90, 200),), gulls=8)
    story.run(40)
    assert story.told() == []


@pytest.mark.timeout(180)
def test_the_bore_is_seen_and_who_it_takes_from_the_foreshore_is_told_and_followed() -> None:
    person = PersonPlan("p", BankPlace(-380, 15), (Wander(200),))
    story = Story("cam-1", bore=Bore(passes_origin_s=-40.0), people=(person,))
    story.run(32)
    kinds = [kind for kind, _ in story.told()]
    assert kinds.count(AlertKind.ZONE_ENTRY) == 1
    assert kinds.count(AlertKind.BORE_FRONT) == 1
    taken = [(a, r) for r in story.reports for a in r.alerts if a.kind is AlertKind.PERSON_IN_WATER]
    assert len(taken) == 1
    swept_s = next(e.at_s for e in story.world.events if str(e.kind) == "swept")
    assert (taken[0][0].at - BEGIN).total_seconds() - swept_s <= 5.0
