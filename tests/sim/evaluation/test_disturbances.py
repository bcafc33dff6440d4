"""Nuisance is drawn: every kind changes the picture, the same way each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flightctl.site_loading import HAINING, Site, load_site
from sim.camera.pixels import Picture
from sim.evaluation.disturbances import Disturbances, Nuisance
from sim.evaluation.disturbed import DisturbedCamera
from sim.world import BankPlace, BoatPlan, Ground, PersonPlan, River, Stand, Weather, World

STRETCH, SECONDS = (-420.0, -275.0), 30.0


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(Path(HAINING))


def pictures(site: Site, kinds: frozenset[Nuisance], *times: float, seed: int = 3) -> list[Picture]:
    camera = next(one for one in site.file.cameras if one.id == "cam-1")
    ground, rng = Ground(site.river.bank.crest), np.random.default_rng(1)
    person = PersonPlan("p", BankPlace(-400, -4), (Stand(99),))
    boat = BoatPlan(BankPlace(-360, 60), 1.0)
    world = World(ground, River.with_eddies(rng), Weather.drawn(rng), rng, people=(person,), boats=(boat,))
    lens = DisturbedCamera(
        camera, site.frame, ground, Disturbances(kinds, 0.9, seed), seed=1, stretch=STRETCH, seconds=SECONDS
    )
    shown: list[Picture] = []
    for at_s in times:
        world.advance(at_s)
        shown.append(lens.render(world.view()))
    return shown


TIMES = tuple(2.3 * k for k in range(13))


@pytest.fixture(scope="module")
def undisturbed(site: Site) -> list[Picture]:
    return pictures(site, frozenset(), *TIMES)


@pytest.mark.parametrize("kind", [kind for kind in Nuisance if kind is not Nuisance.COMPRESSION])
def test_each_kind_is_to_be_seen(kind: Nuisance, site: Site, undisturbed: list[Picture]) -> None:
    seen = pictures(site, frozenset({kind}), *TIMES)
    assert any((a != b).any() for a, b in zip(seen, undisturbed, strict=True))


def test_all_at_once_are_the_same_each_time(site: Site) -> None:
    first, again = (pictures(site, frozenset(Nuisance), 0.0, 0.2, 9.0) for _ in range(2))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))


def test_no_kind_leaves_the_picture_as_the_plain_camera_draws_it(site: Site, undisturbed: list[Picture]) -> None:
    assert (pictures(site, frozenset(), *TIMES[:2])[1] == undisturbed[1]).all()
