"""Flies one copter with MAVSDK, as a stranger's program would, and prints what it saw as JSON.

A program of its own: the library's threads stay out of the test's process.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time  # a stranger's program lives by the wall clock
from collections.abc import Callable
from typing import Any

import mavsdk
from mavsdk.plugins.action import Action
from mavsdk.plugins.gripper import Gripper
from mavsdk.plugins.telemetry import Telemetry

HEIGHT_M = 12.0


def waited(condition: Callable[[], bool], within_s: float) -> bool:
    end_s = time.monotonic() + within_s
    nap = threading.Event()
    while not condition():
        if time.monotonic() > end_s:
            return False
        nap.wait(0.05)
    return True


def main(port: int, lat: float, lon: float) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    client = mavsdk.Mavsdk(mavsdk.Configuration.create_with_component_type(mavsdk.ComponentType.GROUND_STATION))
    client.add_any_connection(f"udpin://127.0.0.1:{port}")
    system = client.first_autopilot(10.0)
    seen["found"] = system is not None
    if system is None:
        return seen
    action, gripper, telemetry = Action(system), Gripper(system), Telemetry(system)
    telemetry.set_rate_position(10.0)
    telemetry.set_rate_landed_state(5.0)
    action.set_takeoff_altitude(HEIGHT_M)
    seen["arms"] = tried(action.arm)
    seen["takes_off"] = tried(action.takeoff)
    seen["at_height"] = waited(lambda: bool(telemetry.position().relative_altitude_m > HEIGHT_M - 1.0), 20)
    base_m = telemetry.position().absolute_altitude_m
    seen["goes"] = tried(lambda: action.goto_location(lat, lon, base_m, 0.0))
    seen["there"] = waited(
        lambda: abs(telemetry.position().latitude_deg - lat) + abs(telemetry.position().longitude_deg - lon) < 3e-5,
        20,
    )
    seen["releases"] = tried(lambda: gripper.release(1))
    seen["returns"] = tried(action.return_to_launch)
    seen["home"] = waited(lambda: not telemetry.armed(), 40)
    seen["landed_state"] = name_of(telemetry.landed_state())
    return seen


def name_of(value: Any) -> str:
    return str(getattr(value, "name", value))


def tried(call: Callable[[], Any]) -> str:
    try:
        return name_of(call())
    except Exception as error:
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    result = main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()
    os._exit(0)  # its callback threads would keep the interpreter
