"""Where the water meets the wall: the line between what moves and what stands still, on calibrated transects.

    picture ─► samples of every transect at common heights ─► running mean and running deviation of each
            ─► for each height: how well "one thing below, another above" explains both ─► one line for all transects
            ─► is it water below? it moves within seconds, and what is above does not; else nothing is said
            ─► each transect's own line close to it: those that disagree are refused, the scatter gives the sigma

As pyorc does (its example 06), the brightness on both sides of a hypothesised line is compared; that is misled by
shade, stains and dark sand, which stand still. So a line counts only where what lies below moves. Water as still as a
mirror is therefore not seen, and said so, rather than guessed.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from geofence.position import Enu, FloatArray
from vision.background import Gray
from vision.calibration import Projection
from vision.camera import Transect
from vision.scene import WALL, WATER, SceneModel


@dataclass(frozen=True, slots=True)
class WaterlineConfig:
    look_every_s: float = 0.3
    time_constant_s: float = 5.0
    read_every_s: float = 1.0
    learn_s: float = 9.0
    step_m: float = 0.04  # between two heights
    columns: int = 16  # on the wall, when the site gives no transects
    most_m_per_px: float = 0.35  # of height; where a pixel is worth more, nothing is read
    below_crest_m: float = 0.5  # railings and legs
    below_low_m: float = 2.0  # how far under the level that the site begins with
    smooth_px: float = 3.0  # noise is finer than waves
    most_deviation: float = 25.0  # grey levels; a gull or a lens flare counts no more
    least_wet_m: float = 0.35  # of a transect, under the line and above it
    least_wet_deviation: float = 0.5  # grey levels, smoothed
    least_ratio: float = 1.25  # of the deviation below the line to that above, over all transects
    least_certainty: float = 3.0  # standard errors of that ratio
    beside_m: float = 0.6  # so far from the line on both sides it must be as farther away
    swash_m: float = 0.35  # above it spray, and what it wets as it rises, change too
    edge_px: float = 2.5  # so far on both sides of a line brightness is compared
    motion_sigma_px: float = 1.7  # of the line found by motion alone; the edge is looked for around it
    least_motion_sigma_m: float = 0.1
    least_edge: float = 5.0  # grey levels between both sides; a fainter edge is left to motion alone
    agree_px: float = 2.0
    least_agreeing: int = 2
    least_share: float = 0.5
    surveyed_pixel_sigma: float = 0.5  # of the calibration, common to all transects
    wall_pixel_sigma: float = 1.0  # and of a wall taken to be plumb and straight


@dataclass(frozen=True, slots=True)
class Waterline:
    """One reading."""

    amsl_m: float
    sigma_m: float
    scatter_m: float  # the part of it that differs from reading to reading
    transects: int


@dataclass(frozen=True, slots=True)
class Transects:
    """Lines up from the water as tables of where in the picture each height lies."""

    heights_m: FloatArray  # (z,)
    columns: NDArray[np.float32]  # (t * 3, z) pixels
    rows: NDArray[np.float32]
    seen: NDArray[np.bool_]  # (t, z)
    m_per_px: FloatArray  # (t,) of height
    middle: Enu
    smooth_samples: int
    pixel_sigma: float

    def __len__(self) -> int:
        return len(self.m_per_px)


class WaterlineWatch:
    """Call `step` with every whole picture; `line` and `reason` are read after it has answered True."""

    def __init__(self, transects: Transects | None, config: WaterlineConfig) -> None:
        self.transects = transects
        self.line: Waterline | None = None
        self.reason = "no picture yet"
        self._config = config
        self._mean = self._smooth = self._deviation = np.zeros((0, 0), np.float32)
        self._last_s = self._read_s = self._since_s = -1e9

    @property
    def lag_s(self) -> float:
        """How old what a reading rests on is: a sample that gets wet shows it in a fraction of the time constant."""
        return 0.4 * self._config.time_constant_s

    def step(self, gray: Gray, now_s: float) -> bool:
        """Takes a look when one is due; True when there is a new reading, or a new reason for none."""
        config, lines = self._config, self.transects
        if lines is None or 0.0 <= now_s - self._last_s < config.look_every_s - 0.01:
            return False
        sampled = cv2.remap(gray, lines.columns, lines.rows, cv2.INTER_LINEAR)
        sampled = sampled.reshape(len(lines), 3, -1).mean(axis=1, dtype=np.float32)
        smooth = cv2.blur(sampled, (lines.smooth_samples, 1))
        elapsed_s, self._last_s = now_s - self._last_s, now_s
        if not 0.0 <= elapsed_s < 2 * config.time_constant_s:
            self._mean, self._smooth, self._since_s = sampled.copy(), np.array(smooth), now_s
            self._deviation = np.zeros_like(sampled)
            return False
        moved = np.minimum(cv2.absdiff(smooth, self._smooth), config.most_deviation)
        share = min(max(elapsed_s / config.time_constant_s, elapsed_s / (now_s - self._since_s + elapsed_s)), 1.0)
        cv2.accumulateWeighted(moved, self._deviation, share)
        cv2.accumulateWeighted(smooth, self._smooth, share)
        cv2.accumulateWeighted(sampled, self._mean, share)
        if now_s - self._since_s < config.learn_s or 0.0 <= now_s - self._read_s < config.read_every_s - 0.01:
            return False
        self._read_s = now_s
        self._read(lines)
        return True

    def _read(self, lines: Transects) -> None:
        """Looks for the one height that parts wet from dry on all transects."""
        config = self._config
        self.line = None
        least = round(config.least_wet_m / config.step_m)
        moved = np.log(self._deviation + 0.15)
        motion = Split(moved, lines.seen, least, floor=0.15)
        told = np.isfinite(motion.likely)
        enough = told.sum(axis=0) >= max(config.least_agreeing, config.least_share * told.any(axis=1).sum())
        if not enough.any():
            self.reason = "no transect is seen both above and below any line"
            return
        likely = np.where(enough, np.where(told, motion.likely, 0.0).sum(axis=0), -np.inf)
        best = int(np.argmax(likely))
        usable = told[:, best]
        below, above = motion.below[usable, best], motion.above[usable, best]
        step = below - above
        error = max(float(step.std()), 0.1) / np.sqrt(len(step))
        if float(np.median(np.exp(below))) - 0.15 < config.least_wet_deviation:
            self.reason = "nothing moves as water does below any line"
            return
        if step.mean() < np.log(config.least_ratio) or step.mean() < config.least_certainty * error:
            self.reason = "what is below the line moves no more than what is above"
            return
        line = self._edge(lines, best, usable)
        if line is None:
            self.reason = "the transects disagree"
        elif not self._sharp(moved, lines, line, (float(below.mean()), float(above.mean()))):
            self.reason = "the change from still to moving is not at one line"
        else:
            self.line, self.reason = line, ""

    def _sharp(
        self, moved: NDArray[np.float32], lines: Transects, line: Waterline, sides: tuple[float, float]
    ) -> bool:
        """Right below the line it moves as it does farther down, and right above it is as still as farther up."""
        config = self._config
        up = lines.heights_m - line.amsl_m
        under = (up <= -config.step_m) & (up >= -config.beside_m)
        over = (up >= config.swash_m) & (up <= config.swash_m + config.beside_m)
        below, above = (moved[lines.seen & side[None]] for side in (under, over))
        if not len(below) or not len(above):
            return False
        middle = (sides[0] + sides[1]) / 2
        return float(below.mean()) > middle > float(above.mean())

    def _edge(self, lines: Transects, best: int, usable: NDArray[np.bool_]) -> Waterline | None:
        """The edge of brightness near the line that motion found; all transects together, then each by itself."""
        config = self._config
        half = np.maximum(config.edge_px * lines.m_per_px / config.step_m, 4).round().astype(int)
        contrast = np.zeros(self._mean.shape)
        for row in np.flatnonzero(usable):
            contrast[row] = _edges(self._mean[row], lines.seen[row], int(half[row]))
        weights = usable / lines.m_per_px**2
        away = (np.arange(len(lines.heights_m)) - best) * config.step_m
        spread_m = max(config.motion_sigma_px * float(lines.m_per_px[usable].min()), config.least_motion_sigma_m)
        prior = np.exp(-0.5 * (away / spread_m) ** 2)
        joint = weights @ contrast / weights.sum()
        common = int(np.argmax(joint * prior))
        if joint[common] < config.least_edge:
            sigma = float(np.hypot(spread_m, lines.m_per_px[usable].min()))
            return Waterline(float(lines.heights_m[best] + config.step_m / 2), sigma, sigma, int(usable.sum()))
        own = np.array([_peak(contrast[row], common, int(half[row])) for row in np.flatnonzero(usable)])
        levels = own * config.step_m + float(lines.heights_m[0])
        return _agreed(levels, lines.m_per_px[usable], config, lines.pixel_sigma)


class Split:
    """How likely each height splits each transect's samples into a higher mean below it and a lower one above."""

    def __init__(self, values: NDArray[np.float32], seen: NDArray[np.bool_], least: int, *, floor: float) -> None:
        held = np.where(seen, values, 0.0).astype(np.float64)
        n, total = np.cumsum(seen, axis=1).astype(np.float64), np.cumsum(held, axis=1)
        all_n, all_sum = n[:, -1:], total[:, -1:]
        rest_n, rest = all_n - n, all_sum - total
        with np.errstate(divide="ignore", invalid="ignore"):
            self.below, self.above = total / n, rest / rest_n
            spread = np.cumsum(held * held, axis=1)[:, -1:] - all_sum**2 / all_n
            gain = np.where(self.below > self.above, n * rest_n / all_n * (self.below - self.above) ** 2, 0.0)
            variance = np.maximum(spread - gain, 0.0) / all_n + floor**2
        allowed = (n >= least) & (rest_n >= least) & seen
        # Neighbouring samples are of the same pixel and the same wave: four count as one.
        self.likely = np.where(allowed, -all_n / 8.0 * np.log(np.where(allowed, variance, 1.0)), np.nan)


