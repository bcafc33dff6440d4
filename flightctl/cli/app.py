"""Puts the commands together."""

from __future__ import annotations

import typer

from flightctl.cli import (
    bench,
    bore,
    camera,
    demo,
    evaluation,
    evidence,
    mission,
    replay,
    scenario,
    serve,
    simulator,
    site,
    watch,
)
from flightctl.cli.running import ChaoxunGroup

app = typer.Typer(
    name="chaoxun",
    cls=ChaoxunGroup,
    help="Chaoxun 潮巡: watches the bank, warns at once, and sends a dock drone with a lifebuoy.",
    epilog="Start with: chaoxun demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("demo", epilog="Example: chaoxun demo --port 8080")(demo.demo)
app.command("serve", epilog="Example: chaoxun serve --site sites/yanguan --data /srv/chaoxun")(serve.serve)
app.add_typer(simulator.app, name="sim", epilog="Example: chaoxun sim --home 30.4017,120.5480,8,180 --speedup 5")
app.add_typer(scenario.app, name="scenario")
app.command("watch", epilog="Example: chaoxun watch bank.mp4 --camera cam-3.yaml --out seen --json")(watch.watch)
app.command("eval", epilog="Example: chaoxun eval rendered nuisance --out failures")(evaluation.evaluate)
app.add_typer(camera.app, name="camera")
app.add_typer(mission.app, name="mission")
app.add_typer(bore.app, name="bore")
app.add_typer(site.app, name="site")
app.command("evidence", epilog="Example: chaoxun evidence last --data /srv/chaoxun")(evidence.evidence)
app.command("bench", epilog="Example: chaoxun bench store scenario --json")(bench.bench)
app.command("replay", epilog="Example: chaoxun replay last --data var")(replay.replay)


def main() -> None:
    """The entry point of the installed command."""
    app()
