"""The bore's front as a moving line on the water: where it is, which way and how fast it goes, each with its sigma.

    picture ─► brightness of cells of the water plane, rows of them along the bank ─► each cell's own calm water
            ─► onset: the moment at which a cell changes for good ─► (along, across, time) of the newest onsets
            ─► RANSAC: along = place + speed x time + slant x across ─► least squares, with a bend ─► Front

The leading edge alone moves like a front. A belt of standing foam has no onsets; foam that drifts, waves and rain
give onsets that no one line explains; a boat is too narrow; the edge of a cloud's shadow changes the light but leaves
the water as smooth as it was. All lengths are metres on the plane, all times seconds, so the same code reads a bank
camera and a rectified series from a drone. It does what Sobel edges and edge linking do for the tide head line from
the air (doi 10.1177/00202940231220078), in space and time at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from geofence.position import Enu, FloatArray
from vision.background import Gray
from vision.scene import FIRST_FORESHORE, WATER, SceneModel


@dataclass(frozen=True, slots=True)
class FrontConfig:
    look_every_s: float = 0.18
    cell_m: float = 1.5  # along the bank
    row_m: float = 5.0  # and away from it
    most_rows: int = 24
    most_columns: int = 130
    least_px_per_m: float = 0.45  # along; a cell seen flatter than that is left out
    early_px: float = 0.7  # a blurred edge is noticed so far before it has come
    first_m: float = 3.0  # of the water, from the wall
    learn_s: float = 3.0
    time_constant_s: float = 15.0
    deviation_factor: float = 5.0
    floor: float = 9.0  # grey levels that a cell must change by
    holds_looks: int = 2  # so often in a row must it be changed
    rearm_s: float = 25.0
    keep_s: float = 14.0  # of onsets
    fit_every_s: float = 1.0
    tries: int = 40
    most_onsets: int = 400  # looked at when lines are tried
    near_m: float = 60.0  # across: onsets of one front lie so close to the one it was begun with
    tolerance_m: float = 3.0
    tolerance_s: float = 0.25  # times the speed is added: between two looks it runs on
    least_onsets: int = 24
    least_run_m: float = 18.0
    least_run_s: float = 4.5
    least_width_m: float = 18.0
    least_span: float = 0.3  # of the rows that are seen where it runs
    stays_s: float = 4.0
    least_staying: float = 0.5  # of the cells that it passed so long ago are still not as they were
    least_filled: float = 0.4  # of the cells that the line swept
    least_speed_mps: float = 1.5
    most_speed_mps: float = 16.0
    most_slant: float = 1.2
    roughens: float = 1.35  # how much a cell changes from look to look after a front to how much before
    least_rough: float = 0.5  # of the cells
    sudden_share: float = 0.5  # of all cells within one look: light
    front_height_m: float = 1.6  # one that runs away is seen by its top, one that comes by its foot
    front_height_sigma_m: float = 0.4
    level_sigma_m: float = 0.2
    most_fronts: int = 2


WIDE_SEA = FrontConfig(
    row_m=6.0, most_rows=200, most_columns=400, near_m=25.0, least_span=0.0, least_run_s=2.5, most_onsets=6000,
    tries=300, most_fronts=12,
)  # fmt: skip
"""For a series from above that shows many breaking waves, each far narrower than the picture."""


@dataclass(frozen=True, slots=True)
class Front:
    """A line that moves, at a moment."""

    at_s: float
    place: Enu  # the middle of what is seen of it
    place_sigma_m: float  # in the direction of its travel
    speed_mps: float  # along the river, which is how it reaches other places, bowed and slanting as it may be
    speed_sigma_mps: float
    heading_deg: float  # at right angles to the line
    heading_sigma_deg: float
    run_m: float  # over which it was followed
    width_m: float
    onsets: int
    travel: Enu  # unit vector in which it runs along the river
    passes_camera_in_s: float  # negative: it has passed
    passes_camera_sigma_s: float


@dataclass(frozen=True, slots=True)
class Cells:
    """The water before a camera in rows along the bank."""

    along_m: FloatArray  # (c,) from the eye
    across_m: FloatArray  # (r,) to the right of `forward`
    columns: NDArray[np.float32]  # (r, 2 c) pixels, two samples a cell
    rows: NDArray[np.float32]
    seen: NDArray[np.bool_]  # (r, c)
    eye: FloatArray
    forward: FloatArray  # unit vectors
    right: FloatArray
    above_m: float  # the lens over the water
    early_m: FloatArray  # (r, c) by how much an edge is noticed too soon there
    top_scale: FloatArray  # (r, c) by how much nearer a front is whose top is seen, not its foot

    @property
    def cell_m(self) -> float:
        return float(self.along_m[1] - self.along_m[0])

    @property
    def row_m(self) -> float:
        return float(self.across_m[1] - self.across_m[0]) if len(self.across_m) > 1 else 1.0


def cells_of(scene: SceneModel, config: FrontConfig) -> Cells | None:
    """None where no water is seen, or no bank tells the river's direction."""
    crest, projection = scene.geometry.crest, scene.projection
    if crest is None:
        return None
    eye = np.array([projection.position.east_m, projection.position.north_m])
    middles = (crest[:-1] + crest[1:]) / 2
    nearest = int(np.argmin(np.hypot(*(middles - eye).T)))
    forward = crest[nearest + 1] - crest[nearest]
    forward = forward / np.hypot(*forward)
    right = np.array([forward[1], -forward[0]])
    step = 4
    codes = scene.codes[::step, ::step]
    v, u = np.nonzero((codes == WATER) | (codes >= FIRST_FORESHORE))
    pixels = np.column_stack([u, v]).astype(np.float64) * step
    drop = projection.camera.height_amsl_m - scene.planes(codes[v, u])
    places = projection.slopes(pixels) * drop[:, None]
    reach = np.hypot(places[:, 0], places[:, 1])
    places = places[~np.isnan(reach) & (reach < 1.3 * projection.camera.range_m)]
    if len(places) < 50:
        return None
    ends = np.quantile(places @ forward, [0.0, 1.0]), np.quantile(places @ right, [0.0, 1.0])
    from_wall = config.first_m + scene.lens_offset_m * -1.0
    cell_m = max(config.cell_m, (ends[0][1] - ends[0][0]) / config.most_columns)
    low, high = max(ends[1][0], from_wall), ends[1][1]
    row_m = max(config.row_m, (high - low) / config.most_rows)
    along = np.arange(ends[0][0], ends[0][1], cell_m) + cell_m / 2
    across = np.arange(low, high, row_m) + row_m / 2
    if len(along) < 8 or len(across) < 3:
        return None
    samples = np.repeat(along, 2) + np.tile([-cell_m / 4, cell_m / 4], len(along))
    grid = eye + samples[None, :, None] * forward + across[:, None, None] * right
    flat, shape = grid.reshape(-1, 2), grid.shape[:2]
    level = scene.water_amsl_m
    heights = np.full(len(flat), level)
    at = projection.pixels(flat, heights)
    for zone in scene.foreshore:  # where it stands dry, the front's foot runs on it
        there = _codes_at(scene, projection.pixels(flat, zone.height_amsl_m))
        dry = (there >= FIRST_FORESHORE) & (np.abs(scene.planes(there) - zone.height_amsl_m) < 0.01)
        heights[dry] = zone.height_amsl_m
    at = projection.pixels(flat, heights)
    code = _codes_at(scene, at)
    seen = ((code == WATER) | (code >= FIRST_FORESHORE)).reshape(shape)
    pixels = at.reshape(*shape, 2)
    finer = np.hypot(*np.moveaxis(np.diff(pixels, axis=1), 2, 0))[:, ::2] / (cell_m / 2)
    seen = seen[:, ::2] & seen[:, 1::2] & (finer >= config.least_px_per_m)
    if np.count_nonzero(seen) < 40:
        return None
    pixels = np.nan_to_num(pixels, nan=-9.0)
    lens_m = projection.camera.height_amsl_m
    plane = heights.reshape(shape)[:, ::2]
    top_scale = (lens_m - np.maximum(plane, level + config.front_height_m)) / (lens_m - plane)
    early = config.early_px / np.maximum(np.nan_to_num(finer), config.least_px_per_m)
    return Cells(
        along, across, np.ascontiguousarray(pixels[:, :, 0], np.float32),
        np.ascontiguousarray(pixels[:, :, 1], np.float32), seen, eye, forward, right,
        lens_m - level, early, np.maximum(top_scale, 0.1),
    )  # fmt: skip


