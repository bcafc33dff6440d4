"""Reads YAML and JSON files into typed models and says of every fault on which line it stands.

JSON is read by the YAML parser (it is a subset for all that we write), so GeoJSON gets lines as well.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml
from pydantic import BaseModel, ValidationError

from geofence.errors import InvalidInput, Problem

Model = TypeVar("Model", bound=BaseModel)
Place = tuple[str | int, ...]

_MAX_BYTES = 16 * 1024 * 1024


class SourceFile:
    """A parsed file: plain data, and the line of every node by its place."""

    def __init__(self, path: Path, data: Any, lines: dict[Place, int]) -> None:
        self.path = path
        self.data = data
        self._lines = lines

    def line_of(self, place: Sequence[str | int]) -> int | None:
        """The 1-based line of the node at `place`, or of its nearest ancestor that stands in the file."""
        at = tuple(place)
        while at:
            if at in self._lines:
                return self._lines[at]
            at = at[:-1]
        return self._lines.get(())

    def problem(self, place: Sequence[str | int], reason: str) -> Problem:
        return Problem(place_text(place), reason, self.path.name, self.line_of(place))


def place_text(place: Sequence[str | int]) -> str:
    """`("docks", 2, "position")` to `docks[2].position`."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def read_source(path: Path) -> SourceFile:
    """Parses a YAML or JSON file.

    Raises InvalidInput when it is missing, unreadable, too large, malformed, or has a key twice.
    """
    name = path.name
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InvalidInput([Problem("", f"larger than {_MAX_BYTES // 2**20} MiB", name)])
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidInput([Problem("", f"cannot be read: {error.strerror or error}", str(path))]) from error
    except UnicodeDecodeError as error:
        raise InvalidInput([Problem("", f"is not UTF-8 at byte {error.start}", name)]) from error
    return parse_source(text, path)


def parse_source(text: str, path: Path) -> SourceFile:
    """Like read_source, from text already at hand; `path` only names it in messages."""
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        problems: list[Problem] = []
        lines: dict[Place, int] = {}
        _walk(root, (), lines, problems, path.name)
        if problems:
            raise InvalidInput(problems)
        data = None if root is None else loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        raise InvalidInput([Problem("", f"is not valid YAML: {error.problem}", path.name, line)]) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidInput([Problem("", f"is not valid YAML: {error}", path.name)]) from error
    finally:
        loader.dispose()
    return SourceFile(path, data, lines)


def _walk(node: yaml.Node | None, at: Place, lines: dict[Place, int], problems: list[Problem], name: str) -> None:
    if node is None:
        return
    lines[at] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key_node, value_node in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            key = str(key_node.value)
            place = (*at, key)
            if key in seen and key != "<<":
                line = key_node.start_mark.line + 1
                problems.append(Problem(place_text(place), "the key stands here twice", name, line))
            seen.add(key)
            _walk(value_node, place, lines, problems, name)
            lines[place] = key_node.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(cast("list[yaml.Node]", node.value)):
            _walk(item, (*at, index), lines, problems, name)


def validated(source: SourceFile, model: type[Model]) -> Model:
    """The file as a model; raises InvalidInput with every fault at its line."""
    try:
        return model.model_validate(source.data)
    except ValidationError as error:
        raise InvalidInput(problems_of(error, source)) from error


def problems_of(error: ValidationError, source: SourceFile | None = None) -> list[Problem]:
    """A pydantic error as problems in our own words, with lines when the source is known."""
    problems: list[Problem] = []
    for detail in error.errors(include_url=False):
        place = _without_union_tags(detail["loc"], source)
        reason = reason_text(place, detail)
        line = None if source is None else source.line_of(place)
        named = place[:-1] if reason.startswith(tuple(_FULL_NAMES.values())) else place
        problems.append(Problem(place_text(named), reason, None if source is None else source.path.name, line))
    return problems


def _without_union_tags(loc: Place, source: SourceFile | None) -> Place:
    """Pydantic puts the names of union members into the path; a reader of the file does not know them."""
    if source is None:
        return loc
    place: list[str | int] = []
    node: Any = source.data
    for index, part in enumerate(loc):
        last = index == len(loc) - 1
        if isinstance(node, dict):
            mapping = cast("dict[Hashable, Any]", node)
            if part in mapping:
                node = mapping[part]
                place.append(part)
            elif last:
                place.append(part)
        elif isinstance(node, list):
            items = cast("list[Any]", node)
            if isinstance(part, int) and part < len(items):
                node = items[part]
                place.append(part)
    return tuple(place)


_FULL_NAMES = {"lat": "latitude", "lon": "longitude"}


def reason_text(place: Place, detail: Any) -> str:
    """One sentence for one pydantic error detail."""
    kind = str(detail["type"])
    value = detail.get("input")
    context = cast("dict[str, Any]", detail.get("ctx") or {})
    leaf = str(place[-1]) if place else "value"
    name = _FULL_NAMES.get(leaf, leaf)
    if leaf in _FULL_NAMES and kind in {"greater_than_equal", "less_than_equal"}:
        bound = 90 if leaf == "lat" else 180
        return f"{name} {value} is outside -{bound}..{bound}"
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return "is not a known field here; remove it or check its spelling"
    comparisons = {"greater_than_equal": ("at least", "ge"), "greater_than": ("above", "gt"),
                   "less_than_equal": ("at most", "le"), "less_than": ("below", "lt")}  # fmt: skip
    if kind in comparisons:
        words, key = comparisons[kind]
        return f"{name} {value!r} must be {words} {context.get(key)}"
    if kind in {"literal_error", "enum"}:
        return f"{value!r} is not one of {context.get('expected')}"
    message = str(detail["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if kind in {"value_error", "assertion_error"}:
        return message
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return f"{message[0].lower()}{message[1:]} (found {shown})"
