"""`chaoxun sim`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flightctl.cli.running import SiteOption, run


def simulate(
    site: SiteOption,
    scenario: Annotated[Path | None, typer.Option(help="Scenario file whose people and faults happen.")] = None,
) -> None:
    """Only the simulated hardware, on the site's UDP, TCP and HTTP addresses, for this or other ground stations."""
    from sim.serve import serve

    run(serve(site, scenario, on_ready=lambda: typer.echo(f"Simulating {site}; Ctrl-C stops it.", err=True)))
