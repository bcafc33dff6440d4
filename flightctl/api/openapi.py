"""The API's OpenAPI document, from which the panel's types are generated.

`python -m flightctl.api.openapi > flightctl/panel/openapi.json` renews the committed copy.
"""

from __future__ import annotations

import json
import sys
from typing import Any, cast

from flightctl.api.app import create_app
from flightctl.api.face import ServiceFace
from flightctl.api.messages import IncidentArchive


def openapi_schema() -> dict[str, Any]:
    """The document as plain data. No service is needed: the routes are only described, never called."""
    app = create_app(cast(ServiceFace, _Nothing()), cast(IncidentArchive, _Nothing()))
    document = app.openapi()
    document["info"]["version"] = "1"  # of the API; the distribution's own must not change the committed copy
    return document


def openapi_text() -> str:
    return json.dumps(openapi_schema(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


class _Nothing:
    """Stands for the service while its API is only described."""

    def state_view(self) -> None: ...

    def subscribe(self) -> None: ...


if __name__ == "__main__":
    sys.stdout.write(openapi_text())