def _edges(values: NDArray[np.float32], seen: NDArray[np.bool_], half: int) -> FloatArray:
    """How much the mean of `half` samples below each place differs from that of as many above it."""
    total = np.concatenate([[0.0], np.cumsum(np.where(seen, values, 0.0), dtype=np.float64)])
    count = np.concatenate([[0], np.cumsum(seen)])
    result = np.zeros(len(values))
    at = np.arange(half, len(values) - half + 1)  # `at` samples lie below the place
    whole = count[at + half] - count[at - half] == 2 * half
    change = (total[at + half] - 2 * total[at] + total[at - half]) / half
    result[at[whole] - 1] = np.abs(change[whole])
    return result


def _peak(values: FloatArray, index: int, reach: int) -> float:
    """The place of the highest value near an index, in parts of a step; a place lies between two samples."""
    first = max(index - reach, 1)
    peak = first + int(np.argmax(values[first : index + reach + 1]))
    if not 0 < peak < len(values) - 1:
        return peak + 0.5
    a, b, c = values[peak - 1 : peak + 2]
    bend = a - 2 * b + c
    return peak + 0.5 + (min(max(0.5 * (a - c) / bend, -0.5), 0.5) if bend < 0 else 0.0)


def _agreed(
    levels: FloatArray, m_per_px: FloatArray, config: WaterlineConfig, pixel_sigma: float
) -> Waterline | None:
    """The weighted mean of those near the median; None when too few are."""
    middle = _weighted_median(levels, 1.0 / m_per_px)
    near = np.abs(levels - middle) <= np.maximum(config.agree_px * m_per_px, 0.08)
    if np.count_nonzero(near) < max(config.least_agreeing, config.least_share * len(levels)):
        return None
    weights = 1.0 / np.maximum(m_per_px[near], 0.01) ** 2
    level = float(np.average(levels[near], weights=weights))
    scatter = float(np.average((levels[near] - level) ** 2, weights=weights)) ** 0.5
    finest = float(m_per_px[near].min())
    count = int(np.count_nonzero(near))
    random = float(np.hypot(max(scatter, 0.25 * finest) / np.sqrt(count), 0.01))
    return Waterline(level, float(np.hypot(random, pixel_sigma * finest)), random, count)


