"""How large a picture is analysed: as small as people at the end of the range allow, and still the same view."""

from __future__ import annotations

import numpy as np
import pytest

from geofence.position import Enu
from tests.vision.toy import FRAME, camera
from vision.analysis_size import NEEDED_PX, analysed
from vision.calibration import Projection
from vision.camera import Camera, Lens
from vision.picture import Picture, resized


def with_lens(width: int, height: int, range_m: float, hfov_deg: float = 60.0) -> Camera:
    lens = Lens(width_px=width, height_px=height, hfov_deg=hfov_deg, k1=-0.1, k2=0.01)
    return camera().model_copy(update={"lens": lens, "range_m": range_m})


@pytest.mark.parametrize(
    ("width", "height", "range_m", "expected"),
    [
        (1920, 1080, 40.0, 480),  # near: a quarter of the side will do
        (1920, 1080, 90.0, 640),
        (1920, 1080, 250.0, 1920),  # far: every pixel is needed
        (640, 360, 20.0, 640),  # a sub-stream is small already
        (1366, 768, 90.0, 683),
    ],
)
def test_the_size_follows_from_the_lens_and_the_range(width: int, height: int, range_m: float, expected: int) -> None:
    small = analysed(with_lens(width, height, range_m))
    assert small.lens.width_px == expected
    assert small.lens.height_px * width == height * expected


def test_a_person_at_the_end_of_the_range_keeps_the_pixels_needed_and_stands_at_the_same_place() -> None:
    large = with_lens(1920, 1080, 60.0)
    small = analysed(large)
    factor = large.lens.width_px / small.lens.width_px
    place = Enu(50.0, -12.0)
    for amsl_m in (3.0, 4.68):
        seen = [Projection(one, FRAME).pixel(place, amsl_m) for one in (large, small)]
        assert np.allclose(np.array(seen[0]) / factor, seen[1], atol=1e-6)
    foot, head = (Projection(small, FRAME).pixel(place, amsl_m) for amsl_m in (3.0, 4.68))
    assert foot[1] - head[1] >= NEEDED_PX


def test_shrinking_averages_and_makes_no_moire() -> None:
    fine = np.zeros((1080, 1920, 3), np.uint8)
    fine[:, ::2] = 255  # every second column: at half the size it is an even grey
    small = resized(fine, (640, 360))
    assert small.shape == (360, 640, 3)
    assert abs(int(small.mean()) - 127) <= 1
    assert small.std() < 2


def test_all_who_ask_for_a_size_share_one_copy_and_the_picture_is_not_drawn_on() -> None:
    picture = Picture(bgr=np.zeros((1080, 1920, 3), np.uint8))
    assert picture.bgr((960, 540), copy=False) is picture.bgr((960, 540), copy=False)
    drawn = picture.bgr((960, 540))
    assert drawn is not None
    drawn[:] = 255
    again = picture.bgr((960, 540), copy=False)
    assert again is not None
    assert again.max() == 0
    assert picture.jpeg((960, 540)) is picture.jpeg((960, 540))
    assert picture.gray((1, 1)) is not None
