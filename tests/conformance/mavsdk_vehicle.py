"""A vehicle nobody here wrote: MAVSDK's own autopilot servers, which our fleet meets on UDP.

A program of its own: the library's threads stay out of the test's process. It says what it was told as JSON lines.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from typing import Any

import mavsdk
from mavsdk.plugins import action_server, mission_raw_server, param_server, telemetry_server

LAT, LON, AMSL_M = 30.4017, 120.548, 8.0


def say(what: str, **more: Any) -> None:
    sys.stdout.write(json.dumps({"what": what, **more}) + "\n")
    sys.stdout.flush()


class ForeignVehicle:
    """Stands where it was put, and believes whatever it is told."""

    def __init__(self, port: int) -> None:
        self.height_m = 0.0
        self.state = telemetry_server.LandedState.ON_GROUND
        self.client = mavsdk.Mavsdk(mavsdk.Configuration.create_with_component_type(mavsdk.ComponentType.AUTOPILOT))
        component: Any = self.client.server_component_by_type(mavsdk.ComponentType.AUTOPILOT)
        self.telemetry = telemetry_server.TelemetryServer(component)
        self.parameters = param_server.ParamServer(component)
        self.missions = mission_raw_server.MissionRawServer(component)
        self.actions = action_server.ActionServer(component)
        for name, whole in (("CX_COUNT", 7), ("FS_GCS_ENABLE", 1)):
            self.parameters.provide_param_int(name, whole)
        self.parameters.provide_param_float("CX_SPEED", 2.5)
        modes = action_server.AllowableFlightModes(*(True,) * 7)
        self.actions.set_allowable_flight_modes(modes)
        self.actions.set_armable(True, True)
        self.actions.set_disarmable(True, True)
        self.actions.set_allow_takeoff(True)
        self.actions.subscribe_arm_disarm(self.on_arm)
        self.actions.subscribe_takeoff(self.on_take_off)
        self.actions.subscribe_land(self.on_land)
        self.actions.subscribe_flight_mode_change(self.on_mode)
        self.missions.subscribe_incoming_mission(self.on_mission)
        self.parameters.subscribe_changed_param_int(self.on_parameter)
        self.parameters.subscribe_changed_param_float(self.on_parameter)
        result = self.client.add_any_connection(f"udpout://127.0.0.1:{port}")
        say("begins", result=result.name)

    def on_arm(self, result: Any, asked: Any, _: Any) -> None:
        say("arm", arm=asked.arm, result=result.name)

    def on_take_off(self, result: Any, _asked: Any, _: Any) -> None:
        self.height_m, self.state = 12.0, telemetry_server.LandedState.IN_AIR
        say("take off", result=result.name)

    def on_land(self, result: Any, _asked: Any, _: Any) -> None:
        self.height_m, self.state = 0.0, telemetry_server.LandedState.ON_GROUND
        say("land", result=result.name)

    def on_mode(self, result: Any, mode: Any, _: Any) -> None:
        say("mode", mode=mode.name, result=result.name)

    def on_mission(self, result: Any, plan: Any, _: Any) -> None:
        say("mission", result=result.name, commands=[item.command for item in plan.mission_items])

    def on_parameter(self, one: Any, _: Any) -> None:
        say("parameter", name=one.name, value=one.value)

    def publish(self) -> None:
        server, velocity = self.telemetry, telemetry_server.VelocityNed(0.5, 0.25, 0.0)
        position = telemetry_server.Position(LAT, LON, AMSL_M + self.height_m, self.height_m)
        server.publish_position(position, velocity, telemetry_server.Heading(90.0))
        server.publish_extended_sys_state(telemetry_server.VtolState.UNDEFINED, self.state)
        battery = telemetry_server.Battery(22.5, 80.0)
        server.publish_sys_status(battery, True, True, True, True, True)
        server.publish_home(telemetry_server.Position(LAT, LON, AMSL_M, 0.0))


def main(port: int) -> None:
    vehicle = ForeignVehicle(port)
    tick = threading.Event()
    while not tick.wait(0.2):  # until it is killed
        with contextlib.suppress(telemetry_server.TelemetryServerError):  # nobody listens yet
            vehicle.publish()


if __name__ == "__main__":
    main(int(sys.argv[1]))