def _weighted_median(values: FloatArray, weights: FloatArray) -> float:
    order = np.argsort(values)
    passed = np.cumsum(weights[order])
    return float(values[order][int(np.searchsorted(passed, passed[-1] / 2))])


def transects_of(scene: SceneModel, config: WaterlineConfig) -> Transects | None:
    """The camera's own transects, or plumb lines down the face of the wall where it is seen well; None: neither."""
    projection, camera = scene.projection, scene.projection.camera
    if camera.transects:
        lines = [_surveyed(projection, one) for one in camera.transects]
    else:
        lines = _down_the_wall(scene, config)
    if not lines:
        return None
    low, high = min(line.points[0, 2] for line in lines), max(line.points[-1, 2] for line in lines)
    heights = np.arange(low, high + config.step_m / 2, config.step_m)
    lens = camera.lens
    columns, rows, seen, scale, places = [], [], [], [], []
    for line in lines:
        east, north = (np.interp(heights, line.points[:, 2], line.points[:, axis]) for axis in (0, 1))
        places_m = np.column_stack([east, north])
        pixels = projection.pixels(places_m, heights)
        there = (heights >= line.points[0, 2] - 1e-6) & (heights <= line.points[-1, 2] + 1e-6)
        there &= ~np.isnan(pixels[:, 0]) & (pixels >= 3.0).all(axis=1)
        there &= (pixels <= [lens.width_px - 4, lens.height_px - 4]).all(axis=1)
        if np.count_nonzero(there) < 2.5 * config.least_wet_m / config.step_m:
            continue
        run = np.gradient(pixels, axis=0) / config.step_m  # pixels a metre of height
        shore = projection.pixels(places_m + 0.25 * line.shore, heights) - pixels
        shore = shore / np.maximum(np.hypot(shore[:, 0], shore[:, 1]), 1e-6)[:, None]
        # A waterline that runs nearly along the transect in the picture tells little of its height.
        across = np.abs(run[:, 0] * shore[:, 1] - run[:, 1] * shore[:, 0])[there]
        if float(np.median(across)) * config.most_m_per_px < 1.0:
            continue
        pixels, shore = np.nan_to_num(pixels, nan=0.0), np.nan_to_num(shore, nan=0.0)
        for aside in (-1.5, 0.0, 1.5):
            columns.append(pixels[:, 0] + aside * shore[:, 0])
            rows.append(pixels[:, 1] + aside * shore[:, 1])
        seen.append(there)
        scale.append(1.0 / float(np.median(across)))
        places.append([east[there].mean(), north[there].mean()])
    if not scale:
        return None
    if not camera.transects and len(scale) > config.columns:  # evenly over those that are seen well
        keep = np.linspace(0, len(scale) - 1, config.columns).round().astype(int)
        columns, rows = ([one[3 * k + d] for k in keep for d in range(3)] for one in (columns, rows))
        seen, scale, places = ([one[k] for k in keep] for one in (seen, scale, places))
    middle = np.mean(places, axis=0)
    return Transects(
        heights,
        np.array(columns, np.float32),
        np.array(rows, np.float32),
        np.array(seen),
        np.array(scale),
        Enu(float(middle[0]), float(middle[1])),
        max(round(config.smooth_px * float(np.mean(scale)) / config.step_m) | 1, 3),
        config.surveyed_pixel_sigma if camera.transects else config.wall_pixel_sigma,
    )


