"""What the duty officer sees and does: the panel in a real browser."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.panel import fake_incidents as story
from tests.panel.conftest import Open, Served

pytestmark = pytest.mark.browser

HAS_RED_BOX = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  for (let i = 0; i < data.length; i += 4) if (data[i] > 170 && data[i + 1] < 110 && data[i + 2] < 110) return true;
  return false;
}"""


def last_order(served: Served) -> tuple[str, dict[str, Any]]:
    return served.face.orders[-1]


def ordered(page: Page, what: str) -> None:
    """The note in the corner says that the service took it."""
    expect(page.locator(".note[data-tone=good]", has_text=what)).to_be_visible()


def test_the_incident_stands_in_the_list_in_detail_and_on_the_map(open_page: Open, served: Served) -> None:
    page = open_page()
    card = page.locator(f"[data-incident='{story.RESCUE}']")
    expect(card).to_contain_text("P1")
    expect(card).to_contain_text("人员落水")
    expect(card).to_contain_text("盐官段江面")
    expect(card).to_contain_text("潮巡二号")
    detail = page.locator(f"[data-selected='{story.RESCUE}']")
    expect(detail).to_contain_text("自中库 · 投放救生圈")
    expect(detail).to_contain_text("风过大")  # why another was not sent
    expect(detail).to_contain_text("舱盖已开")  # a step of the timeline
    expect(page.locator(".incident .pin", has_text="人员落水")).to_be_visible()
    expect(page.locator("[data-drone=cx-2]")).to_contain_text("30 m")
    expect(page.locator("[data-dock=dock-mid]")).to_contain_text("已出动")


def test_the_most_urgent_open_incident_comes_first_and_is_the_one_selected(open_page: Open) -> None:
    page = open_page()
    cards = page.locator("[data-incident]")
    expect(cards).to_have_count(3)
    assert [cards.nth(i).get_attribute("data-incident") for i in range(3)] == [
        str(one) for one in (story.RESCUE, story.TRESPASS, story.EARLIER)
    ]
    expect(cards.first).to_have_attribute("aria-current", "true")


def test_the_picture_of_the_camera_that_sees_it_is_drawn_and_follows(open_page: Open, served: Served) -> None:
    page = open_page()
    picture = page.locator("[data-selected] [data-camera=cam-3]")
    expect(picture).not_to_have_attribute("data-seq", "0")
    assert picture.locator("canvas").evaluate(HAS_RED_BOX)
    before = int(picture.get_attribute("data-seq") or 0)
    served.face.seconds = 30.0
    expect(picture).to_have_attribute("data-seq", str(before + 15))


def test_giving_the_drop_takes_a_long_press(open_page: Open, served: Served) -> None:
    page = open_page()
    need = page.locator(f"[data-need='consent:{story.RESCUE}']")
    give = need.get_by_role("button", name="按住同意抛投")
    give.click()
    assert served.face.orders == []
    box = give.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 20, box["y"] + 10)
    page.mouse.down()
    ordered(page, "同意抛投")
    page.mouse.up()
    assert last_order(served) == ("consent", {"incident_id": story.RESCUE, "given": True})
    expect(need).to_have_count(0)
    expect(page.locator("[data-selected] .drop")).to_contain_text("已同意抛投")


def test_refusing_the_drop_takes_one_press(open_page: Open, served: Served) -> None:
    page = open_page()
    page.locator("[data-need]").get_by_role("button", name="拒绝抛投").click()
    ordered(page, "拒绝抛投")
    assert last_order(served) == ("consent", {"incident_id": story.RESCUE, "given": False})
    expect(page.locator("[data-selected] .drop")).to_contain_text("已拒绝抛投")


def test_hold_latches_at_one_press_and_is_let_go_after_a_question(open_page: Open, served: Served) -> None:
    page = open_page(language="en-GB")
    latch = page.locator("header").get_by_role("button", name="HOLD")
    latch.click()
    expect(page.locator("[data-banner=hold]")).to_contain_text("HOLD is latched")
    expect(latch).to_have_attribute("aria-pressed", "true")
    latch.click()
    assert served.face.orders == [("hold", {"hold": True})]
    page.get_by_role("button", name="Release HOLD", exact=True).click()
    expect(page.locator("[data-banner=hold]")).to_have_count(0)
    assert last_order(served) == ("hold", {"hold": False})


