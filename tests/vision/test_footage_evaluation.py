"""`vision.footage` on clips made here, in the form of the real ones: nothing but pixels and an annotation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tests.vision.clips import write_video
from vision.footage import evaluate_footage, held_while_standing


def room(count: int, standing: tuple[int, int] | None) -> list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
    """A plain scene; between the two frames somebody walks in, stands for most of the time, and walks out."""
    rng = np.random.default_rng(4)
    ground = rng.integers(110, 150, (240, 320)).astype(np.float32)
    images: list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]] = []
    for index in range(count):
        image = ground + rng.normal(0, 1.5, ground.shape)
        if standing and standing[0] <= index < standing[1]:
            aside = 9 * max(standing[0] + 8 - index, index - (standing[1] - 9), 0)
            left = 150 + (aside if index > standing[0] + 20 else -aside)
            image[120:176, left : left + 18] = 30
        images.append(np.clip(image, 0, 255).astype(np.uint8))
    return images


def found(folder: Path) -> dict[str, str]:
    return {finding.question: finding.found for finding in evaluate_footage(folder).findings}


def test_an_annotated_visit_is_counted_once_and_held_while_he_stands(tmp_path: Path) -> None:
    write_video(tmp_path / "one_by_one.mp4", room(100, (40, 80)), code="mp4v")
    truth = {"fps": 5, "people": 1, "visits": [{"enter": 40, "leave": 80, "still_from": 48, "still_to": 71}]}
    (tmp_path / "one_by_one.gt.json").write_text(json.dumps(truth))
    said = found(tmp_path)
    assert said["held by one track while standing"] == "1"
    assert said["people"] == "1"
    assert said["tracks where nobody is"] == "0"


def test_a_clip_with_nobody_in_it_has_no_tracks_and_no_alerts(tmp_path: Path) -> None:
    write_video(tmp_path / "cars.mp4", room(60, None), code="mp4v")
    assert found(tmp_path) == {"people": "0", "alerts": "0"}


def test_a_folder_without_a_known_clip_is_skipped_and_says_so(tmp_path: Path) -> None:
    report = evaluate_footage(tmp_path)
    assert report.findings == ()
    assert "none of the known clips" in report.skipped
    assert evaluate_footage(None).skipped
    assert report.to_json()["skipped"] == report.skipped


def test_two_tracks_one_after_the_other_do_not_hold_somebody() -> None:
    visits = [{"still_from": 10.0, "still_to": 50.0}]
    assert held_while_standing(visits, 5.0, ((2.0, 6.0), (6.0, 10.0)))[2] == "0"
    assert held_while_standing(visits, 5.0, ((2.0, 10.0),))[2] == "1"
