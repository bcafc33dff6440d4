"""A rule's thresholds as a site writes them: `thresholds: {zone_entry: {inertia_s: 1.5}}`.

The names are those of the rules' own settings (`PipelineConfig` and the dataclasses in it), so every rule there is
can be set and none has a second list of names. What is not named stays as it is.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, cast

Thresholds = Mapping[str, Mapping[str, float | bool]]

_Config = TypeVar("_Config")


def faults(defaults: object, thresholds: Thresholds) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each mistake: where it stands below `thresholds`, and what is wrong."""
    sections = _fields(defaults)
    for section, values in thresholds.items():
        if section not in sections:
            yield (section,), f"there is no rule of that name; there are: {', '.join(sorted(sections))}"
            continue
        known = _fields(sections[section])
        for name, value in values.items():
            if name not in known or not isinstance(known[name], bool | int | float):
                yield (section, name), f"{section} has no such threshold; it has: {', '.join(_settable(known))}"
                continue
            reason = _wrong(known[name], value)
            if reason:
                yield (section, name), reason


def with_thresholds(defaults: _Config, thresholds: Thresholds) -> _Config:
    """The settings with a site's thresholds in place. Raises ValueError at the first mistake."""
    for place, reason in faults(defaults, thresholds):
        raise ValueError(f"{'.'.join(place)}: {reason}")
    sections = _fields(defaults)
    changed = {section: _changed(sections[section], values) for section, values in thresholds.items()}
    return cast("_Config", dataclasses.replace(cast("Any", defaults), **changed)) if changed else defaults


def merged(site: Thresholds, camera: Thresholds) -> dict[str, dict[str, float | bool]]:
    """A camera's own thresholds over those of its site."""
    names = [*site, *(name for name in camera if name not in site)]
    return {name: {**site.get(name, {}), **camera.get(name, {})} for name in names}


def _fields(config: object) -> dict[str, Any]:
    return {field.name: getattr(config, field.name) for field in dataclasses.fields(cast("Any", config))}


def _settable(known: Mapping[str, Any]) -> list[str]:
    return sorted(name for name, value in known.items() if isinstance(value, bool | int | float))


def _wrong(default: float | bool, value: float | bool) -> str:
    if isinstance(default, bool) != isinstance(value, bool):
        return "must be true or false" if isinstance(default, bool) else "must be a number"
    if not math.isfinite(value) or (value < 0 <= default):
        return f"must be a number from 0 upwards; without it, it is {default:g}"
    if isinstance(default, int) and not isinstance(default, bool) and value != int(value):
        return f"must be a whole number; without it, it is {default}"
    return ""


def _changed(section: object, values: Mapping[str, float | bool]) -> object:
    typed = {name: type(getattr(section, name))(value) for name, value in values.items()}
    return dataclasses.replace(cast("Any", section), **typed)
