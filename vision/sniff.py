"""Why a file does not play, told from its first bytes: cut off, sound only, or no video at all."""

from __future__ import annotations

from pathlib import Path

from vision.errors import SourceError, SourceTruncated, SourceUnreadable, SourceWithoutVideo

_LOOK_BYTES = 4 * 1024 * 1024
_SOUND_STARTS = ((b"ID3", "MP3"), (b"fLaC", "FLAC"), (b"\xff\xfb", "MP3"), (b"\xff\xf1", "AAC"), (b"#!AMR", "AMR"))


def reason_it_cannot_play(path: Path) -> SourceError:
    """The error to raise for a file that the decoder will not open."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(min(size, _LOOK_BYTES))
        if size > _LOOK_BYTES:
            file.seek(max(size - _LOOK_BYTES, _LOOK_BYTES))
            head += file.read()
    sound = _sound_only(head)
    if sound is not None:
        return SourceWithoutVideo(f"{path} has no picture: it is {sound} sound only; give a recording with video")
    if head[4:8] == b"ftyp" and b"moov" not in head:
        return SourceTruncated(
            f"{path} is cut off: the index at the end of the MP4 file is missing; "
            "copy it again, or record in a format that survives a cut, such as .mkv or .ts"
        )
    return SourceUnreadable(
        f"{path} is not a video that can be decoded: give a video file, a folder of images or a live address"
    )


def _sound_only(data: bytes) -> str | None:
    for start, name in _SOUND_STARTS:
        if data.startswith(start):
            return name
    if data.startswith(b"RIFF") and data[8:12] == b"WAVE":
        return "WAV"
    if data.startswith(b"OggS") and (b"vorbis" in data or b"OpusHead" in data) and b"theora" not in data:
        return "Ogg"
    if data[4:8] == b"ftyp" and b"soun" in data and b"vide" not in data and b"moov" in data:
        return "MP4"
    if data.startswith(b"\x1a\x45\xdf\xa3") and b"A_" in data and b"V_" not in data:
        return "Matroska"
    return None
