"""The folder a run leaves behind: report.html, tracks.png, events.jsonl, result.json."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path

from flightctl.site import SiteFile
from geofence.sourcefile import read_source, validated
from sim.scenario.plot import draw, read_outline
from sim.scenario.record import Event, Source
from sim.scenario.result import ScenarioResult, junit

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:2rem auto;padding:0 1rem;color:#1d252c}
h1{margin-bottom:.2rem} table{border-collapse:collapse;width:100%;margin:1rem 0} img{max-width:100%}
td,th{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #dde3e8;vertical-align:top}
.held{color:#2c7a3f;font-weight:600} .broken{color:#b3261e;font-weight:600} .quiet{color:#66727c}
td.number{text-align:right;font-variant-numeric:tabular-nums}
"""
_QUIET_KINDS = {(Source.WORLD, "hailed"), (Source.DOCK, "cover")}


def write_report(folder: Path, result: ScenarioResult, site_folder: Path) -> Path:
    """Writes everything of one run under `folder/<scenario>`; answers with the path of the page."""
    target = folder / result.id
    target.mkdir(parents=True, exist_ok=True)
    site = validated(read_source(site_folder / "site.yaml"), SiteFile)
    draw(result, read_outline(site_folder, site), target / "tracks.png")
    (target / "events.jsonl").write_text(result.record.to_jsonl(), encoding="utf-8")
    (target / "result.json").write_text(json.dumps(result.to_json(), ensure_ascii=False, indent=1), encoding="utf-8")
    page = target / "report.html"
    page.write_text(_page(result), encoding="utf-8")
    return page


def write_junit(path: Path, results: Sequence[ScenarioResult]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    junit(results).write(path, encoding="utf-8", xml_declaration=True)


def _page(result: ScenarioResult) -> str:
    verdict = "all expectations held" if result.held else "not all expectations held"
    rows = "".join(
        f"<tr><td class={'held' if v.held else 'broken'}>{'held' if v.held else 'broken'}</td>"
        f"<td>{_text(text)}</td><td>{_text(v.measured)}</td></tr>"
        for text, v in result.verdicts
    )
    steps = "".join(
        f"<tr><td>{_text(name.replace('_', ' '))}</td><td class=number>{at_s:.1f} s</td></tr>"
        for name, at_s in sorted(result.steps_s.items(), key=lambda item: item[1])
    )
    events = "".join(_row(event) for event in result.record.events if (event.source, event.kind) not in _QUIET_KINDS)
    error = f"<p class=broken>{_text(result.error)}</p>" if result.error else ""
    return f"""<!doctype html><html lang=en><meta charset=utf-8><title>{_text(result.title)}</title>
<style>{_STYLE}</style>
<h1>{_text(result.title)}</h1>
<p><span class={"held" if result.held else "broken"}>{verdict}</span>
<span class=quiet>· seed {result.seed} · {result.time_mode} time · {result.ran_s:.0f} s of scenario
in {result.wall_s:.1f} s</span></p>{error}
<table><tr><th>verdict<th>expectation<th>measured</tr>{rows}</table>
<img src=tracks.png alt="map of the run with tracks, steps and heights">
<h2>Steps</h2><table><tr><th>step<th>after it happened</tr>{steps}</table>
<h2>What happened</h2><table><tr><th>s<th>who<th>what<th>details</tr>{events}</table></html>
"""


def _row(event: Event) -> str:
    details = ", ".join(f"{key} {value}" for key, value in event.data.items() if key not in {"east_m", "north_m"})
    return (
        f"<tr><td class=number>{event.at_s:.1f}</td><td>{event.source.value} {_text(event.subject)}</td>"
        f"<td>{_text(event.kind)}</td><td class=quiet>{_text(details)}</td></tr>"
    )


def _text(text: str) -> str:
    return html.escape(text)
