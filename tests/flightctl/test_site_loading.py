"""A wrong site says everything that is wrong with it, each fault at its file and line, and applies nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from flightctl.site_loading import HAINING, SiteInvalid, load_site
from geofence.errors import InvalidInput


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    shutil.copytree(HAINING, folder)
    return folder


def change(folder: Path, name: str, edit: Callable[[str], str]) -> None:
    path = folder / name
    text = path.read_text(encoding="utf-8")
    changed = edit(text)
    assert changed != text
    path.write_text(changed, encoding="utf-8")


def line_of(folder: Path, name: str, text: str) -> int:
    lines = (folder / name).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


def faults(folder: Path) -> list[str]:
    with pytest.raises(InvalidInput) as raised:
        load_site(folder)
    return [str(problem) for problem in raised.value.problems]


def test_the_shipped_site_is_valid() -> None:
    assert load_site(HAINING).file.id == "haining"


def test_a_latitude_off_the_globe_is_named_with_its_line(site: Path) -> None:
    change(site, "site.yaml", lambda text: text.replace("lat: 30.4025482", "lat: 230.4"))
    line = line_of(site, "site.yaml", "lat: 230.4")
    assert f"site.yaml:{line} docks[2].position: latitude 230.4 is outside -90..90" in faults(site)


def test_several_faults_in_several_files_are_told_at_once(site: Path) -> None:
    change(site, "site.yaml", lambda text: text.replace("dock_id: dock-west", "dock_id: dock-north"))
    change(site, "site.yaml", lambda text: text.replace("system_id: 2\n", "system_id: 3\n", 1))
    change(site, "zones.geojson", lambda text: text.replace('"danger"', '"dangerous"', 1))
    found = faults(site)
    assert any("drones[0].dock_id: there is no dock 'dock-north'" in fault for fault in found)
    assert any("drones[2].system_id: 3 is the MAVLink id of cx-2 too" in fault for fault in found)
    assert any(fault.startswith("zones.geojson:") and "dangerous" in fault for fault in found)


def test_swapped_axes_are_noticed(site: Path) -> None:
    change(
        site,
        "site.yaml",
        lambda text: text.replace("lat: 30.4020903, lon: 120.5340303", "lat: 20.5340303, lon: 130.4020903"),
    )
    assert any("docks[0].position" in fault and "order of latitude and longitude" in fault for fault in faults(site))


def test_an_unknown_key_and_a_key_said_twice_are_refused(site: Path) -> None:
    change(site, "site.yaml", lambda text: text.replace("  hail: auto\n", "  hail: auto\n  shout: loud\n"))
    assert any("policy.shout: is not a known field" in fault for fault in faults(site))
    change(site, "site.yaml", lambda text: text.replace("  shout: loud\n", "  hail: confirm\n"))
    assert any("policy.hail: the key stands here twice" in fault for fault in faults(site))


def test_an_address_that_cannot_be_one_is_refused(site: Path) -> None:
    change(site, "site.yaml", lambda text: text.replace("tcp:127.0.0.1:14701", "tcp:127.0.0.1:147010"))
    assert any("docks[0].link" in fault and "outside 1..65535" in fault for fault in faults(site))


def with_mavlink(site: Path, line: str) -> None:
    change(site, "site.yaml", lambda text: text.replace("  component_id: 190\n", f"  component_id: 190\n  {line}\n"))


def test_ground_stations_to_share_with_are_addresses_or_addresses_with_limits(site: Path) -> None:
    looks_on = '{endpoint: "tcpin:0.0.0.0:5790", commands: false, max_bytes_per_s: 4000}'
    with_mavlink(site, f'share: ["udpout:192.168.1.20:14550", {looks_on}]')
    first, second = load_site(site).file.mavlink.share
    assert (first.endpoint, first.commands, first.max_bytes_per_s) == ("udpout:192.168.1.20:14550", True, None)
    assert (second.endpoint, second.commands, second.max_bytes_per_s) == ("tcpin:0.0.0.0:5790", False, 4000.0)


@pytest.mark.parametrize(
    ("line", "place", "says"),
    [
        ('share: ["14550"]', "mavlink.share[0]", "is not udpin:HOST:PORT, udpout:HOST:PORT, tcp:HOST:PORT, tcpin"),
        ('share: ["tlog:/tmp/a.tlog"]', "mavlink.share[0]", "or serial:DEVICE:BAUD"),
        ('share: ["udpin:127.0.0.1:14550"]', "mavlink.share[0]", "stands here twice; every address is used once"),
        (
            'share: [{endpoint: "tcpin:0.0.0.0:5790", comands: false}]',
            "mavlink.share[0].comands",
            "not a known field",
        ),
    ],
)
def test_a_wrong_share_is_one_clear_sentence(site: Path, line: str, place: str, says: str) -> None:
    with_mavlink(site, line)
    (fault,) = faults(site)
    assert f"{place}: " in fault
    assert says in fault


@pytest.mark.parametrize("name", ["site.yaml", "river.yaml", "zones.geojson"])
def test_a_missing_or_broken_file_is_one_clear_sentence(site: Path, name: str) -> None:
    (site / name).write_text("{[", encoding="utf-8")
    assert any(fault.startswith(name) and "is not valid YAML" in fault for fault in faults(site))
    (site / name).unlink()
    assert any(name in fault and "cannot be read" in fault for fault in faults(site))


def test_a_folder_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SiteInvalid, match="site init"):
        load_site(tmp_path / "nowhere")


def test_thresholds_of_the_site_reach_every_camera_and_a_camera_s_own_go_before(site: Path) -> None:
    change(site, "site.yaml", lambda text: text.replace("cameras:\n", "vision: {fall: {min_drop_m: 2}}\ncameras:\n"))
    first = load_site(site).file.cameras[0].thresholds
    assert first == {"fall": {"min_drop_m": 2}}
    own = "    analysis_fps: 5\n    thresholds: {fall: {min_drop_m: 3}, zone_entry: {exit_s: 4}}\n"
    change(site, "site.yaml", lambda text: text.replace("    analysis_fps: 5\n", own, 1))
    cameras = load_site(site).file.cameras
    assert cameras[0].thresholds == {"fall": {"min_drop_m": 3}, "zone_entry": {"exit_s": 4}}
    assert cameras[1].thresholds == {"fall": {"min_drop_m": 2}}


def test_a_wrong_threshold_is_told_at_its_line(site: Path) -> None:
    text = "vision:\n  zone_entry:\n    inertia: 2\ncameras:\n"
    change(site, "site.yaml", lambda before: before.replace("cameras:\n", text))
    line = line_of(site, "site.yaml", "inertia: 2")
    assert any(
        f"site.yaml:{line} vision.zone_entry.inertia: zone_entry has no such threshold" in f for f in faults(site)
    )