def test_recall_brings_the_drone_home_with_a_reason(open_page: Open, served: Served) -> None:
    page = open_page(language="en-GB")
    page.get_by_role("button", name="Recall", exact=True).click()
    page.get_by_role("button", name="The person is safe").click()
    page.get_by_role("dialog").get_by_role("button", name="Recall", exact=True).click()
    ordered(page, "Recall")
    assert last_order(served) == ("recall", {"drone_id": "cx-2", "reason": "The person is safe"})
    expect(page.locator(f"[data-incident='{story.RESCUE}']")).to_contain_text("Cancelled")


def test_launch_reject_and_close_reach_the_service(open_page: Open, served: Served) -> None:
    page = open_page(language="en-GB")
    page.locator(f"[data-incident='{story.TRESPASS}']").click()
    actions = page.locator(f"[data-selected='{story.TRESPASS}'] footer")
    actions.get_by_role("button", name="Launch").click()
    ordered(page, "Launch")
    assert last_order(served) == ("launch", {"incident_id": story.TRESPASS})
    actions.get_by_role("button", name="Reject").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("two of our own people")
    page.get_by_role("dialog").get_by_role("button", name="Reject").click()
    ordered(page, "Reject")
    assert last_order(served) == ("reject", {"incident_id": story.TRESPASS, "reason": "two of our own people"})
    expect(page.locator(f"[data-incident='{story.TRESPASS}']")).to_contain_text("Rejected")
    actions.get_by_role("button", name="Close").click()
    page.get_by_role("dialog").get_by_role("button", name="Close", exact=True).click()
    ordered(page, "Close")
    expect(page.locator(f"[data-incident='{story.TRESPASS}']")).to_contain_text("Closed")


def test_a_hail_says_the_chosen_words_on_the_chosen_speakers(open_page: Open, served: Served) -> None:
    page = open_page()
    page.locator("[data-selected] footer").get_by_role("button", name="喊话").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("switch", name=re.compile("3号喇叭"))).to_have_attribute("aria-checked", "true")
    dialog.get_by_role("button", name="English").click()
    dialog.get_by_role("button", name=re.compile("Stay behind the railing")).click()
    dialog.get_by_role("switch", name=re.compile("2号喇叭")).click()
    dialog.get_by_role("switch", name=re.compile("潮巡二号")).click()
    dialog.get_by_role("button", name="播放").click()
    ordered(page, "喊话")
    name, said = last_order(served)
    assert name == "hail"
    assert said["language"] == "en"
    assert said["text"].startswith("Stay behind the railing")
    assert set(said["speaker_ids"]) == {"spk-2", "spk-3"}
    assert said["drone_id"] is None
    expect(page.locator(".markers")).to_contain_text("2号喇叭 · 播放中")


def test_what_the_service_refuses_is_said_in_its_own_words(open_page: Open, served: Served) -> None:
    page = open_page()
    reason = "cx-2 is 4 m above the water and letting go; it can no longer be refused."
    served.face.refuse_with = reason
    page.locator("[data-need]").get_by_role("button", name="拒绝抛投").click()
    expect(page.locator(".note[data-tone=alarm]")).to_contain_text(reason)


def test_an_interrupted_stream_is_said_and_the_old_state_is_not_shown_as_live(
    open_page: Open, served: Served
) -> None:
    page = open_page(language="en-GB")
    served.stop()
    expect(page.locator("[data-banner=stream]")).to_contain_text("not the present one")
    expect(page.locator(".link")).to_contain_text("Interrupted")
    expect(page.locator("[data-selected] .picture")).to_contain_text("Not live")
    page.locator("[data-need]").get_by_role("button", name="Refuse").click()
    expect(page.locator(".note[data-tone=alarm]")).to_contain_text("did not answer")
    served.start()
    expect(page.locator("[data-banner=stream]")).to_have_count(0)
    expect(page.locator(".link")).to_contain_text("Live")


def test_the_language_follows_the_browser_and_the_switch_is_remembered(open_page: Open) -> None:
    page = open_page(language="en-GB")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("heading", level=1)).to_have_text("Haining, Yanguan")
    english = page.locator("main").inner_text()
    assert re.findall(r"[\u4e00-\u9fff]+", english.replace(_spoken(english), "")) == []
    page.get_by_role("button", name="Switch language").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("海宁盐官")
    expect(page.locator("[data-need]")).to_contain_text("需要你决定")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("海宁盐官")


