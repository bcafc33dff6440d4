"""The command line, `chaoxun`: one module a command group; heavy libraries are loaded by the command that needs them."""

from flightctl.cli.app import app, main

__all__ = ["app", "main"]
