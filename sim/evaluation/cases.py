"""The scenes of the evaluation, each drawn whole from its seed.

A seed is one cell of the grid: situation and distance go round with the seed; light, rain, wind, clothes, number of
people, gulls, boats and what else troubles a camera (`disturbances`) are drawn. Tune seeds may be looked at while
vision is being changed; test seeds may not, they only tell how it went. The two never meet (`seeds_of`), and another
seed than these is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import numpy as np

from geofence.errors import ChaoxunError
from sim.evaluation.disturbances import Disturbances, Nuisance, drawn
from sim.world import BankPlace, BoatPlan, Bore, ClimbDown, CrowdPlan, FallIn, PersonPlan, Stand, Walk, Wander
from sim.world.plans import Act, Clothes
from sim.world.weather import Light

TUNE_SEEDS = range(10_000)
TEST_SEEDS = range(10_000, 20_000)
RENDERED_COUNT = 48  # of seeds when none are named: every situation at every distance
NUISANCE_COUNT = 24
SeedSet = Literal["tune", "test"]


class SeedsRefused(ChaoxunError):
    """Seeds outside both sets, or from both at once."""


class Situation(StrEnum):
    ENTRY = "entry"  # climbs down to the foreshore or the groyne
    FALL = "fall"  # over the edge of the seawall
    ADRIFT = "adrift"  # in the water already when he comes into view
    TAKEN = "taken"  # by the bore, from the foreshore
    STILL = "still"  # nobody in danger, no bore
    PASSAGE = "passage"  # nobody in danger, the bore passes


class Distance(StrEnum):
    NEAR = "near"
    MIDDLE = "middle"
    FAR = "far"


@dataclass(frozen=True, slots=True)
class Case:
    """One scene before one camera."""

    seed: int
    situation: Situation
    camera_id: str
    seconds: float
    distance: Distance | None
    clothes: Clothes
    light: Light
    rain: bool
    wind_mps: float
    bystanders: int
    gulls: int
    people: tuple[PersonPlan, ...] = ()
    crowds: tuple[CrowdPlan, ...] = ()
    boats: tuple[BoatPlan, ...] = ()
    bore: Bore | None = None
    disturbances: Disturbances = field(default_factory=Disturbances)

    @property
    def stretch(self) -> tuple[float, float]:
        """Metres along the crest that the camera overlooks."""
        return _stretch(self.camera_id)

    @property
    def id(self) -> str:
        return f"{self.situation.value}-{self.seed}"

    @property
    def factors(self) -> dict[str, str]:
        """The cell of the grid, for tables by factor."""
        wind = "calm" if self.wind_mps < 4 else "breeze" if self.wind_mps < 8 else "windy"
        moving = [name for name, there in (("gulls", self.gulls), ("boats", self.boats)) if there]
        moving += sorted(kind.value for kind in self.disturbances.kinds)
        return {
            "situation": self.situation.value,
            "camera": self.camera_id,
            "distance": self.distance.value if self.distance else "-",
            "light": self.light.value,
            "weather": ("rain, " if self.rain else "dry, ") + wind,
            "clothing": self.clothes,
            "people": "alone" if not self.bystanders else "few" if self.bystanders < 9 else "many",
            "nuisance": " + ".join(moving) or "none",
        }


def seeds_of(text: str) -> tuple[SeedSet, range]:
    """Reads "A-B" or "A"."""
    first, dash, last = text.partition("-")
    if not first.strip().isdecimal() or (dash and not last.strip().isdecimal()):
        raise SeedsRefused(f"--seeds is A-B, as in 10000-10047, not {text!r}.")
    low, high = int(first), int(last or first)
    for name, seeds in (("tune", TUNE_SEEDS), ("test", TEST_SEEDS)):
        if low in seeds and high in seeds and low <= high:
            return name, range(low, high + 1)  # type: ignore[return-value]
    raise SeedsRefused(
        f"Seeds {low}-{high} are neither all tune seeds ({TUNE_SEEDS[0]}-{TUNE_SEEDS[-1]}) nor all test seeds "
        f"({TEST_SEEDS[0]}-{TEST_SEEDS[-1]}); the two are never mixed."
    )


# Where the cameras of the shipped site look: metres along the crest of the lens, and which way.
_LENS_ALONG_M = {"cam-1": -445.0, "cam-2": -112.0, "cam-3": 18.0, "cam-4": 227.0, "cam-5": 254.0, "cam-6": -60.0}
_LOOKS = {"cam-1": 1.0, "cam-2": -1.0, "cam-3": 1.0, "cam-4": -1.0, "cam-5": 1.0, "cam-6": 1.0}
_AWAY_M = {Distance.NEAR: (42.0, 70.0), Distance.MIDDLE: (70.0, 105.0), Distance.FAR: (105.0, 142.0)}
_ENTRIES = {
    Distance.NEAR: ("cam-2", -180.0),  # 68 m from the lens to the stairs
    Distance.MIDDLE: ("cam-5", 331.0),  # 77 m, and the groyne is 10 m wide
    Distance.FAR: ("cam-1", -340.0),  # 105 m
}
_DISTANCES = tuple(Distance)
_TROUBLED = 0.5  # share of the scenes with somebody in danger that one of the disturbances troubles as well
_FLOODS_M = (1.9, 2.6)  # height of a bore that leaves nothing of the foreshore dry
_CHILD, _RUNS = 0.15, 0.25
_RENDERED = (Situation.ENTRY, Situation.FALL, Situation.ADRIFT, Situation.TAKEN)


def rendered_case(seed: int) -> Case:
    """Somebody comes into danger."""
    rng = np.random.default_rng([seed, 1])
    situation = _RENDERED[seed % len(_RENDERED)]
    distance = _DISTANCES[seed // len(_RENDERED) % len(_DISTANCES)]
    clothes: Clothes = ("dark", "pale", "vivid")[int(rng.integers(3))]
    height = float(rng.uniform(1.5, 1.85))
    manner = np.random.default_rng([seed, 8])
    if manner.random() < _CHILD:
        height = float(manner.uniform(1.05, 1.4))
    pace = float(manner.uniform(2.4, 3.6)) if manner.random() < _RUNS else 1.2
    bore = None
    if situation is Situation.ENTRY:
        camera, stairs = _ENTRIES[distance]
        to = BankPlace(stairs + float(rng.uniform(-3, 3)), float(rng.uniform(14, 30)))
        start = BankPlace(stairs + float(rng.uniform(-12, 12)), float(rng.uniform(-7, -3)))
        acts: tuple[Act, ...] = (
            Stand(float(rng.uniform(4, 9))),
            Walk(BankPlace(stairs, -2.0)),
            ClimbDown(to, pace),
            Wander(60.0, 4.0),
        )
        seconds = 55.0
    elif situation is Situation.FALL:
        camera = ("cam-3", "cam-4")[int(rng.integers(2))]
        along = _ahead(camera, distance, rng)
        start = BankPlace(along, float(rng.uniform(-6, -2)))
        acts = (
            Walk(BankPlace(along + float(rng.uniform(-6, 6)), start.offset_m)),
            FallIn(float(rng.uniform(12, 18))),
        )
        seconds = 32.0
    elif situation is Situation.ADRIFT:
        # The ebb runs east: into the picture of cam-3 from below, into the range of cam-4 from afar.
        distance = Distance.FAR if distance is Distance.FAR else Distance.NEAR
        camera = "cam-4" if distance is Distance.FAR else "cam-3"
        along = 68.0 if distance is Distance.FAR else 43.0 + float(rng.uniform(-3, 2))
        start, acts = BankPlace(along, float(rng.uniform(9, 24))), ()
        seconds = 50.0
    else:
        camera = ("cam-1", "cam-2")[int(rng.integers(2))]
        along = _ahead(camera, distance, rng)
        start, acts = BankPlace(along, float(rng.uniform(6, 30))), (Wander(300.0),)
        speed = float(rng.uniform(4.8, 7.5))
        bore = Bore(
            float(rng.uniform(24, 32)) + along / speed, speed_mps=speed, step_m=float(rng.uniform(*_FLOODS_M))
        )
        seconds = 48.0
    person = PersonPlan("p", start, acts, heeds_hail_after_s=None, height_m=height, clothes=clothes)
    return _dressed(
        seed, rng, situation, camera, seconds, distance=distance, clothes=clothes, people=(person,), bore=bore,
        chance=_TROUBLED,
    )  # fmt: skip


def nuisance_case(seed: int) -> Case:
    """Nobody comes into danger: whatever is told of people is false. Every fourth has a bore."""
    rng = np.random.default_rng([seed, 2])
    camera = f"cam-{seed % 6 + 1}"
    bore, situation = None, Situation.STILL
    if seed % 4 == 3:
        situation, speed = Situation.PASSAGE, float(rng.uniform(4.8, 7.5))
        middle = _LENS_ALONG_M[camera] + 80.0 * _LOOKS[camera]
        bore = Bore(float(rng.uniform(45, 75)) + middle / speed, speed_mps=speed, step_m=float(rng.uniform(0.8, 2.2)))
    return _dressed(seed, rng, situation, camera, 120.0, clothes="drawn", bore=bore, chance=1.0)


def _ahead(camera: str, distance: Distance, rng: np.random.Generator) -> float:
    return _LENS_ALONG_M[camera] + _LOOKS[camera] * float(rng.uniform(*_AWAY_M[distance]))


def _stretch(camera: str) -> tuple[float, float]:
    lens, looks = _LENS_ALONG_M[camera], _LOOKS[camera]
    low, high = sorted((lens + 25.0 * looks, lens + 170.0 * looks))
    return low, high


def _dressed(
    seed: int,
    rng: np.random.Generator,
    situation: Situation,
    camera: str,
    seconds: float,
    *,
    clothes: Clothes,
    distance: Distance | None = None,
    people: tuple[PersonPlan, ...] = (),
    bore: Bore | None = None,
    chance: float,
) -> Case:
    """Adds light, weather, bystanders, gulls and boats."""
    bystanders = (0, int(rng.integers(2, 8)), int(rng.integers(10, 26)))[int(rng.integers(3))]
    lens, looks = _LENS_ALONG_M[camera], _LOOKS[camera]
    ends = _stretch(camera)
    boats: list[BoatPlan] = []
    for _ in range((0, 0, 1, 2)[int(rng.integers(4))]):
        speed = float(rng.uniform(2.0, 4.5)) * (1.0 if rng.random() < 0.5 else -1.0)
        middle_s = float(rng.uniform(0.2, 0.8)) * seconds  # when it is before the camera
        start = BankPlace(lens + looks * float(rng.uniform(50, 150)) - speed * middle_s, float(rng.uniform(60, 140)))
        boats.append(BoatPlan(start, speed, float(rng.uniform(8, 26))))
    light, rain = (Light.DAY, Light.OVERCAST)[int(rng.integers(2))], bool(rng.random() < 0.33)
    return Case(
        seed=seed,
        situation=situation,
        camera_id=camera,
        seconds=seconds,
        distance=distance,
        clothes=clothes,
        light=light,
        rain=rain,
        wind_mps=float(rng.uniform(0.5, 12.0)),
        bystanders=bystanders,
        gulls=(0, 0, 3, 8)[int(rng.integers(4))],
        people=people,
        crowds=(CrowdPlan(bystanders, *ends),) if bystanders else (),
        boats=tuple(boats),
        bore=bore,
        disturbances=drawn(seed, turn=seed + seed // len(Nuisance), chance=chance, rain=rain),
    )
