"""The pre-flight checks: each is a pure function from a snapshot to one result with what to do about it."""

from __future__ import annotations

import math
from collections.abc import Callable

from flightctl.mavlink.autopilots import ParameterRule
from flightctl.mavlink.gripper import HookState
from flightctl.preflight_report import NEVER_OVERRIDDEN, CheckId, CheckResult, Severity
from flightctl.vehicle.preflight.snapshot import Snapshot
from geofence.position import LatLon

_FIX_3D = 3
_METRES_PER_DEGREE = 111_195.0
_PASS, _WARN, _BLOCK = Severity.PASS, Severity.WARN, Severity.BLOCK

Verdict = tuple[Severity, str, str]  # how bad, the value seen, what is wrong and what to do
Check = Callable[[Snapshot], Verdict]


def results(snapshot: Snapshot) -> tuple[CheckResult, ...]:
    """Every check, in the order in which a person would look; the site may have said that some only warn."""
    verdicts = [(check, look(snapshot)) for check, look in _CHECKS.items()]
    verdicts += [(rule.check, _by_rule(snapshot, rule)) for rule in snapshot.autopilot.rules]
    softened = snapshot.asked.limits.only_warn
    return tuple(
        CheckResult(
            check=check,
            severity=_WARN if severity is _BLOCK and check in softened else severity,
            seen=seen,
            text=text,
            overridable=check not in NEVER_OVERRIDDEN,
        )
        for check, (severity, seen, text) in verdicts
    )


def _link(s: Snapshot) -> Verdict:
    if not s.telemetry.online:
        silent = "silent" if s.known else "never heard"
        return _BLOCK, silent, "the vehicle is not heard; check its power, its link and its system id"
    seen = f"{s.telemetry.link_loss:.0%} of its messages are lost"
    if s.telemetry.link_loss > s.asked.limits.max_link_loss:
        return (
            _WARN,
            seen,
            f"more than {s.asked.limits.max_link_loss:.0%} of its messages are lost; check the antennas",
        )
    return _PASS, seen, ""


def _system_id(s: Snapshot) -> Verdict:
    seen = f"system id {s.telemetry.system_id}"
    if s.conflict:
        return _BLOCK, seen, "two autopilots use this system id; give one of them another (MAV_SYSID)"
    return _PASS, seen, ""


def _autopilot(s: Snapshot) -> Verdict:
    wanted = s.asked.autopilot
    if wanted is not None and s.known and s.autopilot.name != wanted:
        return _BLOCK, s.autopilot.name, f"the site says {wanted}; correct site.yaml, or find out which drone this is"
    return _PASS, s.autopilot.name, ""


def _pre_arm(s: Snapshot) -> Verdict:
    said = "; ".join(s.reasons)
    if s.telemetry.prearm_ok or s.telemetry.armed:
        return _PASS, "ready to arm", ""
    return _BLOCK, "not ready to arm", f"the autopilot's own checks fail: {said or 'it gives no reason'}"


def _gps(s: Snapshot) -> Verdict:
    gps, limits = s.telemetry.gps, s.asked.limits
    if gps is None:
        return _BLOCK, "no word of it", "no GPS is heard; wait, then check the receiver"
    hdop = "" if gps.hdop is None else f", HDOP {gps.hdop:.1f}"
    seen = f"fix {gps.fix}, {gps.satellites} satellites{hdop}"
    if gps.fix < _FIX_3D:
        return _BLOCK, seen, "no 3D position fix; give it a free view of the sky and wait"
    if gps.satellites < limits.min_satellites:
        return _WARN, seen, f"under {limits.min_satellites} satellites; give it a free view of the sky"
    if gps.hdop is not None and gps.hdop > limits.max_hdop:
        return _WARN, seen, f"HDOP over {limits.max_hdop:.1f}; wait for more satellites"
    return _PASS, seen, ""


def _ekf(s: Snapshot) -> Verdict:
    seen = f"flags 0x{s.estimator_flags:03x}"
    if not s.autopilot.estimates_position(s.estimator_flags):
        return _BLOCK, seen, "no position estimate yet; leave it standing still and wait"
    return _PASS, seen, ""


def _home(s: Snapshot) -> Verdict:
    home, dock = s.telemetry.home, s.asked.dock
    if home is None:
        return _WARN, "not set", "it has not said where its home is; it sets it when it arms"
    if dock is None:
        return _PASS, "set", ""
    off_m = _distance_m(home.position, dock)
    seen = f"{off_m:.0f} m from its dock"
    if off_m > s.asked.limits.home_within_m:
        return (
            _BLOCK,
            seen,
            f"it would return to a place more than {s.asked.limits.home_within_m:.0f} m from its dock",
        )
    return _PASS, seen, ""


def _battery(s: Snapshot) -> Verdict:
    percent, least = s.telemetry.battery_percent, s.asked.limits.min_battery_percent
    if percent is None:
        return _BLOCK, "not known", "the battery is not known; check its monitor (BATT_MONITOR, or BAT1_SOURCE)"
    seen = f"{percent:.0f} %"
    if percent < least:
        return _BLOCK, seen, f"under {least:.0f} %; charge it"
    if s.asked.energy_problem:
        return _BLOCK, seen, f"not enough for the plan: {s.asked.energy_problem}"
    return _PASS, seen, ""


