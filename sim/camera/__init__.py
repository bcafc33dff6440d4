"""Simulated cameras: pictures of the simulated world through a calibrated lens, and their streams."""

from sim.camera.camera import CameraFault, SimCamera
from sim.camera.lens import TrueLens

__all__ = ["CameraFault", "SimCamera", "TrueLens"]
