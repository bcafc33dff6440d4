"""Vision's branch of the error tree.

ChaoxunError
├── CalibrationRefused        the control points do not give a calibration to rely on; carries every reason
├── DetectorTooSlow           a look of the camera's own network was cut short
├── DetectorUnusable          the network a camera names cannot be loaded or is of no known form
├── EvidenceUnwritable        a snapshot or clip cannot be kept: disk full, folder not writable
├── OutputUnwritable          the folder for what is kept cannot be written
├── PoseUnknown               no telemetry to trust for a drone's picture
└── SourceError               a source of pictures cannot be used; the text names it and says why
    ├── SourceMissing         no such file or folder
    ├── SourceEmpty           nothing in it
    ├── SourceWithoutVideo    it plays, but has no picture: sound only
    ├── SourceUnreadable      not a video or picture that can be decoded
    ├── SourceTruncated       it ends before it says it does
    └── SourceUnreachable     a live address does not answer, or has stopped sending
"""

from __future__ import annotations

from collections.abc import Sequence

from geofence.errors import ChaoxunError


class CalibrationRefused(ChaoxunError):
    """Control points that do not give a calibration to rely on."""

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("\n".join(f"The calibration is refused: {reason}" for reason in self.reasons))


class DetectorTooSlow(ChaoxunError):
    """A look took longer than it may, and was cut short."""


class DetectorUnusable(ChaoxunError):
    """The detector of a camera cannot be used; the text says why and what to do."""


class EvidenceUnwritable(ChaoxunError):
    """A snapshot or clip that could not be kept; nothing is left of it."""


class OutputUnwritable(ChaoxunError):
    """The folder for the annotated video and the pictures cannot be written."""


class PoseUnknown(ChaoxunError):
    """No telemetry to trust for the moment of a drone's picture; the text says what is missing."""


class SourceError(ChaoxunError):
    """A source of pictures cannot be used."""


class SourceMissing(SourceError):
    """No such file or folder."""


class SourceEmpty(SourceError):
    """Nothing in it."""


class SourceWithoutVideo(SourceError):
    """Sound only."""


class SourceUnreadable(SourceError):
    """Not a video or picture that can be decoded."""


class SourceTruncated(SourceError):
    """It ends before it says it does; what came before was delivered."""


class SourceUnreachable(SourceError):
    """A live address that does not answer, or has stopped sending."""
