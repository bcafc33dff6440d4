"""How long a text takes to say: about four syllables a second is what is understood on a seawall (RIVER.md §5)."""

from __future__ import annotations

import re

SYLLABLES_PER_S = 4.0
_HAN = re.compile(r"[㐀-鿿豈-﫿]")
_VOWEL_GROUP = re.compile(r"[aeiouy]+", re.IGNORECASE)
_DIGIT = re.compile(r"\d")
_PAUSE = re.compile(r"[,.;:!?，。；：！？、]")
_PAUSE_S = 0.25
_SHORTEST_S = 0.5


def spoken_s(text: str) -> float:
    """Seconds to say `text` once: one syllable a Han character or digit, one a group of vowels elsewhere."""
    syllables = sum(len(pattern.findall(text)) for pattern in (_HAN, _VOWEL_GROUP, _DIGIT))
    return max(_SHORTEST_S, syllables / SYLLABLES_PER_S + _PAUSE_S * len(_PAUSE.findall(text)))
