"""The camera's own health beyond black, frozen and lost: knocked, dirty, dark, blinded, covered, repeating."""

from vision.camera_health.config import SightConfig
from vision.camera_health.watch import ReferenceShelf, SightWatch

__all__ = ["ReferenceShelf", "SightConfig", "SightWatch"]
