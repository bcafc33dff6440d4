"""A simulated camera that is troubled: by what moves before it, by the air, by its own pole and glass."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from geofence.position import Enu, LocalFrame
from sim.camera import SimCamera
from sim.camera.pixels import Picture
from sim.camera.sketch import Point, Sketch
from sim.evaluation.airs import Airs
from sim.evaluation.disturbances import Disturbances, Nuisance
from sim.evaluation.strays import Strays
from sim.world import Ground
from sim.world.view import WorldView
from vision.camera import Camera
from vision.frame import EncodedFrame


class DisturbedCamera(SimCamera):
    """As its parent, with a case's disturbances. Frames are to be asked for in the order of time."""

    def __init__(
        self, camera: Camera, frame: LocalFrame, ground: Ground, disturbances: Disturbances,
        *, seed: int, stretch: tuple[float, float], seconds: float,
    ) -> None:  # fmt: skip
        super().__init__(camera, frame, ground, seed=seed)
        self._kinds = disturbances.kinds
        self._strays = Strays(
            disturbances, ground, self._here, float(self._lens.position[2]), stretch, seconds
        )  # fmt: skip
        shape = (camera.lens.height_px, camera.lens.width_px)
        self._airs = Airs(disturbances, self._hits, shape, seconds)

    def render(self, view: WorldView) -> Picture:
        picture = super().render(view)
        if not self._kinds:
            return picture
        scape = next(reversed(self._scapes.values()))
        return self._airs.apply(picture, view.at_s, scape.upstream_m > -1e8)

    def encoded(self, view: WorldView, at: datetime, *, quality: int = 80) -> EncodedFrame | None:
        if not self._kinds:
            return super().encoded(view, at, quality=quality)
        return EncodedFrame(self.camera.id, at, self._airs.encoded(self.render(view), quality))

    def _draw_moving(self, picture: Picture, view: WorldView) -> None:
        if self._kinds:
            self._strays.step(view)
            sketch = Sketch()
            self._strays.draw(sketch, view, self._shows)
            sketch.paint(picture, self._lens)
        super()._draw_moving(picture, view)
        if Nuisance.UMBRELLAS in self._kinds:
            sketch = Sketch()
            self._strays.draw_umbrellas(sketch, view, self._shows)
            sketch.paint(picture, self._lens)

    def _shows(self, point: Point) -> bool:
        away = float(np.hypot(point[0] - self._lens.place.east_m, point[1] - self._lens.place.north_m))
        return away < 300.0 and self.sees(Enu(point[0], point[1]), point[2])
