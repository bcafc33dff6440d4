"""What the copter does by itself when something is lost: ground station, charge, position, radio, the fence.

A failsafe never touches the gripper.
"""

from __future__ import annotations

from sim.copter import arming, ekf
from sim.copter.fence import FAR_OUTSIDE_M, FenceAction, FenceType, names
from sim.copter.modes import Mode, ModeReason
from sim.copter.vehicle import (
    FailsafeState,
    Severity,
    Vehicle,
)

_CONTINUE_AUTO_ON_RADIO = 1 << 0  # FS_OPTIONS
_CONTINUE_AUTO_ON_GCS = 1 << 1
_CONTINUE_GUIDED_ON_RADIO = 1 << 2
_CONTINUE_LANDING = 1 << 3
_CONTINUE_PILOTED_ON_GCS = 1 << 4
_GCS_ACTIONS = {3: "smart return", 4: "smart land", 5: "land", 7: "brake"}  # FS_GCS_ENABLE
_RADIO_ACTIONS = {3: "land", 4: "smart return", 5: "smart land", 7: "brake"}  # FS_THR_ENABLE
_FENCE_ACTIONS = {
    FenceAction.LAND: "land",
    FenceAction.SMART_RTL_OR_RTL: "smart return",
    FenceAction.BRAKE: "brake",
    FenceAction.SMART_RTL_OR_LAND: "smart land",
}
_BATTERY_ACTIONS = {1: "land", 3: "smart return", 4: "smart land"}  # BATT_FS_LOW_ACT, BATT_FS_CRT_ACT
_PILOTED = (Mode.STABILIZE, Mode.ALT_HOLD, Mode.LOITER, Mode.POSHOLD)


def watch(vehicle: Vehicle, dt: float) -> None:
    """All of them, once a step."""
    ekf.estimate(vehicle, dt)
    _ground_station(vehicle)
    _battery(vehicle)
    _radio(vehicle)
    _fence(vehicle)
    vehicle.traffic.watch(vehicle)


def _ground_station(vehicle: Vehicle) -> None:
    state = vehicle.failsafes
    if not vehicle.parameters["FS_GCS_ENABLE"] or vehicle.last_gcs_heartbeat_s is None:
        state.gcs = False
        return
    silent = vehicle.now_s - vehicle.last_gcs_heartbeat_s > vehicle.parameters["FS_GCS_TIMEOUT"]
    if silent == state.gcs:
        return
    state.gcs = silent
    if not silent:
        vehicle.say(Severity.NOTICE, "GCS Failsafe Cleared")
        return
    vehicle.say(Severity.WARNING, "GCS Failsafe")
    vehicle.sticks.clear()
    if not vehicle.armed:
        return
    options = vehicle.parameters.number("FS_OPTIONS")
    action = vehicle.parameters.number("FS_GCS_ENABLE")
    if vehicle.mode is Mode.AUTO and (options & _CONTINUE_AUTO_ON_GCS or action == 2):
        return
    if vehicle.mode is Mode.LAND and options & _CONTINUE_LANDING:
        return
    if vehicle.mode in _PILOTED and options & _CONTINUE_PILOTED_ON_GCS:
        return
    _act(vehicle, _GCS_ACTIONS.get(action, "return"))


def _battery(vehicle: Vehicle) -> None:
    state, parameters = vehicle.failsafes, vehicle.parameters
    if not parameters["BATT_MONITOR"]:
        return
    compensated = parameters["BATT_FS_VOLTSRC"] == 1
    volts = vehicle.battery.resting_v if compensated else vehicle.battery.voltage_v
    left_mah = parameters["BATT_CAPACITY"] - vehicle.battery.used_mah
    low = volts < parameters["BATT_LOW_VOLT"] > 0
    critical = volts < parameters["BATT_CRT_VOLT"] > 0
    state.low_since_s = _since(state.low_since_s, vehicle.now_s, holds=low)
    state.critical_since_s = _since(state.critical_since_s, vehicle.now_s, holds=critical)
    timer_s = parameters["BATT_LOW_TIMER"]
    if not vehicle.armed:
        return
    is_critical = _held(state.critical_since_s, vehicle.now_s, timer_s) or left_mah < parameters["BATT_CRT_MAH"] > 0
    is_low = _held(state.low_since_s, vehicle.now_s, timer_s) or left_mah < parameters["BATT_LOW_MAH"] > 0
    if is_critical and not state.battery_critical:
        state.battery_critical = True
        _battery_acts(vehicle, state, "critical", parameters.number("BATT_FS_CRT_ACT"))
    elif is_low and not state.battery:
        _battery_acts(vehicle, state, "low", parameters.number("BATT_FS_LOW_ACT"))


