"""The command line of one instance."""

from __future__ import annotations

from pathlib import Path

from geofence.position import LatLon
from sim.ardupilot.launch import Launch


def launch(instance: int, serial0: str = "") -> Launch:
    home = LatLon(lat=30.4017, lon=120.548)
    return Launch(Path("/opt/arducopter"), instance, 7, home, 8.0, 180.0, Path("cx.parm"), serial0)


def test_instances_have_ports_ten_apart() -> None:
    assert [(launch(n).serial0_port, launch(n).serial1_port) for n in (0, 3)] == [(5760, 5762), (5790, 5792)]


def test_command_names_place_parameters_and_system() -> None:
    assert " ".join(launch(3, "udpclient:127.0.0.1:14550").command()) == (
        "/opt/arducopter --model quad -I 3 --home 30.4017000,120.5480000,8.00,180.0 "
        "--defaults cx.parm --sysid 7 --speedup 1 --serial0 udpclient:127.0.0.1:14550"
    )


def test_without_serial0_the_instance_keeps_its_tcp_port() -> None:
    assert "--serial0" not in launch(0).command()
