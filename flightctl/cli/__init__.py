"""The command line, `chaoxun`: one module a command group; each command loads its heavy libraries itself."""

from flightctl.cli.app import main

__all__ = ["main"]
