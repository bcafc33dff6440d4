"""The pre-flight report of a drone, and a launch in spite of it: the panel in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.panel import fake_incidents as story
from tests.panel.conftest import Open, Served

pytestmark = pytest.mark.browser

NARROW = (390, 844)


def drone_opened(page: Page, drone_id: str = "cx-1") -> None:
    page.locator(f"[data-drone-row={drone_id}]").click()


def test_a_press_on_a_drone_makes_its_report_and_shows_that_it_is_under_way(open_page: Open, served: Served) -> None:
    served.face.answers_checks.clear()
    page = open_page(language="en-GB")
    drone_opened(page)
    dialog = page.get_by_role("dialog", name="Chaoxun 1")
    try:
        expect(dialog.get_by_role("progressbar")).to_be_visible()
        expect(dialog.get_by_role("button", name="Check")).to_be_disabled()
        expect(dialog.locator("[data-check]")).to_have_count(0)
    finally:
        served.face.answers_checks.set()
    expect(dialog.get_by_role("progressbar")).to_have_count(0)
    expect(dialog).to_contain_text("blocks: 2")
    expect(dialog).to_contain_text("warnings: 1")
    expect(dialog).to_contain_text("passed: 10")
    shown = dialog.locator("[data-check]")
    expect(shown).to_have_count(13)
    severities = [shown.nth(i).get_attribute("data-severity") for i in range(13)]
    assert severities == ["block"] * 2 + ["warn"] + ["pass"] * 10  # the gravest first
    wind = dialog.locator("[data-check=wind]")
    expect(wind).to_contain_text("14.0 m/s")
    expect(wind).to_contain_text("over the limit of 12.0 m/s; wait")
    expect(wind).to_contain_text("A person may override this")
    expect(dialog.locator("[data-check=gps]")).to_contain_text("Cannot be overridden")
    expect(dialog.locator("[data-check=battery]")).to_contain_text("100 %")
    expect(dialog.get_by_role("button", name="Check again")).to_be_enabled()


def test_a_report_that_does_not_come_is_said(open_page: Open, served: Served) -> None:
    page = open_page(language="en-GB")
    page.route("**/preflight", lambda route: route.abort())
    drone_opened(page)
    dialog = page.get_by_role("dialog", name="Chaoxun 1")
    expect(dialog.get_by_role("alert")).to_contain_text("did not answer")
    page.unroute("**/preflight")
    dialog.get_by_role("button", name="Check", exact=True).click()
    expect(dialog).to_contain_text("blocks: 2")
    expect(dialog.get_by_role("alert")).to_have_count(0)


def test_a_drone_in_the_air_shows_how_it_is_heard(open_page: Open) -> None:
    page = open_page(language="en-GB")
    drone_opened(page, "cx-2")
    heard = page.get_by_role("dialog", name="Chaoxun 2").locator("[data-link]")
    expect(heard).to_have_text("link: 34 messages/s, 1460 B/s, 0 % lost, 38 ms there and back")


def test_the_report_speaks_chinese(open_page: Open) -> None:
    page = open_page()
    drone_opened(page)
    dialog = page.get_by_role("dialog", name="潮巡一号")
    expect(dialog).to_contain_text("禁飞 2 项")
    expect(dialog.locator("[data-check=fence]")).to_contain_text("电子围栏")
    expect(dialog.locator("[data-check=gps]")).to_contain_text("不能放行")


@pytest.mark.parametrize("size", [(1440, 900), NARROW])
def test_a_blocked_launch_is_ordered_check_by_check_with_name_and_reason(
    open_page: Open, served: Served, size: tuple[int, int]
) -> None:
    served.face.blocked = True
    page = open_page(language="en-GB", size=size)
    need = page.locator(f"[data-need='override:{story.TRESPASS}']")
    expect(need).to_contain_text("Pre-flight checks block")
    page.locator(f"[data-incident='{story.TRESPASS}']").click()
    detail = page.locator(f"[data-selected='{story.TRESPASS}']")
    expect(detail.locator("[data-blocked=cx-1]")).to_contain_text("FS_OPTIONS 48")
    expect(detail.locator("[data-blocked=cx-4]").get_by_role("button")).to_have_count(0)
    expect(detail.locator("[data-blocked=cx-4] [data-check=gps]")).to_contain_text("Cannot be overridden")
    need.get_by_role("button", name="Launch with override").click()

    dialog = page.get_by_role("dialog", name="Launch with override")
    expect(dialog).to_contain_text("Chaoxun 1 will fly in spite of these checks, this one time")
    expect(dialog.locator("[data-firm]")).to_contain_text("Chaoxun 4")
    expect(dialog.locator("[data-firm]")).to_contain_text("no 3D position fix")
    launch = dialog.get_by_role("button", name="Hold to launch")
    expect(dialog.get_by_role("status")).to_contain_text("not ticked yet: 2")
    expect(launch).to_be_disabled()
    dialog.get_by_role("checkbox", name=re.compile("Wind")).check()
    expect(dialog.get_by_role("status")).to_contain_text("not ticked yet: 1")
    dialog.get_by_role("checkbox", name=re.compile("hook stays shut")).check()
    expect(dialog.get_by_role("status")).to_contain_text("Say who you are")
    dialog.get_by_label("Your name").fill("Li Wei")
    dialog.get_by_label("Why").fill("   ")
    expect(launch).to_be_disabled()
    dialog.get_by_label("Why").fill("a child is in the water")
    expect(dialog.get_by_role("status")).to_have_count(0)
    launch.click()  # a mere press is no confirmation
    assert served.face.orders == []
    launch.focus()
    page.keyboard.down("Enter")
    expect(page.locator(".note[data-tone=good]", has_text="Launch with override")).to_be_visible()
    page.keyboard.up("Enter")
    expect(dialog).to_have_count(0)
    [(name, said)] = served.face.orders
    assert (name, said["incident_id"]) == ("launch", story.TRESPASS)
    assert [(o["drone_id"], o["check"], o["name"], o["note"]) for o in said["overrides"]] == [
        ("cx-1", "wind", "Li Wei", "a child is in the water"),
        ("cx-1", "gripper_failsafe", "Li Wei", "a child is in the water"),
    ]
    expect(need).to_have_count(0)


def test_what_the_service_refuses_leaves_the_order_as_it_was_written(open_page: Open, served: Served) -> None:
    served.face.blocked = True
    page = open_page()
    page.locator(f"[data-need='override:{story.TRESPASS}']").get_by_role("button", name="放行并起飞").click()
    dialog = page.get_by_role("dialog", name="放行检查并起飞")
    for tick in dialog.get_by_role("checkbox").all():
        tick.check()
    dialog.get_by_label("姓名").fill("李伟")
    dialog.get_by_label("理由").fill("人在墙边")
    served.face.refuse_with = "cx-1 is already on its way"
    dialog.get_by_role("button", name="按住放行起飞").focus()
    page.keyboard.down("Enter")
    expect(page.locator(".note[data-tone=alarm]")).to_contain_text("cx-1 is already on its way")
    page.keyboard.up("Enter")
    expect(dialog.get_by_label("理由")).to_have_value("人在墙边")
