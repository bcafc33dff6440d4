"""An official forecast as a file: who published it, who entered it, until when it counts, and its times.

`bore_table.yaml` beside the site's other files, or a CSV of `station,at` to be imported. A table speaks of its own
bores only; after its last day it is dead, so that nobody warns by last year's times.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from geofence.bore import BoreForecast, RefusedEntry, TableEntry
from geofence.errors import InvalidInput, Problem
from geofence.river import River
from geofence.sourcefile import read_source, validated

FILE_NAME = "bore_table.yaml"
_MOST_DAYS = 40  # a table that claims to hold for longer is a mistake
_CLAIMED_SIGMA_MIN = 5.0  # what the forecasters claim for spring tides (RIVER.md §1.4)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Entry(_Part):
    station: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    at: AwareDatetime
    sigma_min: Annotated[float, Field(gt=0, le=120)] = _CLAIMED_SIGMA_MIN


class TableFile(_Part):
    version: Literal[1] = 1
    source: Annotated[str, Field(min_length=1, max_length=200)]
    entered_by: Annotated[str, Field(min_length=1, max_length=64)]
    expires_on: date  # the last day, of the site, on which it counts
    entries: Annotated[tuple[Entry, ...], Field(min_length=1, max_length=2000)]

    def rows(self) -> tuple[TableEntry, ...]:
        return tuple(TableEntry(e.station, e.at, self.source, 60.0 * e.sigma_min) for e in self.entries)

    def in_force(self, today: date) -> bool:
        return today <= self.expires_on


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the forecast makes of a table."""

    taken: int
    refused: tuple[RefusedEntry, ...]


def load_table(path: Path) -> TableFile:
    """Raises InvalidInput with every fault at its line."""
    return validated(read_source(path), TableFile)


def judged(table: TableFile, river: River) -> Verdict:
    """Each entry against the Moon and the order of the stations."""
    refused = BoreForecast(river, table.rows()).refused
    return Verdict(len(table.entries) - len(refused), refused)


def read_csv(text: str, *, name: str, source: str, entered_by: str, timezone: str) -> TableFile:
    """`station,at[,sigma_min]` with a header line; a time without a zone is one of `timezone`.

    Raises InvalidInput with every fault at its line.
    """
    entries = read_rows(text, name=name, timezone=timezone)
    first, last = min(e.at for e in entries), max(e.at for e in entries)
    if last - first > timedelta(days=_MOST_DAYS):
        reason = f"spans {(last - first).days} days; more than {_MOST_DAYS} is no forecast"
        raise InvalidInput([Problem("", reason, name)])
    expires_on = last.astimezone(ZoneInfo(timezone)).date()
    return TableFile(source=source, entered_by=entered_by, expires_on=expires_on, entries=entries)


def read_rows(text: str, *, name: str, timezone: str) -> tuple[Entry, ...]:
    """The lines of such a file, whatever they are for. Raises InvalidInput with every fault at its line."""
    problems: list[Problem] = []
    entries: list[Entry] = []
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    columns = [column.strip() for column in reader.fieldnames or []]
    if "station" not in columns or "at" not in columns:
        raise InvalidInput([Problem("", "needs the columns station and at in its first line", name, 1)])
    reader.fieldnames = columns
    for row in reader:
        line = reader.line_num
        try:
            at = datetime.fromisoformat((row.get("at") or "").strip())
            at = at if at.tzinfo is not None else at.replace(tzinfo=ZoneInfo(timezone))
            sigma = (row.get("sigma_min") or "").strip()
            fields = {"station": (row.get("station") or "").strip(), "at": at}
            entries.append(Entry.model_validate(fields | ({"sigma_min": float(sigma)} if sigma else {})))
        except ValueError as error:
            reason = str(error).splitlines()[0] if "validation error" not in str(error) else "station or sigma_min"
            problems.append(Problem("", f"cannot be read: {reason}", name, line))
    if not problems and not entries:
        problems.append(Problem("", "holds no times", name))
    if problems:
        raise InvalidInput(problems)
    return tuple(entries)


def dumped(table: TableFile) -> str:
    """As `bore_table.yaml`."""
    content = table.model_dump(mode="json")
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
