"""Takes a picture of the running panel.

    python scripts/screenshot.py docs/panel.png --url http://127.0.0.1:8000 --when drone

Needs Playwright (dev dependency) and a Chromium on the machine.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import Error as BrowserError
from playwright.sync_api import TimeoutError as NotInTime

SIGHTS = {
    "live": "[data-connection=live] .markers",
    "incident": ".incident .pin",
    "drone": "[data-drone]",  # one is in the air
    "needs": "[data-need]",
    "outcome": "article .summary",
}
ARGUMENTS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run"]


def main() -> None:
    parser = argparse.ArgumentParser(description="a picture of the running panel")
    parser.add_argument("out", type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--size", default="1440x900", help="WIDTHxHEIGHT in pixels")
    parser.add_argument("--language", choices=("zh", "en"), default="zh")
    parser.add_argument("--theme", choices=("dark", "light"), default="dark")
    parser.add_argument("--when", choices=tuple(SIGHTS), default="live", help="waits until this is on the page")
    parser.add_argument("--then", type=float, default=3.0, help="seconds to wait after that")
    parser.add_argument("--patience", type=float, default=120.0, help="seconds to wait for it at most")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("There is no Chromium on this machine (Debian: apt-get install chromium).")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        try:
            take(browser, options)
        except NotInTime:
            sys.exit(f"{options.url} did not show '{options.when}' within {options.patience:.0f} s.")
        except BrowserError as error:
            sys.exit(f"{options.url} cannot be shown: {error.message.splitlines()[0]}")
        finally:
            browser.close()


def _open(page: Page, url: str, patience_s: float) -> None:
    """The service may still be starting."""
    tries = max(1, int(patience_s))
    for attempt in range(1, tries + 1):
        try:
            page.goto(url)
        except BrowserError as error:
            if "ERR_CONNECTION_REFUSED" not in str(error) or attempt == tries:
                raise
            page.wait_for_timeout(1000)
        else:
            return


def take(browser: Browser, options: argparse.Namespace) -> None:
    width, height = (int(part) for part in options.size.split("x"))
    context = browser.new_context(
        viewport={"width": width, "height": height}, locale="zh-CN" if options.language == "zh" else "en-GB"
    )
    page = context.new_page()
    page.add_init_script(f"localStorage.setItem('chaoxun.theme', '{options.theme}')")
    _open(page, options.url, options.patience)
    page.wait_for_selector(SIGHTS[options.when], state="attached", timeout=options.patience * 1000)
    page.wait_for_timeout(options.then * 1000)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=options.out)


if __name__ == "__main__":
    main()