def _spoken(text: str) -> str:
    """What was said over the loudspeaker stands in the timeline in the language it was said in."""
    return next((line for line in text.splitlines() if "有人落水" in line), "")


def test_the_bar_says_when_the_bore_comes_how_sure_and_by_what(open_page: Open) -> None:
    page = open_page(language="en-GB")
    bar = page.locator("header").first
    expect(bar).to_contain_text(re.compile(r"13\s*min\s*3\d\s*s"))
    expect(bar).to_contain_text("± 4 min · official table")
    expect(bar).to_contain_text("until the bore at Yanguan · 14:00")
    expect(bar).to_contain_text("13:46:39")
    expect(bar).to_contain_text("05:46 UTC")
    expect(bar).to_contain_text("Simulated")
    expect(page.locator(".map")).to_contain_text("have not been surveyed")


def test_the_outcome_stands_first_when_the_rescue_is_over(open_page: Open, served: Served) -> None:
    served.face.drop_auto = True
    served.face.seconds = 110.0
    page = open_page(language="en-GB")
    page.locator(f"[data-incident='{story.RESCUE}']").click()
    detail = page.locator(f"[data-selected='{story.RESCUE}']")
    expect(detail).to_contain_text("who could reach it")
    expect(detail).to_contain_text("1.4 m")
    expect(detail).to_contain_text("Buoy in the water")


def test_docks_and_drones_say_why_they_cannot_fly(open_page: Open) -> None:
    page = open_page()
    expect(page.locator("[data-dock-tile=dock-east]")).to_contain_text("天气停飞")
    expect(page.locator("[data-dock-tile=dock-east]")).to_contain_text("wind 12.6 m/s is above")
    expect(page.locator("[data-drone-row=cx-3]")).to_contain_text("battery 46 % is below")


def test_a_press_on_a_camera_enlarges_it_and_says_its_fault(open_page: Open) -> None:
    page = open_page(language="en-GB")
    page.locator(".wall").get_by_role("button", name="Groyne").click()
    dialog = page.get_by_role("dialog", name="Groyne")
    expect(dialog).to_contain_text("the picture has not changed for 12 s")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_the_keyboard_does_the_main_things(open_page: Open, served: Served) -> None:
    page = open_page(language="en-GB")
    page.keyboard.press("2")
    expect(page.locator(f"[data-selected='{story.TRESPASS}']")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(f"[data-selected='{story.RESCUE}']")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_contain_text("give the drop")
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    words = page.get_by_role("dialog").get_by_label(re.compile("Words"))
    words.press_sequentially("hold on")
    expect(words).to_have_value("hold on")
    page.keyboard.press("Escape")
    assert served.face.orders == []
    page.keyboard.press("h")
    expect(page.locator("[data-banner=hold]")).to_be_visible()
    page.keyboard.down("g")
    ordered(page, "Give the drop")
    page.keyboard.up("g")
    assert last_order(served) == ("consent", {"incident_id": story.RESCUE, "given": True})


def test_with_no_incident_the_page_is_calm(open_page: Open, served: Served) -> None:
    served.face.quiet = True
    page = open_page(language="en-GB")
    expect(page.locator(".right")).to_contain_text("No incident now")
    expect(page.locator("[data-need]")).to_have_count(0)
    served.face.quiet = False
    expect(page.locator(f"[data-selected='{story.RESCUE}']")).to_be_visible()


@pytest.mark.parametrize(
    ("language", "warning", "lower"),
    [
        ("zh-CN", "B-7312 将在 16 秒后过近接近 潮巡二号", "低 18 米"),
        ("en-GB", "B-7312 comes too near to Chaoxun 2 in 16 s", "18 m below it"),
    ],
)
def test_another_aircraft_is_on_the_map_and_a_predicted_conflict_is_a_warning(
    open_page: Open, served: Served, language: str, warning: str, lower: str
) -> None:
    served.face.intruder = True
    page = open_page(language=language)
    expect(page.locator("[data-traffic='icao:78123a']")).to_contain_text("B-7312")
    expect(page.locator("[data-traffic='icao:78123a']")).to_contain_text("64 m")
    banner = page.locator("[data-banner=traffic]")
    expect(banner).to_contain_text(warning)
    expect(banner).to_contain_text(lower)
    served.face.intruder = False
    expect(banner).to_have_count(0)
    expect(page.locator("[data-traffic]")).to_have_count(0)
