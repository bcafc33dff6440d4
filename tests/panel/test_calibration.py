"""Calibrating in the panel: points marked in a still, their errors, a refusal with its reason, acceptance."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.flightctl.api.test_calibrating import order
from tests.panel.conftest import Open, Served
from vision.camera import Camera

pytestmark = pytest.mark.browser


def opened(page: Page) -> Locator:
    page.locator(".wall button").nth(2).click()
    page.get_by_role("button", name="标定", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("svg polyline.zone").first).to_be_attached()
    return dialog


def mark(dialog: Locator, point: dict[str, Any]) -> None:
    """One point: clicked in the still, then its exact pixel and its place typed in."""
    still = dialog.locator("svg").last
    box = still.bounding_box()
    assert box is not None
    still.click(
        position={"x": box["width"] * point["u_px"] / 640, "y": box["height"] * point["v_px"] / 360}, force=True
    )
    row = dialog.locator("[data-point]").last
    row.get_by_label("u px").fill(f"{point['u_px']:.1f}")
    row.get_by_label("v px").fill(f"{point['v_px']:.1f}")
    row.get_by_label("纬度, 经度").fill(f"{point['lat']:.8f}, {point['lon']:.8f}")
    row.get_by_label("海拔高").fill(str(point["height_amsl_m"]))


CHOSEN = (0, 2, 4, 7, 9, 10, 12, 15)


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)], ids=["wide", "phone"])
def test_points_are_marked_fitted_and_accepted(open_page: Open, served: Served, size: tuple[int, int]) -> None:
    dialog = opened(open_page(size=size))
    compute = dialog.get_by_role("button", name="个点计算")
    accept = dialog.get_by_role("button", name="采用", exact=True)
    expect(accept).to_be_disabled()
    points = order()["points"]
    for index in CHOSEN:
        mark(dialog, points[index])
    expect(compute).to_contain_text("8")
    compute.click()
    expect(dialog.locator("[data-accepted=true]")).to_contain_text("100 米处")
    expect(dialog.locator(".off")).to_have_count(8)
    expect(dialog.locator(".off").first).to_contain_text("px")
    expect(dialog.locator(".off", has_text="误差最大")).to_have_count(1)
    assert dialog.evaluate("node => node.scrollWidth <= node.clientWidth + 1")
    accept.click()
    expect(dialog).to_contain_text("重启服务后生效")
    ((name, what),) = served.face.orders
    camera = what["camera"]
    assert isinstance(camera, Camera)
    assert (name, camera.id) == ("calibrate", "cam-3")
    assert camera.yaw_deg == pytest.approx(95.9, abs=0.1)


def test_a_wrong_point_is_marked_and_can_be_removed(open_page: Open) -> None:
    dialog = opened(open_page())
    points = order()["points"]
    for index in CHOSEN:
        mark(dialog, points[index])
    wrong = dialog.locator("[data-point]").nth(3)
    wrong.get_by_label("u px").fill("520")
    dialog.get_by_role("button", name="个点计算").click()
    refused = dialog.locator("[data-accepted=false]")
    expect(refused).to_contain_text("未通过")
    expect(refused).to_contain_text("point P4 is")
    expect(dialog.locator("[data-tone=alarm].off")).to_contain_text("有误")
    expect(dialog.locator("g.wrong")).to_have_count(1)
    expect(dialog.get_by_role("button", name="采用", exact=True)).to_be_disabled()
    wrong.get_by_role("button", name="删除 P4").click()
    dialog.get_by_role("button", name="个点计算").click()
    expect(dialog.locator("[data-accepted=true]")).to_be_visible()


def test_too_few_points_are_refused_with_the_services_reason(open_page: Open) -> None:
    dialog = opened(open_page())
    for index in CHOSEN[:4]:
        mark(dialog, order()["points"][index])
    dialog.get_by_role("button", name="个点计算").click()
    expect(dialog.get_by_role("alert")).to_contain_text("4 points are too few; 5 are needed")
    dialog.get_by_role("button", name="撤销上一点").click()
    expect(dialog.locator("[data-point]")).to_have_count(3)
    expect(dialog.get_by_role("alert")).to_have_count(0)
