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
    sections = _sections(defaults)
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
    return cast("_Config", _changed(defaults, thresholds)) if thresholds else defaults


def merged(site: Thresholds, camera: Thresholds) -> dict[str, dict[str, float | bool]]:
    """A camera's own thresholds over those of its site."""
    names = [*site, *(name for name in camera if name not in site)]
    return {name: {**site.get(name, {}), **camera.get(name, {})} for name in names}


def _sections(config: object) -> dict[str, Any]:
    """The settings by rule; those of a group (the river's) stand beside the others."""
    found: dict[str, Any] = {}
    for name, value in _fields(config).items():
        if dataclasses.is_dataclass(value):
            if _settable(_fields(value)):
                found[name] = value
            found.update(_sections(value))
    return found


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


def _changed(config: object, thresholds: Thresholds) -> object:
    """A copy of a group of settings, each rule in it with its thresholds."""
    changes: dict[str, Any] = {}
    for name, value in _fields(config).items():
        if not dataclasses.is_dataclass(value):
            continue
        inner = _changed(value, thresholds)
        own = {key: type(getattr(value, key))(said) for key, said in thresholds.get(name, {}).items()}
        if own or inner is not value:
            changes[name] = dataclasses.replace(cast("Any", inner), **own)
    return dataclasses.replace(cast("Any", config), **changes) if changes else config
