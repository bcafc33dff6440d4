"""What can break, and how it is broken and mended on the simulated hardware."""

from __future__ import annotations

from sim.camera import CameraFault
from sim.hardware import SimulatedHardware
from sim.scenario.model import FaultKind

_LOW_BATTERY_PERCENT = 12.0
_CAMERA_FAULTS = {
    FaultKind.CAMERA_BLACK: CameraFault.BLACK,
    FaultKind.CAMERA_FROZEN: CameraFault.FROZEN,
    FaultKind.CAMERA_LOST: CameraFault.OFF,
}


def set_fault(hardware: SimulatedHardware, kind: FaultKind, target: str, *, broken: bool) -> None:
    """Breaks `target` in the given way, or mends it. Raises KeyError when there is no such part."""
    match kind:
        case FaultKind.COVER_JAM:
            dock = hardware.docks[target]
            dock.faults.cover_jams = broken
            if not broken:
                dock.repair()
        case FaultKind.SELF_CHECK:
            dock = hardware.docks[target]
            dock.faults.self_check_fails = broken
            if not broken:
                dock.repair()
        case FaultKind.DOCK_OFFLINE:
            hardware.docks[target].link.set_online(not broken)
        case FaultKind.EMERGENCY_STOP:
            dock = hardware.docks[target]
            if broken:
                dock.press_stop()
            else:
                dock.repair()
        case FaultKind.LINK_LOST:
            hardware.copters[target].faults.link_lost = broken
        case FaultKind.GRIPPER_JAM:
            hardware.copters[target].faults.gripper_jam = broken
        case FaultKind.GPS_LOST:
            hardware.copters[target].faults.gps_lost = broken
        case FaultKind.BATTERY_LOW:
            hardware.copters[target].recharge(_LOW_BATTERY_PERCENT if broken else 100.0)
        case FaultKind.CAMERA_BLACK | FaultKind.CAMERA_FROZEN | FaultKind.CAMERA_LOST:
            hardware.cameras[target].fault = _CAMERA_FAULTS[kind] if broken else None
        case FaultKind.SPEAKER_BROKEN:
            hardware.speakers[target].fault = "amplifier fault" if broken else ""
