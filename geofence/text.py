"""A name or message in the two languages of the panel."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Text(BaseModel):
    """Chinese and English, both required."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zh: str
    en: str