def _codes_at(scene: SceneModel, pixels: FloatArray) -> NDArray[np.uint8]:
    rows, columns = scene.codes.shape
    whole = np.rint(np.nan_to_num(pixels, nan=-9.0)).astype(np.intp)
    inside = (whole >= 0).all(axis=1) & (whole[:, 0] < columns) & (whole[:, 1] < rows)
    return np.where(inside, scene.codes[np.clip(whole[:, 1], 0, rows - 1), np.clip(whole[:, 0], 0, columns - 1)], 0)


class FrontWatch:
    """Call `step` with every whole picture; answers the fronts that run just now, when it has looked for them."""

    def __init__(self, cells: Cells | None, config: FrontConfig) -> None:
        self.cells = cells
        self._config = config
        self._rng = np.random.default_rng(20)
        self._last_s = self._since_s = self._fit_s = -1e9
        self._onsets = np.zeros((0, 5))  # along, across, time, row, column
        self._forget()

    def move(self, cells: Cells | None) -> None:
        """Other cells from now on; a front that is just being followed keeps those it began with."""
        if len(self._onsets) < self._config.least_onsets:
            self.cells = cells
            self._forget()

    def _forget(self) -> None:
        shape = (0, 0) if self.cells is None else self.cells.seen.shape
        self._mean = np.zeros(shape, np.float32)
        self._calm = np.full(shape, 3.0, np.float32)
        self._swing = np.zeros(shape, np.float32)  # how much it changes from look to look, of late
        self._smooth = np.zeros(shape, np.float32)  # the same, while calm
        self._changed = np.zeros(shape, np.int16)
        self._began_s = np.zeros(shape)
        self._fired_s = np.full(shape, -1e9)
        self._previous: NDArray[np.float32] | None = None

    def step(self, gray: Gray, now_s: float) -> list[Front]:
        config, cells = self._config, self.cells
        elapsed_s = now_s - self._last_s
        if cells is None or 0.0 <= elapsed_s < config.look_every_s - 0.01:
            return []
        sampled = cv2.remap(gray, cells.columns, cells.rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        value = (sampled[:, ::2].astype(np.float32) + sampled[:, 1::2]) * np.float32(0.5)
        self._last_s = now_s
        if self._previous is None or not 0.0 <= elapsed_s < 3.0:
            self._forget()
            self._previous, self._mean, self._since_s = value, value.copy(), now_s
            self._onsets = self._onsets[:0]
            return []
        self._note(value, now_s, elapsed_s)
        if now_s - self._fit_s < config.fit_every_s:
            return []
        self._fit_s = now_s
        self._onsets = self._onsets[now_s - self._onsets[:, 2] <= config.keep_s]
        return self._fronts(now_s)

    def _note(self, value: NDArray[np.float32], now_s: float, elapsed_s: float) -> None:
        """Learns calm water, and writes down which cells have just changed for good."""
        config = self._config
        assert self._previous is not None
        assert self.cells is not None
        off = np.abs(value - self._mean)
        swing = np.abs(value - self._previous)
        self._previous = value
        self._swing += (swing - self._swing) * np.float32(min(1.0, elapsed_s / 1.5))
        if now_s - self._since_s < config.learn_s:
            share = np.float32(max(0.1, elapsed_s / (now_s - self._since_s)))
            self._mean += (value - self._mean) * share
            self._calm += (off - self._calm) * share
            self._smooth += (swing - self._smooth) * share
            return
        high = (off > np.maximum(config.deviation_factor * self._calm, config.floor)) & self.cells.seen
        if np.count_nonzero(high & (self._changed == 0)) > config.sudden_share * np.count_nonzero(self.cells.seen):
            self._mean += value - self._mean  # the light has changed
            return
        share = np.float32(min(1.0, elapsed_s / config.time_constant_s))
        slow = np.where(high, share * np.float32(0.6), share)
        self._mean += (value - self._mean) * slow
        self._calm += np.where(high, 0.0, (off - self._calm) * share).astype(np.float32)
        self._smooth += np.where(high, 0.0, (swing - self._smooth) * share).astype(np.float32)
        begins = high & (self._changed == 0)
        self._began_s[begins] = now_s
        self._changed = np.where(high, self._changed + 1, 0).astype(np.int16)
        new = (self._changed == config.holds_looks) & (now_s - self._fired_s > config.rearm_s)
        again = (self._changed >= config.holds_looks) & ~new
        self._fired_s[again] = now_s  # still changed: it must calm down before it counts again
        if new.any():
            self._fired_s[new] = now_s
            row, column = np.nonzero(new)
            fresh: FloatArray = np.column_stack(
                [self.cells.along_m[column], self.cells.across_m[row], self._began_s[new], row, column]
            ).astype(np.float64)
            self._onsets = np.vstack([self._onsets, fresh])

    def _fronts(self, now_s: float) -> list[Front]:
        left: FloatArray = self._onsets
        found: list[Front] = []
        while len(left) >= self._config.least_onsets and len(found) < self._config.most_fronts:
            inside = self._common(left, now_s)
            if inside is None:
                break
            front = self._fitted(left[inside], now_s)
            if front is not None:
                found.append(front)
            left = left[~inside]
        return found

    def _common(self, onsets: FloatArray, now_s: float) -> NDArray[np.bool_] | None:
        """The onsets that one moving line explains best."""
        config, rng = self._config, self._rng
        if len(onsets) > config.most_onsets:
            some = np.sort(rng.choice(len(onsets), config.most_onsets, replace=False))
            model = self._tried(onsets[some], now_s)
        else:
            model = self._tried(onsets, now_s)
        return None if model is None else self._inside(onsets, now_s, model)

    def _inside(self, onsets: FloatArray, now_s: float, model: FloatArray) -> NDArray[np.bool_]:
        """Which onsets lie on the line with that place, speed, slant, and middle across."""
        place, speed, slant, middle = model
        config, y = self._config, onsets[:, 1]
        apart = np.abs(onsets[:, 0] - place - speed * (onsets[:, 2] - now_s) - slant * y)
        near = np.abs(y - middle) < config.near_m
        return (apart < config.tolerance_m + config.tolerance_s * abs(speed)) & near

    def _tried(self, onsets: FloatArray, now_s: float) -> FloatArray | None:
        config, rng = self._config, self._rng
        x, y, t = onsets[:, 0], onsets[:, 1], onsets[:, 2]
        late = np.flatnonzero(now_s - t < 3.0)
        if len(late) < config.least_onsets // 4:
            return None
        best: tuple[int, FloatArray] | None = None
        for seed in rng.choice(late, config.tries):
            near = np.flatnonzero((np.abs(y - y[seed]) < config.near_m) & (np.abs(t - t[seed]) < 8.0))
            if len(near) < config.least_onsets:
                continue
            pick = np.append(rng.choice(near, 2), seed)
            model = np.column_stack([np.ones(3), t[pick] - now_s, y[pick]])
            if abs(np.linalg.det(model)) < 1.0:
                continue
            place, speed, slant = np.linalg.solve(model, x[pick])
            if not config.least_speed_mps <= abs(speed) <= config.most_speed_mps or abs(slant) > config.most_slant:
                continue
            line = np.array([place, speed, slant, y[seed]])
            count = int(np.count_nonzero(self._inside(onsets, now_s, line)))
            if best is None or count > best[0]:
                best = (count, line)
        return None if best is None or best[0] < config.least_onsets else best[1]

    def _fitted(self, onsets: FloatArray, now_s: float) -> Front | None:
        """Least squares with a bend, refined twice; None when it is no front after all."""
        config, cells = self._config, self.cells
        assert cells is not None
        x, y, t = onsets[:, 0].copy(), onsets[:, 1].copy(), onsets[:, 2] - now_s
        row, column = onsets[:, 3].astype(int), onsets[:, 4].astype(int)
        sense = float(np.sign(np.polyfit(t, x, 1)[0]))
        x -= sense * cells.early_m[row, column]
        away = float(np.median(x)) * sense > 0  # it runs away: its top hides its foot
        if away:
            x, y = x * cells.top_scale[row, column], y * cells.top_scale[row, column]
        middle = float(np.median(y))
        fine = 1.0 / (1.0 + cells.early_m[row, column])
        weights = fine
        model = np.column_stack([np.ones(len(x)), t, y - middle, (y - middle) ** 2])
        answer: FloatArray = np.zeros(4)
        spread = 1.0
        off = np.zeros(len(x))
        for _ in range(3):
            answer = np.linalg.lstsq(model * weights[:, None], x * weights, rcond=None)[0].astype(np.float64)
            off = x - model @ answer
            spread = max(1.4826 * float(np.median(np.abs(off))), 0.3 * cells.cell_m)
            weights = fine / np.sqrt(1.0 + (off / (2.0 * spread)) ** 2)
        speed = float(answer[1])
        kept = np.abs(off) < 3 * spread
        if not config.least_speed_mps <= abs(speed) <= config.most_speed_mps or np.count_nonzero(kept) < 12:
            return None
        run_m = float(np.ptp(np.quantile(speed * t[kept], [0.03, 0.97])))
        width_m = float(np.ptp(np.quantile(y[kept], [0.05, 0.95])))
        if run_m < config.least_run_m or run_m / abs(speed) < config.least_run_s or width_m < config.least_width_m:
            return None
        if self._filled(onsets[kept], now_s) < config.least_filled or not self._stays(onsets[kept], now_s):
            return None
        # One look's onsets of neighbouring cells are one piece of knowledge: a row has about one in two looks.
        pieces = max(np.count_nonzero(kept) / 6.0, 4.0)
        normal = model[kept].T @ model[kept] / np.count_nonzero(kept) * pieces
        cover: FloatArray = (spread**2 * np.linalg.inv(normal + 1e-9 * np.eye(4))).astype(np.float64)
        return self._front(answer, cover, middle, now_s, run_m, width_m, int(np.count_nonzero(kept)), away)

    def _filled(self, onsets: FloatArray, now_s: float) -> float:
        """The share of the cells that it swept and has changed; 0 when it is too narrow."""
        cells, config = self.cells, self._config
        assert cells is not None
        x, y, t = onsets[:, 0], onsets[:, 1], onsets[:, 2] - now_s
        model = np.column_stack([np.ones(len(x)), t, y])
        place, speed, slant = np.linalg.lstsq(model, x, rcond=None)[0]
        rows, counts = np.unique(onsets[:, 3].astype(int), return_counts=True)
        crossed = rows[counts >= 3]
        line = place + slant * cells.across_m
        ends = np.sort(np.array([speed * t.min(), speed * t.max()]))
        swept = (cells.along_m >= (line + ends[0])[:, None]) & (cells.along_m <= (line + ends[1])[:, None])
        swept &= cells.seen
        wide = np.count_nonzero(swept.sum(axis=1) >= 3)
        if len(crossed) < config.least_span * wide:
            return 0.0
        return len(onsets) / max(np.count_nonzero(swept[rows]), 1)

    def _stays(self, onsets: FloatArray, now_s: float) -> bool:
        """Water that a front has passed is rougher or of another colour; behind a boat or a shadow's edge it is not.

        A shadow changes the colour for longer, and leaves the water as smooth as it was.
        """
        config = self._config
        row, column = onsets[:, 3].astype(int), onsets[:, 4].astype(int)
        rough = self._swing[row, column] >= config.roughens * np.maximum(self._smooth[row, column], 0.7)
        old = now_s - onsets[:, 2] >= config.stays_s
        if np.count_nonzero(old) < 8 or rough.mean() < config.least_rough:
            return False
        return float((rough | (self._changed[row, column] > 0))[old].mean()) >= config.least_staying

    def _front(
        self, answer: FloatArray, cover: FloatArray, middle: float, now_s: float, run_m: float, width_m: float,
        onsets: int, away: bool,
    ) -> Front:  # fmt: skip
        config, cells = self._config, self.cells
        assert cells is not None
        along, speed, slant = (float(x) for x in answer[:3])
        doubt = math.hypot(config.level_sigma_m, config.front_height_sigma_m if away else 0.0) / cells.above_m
        across = 1.0 / math.hypot(1.0, slant)
        normal = np.sign(speed) * (cells.forward - slant * cells.right) * across
        true_speed = abs(speed)
        speed_sigma = math.hypot(math.sqrt(cover[1, 1]), doubt * true_speed)
        place_sigma = math.hypot(math.sqrt(cover[0, 0]), doubt * abs(along))
        place = cells.eye + along * cells.forward + middle * cells.right
        passes_in_s = (-along + slant * middle) / speed  # when the line, drawn on to the lens, is there
        return Front(
            at_s=now_s,
            place=Enu(float(place[0]), float(place[1])),
            place_sigma_m=max(place_sigma, 0.5),
            speed_mps=true_speed,
            speed_sigma_mps=speed_sigma,
            heading_deg=math.degrees(math.atan2(normal[0], normal[1])) % 360.0,
            heading_sigma_deg=math.degrees(math.sqrt(cover[2, 2])) * across**2,
            run_m=run_m,
            width_m=width_m,
            onsets=onsets,
            travel=Enu(*(float(np.sign(speed) * part) for part in cells.forward)),
            passes_camera_in_s=passes_in_s,
            passes_camera_sigma_s=math.hypot(place_sigma, passes_in_s * speed_sigma) / true_speed,
        )
