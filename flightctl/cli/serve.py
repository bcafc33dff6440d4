"""`chaoxun serve`."""

from __future__ import annotations

from flightctl.cli.running import DEFAULT_DATA, DataOption, HostOption, PortOption, SiteOption, run


def serve(
    site: SiteOption, host: HostOption = "127.0.0.1", port: PortOption = 8000, data: DataOption = DEFAULT_DATA
) -> None:
    """The service for a site: real or simulated hardware, as its site.yaml says."""
    from flightctl.serve import serve as serving

    run(serving(site, host, port, data))
