"""Official tables are taken when they can be right, refused with the reason when not, and die on their last day."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from geofence.bore import BoreForecast, PassageSource
from geofence.bore_table import TableFile, dumped, judged, load_table, read_csv
from geofence.errors import InvalidInput
from geofence.river import River

OFFICIAL = """station,at
yanguan,2026-08-30T13:20
guanchaocheng,2026-08-30 14:30
xiasha,2026-08-30T14:47+08:00
qibao,2026-08-30T15:15
sanbao,2026-08-30T15:28
"""  # RIVER.md §1.3


def table(text: str = OFFICIAL) -> TableFile:
    return read_csv(text, name="t.csv", source="智管钱潮", entered_by="Lin", timezone="Asia/Shanghai")


def test_the_official_table_of_a_bore_is_taken_and_overrides_the_moon(river: River, tmp_path: Path) -> None:
    file = tmp_path / "bore_table.yaml"
    file.write_text(dumped(table()), encoding="utf-8")
    loaded = load_table(file)
    assert loaded == table()
    assert judged(loaded, river).taken == 5
    forecast = BoreForecast(river, loaded.rows())
    entry = loaded.entries[3]
    passage = forecast.next_passage(river.station("qibao").enu, entry.at)
    assert passage.at == entry.at
    assert passage.source is PassageSource.TABLE
    assert passage.sigma_s == 300.0


def test_it_counts_until_its_last_day_and_no_longer() -> None:
    assert table().expires_on == date(2026, 8, 30)
    assert table().in_force(date(2026, 8, 30))
    assert not table().in_force(date(2026, 8, 31))


def test_a_hobby_table_three_hours_off_is_refused_entry_by_entry(river: River) -> None:
    verdict = judged(
        table("station,at\nyanguan,2026-09-28T15:20\ndaquekou,2026-09-28T15:50\n"), river
    )  # RIVER.md §1.4
    assert verdict.taken == 0
    assert all("not credible" in refused.reason for refused in verdict.refused)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "t.csv:1: needs the columns"),
        ("station,at\n", "holds no times"),
        ("station,at\nyanguan,noon\n", "t.csv:2: cannot be read"),
        ("station,at,sigma_min\nyanguan,2026-08-30T13:20,none\n", "t.csv:2"),
        ("station,at\nYan Guan,2026-08-30T13:20\n", "t.csv:2"),
        ("station,at\nyanguan,2026-01-01T13:20\nyanguan,2026-08-30T13:20\n", "no forecast"),
    ],
)
def test_a_bad_table_is_refused_at_its_line(text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        table(text)
    assert said in str(caught.value)