@dataclass(frozen=True, slots=True)
class _Line:
    points: FloatArray  # (n, 3) east, north, amsl, climbing
    shore: FloatArray  # (2,) unit vector along which the water's edge is taken to run there


def _surveyed(projection: Projection, transect: Transect) -> _Line:
    placed = [projection.frame.to_enu(point) for point in transect.points]
    points = np.array([[p.east_m, p.north_m, q.amsl_m] for p, q in zip(placed, transect.points, strict=True)])
    run = points[-1, :2] - points[0, :2]
    if np.hypot(*run) < 0.2:  # upright: the edge of the water is seen from the front
        run = points[0, :2] - [projection.position.east_m, projection.position.north_m]
    run = run / np.hypot(*run)
    return _Line(points, np.array([run[1], -run[0]]))


def _down_the_wall(scene: SceneModel, config: WaterlineConfig) -> list[_Line]:
    """Plumb lines under the crest's edge, where the table of surfaces says that wall or water is seen."""
    crest, projection = scene.geometry.crest, scene.projection
    if crest is None:
        return []
    top = scene.geometry.promenade_amsl_m - config.below_crest_m
    bottom = scene.geometry.water_amsl_m - config.below_low_m
    if top - bottom < 4 * config.least_wet_m:
        return []
    feet, ahead = _along(crest, 1.0)
    eye = np.array([projection.position.east_m, projection.position.north_m])
    away = np.hypot(*(feet - eye).T)
    heights = np.arange(bottom, top, 0.25)
    rows, columns = scene.codes.shape
    found: list[tuple[float, _Line]] = []
    for index in np.flatnonzero(away < projection.camera.range_m):
        foot = feet[index]
        pixels = projection.pixels(np.repeat(foot[None], len(heights), axis=0), heights)
        inside = ~np.isnan(pixels[:, 0]) & (pixels >= 3).all(axis=1) & (pixels <= [columns - 4, rows - 4]).all(axis=1)
        if np.count_nonzero(inside) < 6:
            continue
        whole = np.rint(pixels[inside]).astype(np.intp)
        codes = np.stack([scene.codes[whole[:, 1], whole[:, 0] + d] for d in (-1, 0, 1)])
        if ((codes == WALL) | (codes >= WATER)).any(axis=0).mean() > 0.8 and (codes == WALL).any():
            line = np.array([[*foot, heights[inside][0]], [*foot, heights[inside][-1]]])
            found.append((float(away[index]), _Line(line, ahead[index])))
    found.sort(key=lambda pair: pair[0])
    return [line for _, line in found]


def _along(line: FloatArray, every_m: float) -> tuple[FloatArray, FloatArray]:
    """Points on a polyline, and its direction at each."""
    steps = np.diff(line, axis=0)
    chain = np.concatenate([[0.0], np.cumsum(np.hypot(steps[:, 0], steps[:, 1]))])
    at = np.arange(0.0, chain[-1], every_m)
    piece = np.clip(np.searchsorted(chain, at, side="right") - 1, 0, len(steps) - 1)
    units = steps / np.hypot(steps[:, 0], steps[:, 1])[:, None]
    return np.column_stack([np.interp(at, chain, line[:, 0]), np.interp(at, chain, line[:, 1])]), units[piece]
