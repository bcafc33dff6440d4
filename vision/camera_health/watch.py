"""Says what ails a camera that does send pictures, each fault once at its beginning and once when it is over.

    every frame   thin grid ─► mean, noise, repetition
    every 3 s     tiles ─► shift against the reference (knocked), sharpness (dirty)
                  grid  ─► dark, blinded, covered
    each          ─► Latch (seconds) ─► HealthChange

Nothing here is quick: people must not be able to trigger it, and neither must rain, tide, dusk or a shaking mast.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from geofence.position import Enu, FloatArray
from vision.alert import CameraHealth
from vision.background import Gray
from vision.camera_health.config import SightConfig
from vision.camera_health.latch import Latch
from vision.camera_health.reference import (
    Reference,
    cut,
    energies,
    packed,
    take_reference,
    unpacked,
    worked,
)
from vision.camera_health.registration import Registered, register_far, register_near
from vision.camera_health.repeat import RepeatWatch
from vision.rules.camera_fault import HealthChange
from vision.scene import LAND, NOTHING, WALL, SceneModel

SAMPLE_STEP = 8
_MEAN_S = 3.0  # time constant of the averaged grid
_USUAL_S = 3600.0
_FAR_EVERY_S = 12.0
_SHIFTS_KEPT = 5
_SHIFTS_LEAST = 3
_SHIFTS_FOR_S = 60.0
_MOST_REFERENCES = 6
_STEADY_PX = 0.75
_RELIGHT_SHARE = 0.45
_RETRY_S = 60.0
_PLACED_FOR_S = 20.0  # after the tiles were found, they are taken to be still there
_SHARP = 0.7
_PROVEN, _PROVEN_SHARE = 5, 0.4
_PROBATION_S = 45.0  # a reference that is not found again so often by then was of rain, waves or people

_ORDER = (CameraHealth.COVERED, CameraHealth.FROZEN, CameraHealth.DARK, CameraHealth.BLINDED, CameraHealth.KNOCKED,
          CameraHealth.DIRTY)  # fmt: skip


class ReferenceShelf(Protocol):
    """Keeps a camera's references from one run to the next."""

    def load(self) -> bytes | None: ...

    def keep(self, data: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at the whole picture."""

    picture: Gray
    level: float
    noise: float
    signal: float
    spread: float
    white: float  # share of what is watched
    white_all: float
    energy: FloatArray | None  # of the tiles, against their reference
    ratio: FloatArray | None


class SightWatch:
    def __init__(self, scene: SceneModel, config: SightConfig, shelf: ReferenceShelf | None = None) -> None:
        self._scene, self._config, self._shelf = scene, config, shelf
        self._camera = scene.projection.camera
        held = unpacked(shelf.load(), self._camera) if shelf is not None and config.references else []
        self._references: list[Reference] = held
        self._using = 0
        self._repeat = RepeatWatch(config)
        self._latches = {
            CameraHealth.COVERED: Latch(config.covered_begin_s, config.covered_end_s),
            CameraHealth.FROZEN: Latch(0.0, config.loop_window_s),
            CameraHealth.DARK: Latch(config.dark_begin_s, config.dark_end_s),
            CameraHealth.BLINDED: Latch(config.blinded_begin_s, config.blinded_end_s),
            CameraHealth.KNOCKED: Latch(config.knock_begin_s, config.knock_end_s),
            CameraHealth.DIRTY: Latch(config.dirty_begin_s, config.dirty_end_s),
        }
        self._veil = Latch(config.veil_begin_s, config.dirty_end_s)
        self._strange = Latch(config.strange_s, config.knock_end_s)
        self._reasons: dict[CameraHealth, str] = {}
        self._mean: NDArray[np.float32] | None = None
        self._before: NDArray[np.uint8] | None = None
        self._noise = 0.0
        self._usual_spread: float | None = None
        self._first_s: float | None = None
        self._frame_s = 0.0
        self._looked_s = -math.inf
        self._tried_s = -math.inf
        self._relit_s = -math.inf
        self._far_s = -math.inf
        self._near_s = -math.inf
        self._sharp = False
        self._found_again = _PROVEN if held else 0  # how often the first reference was, up to _PROVEN
        self._shifts: deque[tuple[float, FloatArray]] = deque(maxlen=_SHIFTS_KEPT)
        self._look_at_scene()

    @property
    def health(self) -> CameraHealth:
        """The worst of what is the matter; OK when nothing is."""
        return next((kind for kind in _ORDER if self._latches[kind].on), CameraHealth.OK)

    @property
    def reason(self) -> str:
        return "; ".join(self._reasons[kind] for kind in _ORDER if self._latches[kind].on)

    @property
    def blind(self) -> bool:
        """Nothing of the scene can be seen: looking for people makes no sense."""
        return self._latches[CameraHealth.COVERED].on or self._latches[CameraHealth.FROZEN].on

    def step(self, gray: Gray, now_s: float) -> list[HealthChange]:
        """Takes every picture that is not black or frozen."""
        sample = np.ascontiguousarray(gray[::SAMPLE_STEP, ::SAMPLE_STEP])
        changes: list[HealthChange] = []
        self._average(sample, now_s)
        loop_s = self._repeat.step(sample, now_s)
        says = (
            None
            if loop_s is None
            else f"the picture repeats itself every {loop_s:.0f} s; restart the camera or recorder"
        )
        self._turn(CameraHealth.FROZEN, loop_s is not None, lambda: says or "", now_s, changes)
        if now_s - self._looked_s >= self._config.look_every_s:
            self._looked_s = now_s
            self._look(gray, sample, now_s, changes)
        return changes

    def scene_changed(self) -> None:
        """The water's level has moved what is land in the picture."""
        self._look_at_scene()

    # --- measuring

    def _look_at_scene(self) -> None:
        codes = self._scene.codes
        lens = self._camera.lens
        thin = codes[::SAMPLE_STEP, ::SAMPLE_STEP]
        self._watched = thin != NOTHING
        self._land = (thin == LAND) | (thin == WALL)
        if self._land.sum() < 0.02 * thin.size:
            self._land = np.ones_like(self._land)
        solid = (codes == LAND) | (codes == WALL) | (codes == NOTHING)
        shape = worked(np.zeros((lens.height_px, lens.width_px), np.uint8)).shape
        size = (shape[1], shape[0])
        self._solid = cv2.resize(solid.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0

    def _average(self, sample: NDArray[np.uint8], now_s: float) -> None:
        if self._first_s is None or self._mean is None or self._mean.shape != sample.shape:
            self._first_s = now_s
            self._mean, self._before = sample.astype(np.float32), None
        weight = min(1.0, max(now_s - self._frame_s, 0.02) / _MEAN_S)
        cv2.accumulateWeighted(sample, self._mean, weight)
        if self._before is not None and now_s - self._looked_s >= self._config.look_every_s:
            change = cv2.absdiff(sample, self._before)[self._land]
            self._noise = 1.4826 * float(np.median(change)) / math.sqrt(2)
        self._before, self._frame_s = sample, now_s

    def _measured(self, gray: Gray, sample: NDArray[np.uint8]) -> _Look:
        assert self._mean is not None
        picture = worked(gray)
        land = self._mean[self._land]
        low, high = np.percentile(land, (5, 95))
        dim, bright = np.percentile(self._mean, (5, 95))
        white = sample >= self._config.white_level
        watched = white[self._watched]
        energy = ratio = None
        if self._references:
            reference = self._references[self._using]
            tiles = cut(picture, reference.corners) if _inside(reference, picture) else None
            if tiles is not None:
                now_energy, now_ratio = energies(tiles, self._noise)
                energy, ratio = now_energy / reference.energy, now_ratio / reference.ratio
        return _Look(
            picture=picture,
            level=float(land.mean()),
            noise=self._noise,
            signal=float(high - low),
            spread=float(bright - dim),
            white=float(watched.mean()) if watched.size else 0.0,
            white_all=float(white.mean()),
            energy=energy,
            ratio=ratio,
        )

    # --- judging

    def _look(self, gray: Gray, sample: NDArray[np.uint8], now_s: float, changes: list[HealthChange]) -> None:
        config, look = self._config, self._measured(gray, sample)
        lost = None if look.energy is None else float(np.median(look.energy))
        usual = self._usual_spread
        hidden = look.spread < config.covered_spread and usual is not None and (
            look.spread < config.covered_of_usual * usual and (lost is None or lost < config.covered_energy)
        )  # fmt: skip
        dark = look.level < config.dark_level and look.signal < max(
            config.dark_signal, config.dark_signal_to_noise * look.noise
        )
        glare = look.white_all >= config.glare_share and lost is not None and lost < config.glare_energy
        blinded = look.white >= config.blinded_share or glare
        self._turn(
            CameraHealth.COVERED, hidden and not dark and not blinded,
            lambda: "nothing can be made out: something covers the lens, or thick fog does; look at the camera",
            now_s, changes,
        )  # fmt: skip
        self._turn(
            CameraHealth.DARK, dark,
            lambda: f"too dark to see people: {look.signal:.0f} grey levels over a noise of {look.noise:.1f}; "
            "switch lights on, or open the shutter time",
            now_s, changes,
        )  # fmt: skip
        self._turn(
            CameraHealth.BLINDED, blinded,
            lambda: f"blinded by the sun: {100 * max(look.white, look.white_all):.0f} % of the picture is white; "
            "a hood, or another exposure, helps",
            now_s, changes,
        )  # fmt: skip
        clear = not (hidden or dark or blinded)
        if clear:
            step = config.look_every_s / _USUAL_S
            self._usual_spread = look.spread if usual is None else usual + step * (look.spread - usual)
        if config.references and clear:
            self._judge_place(look, now_s, changes)
            self._judge_sharpness(look, now_s, changes)

    def _judge_sharpness(self, look: _Look, now_s: float, changes: list[HealthChange]) -> None:
        config = self._config
        if look.energy is None or look.ratio is None or self._latches[CameraHealth.KNOCKED].on:
            return
        if self._found_again < _PROVEN:
            return
        if not self._latches[CameraHealth.DIRTY].on and now_s - self._near_s > _PLACED_FOR_S and self._sharp:
            return  # the tiles are not where they were
        trusted = self._references[self._using].trust > 0.3
        if int(trusted.sum()) < 4:
            return
        energy, ratio = look.energy[trusted], look.ratio[trusted]
        middle = float(np.median(energy))
        spots = float(((energy < config.dirty_spot) & (energy < 0.3 * middle)).mean())
        blur = float(np.median(ratio))
        self._veil.update(middle < config.veil, now_s)
        soiled = blur < config.dirty_blur or spots >= config.dirty_share

        def reason() -> str:
            if self._veil.on and not soiled:
                return "the view is veiled: fog, or a fogged lens; look at the picture"
            what = f"{100 * blur:.0f} % of its sharpness is left" if blur < config.dirty_blur else ""
            where = f"{100 * spots:.0f} % of the land shows nothing any more" if spots >= config.dirty_share else ""
            return f"the lens is dirty, wet or out of focus: {' and '.join(filter(None, (what, where)))}; clean it"

        latch = self._latches[CameraHealth.DIRTY]
        if self._veil.on and not latch.on:
            latch.on = True
            self._tell(CameraHealth.DIRTY, reason(), changes)
        elif not self._veil.on:
            self._turn(CameraHealth.DIRTY, soiled, reason, now_s, changes)

    def _judge_place(self, look: _Look, now_s: float, changes: list[HealthChange]) -> None:
        if self._latches[CameraHealth.DIRTY].on:
            return
        if not self._references:
            self._first_reference(look, now_s)
            return
        near = self._near(look.picture)
        if self._found_again < _PROVEN:
            self._prove(near, now_s)
            return
        found = near
        if near is not None:
            self._near_s = now_s
        elif now_s - self._far_s >= _FAR_EVERY_S:
            self._far_s = now_s
            found = self._far(look.picture)
            self._sharp = found is not None or self._still_sharp(look)
        moved: bool | None = None
        if found is not None:
            self._shifts.append((now_s, found.shift))
            moved = self._moved(now_s)
            self._strange.update(False, now_s)
            if moved is False:
                self._follow_light(look, near, found, now_s)
        else:
            self._strange.update(self._sharp and now_s - self._near_s > _PLACED_FOR_S, now_s)
        if self._strange.on:
            moved = True
        self._turn(CameraHealth.KNOCKED, moved, self._knock_reason, now_s, changes)

    def _first_reference(self, look: _Look, now_s: float) -> None:
        assert self._first_s is not None
        if now_s - self._first_s < self._config.settle_s or now_s - self._tried_s < _RETRY_S:
            return
        self._tried_s = now_s
        self._add(take_reference(look.picture, self._solid, np.zeros(3), look.noise), now_s)

    def _prove(self, near: Registered | None, now_s: float) -> None:
        """Nothing is said by a first reference, nor is it kept, before the same tiles were found some more times."""
        self._found_again += near is not None and near.share >= _PROVEN_SHARE
        if self._found_again >= _PROVEN:
            self._keep()
        elif now_s - self._relit_s > _PROBATION_S:
            self._references.clear()
            self._found_again, self._tried_s = 0, now_s

    def _near(self, picture: Gray) -> Registered | None:
        """By the reference in use, else by one other, in turn."""
        for index in (self._using, (self._using + 1) % len(self._references)):
            reference = self._references[index]
            if not _inside(reference, picture):
                continue
            found = register_near(reference, picture)
            if found is not None:
                self._using = index
                return Registered(found.shift + reference.shift_px, found.share)
            if len(self._references) == 1:
                break
        if len(self._references) > 1:
            self._using = (self._using + 1) % len(self._references)
        return None

    def _far(self, picture: Gray) -> Registered | None:
        reference = self._references[self._using]
        found = register_far(reference, picture, self._solid)
        return None if found is None else Registered(found.shift + reference.shift_px, found.share)

    def _still_sharp(self, look: _Look) -> bool:
        """Wherever it now looks: the best tiles of this picture are as sharp as those of the reference."""
        fresh = take_reference(look.picture, self._solid, np.zeros(3), look.noise)
        known = self._references[self._using]
        return fresh is not None and float(np.median(fresh.ratio)) > _SHARP * float(np.median(known.ratio))

    def _moved(self, now_s: float) -> bool | None:
        """Whether the last looks agree that the camera looks elsewhere; None when they do not say."""
        shifts = np.array([shift for at_s, shift in self._shifts if now_s - at_s <= _SHIFTS_FOR_S])
        if len(shifts) < _SHIFTS_LEAST:
            return None
        limit_px = self._config.knock_share * self._solid.shape[1]
        right, down, turn_deg = np.median(shifts, axis=0)
        far_px = math.hypot(right, down)
        swing_px = float(np.median(np.hypot(*(shifts[:, :2] - (right, down)).T)))
        turned = abs(turn_deg) / self._config.knock_rotation_deg
        if max(far_px / limit_px, turned) < 0.6:
            return False
        if swing_px > max(_STEADY_PX, 0.35 * far_px):
            return None  # it sways
        return True if max(far_px / limit_px, turned) >= 1.0 else None

    def _follow_light(self, look: _Look, near: Registered | None, found: Registered, now_s: float) -> None:
        """Another reference when the light has changed so much that few tiles are known again."""
        if (near is not None and near.share >= _RELIGHT_SHARE) or now_s - self._relit_s < self._config.relight_s:
            return
        if look.ratio is not None and float(np.median(look.ratio)) < 0.75:
            return  # it would take the dirt for granted
        self._add(take_reference(look.picture, self._solid, found.shift, look.noise), now_s)

    def _add(self, reference: Reference | None, now_s: float) -> None:
        if reference is None:
            return
        self._relit_s = now_s
        if len(self._references) >= _MOST_REFERENCES:
            del self._references[1]  # never the first
        self._references.append(reference)
        self._using = len(self._references) - 1
        if self._found_again >= _PROVEN:
            self._keep()

    def _keep(self) -> None:
        if self._shelf is not None:
            self._shelf.keep(packed(self._references, self._camera))

    # --- telling

    def _knock_reason(self) -> str:
        what_to_do = "mend its mount or calibrate it again; until then its positions are wrong"
        if self._strange.on or not self._shifts:
            return f"the camera shows something else than when it was calibrated; {what_to_do}"
        right, down, turn_deg = np.median(np.array([shift for _, shift in self._shifts]), axis=0)
        scale = self._camera.lens.width_px / self._solid.shape[1]
        far_m = self._metres(right * scale, down * scale)
        far = "" if far_m is None else f", {far_m:.1f} m off at 100 m"
        turned = "" if abs(turn_deg) < 0.2 else f", turned by {turn_deg:+.1f} degrees"
        text = f"knocked: the picture has moved by {right * scale:+.1f} px right and {down * scale:+.1f} px down"
        return f"{text}{turned}{far}; {what_to_do}"

    def _metres(self, right_px: float, down_px: float) -> float | None:
        """How far a place 100 m ahead on the promenade is now put from where it is."""
        projection, plane = self._scene.projection, self._scene.geometry.promenade_amsl_m
        yaw = math.radians(self._camera.yaw_deg)
        place = projection.position + Enu(math.sin(yaw), math.cos(yaw)).scaled(100.0)
        u, v = projection.pixel(place, plane)
        if not (math.isfinite(u) and math.isfinite(v)):
            return None
        put = projection.ground(np.array([[u + right_px, v + down_px]]), plane).enu[0]
        off_m = math.hypot(put[0] - place.east_m, put[1] - place.north_m)
        return off_m if math.isfinite(off_m) else None

    def _turn(
        self,
        kind: CameraHealth,
        bad: bool | None,
        reason: Callable[[], str],
        now_s: float,
        changes: list[HealthChange],
    ) -> None:
        latch = self._latches[kind]
        turned = latch.update(bad, now_s)
        if turned and latch.on:
            self._tell(kind, reason(), changes)
        elif turned:
            text = f"the camera is well again after {kind.value}"
            changes.append(HealthChange(self.health, text, fault=False))

    def _tell(self, kind: CameraHealth, reason: str, changes: list[HealthChange]) -> None:
        self._reasons[kind] = reason
        changes.append(HealthChange(kind, reason, fault=True))


def _inside(reference: Reference, picture: Gray) -> bool:
    return bool(
        reference.small.shape[1] == picture.shape[1] // 2 and reference.small.shape[0] == picture.shape[0] // 2
    )
