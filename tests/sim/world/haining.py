"""The Haining ground and quick ways to a world on it, for tests."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

import sim
from geofence.position import LatLon, LocalFrame
from geofence.river import load_river
from sim.world import BoatPlan, Bore, CrowdPlan, EventKind, Ground, PersonPlan, River, Weather, World, WorldEvent

SITE = Path(sim.__file__).parent / "sites" / "haining"
FRAME = LocalFrame(LatLon(lat=30.4020, lon=120.5420))


@cache
def ground() -> Ground:
    river = load_river(SITE / "river.yaml", FRAME)
    return Ground(river.bank.crest, crest_amsl_m=river.crest_amsl_m)


def world(
    *people: PersonPlan,
    bore: Bore | None = None,
    seed: int = 1,
    wind_mps: float = 4.0,
    crowds: tuple[CrowdPlan, ...] = (),
    boats: tuple[BoatPlan, ...] = (),
    gulls: int = 0,
) -> World:
    rng = np.random.default_rng(seed)
    river = River.with_eddies(rng, bore=bore)
    weather = Weather.drawn(rng, wind_mps=wind_mps)
    return World(ground(), river, weather, rng, people=people, crowds=crowds, boats=boats, gulls=gulls)


def happened(of: World, kind: EventKind) -> list[WorldEvent]:
    return [event for event in of.events if event.kind is kind]
