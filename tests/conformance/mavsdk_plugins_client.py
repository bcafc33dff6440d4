"""Goes through MAVSDK's plugins with one simulated copter, as a stranger's program would; prints what it saw as JSON.

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
from mavsdk.plugins import geofence, mission_raw, offboard
from mavsdk.plugins.action import Action
from mavsdk.plugins.gripper import Gripper
from mavsdk.plugins.info import Info
from mavsdk.plugins.param import Param
from mavsdk.plugins.telemetry import Telemetry
from mavsdk.plugins.winch import Winch

LAT, LON = 30.4017, 120.5480
HEIGHT_M = 12.0
_RELATIVE = 6


def waited(condition: Callable[[], Any], within_s: float) -> bool:
    end_s = time.monotonic() + within_s
    nap = threading.Event()
    while not condition():
        if time.monotonic() > end_s:
            return False
        nap.wait(0.03)
    return True


def tried(call: Callable[[], Any]) -> str:
    try:
        result = call()
    except Exception as error:
        return type(error).__name__
    return str(getattr(result, "name", "SUCCESS"))


def item(seq: int, command: int, lat: float, lon: float, height_m: float) -> Any:
    return mission_raw.MissionItem(
        seq, _RELATIVE, command, int(seq == 0), 1, 0.0, 0.0, 0.0, 0.0, round(lat * 1e7), round(lon * 1e7), height_m, 0
    )


MISSION = (
    (16, LAT, LON, 0.0),  # home, which ArduPilot keeps as its own
    (22, 0.0, 0.0, HEIGHT_M),
    (16, LAT + 0.0003, LON, HEIGHT_M + 2),
    (20, 0.0, 0.0, 0.0),
)


class Client:
    def __init__(self, port: int) -> None:
        kind = mavsdk.ComponentType.GROUND_STATION
        self.client = mavsdk.Mavsdk(mavsdk.Configuration.create_with_component_type(kind))
        self.client.add_any_connection(f"udpin://127.0.0.1:{port}")
        self.system: Any = self.client.first_autopilot(15.0)
        self.seen: dict[str, Any] = {}

    def telemetry_is_silent_until_asked(self) -> Any:
        telemetry = Telemetry(self.system)
        heights: list[float] = []

        def on_position(position: Any, _: Any) -> None:
            heights.append(position.relative_altitude_m)

        telemetry.subscribe_position(on_position)
        threading.Event().wait(0.5)
        self.seen["silent until asked"] = not heights
        self.seen["rate"] = tried(lambda: telemetry.set_rate_position(10.0))
        telemetry.set_rate_landed_state(10.0)
        self.seen["streams"] = waited(lambda: len(heights) > 8, 5)
        return telemetry

    def info(self) -> None:
        info = Info(self.system)
        waited(lambda: tried(info.get_version) == "SUCCESS", 8)
        version = info.get_version()
        self.seen["version"] = [version.flight_sw_major, version.flight_sw_minor]

    def parameters(self) -> None:
        param = Param(self.system)
        self.seen["set float"] = tried(lambda: param.set_param_float("WPNAV_ACCEL", 400.0))
        self.seen["set int"] = tried(lambda: param.set_param_int("RTL_ALT", 900))
        self.seen["get"] = [param.get_param_float("WPNAV_ACCEL"), param.get_param_int("RTL_ALT")]
        self.seen["unknown"] = tried(lambda: param.get_param_int("NOT_THERE"))
        every = param.get_all_params()
        self.seen["all"] = {one.name for one in every.int_params} >= {"RTL_ALT", "FENCE_TYPE"}
        self.seen["all floats"] = {one.name for one in every.float_params} >= {"WPNAV_ACCEL", "FENCE_RADIUS"}

    def fence(self) -> None:
        fence = geofence.Geofence(self.system)
        ring = [geofence.Point(LAT + north, LON + east) for north, east in
                ((-0.004, -0.004), (0.004, -0.004), (0.004, 0.004), (-0.004, 0.004))]  # fmt: skip
        polygon = geofence.Polygon(ring, geofence.FenceType.INCLUSION)
        circle = geofence.Circle(geofence.Point(LAT + 0.002, LON), 20.0, geofence.FenceType.EXCLUSION)
        self.seen["fence up"] = tried(lambda: fence.upload_geofence(geofence.GeofenceData([polygon], [circle])))
        held = fence.download_geofence()
        self.seen["fence down"] = [len(held.polygons), len(held.polygons[0].points), len(held.circles)]
        self.seen["fence clear"] = tried(fence.clear_geofence)

    def winch(self) -> None:
        """Its commands go to component 169; MAVSDK has no way to ask for the status that this one is silent with."""
        winch = Winch(self.system)
        self.seen["winch pays out"] = tried(lambda: winch.relative_length_control(1, 3.0, 1.5))
        threading.Event().wait(1.2)  # of the line's two seconds, at four times the pace
        self.seen["winch relaxes"] = tried(lambda: winch.relax(1))

    def mission(self, telemetry: Any) -> None:
        raw = mission_raw.MissionRaw(self.system)
        reached: list[int] = []

        def on_progress(progress: Any, _: Any) -> None:
            reached.append(progress.current)

        raw.subscribe_mission_progress(on_progress)
        self.seen["mission up"] = tried(lambda: raw.upload_mission([item(n, *one) for n, one in enumerate(MISSION)]))
        self.seen["mission down"] = [one.command for one in raw.download_mission()]
        action = Action(self.system)
        self.seen["arms"] = tried(action.arm)
        self.seen["starts"] = tried(raw.start_mission)
        self.seen["flies it"] = waited(lambda: telemetry.position().latitude_deg > LAT + 0.00028, 25)
        self.seen["pauses"] = tried(raw.pause_mission)
        self.seen["goes on"] = tried(raw.start_mission)
        self.seen["home again"] = waited(lambda: not telemetry.armed(), 40)
        self.seen["progress"] = {2, 3} <= set(reached)
        self.seen["mission clear"] = tried(raw.clear_mission)

    def fly(self, telemetry: Any) -> None:
        action, steer = Action(self.system), offboard.Offboard(self.system)
        self.seen["takes off disarmed"] = tried(action.takeoff)
        action.set_takeoff_altitude(HEIGHT_M)
        self.seen["arms again"] = tried(action.arm)
        self.seen["takes off"] = tried(action.takeoff)
        self.seen["at height"] = waited(lambda: telemetry.position().relative_altitude_m > HEIGHT_M - 0.7, 20)
        self.seen["reboot in the air"] = tried(action.reboot)
        self.seen["disarm in the air"] = tried(action.disarm)
        self.seen["gripper"] = tried(lambda: Gripper(self.system).release(1))
        steer.set_velocity_ned(offboard.VelocityNedYaw(0.0, 4.0, 0.0, 90.0))
        self.seen["offboard"] = tried(steer.start)
        self.seen["flies east"] = waited(lambda: telemetry.position().longitude_deg > LON + 0.0002, 15)
        self.seen["offboard ends"] = tried(steer.stop)
        self.seen["holds"] = tried(action.hold)
        there = (LAT - 0.0002, LON)
        base_m = telemetry.position().absolute_altitude_m
        self.seen["goes"] = tried(lambda: action.goto_location(*there, base_m, 0.0))
        self.seen["there"] = waited(lambda: abs(telemetry.position().latitude_deg - there[0]) < 2e-5, 20)
        self.seen["lands"] = tried(action.land)
        self.seen["landed"] = waited(lambda: not telemetry.armed(), 30)


def main(port: int) -> dict[str, Any]:
    client = Client(port)
    telemetry = client.telemetry_is_silent_until_asked()
    client.info()
    client.parameters()
    client.fence()
    client.winch()
    client.mission(telemetry)
    client.fly(telemetry)
    return client.seen


if __name__ == "__main__":
    result = main(int(sys.argv[1]))
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()
    os._exit(0)  # its callback threads would keep the interpreter
