"""A pose at the picture's moment: between samples, a little beyond the last, and refused otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from geofence.position import Enu, LatLon, LocalFrame
from vision.aerial.pose import PoseSigmas, PoseTrack, of_gimbal
from vision.errors import PoseUnknown

AT = datetime(2026, 9, 28, 4, 0, tzinfo=UTC)
FRAME = LocalFrame(LatLon(lat=30.4, lon=120.54))
SIGMAS = PoseSigmas(position_m=1.0, height_m=1.5, tilt_deg=1.0, yaw_deg=2.0, time_s=0.05)


def after(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def flown(*, until_s: float = 2.0, every_s: float = 0.25) -> PoseTrack:
    """East at 10 m/s, turning through north at 20 degrees a second."""
    track = PoseTrack(FRAME, SIGMAS)
    for at_s in np.arange(0.0, until_s + 1e-9, every_s).tolist():
        track.heard_position(after(at_s), FRAME.to_wgs84(Enu(10.0 * at_s, 5.0)), 30.0)
        track.heard_attitude(after(at_s), yaw_deg=350.0 + 20.0 * at_s, pitch_deg=-40.0)
    return track


def test_a_moment_between_samples_is_interpolated_the_short_way_round() -> None:
    pose = flown().pose_at(after(0.6))
    assert pose.eye == pytest.approx([6.0, 5.0, 30.0], abs=1e-3)
    assert pose.yaw_deg == pytest.approx(2.0)
    assert pose.velocity == pytest.approx([10.0, 0.0, 0.0], abs=1e-3)
    assert pose.rates_dps == pytest.approx([20.0, 0.0, 0.0])


def test_a_little_beyond_the_last_sample_it_is_carried_on_and_less_sure() -> None:
    pose = flown().pose_at(after(2.4))
    assert pose.eye[0] == pytest.approx(24.0, abs=1e-3)
    assert pose.sigmas.position_m > SIGMAS.position_m
    assert pose.sigmas.tilt_deg > SIGMAS.tilt_deg


@pytest.mark.parametrize(
    ("at_s", "why"), [(-0.1, "older than all"), (3.0, "older than the picture")], ids=["before", "stale"]
)
def test_stale_telemetry_is_refused(at_s: float, why: str) -> None:
    with pytest.raises(PoseUnknown, match=why):
        flown().pose_at(after(at_s))


def test_a_hole_in_the_telemetry_is_refused() -> None:
    track = flown(until_s=1.0)
    track.heard_position(after(4.0), FRAME.to_wgs84(Enu(40.0, 5.0)), 30.0)
    track.heard_attitude(after(4.0), yaw_deg=70.0, pitch_deg=-40.0)
    with pytest.raises(PoseUnknown, match=r"for 3\.0 s around"):
        track.pose_at(after(2.5))


def test_nothing_heard_is_no_pose() -> None:
    with pytest.raises(PoseUnknown, match="no position"):
        PoseTrack(FRAME, SIGMAS).pose_at(AT)


def test_samples_out_of_order_and_not_numbers_change_nothing() -> None:
    track = flown()
    before = track.pose_at(after(1.1))
    track.heard_position(after(0.5), FRAME.to_wgs84(Enu(900.0, 900.0)), 30.0)
    track.heard_attitude(after(2.5), yaw_deg=float("nan"), pitch_deg=-40.0)
    assert track.pose_at(after(1.1)).eye == pytest.approx(before.eye)


def test_a_gimbal_told_from_the_nose_turns_with_it() -> None:
    told = of_gimbal(350.0, yaw_deg=30.0, pitch_deg=-60.0, roll_deg=0.0, from_north=False)
    assert told == pytest.approx([20.0, -60.0, 0.0])
    assert of_gimbal(350.0, yaw_deg=30.0, pitch_deg=-60.0, roll_deg=0.0, from_north=True)[0] == 30.0
