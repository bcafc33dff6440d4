"""Sets the stage: the simulated world a scenario describes, on the ground of its site."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import assert_never

import numpy as np
from pydantic import BaseModel, ConfigDict

from geofence.position import LatLon, LocalFrame
from geofence.sourcefile import read_source, validated
from sim.scenario import model as plan
from sim.world import (
    Act,
    BankPlace,
    BoatPlan,
    Bore,
    ClimbDown,
    CrowdPlan,
    FallIn,
    Ground,
    Light,
    PersonPlan,
    River,
    Stand,
    Walk,
    WalkBack,
    Wander,
    Weather,
    World,
)


class _Seawall(BaseModel):
    model_config = ConfigDict(extra="ignore")
    crest_amsl_m: float
    crest: tuple[LatLon, ...]


class _RiverFile(BaseModel):
    model_config = ConfigDict(extra="ignore")
    seawall: _Seawall


def read_ground(site_folder: Path, frame: LocalFrame) -> Ground:
    """The solid world by the site's own seawall line."""
    seawall = validated(read_source(site_folder / "river.yaml"), _RiverFile).seawall
    return Ground(frame.line_to_enu(seawall.crest), crest_amsl_m=seawall.crest_amsl_m)


def build_world(scenario: plan.Scenario, ground: Ground, rng: np.random.Generator) -> World:
    """World time 0 is the start of the scenario."""
    weather = scenario.weather
    bore = scenario.bore
    river = River.with_eddies(
        rng,
        low_water_amsl_m=scenario.river.low_water_amsl_m,
        ebb_mps=scenario.river.ebb_mps,
        bore=None
        if bore is None
        else Bore(passes_origin_s=bore.arrives_in_s, speed_mps=bore.speed_mps, step_m=bore.height_m),
    )
    return World(
        ground,
        river,
        Weather.drawn(
            rng,
            wind_mps=weather.wind_mps,
            wind_from_deg=weather.wind_from_deg,
            gust=weather.gust,
            light=Light(weather.light),
            rain=weather.rain,
        ),
        rng,
        people=[_person(person) for person in scenario.people],
        crowds=[
            CrowdPlan(c.count, c.along_from_m, c.along_to_m, c.offset_from_m, c.offset_to_m) for c in scenario.crowds
        ],
        boats=[BoatPlan(_place(boat.at), boat.speed_mps, boat.length_m) for boat in scenario.boats],
        gulls=scenario.gulls,
    )


def table_arrival(scenario: plan.Scenario) -> datetime | None:
    """When the official table says that the bore passes the site's own station; None when it says nothing."""
    bore = scenario.bore
    if bore is None or bore.forecast is not plan.ForecastSource.TABLE:
        return None
    return scenario.starts_at + timedelta(seconds=bore.arrives_in_s + bore.forecast_error_s)


def _person(person: plan.PersonPlan) -> PersonPlan:
    return PersonPlan(
        id=person.id,
        start=_place(person.at),
        acts=tuple(_act(act) for act in person.does),
        appears_at_s=person.appears_at_s,
        heeds_hail_after_s=person.heeds_hail_after_s,
        swims=person.swims,
        height_m=person.height_m,
    )


def _place(place: plan.Place) -> BankPlace:
    return BankPlace(place.along_m, place.offset_m)


def _act(act: plan.ActPlan) -> Act:
    (name,) = act.model_fields_set
    value = getattr(act, name)
    match value:
        case plan.WalkTo(to=to, speed_mps=speed):
            return (ClimbDown if name == "climb_down" else Walk)(_place(to), speed)
        case plan.Wandering(seconds=seconds, radius_m=radius, speed_mps=speed):
            return Wander(seconds, radius, speed)
        case plan.GoingBack(speed_mps=speed):
            return WalkBack(speed)
        case float() | int():
            return FallIn(value) if name == "fall_at_s" else Stand(value)
        case _:
            assert_never(value)
