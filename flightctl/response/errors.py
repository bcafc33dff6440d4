"""How a response ends before its time.

    ChaoxunError
    └── ResponseEnded
        ├── ResponseFailed     this drone cannot serve; the next one is sent
        └── Recalled           a person called it back; nobody else is sent without a person's word
"""

from __future__ import annotations

from geofence.errors import ChaoxunError


class ResponseEnded(ChaoxunError):
    """A response is over before it was done."""


class ResponseFailed(ResponseEnded):
    """The drone or its dock failed; the text is their own reason."""


class Recalled(ResponseEnded):
    """A person called the drone back."""
