"""Starts a copter through dronekit-sitl and flies it with DroneKit, as an old script would; prints what it saw.

A program of its own: both libraries leave threads behind. DroneKit 2.9.2 is from before Python 3.10, hence the
names that are put back first.
"""

from __future__ import annotations

import collections
import collections.abc
import importlib
import json
import os
import sys
import threading
import time  # a stranger's program lives by the wall clock
import types
from collections.abc import Callable
from typing import Any


def _shim() -> None:
    setattr(collections, "MutableMapping", collections.abc.MutableMapping)  # noqa: B010
    past, builtins = types.ModuleType("past"), types.ModuleType("past.builtins")
    setattr(builtins, "basestring", str)  # noqa: B010
    setattr(past, "builtins", builtins)  # noqa: B010
    sys.modules.update({"past": past, "past.builtins": builtins})


def waited(condition: Callable[[], Any], within_s: float) -> bool:
    end_s = time.monotonic() + within_s
    nap = threading.Event()
    while not condition():
        if time.monotonic() > end_s:
            return False
        nap.wait(0.05)
    return True


def main(binary: str, instance: int, speedup: int, work: str, defaults: str) -> dict[str, Any]:
    _shim()
    dronekit: Any = importlib.import_module("dronekit")
    dronekit_sitl: Any = importlib.import_module("dronekit_sitl")
    mavlink: Any = importlib.import_module("pymavlink.dialects.v20.ardupilotmega")

    seen: dict[str, Any] = {}
    sitl = dronekit_sitl.SITL(path=binary, instance=instance, defaults_filepath=defaults)
    sitl.launch(["--home=30.4017,120.5480,8,180"], await_ready=True, wd=work, speedup=speedup)
    try:
        seen["connection"] = sitl.connection_string()
        vehicle = dronekit.connect(f"tcp:127.0.0.1:{5760 + 10 * instance}", wait_ready=True, timeout=40)
        seen["parameters"] = len(vehicle.parameters) > 50
        seen["armable"] = waited(lambda: vehicle.is_armable, 30)
        vehicle.parameters["RTL_ALT"] = 900
        seen["parameter"] = waited(lambda: vehicle.parameters["RTL_ALT"] == 900, 5)
        vehicle.mode = dronekit.VehicleMode("GUIDED")
        seen["guided"] = waited(lambda: vehicle.mode.name == "GUIDED", 5)
        vehicle.armed = True
        seen["armed"] = waited(lambda: vehicle.armed, 5)
        vehicle.simple_takeoff(12)
        seen["at_height"] = waited(lambda: vehicle.location.global_relative_frame.alt > 11.4, 15)
        home = vehicle.location.global_frame
        place = dronekit.LocationGlobalRelative(home.lat + 0.0004, home.lon, 12)
        vehicle.simple_goto(place)
        seen["there"] = waited(lambda: abs(vehicle.location.global_frame.lat - place.lat) < 2e-5, 15)

        commands = vehicle.commands
        commands.download()  # brings home, which is item 0 and stays
        commands.wait_ready(timeout=10)
        commands.clear()
        frame = mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT
        way, home_again = mavlink.MAV_CMD_NAV_WAYPOINT, mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH
        take_off = mavlink.MAV_CMD_NAV_TAKEOFF

        def item(number: int, lat: float, lon: float, height_m: float) -> Any:
            return dronekit.Command(0, 0, 0, frame, number, 0, 0, 0, 0, 0, 0, lat, lon, height_m)

        for one in (
            item(take_off, 0, 0, 12),
            item(way, home.lat + 0.0004, home.lon + 0.0004, 14),
            item(home_again, 0, 0, 0),
        ):
            commands.add(one)
        commands.upload()
        commands.download()
        commands.wait_ready(timeout=10)
        seen["mission"] = [int(commands[index].command) for index in range(commands.count)]  # home not counted
        vehicle.mode = dronekit.VehicleMode("AUTO")
        seen["auto"] = waited(lambda: vehicle.mode.name == "AUTO", 5)
        seen["way_point"] = waited(lambda: abs(vehicle.location.global_frame.lon - (home.lon + 0.0004)) < 3e-5, 20)
        seen["landed"] = waited(lambda: not vehicle.armed, 40)
        seen["battery"] = 9.0 < vehicle.battery.voltage < 13.0
        seen["autopilot"] = vehicle.version.autopilot_type
        vehicle.close()
    finally:
        sitl.stop()
    seen["stopped"] = sitl.poll() is not None
    return seen


if __name__ == "__main__":
    result = main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5])
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()
    os._exit(0)  # their threads would keep the interpreter
