"""Calibrating through the API: residuals first, then the site file; a bad one is refused with its reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flightctl.api.calibration_views import CalibrationRequest
from flightctl.api.face import NotNow
from flightctl.calibrating import CalibrationDesk
from flightctl.site_loading import HAINING, load_site
from geofence.position import Enu
from sim.virtual_time import run_virtual
from tests.flightctl.api.conftest import ApiWorld
from tests.flightctl.api.fake_face import haining
from vision.calibration import Projection

PIXELS = [(u, v) for v in (110, 170, 240, 320) for u in (60, 250, 420, 590)]


def order(*, scale: float = 1.0, wrong_px: float = 0.0, count: int = 16) -> dict[str, Any]:
    """What somebody marks who measured well, in a still `scale` times the analysed picture."""
    site = haining()
    camera = next(one for one in site.file.cameras if one.id == "cam-3")
    projection = Projection(camera, site.frame)
    points: list[dict[str, Any]] = []
    for index, (u, v) in enumerate(PIXELS[:count]):
        height = (8.5, 3.0, 1.5)[index % 3]
        east, north = projection.ground(np.array([[u, v]]), height).enu[0]
        place = site.frame.to_wgs84(Enu(float(east), float(north)))
        at = {"lat": place.lat, "lon": place.lon, "height_amsl_m": height}
        shifted = u + (wrong_px if index == 5 else 0)
        points.append({"name": f"p{index}", "u_px": shifted * scale, "v_px": v * scale, **at})
    return {"width_px": round(640 * scale), "height_px": round(360 * scale), "points": points}


def ask(world: ApiWorld, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    async def run() -> tuple[int, Any]:
        async with world.client() as client:
            options = {} if body is None else {"json": body}
            answer = await client.request(method, f"/api/v1/cameras/{path}", **options)
            return answer.status_code, answer.json()

    return run_virtual(run())


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_a_fit_tells_every_points_error_and_shows_the_zones(world: ApiWorld, scale: float) -> None:
    status, told = ask(world, "POST", "cam-3/calibration", order(scale=scale))
    assert status == 200
    assert (told["accepted"], told["refusals"], len(told["points"])) == (True, [], 16)
    assert max(point["off_px"] for point in told["points"]) < 0.1
    assert told["ground_sigma_at_100_m"] < 3
    assert {line["kind"] for line in told["overlay"]["lines"]} == {"grid", "ring", "zone", "crest"}
    assert "hfov_deg: 50.0" in told["block"]
    assert world.face.calibrated == []


def test_a_wrong_point_is_named_and_the_calibration_is_not_taken(world: ApiWorld) -> None:
    status, told = ask(world, "POST", "cam-3/calibration", order(wrong_px=40))
    assert (status, told["accepted"]) == (200, False)
    assert [point["name"] for point in told["points"] if not point["agrees"]] == ["p5"]
    status, problem = ask(world, "PUT", "cam-3/calibration", order(wrong_px=40))
    assert (status, problem["title"]) == (422, "Calibration refused")
    assert "point p5 is 4" in problem["detail"]
    assert world.face.calibrated == []


def test_what_is_accepted_is_stored_and_works_after_a_restart(world: ApiWorld) -> None:
    status, told = ask(world, "PUT", "cam-3/calibration", order())
    assert (status, told["in_force"]) == (200, "after_restart")
    (camera,) = world.face.calibrated
    assert (camera.id, camera.yaw_deg) == ("cam-3", pytest.approx(95.9, abs=0.01))


def test_nothing_to_fit_is_a_problem_with_its_reason(world: ApiWorld) -> None:
    few = ask(world, "POST", "cam-3/calibration", order(count=3))
    square = ask(world, "POST", "cam-3/calibration", order() | {"height_px": 640})
    twice = order()
    twice["points"][1]["name"] = "p0"
    assert [one[0] for one in (few, square, ask(world, "POST", "cam-3/calibration", twice))] == [422] * 3
    assert "3 points are too few; 5 are needed" in few[1]["detail"]
    assert "their shapes differ" in square[1]["detail"]
    assert ask(world, "POST", "cam-99/calibration", order())[0] == 404


def test_the_present_calibration_is_shown(world: ApiWorld) -> None:
    status, told = ask(world, "GET", "cam-3/overlay")
    assert (status, told["width_px"], told["height_px"]) == (200, 640, 360)
    assert {"25 m", "promenade"} <= {line["label"] for line in told["lines"]}


def test_the_site_file_is_changed_but_not_that_of_a_simulated_site(tmp_path: Path) -> None:
    for file in HAINING.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    request = CalibrationRequest.model_validate(order())
    with pytest.raises(NotNow, match="simulated"):
        run_virtual(CalibrationDesk(load_site(tmp_path), lambda _place: 1.5).accept("cam-3", request))
    text = (tmp_path / "site.yaml").read_text("utf-8").replace("simulated: true", "simulated: false")
    text = text.replace("yaw_deg: 95.9", "yaw_deg: 80  # by compass").replace("drop: auto", "drop: confirm")
    (tmp_path / "site.yaml").write_text(text, "utf-8")
    run_virtual(CalibrationDesk(load_site(tmp_path), lambda _place: 1.5).accept("cam-3", request))
    after = (tmp_path / "site.yaml").read_text("utf-8")
    assert "# by compass" in after
    camera = next(one for one in load_site(tmp_path).file.cameras if one.id == "cam-3")
    assert camera.yaw_deg == pytest.approx(95.9, abs=0.01)
