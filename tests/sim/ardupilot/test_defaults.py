"""The parameter file and the places of several instances."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

from sim.ardupilot.defaults import defaults_text, write_defaults
from sim.ardupilot.ports import free_instance
from sim.sitl import read_defaults


def values(text: str) -> dict[str, float]:
    return {name: float(value) for name, value in (line.split() for line in text.splitlines())}


def test_what_the_dock_asks_for_stands_under_the_old_and_the_new_name() -> None:
    found = values(defaults_text(7, 1, {"RTL_ALT": 2000.0, "WPNAV_SPEED": 1600.0, "FS_GCS_ENABLE": 1.0}))
    assert (found["RTL_ALT"], found["RTL_ALT_M"]) == (2000.0, 20.0)
    assert (found["WPNAV_SPEED"], found["WP_SPD"]) == (1600.0, 16.0)
    assert (found["MAV_SYSID"], found["SYSID_THISMAV"]) == (7.0, 7.0)
    assert found["FRAME_CLASS"] == 1.0
    assert found["FS_GCS_ENABLE"] == 1.0


def test_only_a_drone_with_hooks_has_a_gripper_and_it_is_one() -> None:
    assert "GRIP_ENABLE" not in values(defaults_text(1, 0, {}))
    found = values(defaults_text(1, 3, {}))
    assert [name for name in found if name.endswith("_FUNCTION")] == ["SERVO9_FUNCTION"]


def test_the_simulated_copter_reads_the_file_as_well(tmp_path: Path) -> None:
    path = tmp_path / "cx.parm"
    write_defaults(path, 3, 1, {"RTL_LOIT_TIME": 0.0})
    unknown: list[str] = []
    found = read_defaults(path, unknown.append)
    assert (found["MAV_SYSID"], found["RTL_LOIT_TIME"], found["SERVO9_FUNCTION"]) == (3.0, 0.0, 28.0)
    assert "COMPASS_OFS_X" in unknown


def test_an_instance_is_not_given_twice_nor_on_a_port_that_is_taken() -> None:
    first = free_instance(first=40)
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 5762 + 10 * first))
        assert free_instance(first=40) != first
    assert free_instance({first}, first=40) != first
