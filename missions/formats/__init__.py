"""Missions, fences and rally points in the files other programs read and write; each says what it could not keep."""

from missions.formats.document import Circle, Document, Frame, Note, Step
from missions.formats.files import FORMATS, load, save
from missions.formats.translation import to_document, to_plan

__all__ = ["FORMATS", "Circle", "Document", "Frame", "Note", "Step", "load", "save", "to_document", "to_plan"]
