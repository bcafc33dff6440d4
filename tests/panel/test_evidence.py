"""The film of an alert in the incident's view: it plays, is the original while duty needs it, and can be checked."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.panel import fake_incidents as story
from tests.panel.conftest import Open, Served
from vision.alert import EvidenceUpdate
from vision.evidence_file import ClipWriter, blurred_name

pytestmark = pytest.mark.browser

FALL = UUID(int=story.RESCUE.int + 0x101)
SECONDS = 4.0


def film(folder: Path) -> EvidenceUpdate:
    name = f"cam-3/{FALL}.webm"
    hashes: dict[str, str] = {}
    for path, shade in ((name, 60), (blurred_name(name), 160)):
        writer = ClipWriter(folder / path, (640, 400), 5.0)
        for index in range(round(SECONDS * 5)):
            writer.add(np.full((400, 640, 3), shade + index, np.uint8), index / 5)
        hashes[path] = writer.close()
    return EvidenceUpdate(
        alert_id=FALL, what="clip", path=name, sha256=hashes, alert_s=3.5, length_s=SECONDS, note="cut: a test"
    )


@pytest.mark.parametrize("size", [(390, 844), (1440, 900)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_film_plays_from_before_the_alert_and_blurred_is_one_press_away(
    open_page: Open, served: Served, size: tuple[int, int]
) -> None:
    served.face.evidence.append(film(served.evidence_dir))
    page = open_page(language="en-GB", size=size)
    video = page.locator("article video")
    expect(video).to_be_attached()
    page.wait_for_function("() => document.querySelector('article video')?.readyState >= 1")
    assert video.evaluate("film => film.currentTime") == pytest.approx(0.5, abs=0.01)
    assert video.evaluate("film => film.videoWidth") == 640
    source = video.get_attribute("src") or ""
    assert source.endswith("?original=true")  # the incident is open: duty needs to see
    page.get_by_role("button", name="Original").click()
    assert not (page.locator("article video").get_attribute("src") or "").endswith("original=true")
    expect(page.locator("article")).to_contain_text("cut: a test")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_an_altered_film_is_told_at_a_press(open_page: Open, served: Served) -> None:
    kept = film(served.evidence_dir)
    served.face.evidence.append(kept)
    page = open_page(language="en-GB")
    page.get_by_role("button", name="Check it is unaltered").click()
    expect(page.locator("article [role=status]")).to_contain_text("files: 2, all unaltered")
    (served.evidence_dir / str(kept.path)).write_bytes(b"another film")
    page.get_by_role("button", name="Check it is unaltered").click()
    expect(page.locator("article [role=status]")).to_contain_text("ALTERED")


def test_what_is_saved_is_the_blurred_copy(open_page: Open, served: Served) -> None:
    kept = film(served.evidence_dir)
    served.face.evidence.append(kept)
    page = open_page(language="en-GB")
    with page.expect_download() as saving:
        page.get_by_role("link", name="Save (blurred)").click()
    blurred = served.evidence_dir / blurred_name(str(kept.path))
    assert saving.value.path().read_bytes() == blurred.read_bytes()
