"""How the page sits on a screen, and that it asks nobody but its own service."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.panel.conftest import Open, Served

pytestmark = pytest.mark.browser

PARTS = ["header", ".needs", ".list", ".left > section:last-child", ".map", ".wall", "article"]

OVERLAPS = """(selectors) => {
  // What a column has scrolled out of sight does not count.
  const boxOf = (selector) => {
    const node = document.querySelector(selector);
    const { left, right, top, bottom } = node.getBoundingClientRect();
    const column = node.closest("aside");
    if (column === null || getComputedStyle(column).overflowY !== "auto") return { left, right, top, bottom };
    return { left, right, top, bottom: Math.min(bottom, column.getBoundingClientRect().bottom) };
  };
  const parts = selectors.map((selector) => ({ selector, box: boxOf(selector) }));
  const found = [];
  for (const [index, a] of parts.entries())
    for (const b of parts.slice(index + 1)) {
      const wide = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
      const high = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
      if (wide > 1 && high > 1) found.push(`${a.selector} and ${b.selector}: ${wide} x ${high}`);
    }
  return found;
}"""

CUT_BUTTONS = """() => [...document.querySelectorAll("header button, .needs button, footer button, .age, .priority")]
  .filter((node) => node.scrollWidth > node.clientWidth + 1).map((node) => node.textContent)"""


@pytest.mark.parametrize("language", ["zh-CN", "en-GB"])
@pytest.mark.parametrize(
    "size", [(390, 844), (820, 1180), (1440, 900), (2560, 1440)], ids=lambda size: f"{size[0]}x{size[1]}"
)
def test_nothing_overlaps_or_is_cut_and_nothing_scrolls_sideways(
    open_page: Open, size: tuple[int, int], language: str
) -> None:
    page = open_page(size=size, language=language)
    expect(page.locator("article")).to_be_attached()
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert page.evaluate(OVERLAPS, PARTS) == []
    assert page.evaluate(CUT_BUTTONS) == []


def test_no_request_leaves_the_origin(open_page: Open, served: Served) -> None:
    asked: list[str] = []

    def listen(page: Page) -> None:
        page.on("request", lambda request: asked.append(request.url))
        page.on("websocket", lambda socket: asked.append(socket.url))

    page = open_page(drawing="gl", before=listen)
    page.keyboard.press("f")
    page.keyboard.press("t")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.locator(".wall button").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    own = (served.url, served.url.replace("http", "ws"), f"blob:{served.url}")
    assert len(asked) > 5
    assert [url for url in asked if not url.startswith(own)] == []


def test_the_map_is_drawn_by_webgl_and_nothing_goes_wrong_on_the_page(open_page: Open) -> None:
    wrong: list[str] = []

    def listen(page: Page) -> None:
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)

    page = open_page(drawing="gl", before=listen)
    expect(page.locator("[data-drawing=gl] canvas")).to_be_visible()
    expect(page.locator("[data-dock=dock-mid] .dock")).to_be_visible()
    expect(page.locator(".scale")).to_contain_text("m")
    assert wrong == []


def test_without_webgl2_a_plain_map_shows_the_same(open_page: Open) -> None:
    without = """const real = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
      return kind === "webgl2" ? null : real.call(this, kind, ...rest);
    };"""

    def take_away(page: Page) -> None:
        page.add_init_script(without)

    page = open_page(before=take_away)
    page.goto(page.url.split("?")[0])
    stage = page.locator("[data-drawing=flat]")
    expect(stage).to_contain_text("没有 WebGL2")
    expect(stage.locator("[data-drone=cx-2]")).to_be_attached()
    colours = """(canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const seen = new Set();
      for (let i = 0; i < data.length; i += 64) seen.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
      return seen.size;
    }"""
    assert stage.locator("canvas").evaluate(colours) > 20


def test_the_plain_map_moves_and_zooms(open_page: Open) -> None:
    page = open_page()
    dock = page.locator("[data-dock=dock-mid]")
    expect(dock).to_be_attached()
    before = dock.get_attribute("style")
    page.get_by_role("button", name="放大", exact=True).click()
    expect(dock).not_to_have_attribute("style", before or "")
    zoomed = dock.get_attribute("style")
    box = page.locator("[data-drawing=flat] canvas").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.8
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y - 40, steps=4)
    page.mouse.up()
    expect(dock).not_to_have_attribute("style", zoomed or "")


@pytest.mark.parametrize("size", [(390, 844), (1440, 900)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_camera_s_figures_stand_under_its_picture_and_its_delay_on_its_tile(
    open_page: Open, size: tuple[int, int]
) -> None:
    page = open_page(size=size, language="en-GB")
    tile = page.locator(".wall .cell").nth(2)
    expect(tile).to_contain_text("0.2 s")
    tile.click()
    figures = page.locator("dialog dl")
    expect(figures).to_contain_text("22 ms · 160 ms")
    expect(figures.locator(".odd")).to_have_text(["Pictures dropped 12"])
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
