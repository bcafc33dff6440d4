"""How people and other systems see and command the service: HTTP, WebSocket, and the panel's files."""

from flightctl.api.app import PREFIX, create_app

__all__ = ["PREFIX", "create_app"]