def _battery_acts(vehicle: Vehicle, state: FailsafeState, level: str, action: int) -> None:
    battery = vehicle.battery
    vehicle.say(Severity.WARNING, f"Battery 1 is {level} {battery.voltage_v:.2f}V used {battery.used_mah:.0f} mAh")
    state.battery = True  # stays until reboot
    if action:
        vehicle.say(Severity.WARNING, "Battery Failsafe")
        _act(vehicle, _BATTERY_ACTIONS.get(action, "return"))


def _since(since_s: float | None, now_s: float, *, holds: bool) -> float | None:
    if not holds:
        return None
    return now_s if since_s is None else since_s


def _held(since_s: float | None, now_s: float, for_s: float) -> bool:
    return since_s is not None and now_s - since_s >= for_s


def _radio(vehicle: Vehicle) -> None:
    action = vehicle.parameters.number("FS_THR_ENABLE")
    failed = bool(action) and vehicle.sticks.signal_lost(vehicle.now_s)
    if failed == vehicle.failsafes.radio:
        return
    vehicle.failsafes.radio = failed
    if not failed:
        vehicle.say(Severity.WARNING, "Radio Failsafe Cleared")
        return
    options = vehicle.parameters.number("FS_OPTIONS")
    landing = vehicle.mode is Mode.LAND or vehicle.auto.landing
    if landing and options & _CONTINUE_LANDING:
        vehicle.say(Severity.WARNING, "Radio Failsafe - Continuing Landing")
    elif vehicle.mode is Mode.AUTO and options & _CONTINUE_AUTO_ON_RADIO:
        vehicle.say(Severity.WARNING, "Radio Failsafe - Continuing Auto")
    elif vehicle.mode is Mode.GUIDED and options & _CONTINUE_GUIDED_ON_RADIO:
        vehicle.say(Severity.WARNING, "Radio Failsafe - Continuing Guided Mode")
    else:
        vehicle.say(Severity.WARNING, "Radio Failsafe")
        if vehicle.armed:
            _act(vehicle, _RADIO_ACTIONS.get(action, "return"))


def _fence(vehicle: Vehicle) -> None:
    fence = vehicle.fence
    if not fence.active or vehicle.home is None or not vehicle.position_good:
        return
    home = (vehicle.home.east_m, vehicle.home.north_m)
    crossed = fence.crossings(vehicle.east_m, vehicle.north_m, vehicle.height_m, home)
    if not _floor_counts(vehicle):
        crossed.pop(FenceType.HEIGHT_MIN, None)
    before = fence.breached
    new = fence.breach(crossed)
    if before and not crossed:
        vehicle.say(Severity.NOTICE, "Fence breach cleared")
    if not new or not vehicle.armed or vehicle.landed:
        return
    fence.breach_count += 1
    fence.breach_at_ms = vehicle.boot_ms
    vehicle.say(Severity.NOTICE, f"{names(new)} breached")
    action = vehicle.parameters.number("FENCE_ACTION")
    if action == FenceAction.REPORT:
        return
    far = max(crossed[kind] for kind in new) > FAR_OUTSIDE_M
    _act(vehicle, "land" if far else _FENCE_ACTIONS.get(action, "return"), ModeReason.FENCE)


def _floor_counts(vehicle: Vehicle) -> bool:
    """The least height is a fence from when it was first passed until the copter means to land."""
    fence = vehicle.fence
    if not vehicle.armed or vehicle.landed:
        fence.floor_passed = False
    elif vehicle.height_m > vehicle.parameters["FENCE_ALT_MIN"] + vehicle.parameters["FENCE_MARGIN"]:
        fence.floor_passed = True
    returning = vehicle.mode in (Mode.RTL, Mode.SMART_RTL)
    return fence.floor_passed and vehicle.mode is not Mode.LAND and not vehicle.auto.landing and not returning


def _act(vehicle: Vehicle, action: str, reason: ModeReason = ModeReason.FAILSAFE) -> None:
    if vehicle.landed and vehicle.armed:
        arming.disarm(vehicle, forced=False)
        return
    wanted = {
        "brake": (Mode.BRAKE,),
        "smart return": (Mode.SMART_RTL, Mode.RTL),
        "smart land": (Mode.SMART_RTL,),
        "return": (Mode.RTL,),
    }
    if action == "smart return" and not vehicle.return_path.active:
        vehicle.say(Severity.WARNING, "SmartRTL Unavailable, Trying RTL Mode")
    if not any(vehicle.set_mode(mode, reason) for mode in wanted.get(action, ())):
        vehicle.set_mode(Mode.LAND, reason)
