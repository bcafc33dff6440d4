"""The message catalogues: both languages complete, and nothing asked for that is not there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from flightctl.dispatch.decision import Purpose, Refusal
from flightctl.dock.protocol import DockState
from flightctl.incidents.model import IncidentState
from flightctl.preflight_report import CheckId, Severity
from flightctl.site import PayloadKind
from tests.panel.fake_face import REPOSITORY
from vision.alert import AlertKind, CameraHealth

SOURCES = REPOSITORY / "flightctl" / "panel" / "src"
ZH: dict[str, str] = json.loads((SOURCES / "i18n" / "zh.json").read_text("utf-8"))
EN: dict[str, str] = json.loads((SOURCES / "i18n" / "en.json").read_text("utf-8"))


def _components() -> list[Path]:
    return [path for path in SOURCES.rglob("*") if path.suffix in {".svelte", ".ts"} and path.name != "schema.d.ts"]


def test_both_languages_say_the_same_things() -> None:
    assert set(ZH) == set(EN)


def test_each_message_takes_the_same_values_in_both_languages() -> None:
    def places(text: str) -> set[str]:
        return set(re.findall(r"\{(\w+)\}", text))

    assert {key for key in ZH if places(ZH[key]) != places(EN[key])} == set()


def test_no_message_is_empty() -> None:
    assert [key for key, text in (*ZH.items(), *EN.items()) if not text.strip()] == []


def test_every_message_that_is_asked_for_exists() -> None:
    asked = {
        key for path in _components() for key in re.findall(r"""\bt\(\s*["']([^"']+)["']""", path.read_text("utf-8"))
    }
    assert len(asked) > 50
    assert asked - set(ZH) == set()


def test_no_message_is_kept_that_nobody_asks_for() -> None:
    sources = "\n".join(path.read_text("utf-8") for path in _components())
    groups = set(re.findall(r'\bnamed\(\s*"(\w+)"', sources))
    unused = {
        key for key in ZH if not re.search(f"[\"']{re.escape(key)}[\"']", sources) and key.split(".")[0] not in groups
    }
    assert unused == set()


def test_components_hold_no_chinese_of_their_own() -> None:
    allowed = {"潮巡 Chaoxun", "中", "中文"}  # the product's name, and languages by their own names
    found: list[str] = []
    for path in _components():
        text = re.sub(r"潮巡 Chaoxun|中文|>中<", "", path.read_text("utf-8"))
        found += [f"{path.name}: {run}" for run in re.findall(r"[\u4e00-\u9fff]+", text) if run not in allowed]
    assert found == []


@pytest.mark.parametrize(
    ("group", "names"),
    [
        ("kind", [kind.value for kind in AlertKind]),
        ("state", [state.value for state in IncidentState]),
        ("dock", [state.value for state in DockState]),
        ("health", [health.value for health in CameraHealth]),
        ("refusal", [refusal.value for refusal in Refusal]),
        ("purpose", [purpose.value for purpose in Purpose]),
        ("payload", [payload.value for payload in PayloadKind]),
        ("source", ["astronomy", "table", "observation"]),
        ("need", ["consent", "launch", "override", "escalated"]),
        ("check", [check.value for check in CheckId]),
        ("severity", [severity.value for severity in Severity]),
    ],
)
def test_every_word_of_the_contract_has_a_name(group: str, names: list[str]) -> None:
    assert [name for name in names if f"{group}.{name}" not in ZH] == []