def _wind(s: Snapshot) -> Verdict:
    most = s.asked.max_wind_mps
    if most is None:
        return _PASS, "not asked for", ""
    if s.asked.wind_mps is None:
        return _WARN, "not known", "the dock says nothing of the wind; look outside"
    seen = f"{s.asked.wind_mps:.1f} m/s"
    if s.asked.wind_mps > most:
        return _BLOCK, seen, f"over the limit of {most:.1f} m/s; wait"
    return _PASS, seen, ""


def _payload(s: Snapshot) -> Verdict:
    states = [s.telemetry.hook(hook) for hook in range(1, s.asked.hooks + 1)]
    held = states.count(HookState.HELD)
    seen = f"{held} of {len(states)} hooks hold"
    if states and not s.autopilot.servos_show_hooks:
        return _WARN, "cannot be seen", "this autopilot does not show whether a hook holds; look at it"
    if s.asked.drop and not held:
        return _BLOCK, seen, "there is nothing to drop; load a lifebuoy and close the hook"
    if held < len(states):
        loose = ", ".join(
            f"hook {i} is {state.value}" for i, state in enumerate(states, 1) if state != HookState.HELD
        )
        return _WARN, seen, f"{loose}; load it and close the hook"
    return _PASS, seen, ""


def _fence(s: Snapshot) -> Verdict:
    rule = s.asked.limits.fence
    if s.telemetry.fence_breached:
        return _BLOCK, "breached", "it stands outside its fence; move it, or correct the fence"
    if rule == "none":
        return _PASS, "not asked for", ""
    bad = _BLOCK if rule == "required" else _WARN
    if not s.autopilot.fence_kept(s.telemetry.fence_enabled, s.readings.parameters):
        return bad, "off", "no fence keeps it in; upload the site's fence and switch it on"
    if not s.asked.fence:
        return _PASS, "on", ""
    held = s.readings.fence
    if held is None:
        return bad, "on, not read", "it did not say which fence it holds; check the link"
    if len(held) != len(s.asked.fence):
        return bad, f"on, {len(held)} corners", f"the site's fence has {len(s.asked.fence)} corners; upload it again"
    moved = [seq for seq, (ours, its) in enumerate(zip(s.asked.fence, held, strict=True)) if not ours.same_as(its)]
    if moved:
        return bad, f"on, {len(moved)} corners differ", f"corner {moved[0]} is not the site's; upload the fence again"
    return _PASS, "on, the site's", ""


def _parameters(s: Snapshot) -> Verdict:
    asked = s.readings.parameters
    missing = [name for name, value in asked.items() if value is None]
    seen = f"{len(asked) - len(missing)} of {len(asked)} read"
    if not asked or len(missing) == len(asked):
        return _BLOCK, seen, "it tells none of its parameters, so its failsafes are not known; check the link"
    if missing:
        return _WARN, seen, f"no answer about {', '.join(missing)}; this version may not have it, or the link is bad"
    return _PASS, seen, ""


def _clock(s: Snapshot) -> Verdict:
    ahead_s = s.clock_ahead_s
    if ahead_s is None:
        return _WARN, "not known", "it does not know the time of day; its logs will be hard to match"
    seen = f"{ahead_s:+.1f} s"
    if abs(ahead_s) > s.asked.limits.clock_within_s:
        return (
            _WARN,
            seen,
            f"its clock differs by more than {s.asked.limits.clock_within_s:.0f} s; check this computer's",
        )
    return _PASS, seen, ""


def _by_rule(s: Snapshot, rule: ParameterRule) -> Verdict:
    values = {name: s.readings.parameters.get(name) for name in rule.names}
    known = {name: value for name, value in values.items() if value is not None}
    if not known:
        return _WARN, "not known", f"{' and '.join(rule.names)} could not be read: {rule.text}"
    seen = ", ".join(f"{name} {value:g}" for name, value in known.items())
    if all(rule.is_off(value) for value in known.values()):
        return rule.severity, seen, rule.text
    return _PASS, seen, ""


_CHECKS: dict[CheckId, Check] = {
    CheckId.LINK: _link,
    CheckId.SYSTEM_ID: _system_id,
    CheckId.AUTOPILOT: _autopilot,
    CheckId.PRE_ARM: _pre_arm,
    CheckId.GPS: _gps,
    CheckId.EKF: _ekf,
    CheckId.HOME: _home,
    CheckId.BATTERY: _battery,
    CheckId.WIND: _wind,
    CheckId.PAYLOAD: _payload,
    CheckId.FENCE: _fence,
    CheckId.PARAMETERS: _parameters,
    CheckId.CLOCK: _clock,
}


def _distance_m(one: LatLon, other: LatLon) -> float:
    north = (one.lat - other.lat) * _METRES_PER_DEGREE
    east = (one.lon - other.lon) * _METRES_PER_DEGREE * math.cos(math.radians(other.lat))
    return math.hypot(east, north)
