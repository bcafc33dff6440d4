"""Whole flights of a vehicle that speaks as PX4 does."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from flightctl.clock import Clock
from flightctl.mavlink.autopilots import PX4
from flightctl.mavlink.autopilots.px4 import custom_mode
from flightctl.mavlink.dialect import mavlink
from flightctl.mavlink.errors import (
    CommandDenied,
    CommandFailed,
    CommandTemporarilyRejected,
    FlightInterrupted,
    MavlinkError,
    NotReady,
    ParameterNotTaken,
    ParameterUnknown,
    TransferRefused,
)
from flightctl.mavlink.mission import Item, Plan
from flightctl.preflight_report import CheckId, CheckResult, Severity
from flightctl.vehicle import Asked, Fleet, Vehicle
from geofence.position import Enu, LatLon
from sim.memory_links import MemoryNetwork
from sim.virtual_time import run_virtual
from tests.flightctl.mavlink.px4_vehicle import (
    ADDRESS,
    AUTO,
    FRAME,
    HOME,
    LAND,
    LOITER,
    MISSION,
    RTL,
    TAKEOFF,
    Px4Vehicle,
)


def beside_home(east_m: float, north_m: float) -> LatLon:
    return FRAME.to_wgs84(Enu(east_m, north_m))


def off_m(truth: Px4Vehicle, place: LatLon) -> float:
    return truth.at.distance_m(FRAME.to_enu(place))


@asynccontextmanager
async def px4(truth: Px4Vehicle) -> AsyncGenerator[Vehicle]:
    network = MemoryNetwork()
    clock = Clock(asyncio.get_running_loop(), datetime(2026, 9, 28, tzinfo=UTC))
    fleet = Fleet(network, (f"udpin:{ADDRESS}",), clock=clock)
    tasks = [asyncio.ensure_future(fleet.run()), asyncio.ensure_future(truth.run(network))]
    vehicle = fleet.vehicle(1)
    try:
        await vehicle.until(lambda: vehicle.online or None, 10.0)
        yield vehicle
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def play(story: Callable[[Vehicle, Px4Vehicle], Awaitable[None]], truth: Px4Vehicle | None = None) -> None:
    async def main() -> None:
        made = truth or Px4Vehicle()
        async with px4(made) as vehicle:
            await story(vehicle, made)

    run_virtual(main())


async def failure_of(work: Awaitable[None]) -> MavlinkError | None:
    try:
        await work
    except MavlinkError as error:
        return error
    return None


# --- modes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "main", "sub"),
    [
        ("POSCTL", 3, 0),
        ("AUTO.TAKEOFF", 4, 2),
        ("AUTO.LOITER", 4, 3),
        ("AUTO.MISSION", 4, 4),
        ("AUTO.RTL", 4, 5),
        ("AUTO.LAND", 4, 6),
        ("OFFBOARD", 6, 0),
        ("STABILIZED", 7, 0),
    ],
)
def test_a_mode_is_a_main_and_a_sub_number_in_the_heartbeat_and_in_the_command(
    name: str, main: int, sub: int
) -> None:
    assert custom_mode(name) == main << 16 | sub << 24
    assert PX4.mode_name(custom_mode(name)) == name
    assert PX4.set_mode(name).params == (mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED, main, sub)


def test_an_unknown_mode_is_shown_by_its_numbers_and_never_sent() -> None:
    assert PX4.mode_name(4 << 16 | 99 << 24) == "MODE_4.99"
    with pytest.raises(ValueError, match=r"it has .*AUTO\.RTL"):
        PX4.set_mode("GUIDED")


def test_it_is_recognised_by_its_heartbeat() -> None:
    async def story(vehicle: Vehicle, truth: Px4Vehicle) -> None:
        assert vehicle.autopilot is PX4
        assert vehicle.telemetry.mode == "AUTO.LOITER"

    play(story)


# --- flying -------------------------------------------------------------------------------------------------------


def test_it_arms_takes_off_goes_somewhere_holds_and_returns() -> None:
    async def story(vehicle: Vehicle, truth: Px4Vehicle) -> None:
        await vehicle.wait_ready()
        await vehicle.take_off(20.0)
        assert truth.height_m == pytest.approx(20.0, abs=1.5)  # above the spot, though it is told above the sea
        assert truth.mode in {(AUTO, TAKEOFF), (AUTO, LOITER)}
        target = beside_home(120.0, -40.0)
        await vehicle.go_to(target, 25.0, speed_mps=8.0, yaw_deg=90.0)
        assert off_m(truth, target) < 3.0
        assert truth.height_m == pytest.approx(25.0, abs=2.5)
        assert truth.yaw_rad == pytest.approx(math.pi / 2)
        await vehicle.return_home()
        assert not truth.armed
        assert off_m(truth, HOME) < 1.0
        assert truth.height_m == pytest.approx(0.0, abs=0.1)

    play(story)


def test_a_hold_on_the_way_stops_it_where_it_is() -> None:
    async def story(vehicle: Vehicle, truth: Px4Vehicle) -> None:
        await vehicle.take_off(15.0)
        far = beside_home(600.0, 0.0)
        flight = asyncio.ensure_future(failure_of(vehicle.go_to(far, 15.0)))
        await asyncio.sleep(10.0)
        flight.cancel()
        assert math.hypot(*truth.velocity[:2]) > 5.0
        await vehicle.hold()
        stopped = truth.at
        await asyncio.sleep(5.0)
        assert truth.at.distance_m(stopped) < 0.5
        assert off_m(truth, far) > 300.0
        assert vehicle.telemetry.mode == "AUTO.LOITER"

    play(story)


def test_a_moving_target_is_followed_by_being_sent_to_each_place_anew() -> None:
    async def story(vehicle: Vehicle, truth: Px4Vehicle) -> None:
        await vehicle.take_off(10.0)
        east_m = 0.0
        for _ in range(75):
            east_m += 3.0 * 0.2
            vehicle.send_target(beside_home(east_m, 0.0), 10.0, (3.0, 0.0))
            await asyncio.sleep(0.2)
        assert off_m(truth, beside_home(east_m, 0.0)) < 3.0
        assert not [m for m in truth.heard if isinstance(m, mavlink.MAVLink_set_position_target_global_int_message)]

    play(story)


def test_it_lands_where_it_is() -> None:
    async def story(vehicle: Vehicle, truth: Px4Vehicle) -> None:
        await vehicle.take_off(10.0)
        place = beside_home(60.0, 0.0)
        await vehicle.go_to(place, 10.0)
        await vehicle.land()
        assert not truth.armed
        assert off_m(truth, place) < 3.0
        assert truth.mode == (AUTO, LAND)

    play(story)


def test_a_pilot_or_failsafe_that_takes_over_interrupts_the_flight() -> None:
    async def story(vehicle: Vehicle, truth: Px4Vehicle) -> None:
        await vehicle.take_off(10.0)
        flight = asyncio.ensure_future(failure_of(vehicle.go_to(beside_home(500.0, 0.0), 10.0)))
        await asyncio.sleep(8.0)
        truth.main, truth.sub = AUTO, RTL
        error = await flight
        assert isinstance(error, FlightInterrupted)
        assert "AUTO.RTL" in str(error)

    play(story)


def test_until_it_knows_where_it_is_it_neither_arms_nor_counts_as_ready() -> None:
    async def story(vehicle: Vehicle, truth: Px4Vehicle) -> None:
        with pytest.raises(NotReady, match="ekf2 missing data"):
            await vehicle.wait_ready(timeout_s=10.0)
        with pytest.raises(CommandTemporarilyRejected, match="Arming denied"):
            await vehicle.arm()
        await vehicle.wait_ready(timeout_s=60.0)
        await vehicle.arm()
        assert truth.armed
        await vehicle.disarm()
        assert not truth.armed

    play(story, Px4Vehicle(ready_after_s=40.0))


def test_the_release_counts_by_its_last_word_for_no_servo_shows_it() -> None:
    async def story(vehicle: Vehicle, truth: Px4Vehicle) -> None:
        released = await vehicle.release(1)
        assert not truth.gripped
        assert not released.seen

    play(story)


# --- missions and fences -------------------------------------------------------------------------------------------

SURVEY = (
    Item(mavlink.MAV_CMD_NAV_TAKEOFF, height_m=15.0, params=(0.0, 0.0, 0.0, math.nan)),
    Item(mavlink.MAV_CMD_DO_CHANGE_SPEED, params=(1.0, 9.0, -1.0, 0.0)),
    Item(mavlink.MAV_CMD_NAV_WAYPOINT, beside_home(80.0, 0.0), 20.0, (0.0, 2.0, 0.0, math.nan)),
    Item(mavlink.MAV_CMD_NAV_WAYPOINT, beside_home(80.0, 60.0), 20.0, (0.0, 2.0, 0.0, 90.0)),
    Item(mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH),
)


def test_a_mission_has_no_home_in_it_and_is_flown_from_take_off_to_return() -> None:
    async def story(vehicle: Vehicle, truth: Px4Vehicle) -> None:
        await vehicle.upload_mission(SURVEY)
        assert truth.items(Plan.MISSION) == [
            (mavlink.MAV_CMD_NAV_TAKEOFF, mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT_INT),
            (mavlink.MAV_CMD_DO_CHANGE_SPEED, mavlink.MAV_FRAME_MISSION),
            (mavlink.MAV_CMD_NAV_WAYPOINT, mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT_INT),
            (mavlink.MAV_CMD_NAV_WAYPOINT, mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT_INT),
            (mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH, mavlink.MAV_FRAME_MISSION),
        ]
        first = truth.plans[Plan.MISSION][0]
        assert off_m(truth, LatLon(lat=first.x / 1e7, lon=first.y / 1e7)) < 0.5  # it takes off where it stands
        held = await vehicle.download_mission()
        assert [item.command for item in held] == [item.command for item in SURVEY]
        assert held[2].same_as(SURVEY[2])
        await vehicle.start_mission()
        assert truth.mode == (AUTO, MISSION)
        away_m = [0.0]
        while truth.armed:
            away_m.append(off_m(truth, HOME))
            await asyncio.sleep(1.0)
        assert max(away_m) == pytest.approx(100.0, abs=3.0)
        assert away_m[-1] < 1.0

    play(story)


def test_a_landing_without_a_place_of_its_own_is_at_the_last_one() -> None:
    last = beside_home(80.0, 0.0)
    items = (
        Item(mavlink.MAV_CMD_NAV_TAKEOFF, height_m=15.0),
        Item(mavlink.MAV_CMD_NAV_WAYPOINT, last, 20.0),
        Item(mavlink.MAV_CMD_DO_GRIPPER, params=(1.0, 0.0, 0.0, 0.0)),
        Item(mavlink.MAV_CMD_NAV_LAND),
    )

    async def story(vehicle: Vehicle, truth: Px4Vehicle) -> None:
        await vehicle.upload_mission(items)
        landing = truth.plans[Plan.MISSION][3]
        assert (landing.x, landing.y) == (round(last.lat * 1e7), round(last.lon * 1e7))

    play(story)


def test_an_item_that_it_does_not_know_is_refused_and_said_so() -> None:
    async def story(vehicle: Vehicle, truth: Px4Vehicle) -> None:
        with pytest.raises(TransferRefused, match="unsupported"):
            await vehicle.upload_mission((*SURVEY[:1], Item(mavlink.MAV_CMD_NAV_SPLINE_WAYPOINT, HOME, 10.0)))
        with pytest.raises(CommandDenied, match="No valid mission"):
            await vehicle.start_mission()

    play(story)


RING = tuple(beside_home(east, north) for east, north in ((-100, -100), (100, -100), (100, 100), (-100, 100)))


def test_a_fence_is_held_by_a_parameter_and_a_place_outside_is_not_flown_to() -> None:
    async def story(vehicle: Vehicle, truth: Px4Vehicle) -> None:
        truth.params["GF_ACTION"] = 1
        await vehicle.upload_fence(RING)
        assert truth.params["GF_ACTION"] == 3
        assert len(truth.plans[Plan.FENCE]) == 4
        await vehicle.take_off(15.0)
        with pytest.raises(CommandFailed, match="Reposition is outside geofence"):
            await vehicle.go_to(beside_home(400.0, 0.0), 15.0)
        await asyncio.sleep(1.0)
        await vehicle.go_to(beside_home(50.0, 0.0), 15.0)
        await vehicle.go_to(HOME, 15.0)
        assert off_m(truth, HOME) < 5.0

    play(story)


# --- parameters -----------------------------------------------------------------------------------------------------


def test_whole_and_broken_numbers_are_read_and_set() -> None:
    async def story(vehicle: Vehicle, truth: Px4Vehicle) -> None:
        read = await vehicle.read_parameters(("SYS_AUTOSTART", "MPC_XY_CRUISE", "NAV_DLL_ACT"))
        assert read == {"SYS_AUTOSTART": 4001.0, "MPC_XY_CRUISE": 5.0, "NAV_DLL_ACT": 2.0}
        await vehicle.set_parameters({"NAV_DLL_ACT": 3, "MPC_XY_CRUISE": 7.5, "SYS_AUTOSTART": 4002.0})
        assert truth.params["NAV_DLL_ACT"] == 3
        assert isinstance(truth.params["NAV_DLL_ACT"], int)
        assert truth.params["MPC_XY_CRUISE"] == 7.5
        assert truth.params["SYS_AUTOSTART"] == 4002
        assert await vehicle.read_all_parameters() == {name: float(value) for name, value in truth.params.items()}
        with pytest.raises(ParameterUnknown):
            await vehicle.read_parameters(("FS_GCS_ENABLE",))

    play(story)


def test_half_a_whole_number_is_not_taken_silently() -> None:
    async def story(vehicle: Vehicle, truth: Px4Vehicle) -> None:
        with pytest.raises(ParameterNotTaken, match="whole"):
            await vehicle.set_parameters({"NAV_DLL_ACT": 2.5})
        assert truth.params["NAV_DLL_ACT"] == 2

    play(story)


# --- before a flight ------------------------------------------------------------------------------------------------


async def checked(vehicle: Vehicle, asked: Asked | None = None) -> dict[CheckId, CheckResult]:
    return {result.check: result for result in await vehicle.preflight(asked)}


def test_nothing_blocks_a_px4_that_is_set_up() -> None:
    async def story(vehicle: Vehicle, truth: Px4Vehicle) -> None:
        await vehicle.wait_ready()
        await vehicle.until(lambda: vehicle.telemetry.home is not None or None, 10.0)
        found = await checked(vehicle, Asked(autopilot="px4", dock=HOME))
        assert [r for r in found.values() if r.severity is Severity.BLOCK] == []
        assert found[CheckId.EKF].severity is Severity.PASS
        assert found[CheckId.GCS_FAILSAFE].seen == "NAV_DLL_ACT 2"
        assert found[CheckId.HOME].severity is Severity.PASS

    play(story)


@pytest.mark.parametrize(
    ("name", "value", "check", "severity"),
    [
        ("NAV_DLL_ACT", 0, CheckId.GCS_FAILSAFE, Severity.BLOCK),
        ("NAV_DLL_ACT", 5, CheckId.GCS_FAILSAFE, Severity.BLOCK),  # terminates: it falls
        ("NAV_DLL_ACT", 6, CheckId.GCS_FAILSAFE, Severity.BLOCK),
        ("NAV_DLL_ACT", 3, CheckId.GCS_FAILSAFE, Severity.PASS),
        ("NAV_RCL_ACT", 6, CheckId.THROTTLE_FAILSAFE, Severity.WARN),
        ("COM_LOW_BAT_ACT", 0, CheckId.BATTERY_FAILSAFE, Severity.WARN),
        ("GF_ACTION", 1, CheckId.FENCE, Severity.WARN),
        ("GF_ACTION", 2, CheckId.FENCE, Severity.PASS),
    ],
)
def test_its_failsafe_parameters_are_judged(name: str, value: int, check: CheckId, severity: Severity) -> None:
    async def story(vehicle: Vehicle, truth: Px4Vehicle) -> None:
        truth.params[name] = value
        await vehicle.wait_ready()
        assert (await checked(vehicle))[check].severity is severity

    play(story)


def test_the_sites_fence_is_compared_with_what_it_holds() -> None:
    async def story(vehicle: Vehicle, truth: Px4Vehicle) -> None:
        await vehicle.wait_ready()
        await vehicle.upload_fence(RING)
        ours = await vehicle.download_fence()
        assert (await checked(vehicle, Asked(fence=ours)))[CheckId.FENCE].severity is Severity.PASS
        truth.plans[Plan.FENCE] = []
        assert (await checked(vehicle, Asked(fence=ours)))[CheckId.FENCE].seen == "on, 0 corners"

    play(story)


def test_before_it_knows_where_it_is_it_is_blocked_in_its_own_words() -> None:
    async def story(vehicle: Vehicle, truth: Px4Vehicle) -> None:
        await asyncio.sleep(3.0)
        found = await checked(vehicle)
        assert {found[check].severity for check in (CheckId.EKF, CheckId.GPS, CheckId.PRE_ARM)} == {Severity.BLOCK}
        assert "ekf2 missing data" in found[CheckId.PRE_ARM].text

    play(story, Px4Vehicle(ready_after_s=60.0))
