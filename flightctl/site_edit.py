"""Changes a camera's calibration in site.yaml: only its numbers, so that comments and layout stay.

Nothing is written unless the changed text reads as the same site with that one calibration in it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, cast

import yaml

from geofence.errors import ChaoxunError
from geofence.sourcefile import parse_source
from vision.camera import Camera
from vision.camera_block import calibration_values

_Path = tuple[str, ...]
_UNLESS_ZERO: set[_Path] = {("roll_deg",), ("lens", "k1"), ("lens", "k2")}
_AFTER: dict[_Path, _Path] = {
    ("roll_deg",): ("pitch_deg",),
    ("lens", "k1"): ("lens", "hfov_deg"),
    ("lens", "k2"): ("lens", "hfov_deg"),
}
"""What may be absent, and behind which value of the same block it is put."""


class SiteNotChanged(ChaoxunError):
    """The site file cannot be changed by itself; it is as it was."""


def write_calibration(path: Path, camera: Camera) -> None:
    """Puts the calibration of `camera` into the site file, in one step. Raises SiteNotChanged."""
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SiteNotChanged(f"{path} cannot be read: {error}.") from None
    changed = with_calibration(text, camera, path)
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=".site-", suffix=".yaml", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(changed.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(path, temporary)
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()
        raise SiteNotChanged(f"{path} cannot be written: {error.strerror or error}.") from None


def with_calibration(text: str, camera: Camera, path: Path) -> str:
    """The text of a site file with the calibration of one camera in it. Raises SiteNotChanged."""
    wanted = parse_source(text, path).data
    block = _block(text, camera.id, path)
    values = calibration_values(camera)
    nodes = {place: _node(block, place) for place in values}
    edits: list[tuple[int, int, str]] = []
    for place, value in values.items():
        node = nodes[place]
        if node is not None:
            if not isinstance(node, yaml.ScalarNode):
                raise _odd(path, camera.id, ".".join(place))
            edits.append((node.start_mark.index, node.end_mark.index, repr(value)))
        elif not (place in _UNLESS_ZERO and value == 0):
            edits.append(_inserted(text, block, place, value, path, camera.id))
    changed = text
    for begin, end, new in sorted(edits, key=lambda edit: edit[0], reverse=True):
        changed = changed[:begin] + new + changed[end:]
    wanted["cameras"] = [
        _with_values(one, values) if one.get("id") == camera.id else one for one in wanted["cameras"]
    ]
    try:
        same = parse_source(changed, path).data == wanted
    except ChaoxunError:
        same = False
    if not same:
        raise _odd(path, camera.id, "the block")
    return changed


def _with_values(block: dict[str, Any], values: dict[_Path, float]) -> dict[str, Any]:
    """A changed copy; what YAML let two cameras share stays as it was in the other."""
    changed = dict(block)
    for (*outer, last), value in values.items():
        holder = changed
        for key in outer:
            holder[key] = dict(holder[key])
            holder = holder[key]
        if last in holder or value != 0 or (*outer, last) not in _UNLESS_ZERO:
            holder[last] = value
    return changed


def _block(text: str, camera_id: str, path: Path) -> yaml.MappingNode:
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
    finally:
        loader.dispose()
    cameras = None if not isinstance(root, yaml.MappingNode) else _node(root, ("cameras",))
    for item in cast("list[Any]", cameras.value) if isinstance(cameras, yaml.SequenceNode) else []:
        if isinstance(item, yaml.MappingNode):
            named = _node(item, ("id",))
            if isinstance(named, yaml.ScalarNode) and named.value == camera_id:
                return item
    raise SiteNotChanged(f"{path} has no camera {camera_id!r}.")


def _node(mapping: yaml.MappingNode, place: _Path) -> yaml.Node | None:
    found: yaml.Node = mapping
    for key in place:
        if not isinstance(found, yaml.MappingNode):
            return None
        pairs = cast("list[tuple[yaml.Node, yaml.Node]]", found.value)
        inside = next((value for name, value in pairs if name.value == key), None)
        if inside is None:
            return None
        found = inside
    return found


def _inserted(
    text: str, block: yaml.MappingNode, place: _Path, value: float, path: Path, camera_id: str
) -> tuple[int, int, str]:
    """Behind a value of the same mapping: after a comma in braces, else on a line of its own."""
    holder = block if len(place) == 1 else _node(block, place[:-1])
    anchor = _node(block, _AFTER[place]) if place in _AFTER else None
    if not isinstance(holder, yaml.MappingNode) or not isinstance(anchor, yaml.ScalarNode):
        raise _odd(path, camera_id, ".".join(place))
    at = anchor.end_mark.index
    if holder.flow_style:
        return at, at, f", {place[-1]}: {value!r}"
    pairs = cast("list[tuple[yaml.Node, yaml.Node]]", holder.value)
    column = next(name.start_mark.column for name, inside in pairs if inside is anchor)
    line_end = text.find("\n", at)
    if line_end < 0:
        return len(text), len(text), f"\n{' ' * column}{place[-1]}: {value!r}"
    ending = "\r\n" if text[line_end - 1] == "\r" else "\n"
    return line_end + 1, line_end + 1, f"{' ' * column}{place[-1]}: {value!r}{ending}"


def _odd(path: Path, camera_id: str, what: str) -> SiteNotChanged:
    return SiteNotChanged(
        f"{path}: the block of {camera_id} is written in a way that cannot be changed by itself ({what}); "
        "paste the printed block in its place."
    )
