"""Simulated cameras: pictures of the simulated world through a calibrated lens, and their streams."""

from sim.camera.camera import CameraFault, SimCamera
from sim.camera.filming import film
from sim.camera.lens import TrueLens
from sim.camera.mjpeg_server import MjpegServer

__all__ = ["CameraFault", "MjpegServer", "SimCamera", "TrueLens", "film"]
