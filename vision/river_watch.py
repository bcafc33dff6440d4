"""All that one camera tells of the river: level, rise, the bore's front, the current. One `step` a frame.

Each part looks when it is due and at as few pixels as it can; together they cost a fraction of a millisecond a frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from vision.alert import SurfaceCurrent, WaterReading
from vision.background import Gray
from vision.front import FrontConfig, FrontWatch, cells_of
from vision.rules.bore_front import BoreFrontConfig, BoreFrontRule
from vision.rules.finding import Finding
from vision.rules.rising_water import RisingWaterConfig, RisingWaterRule
from vision.scene import SceneModel
from vision.surface_velocity import VelocityConfig, VelocityWatch, plane_of
from vision.water_level import LevelConfig, LevelFilter
from vision.waterline import WaterlineConfig, WaterlineWatch, transects_of


@dataclass(frozen=True, slots=True)
class RiverConfig:
    waterline: WaterlineConfig = field(default_factory=WaterlineConfig)
    level: LevelConfig = field(default_factory=LevelConfig)
    rising_water: RisingWaterConfig = field(default_factory=RisingWaterConfig)
    front: FrontConfig = field(default_factory=FrontConfig)
    bore_front: BoreFrontConfig = field(default_factory=BoreFrontConfig)
    velocity: VelocityConfig = field(default_factory=VelocityConfig)
    told_for_s: float = 10.0  # a level older than this is not told


class RiverWatch:
    """Keeps what was read; `reading` is what the report says."""

    def __init__(self, scene: SceneModel, config: RiverConfig) -> None:
        self._scene, self._config = scene, config
        self._waterline = WaterlineWatch(transects_of(scene, config.waterline), config.waterline)
        self._level = LevelFilter(config.level)
        self._rising = RisingWaterRule(config.rising_water)
        self._transects = 0
        self._sigma_m = 0.0
        self._front = FrontWatch(cells_of(scene, config.front), config.front)
        self._velocity = VelocityWatch(plane_of(scene, config.velocity), config.velocity)
        self._new_vectors = False
        self._front_rule = BoreFrontRule(config.bore_front)

    def step(self, gray: Gray, now_s: float) -> list[Finding]:
        """Takes one whole picture."""
        fronts = self._front.step(gray, now_s)
        self._new_vectors = self._velocity.step(gray, now_s)
        findings = self._front_rule.step(fronts, now_s)
        return findings + self._step_level(gray, now_s)

    def look_anew(self) -> None:
        """The scene's tables have changed: the water stands at another level."""
        self._front.move(cells_of(self._scene, self._config.front))
        self._velocity.move(plane_of(self._scene, self._config.velocity))

    def _step_level(self, gray: Gray, now_s: float) -> list[Finding]:
        watch = self._waterline
        if not watch.step(gray, now_s) or watch.line is None or watch.transects is None:
            return []
        line = watch.line
        self._transects, self._sigma_m = line.transects, line.sigma_m
        if not self._level.take(now_s - watch.lag_s, line.amsl_m, line.scatter_m) or self._level.level is None:
            return []
        return self._rising.step(self._level.level, watch.transects.middle, self._front_rule.seen_at_s, line.sigma_m)

    def currents(self) -> tuple[SurfaceCurrent, ...]:
        """What the picture just taken completed; empty between readings and where nothing is known."""
        if not self._new_vectors:
            return ()
        return tuple(
            SurfaceCurrent(
                position=self._scene.projection.wgs84(vector.place),
                east_mps=round(vector.east_mps, 3),
                north_mps=round(vector.north_mps, 3),
                sigma_mps=round(vector.sigma_mps, 3),
                quality=round(vector.quality, 2),
            )
            for vector in self._velocity.vectors
        )

    def reading(self, at: datetime, now_s: float) -> WaterReading | None:
        """The level as of now, or why it is not known; None without transects."""
        transects, level = self._waterline.transects, self._level.level
        if transects is None:
            return None
        place = self._scene.projection.wgs84(transects.middle)
        cm_per_px = round(100.0 * float(transects.m_per_px.min()), 1)
        if level is None or not 0.0 <= now_s - level.at_s <= self._config.told_for_s:
            reason = self._waterline.reason or "readings contradict each other"
            return WaterReading(at=at, position=place, cm_per_px=cm_per_px, reason=reason)
        return WaterReading(
            at=at - timedelta(seconds=now_s - level.at_s),
            position=place,
            level_amsl_m=round(level.amsl_m, 3),
            sigma_m=round(max(self._sigma_m, level.sigma_m), 3),
            rate_mps=round(level.rate_mps, 5),
            rate_sigma_mps=round(level.rate_sigma_mps, 5),
            cm_per_px=cm_per_px,
            transects=self._transects,
        )
