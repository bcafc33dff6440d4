"""`chaoxun demo`."""

from __future__ import annotations

from flightctl.cli.running import DEFAULT_DATA, DataOption, HostOption, PortOption


def demo(host: HostOption = "127.0.0.1", port: PortOption = 8000, data: DataOption = DEFAULT_DATA / "demo") -> None:
    """The service, the panel and a simulated Haining with a rescue under way."""
    from sim.demo import run

    run(host=host, port=port, data_dir=data)
