"""The hook opens only when every interlock holds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flightctl.incidents.model import Consent
from flightctl.interlocks import Interlock, ReleaseSituation, refusals
from flightctl.site import DropPolicy, Policy

AUTO = Policy(drop=DropPolicy.AUTO)
CONFIRM = Policy(drop=DropPolicy.CONFIRM)
GOOD = ReleaseSituation(
    hook_loaded=True,
    consent=Consent.UNASKED,
    inside_drop_area=True,
    height_above_water_m=8.0,
    aim_error_m=0.4,
    relative_speed_mps=0.3,
    wind_mps=5.0,
    others_within_m=None,
    position_age_s=0.4,
    position_sigma_m=1.5,
)


def test_a_good_release_is_refused_by_nothing() -> None:
    assert refusals(GOOD, AUTO) == ()


@pytest.mark.parametrize(
    ("change", "interlock"),
    [
        ({"hook_loaded": False}, Interlock.HOOK),
        ({"consent": Consent.REFUSED}, Interlock.CONSENT),
        ({"inside_drop_area": False}, Interlock.OVER_WATER),
        ({"height_above_water_m": 3.9}, Interlock.HEIGHT),
        ({"height_above_water_m": 12.1}, Interlock.HEIGHT),
        ({"aim_error_m": 1.2}, Interlock.AIM),
        ({"relative_speed_mps": 2.1}, Interlock.SPEED),
        ({"wind_mps": 10.1}, Interlock.WIND),
        ({"others_within_m": 3.9}, Interlock.CROWD),
        ({"position_age_s": 2.1, "position_sigma_m": 8.1}, Interlock.POSITION),
    ],
)
def test_each_interlock_alone_keeps_the_hook_shut(change: dict[str, object], interlock: Interlock) -> None:
    found = refusals(replace(GOOD, **change), AUTO)  # type: ignore[arg-type]
    assert [refused.interlock for refused in found] == [interlock]


def test_without_an_answer_a_confirm_policy_never_drops() -> None:
    assert [r.interlock for r in refusals(GOOD, CONFIRM)] == [Interlock.CONSENT]
    assert refusals(replace(GOOD, consent=Consent.GIVEN), CONFIRM) == ()


def test_an_old_position_still_serves_while_it_is_reckoned_closely() -> None:
    assert refusals(replace(GOOD, position_age_s=20.0, position_sigma_m=7.9), AUTO) == ()


@given(st.sampled_from([AUTO, CONFIRM]), st.floats(0, 20), st.floats(0, 5), st.booleans())
def test_a_persons_refusal_beats_everything(policy: Policy, height_m: float, aim_m: float, loaded: bool) -> None:
    situation = replace(
        GOOD, consent=Consent.REFUSED, height_above_water_m=height_m, aim_error_m=aim_m, hook_loaded=loaded
    )
    assert Interlock.CONSENT in {refused.interlock for refused in refusals(situation, policy)}
