"""Settings of every test: the same examples in every run, and no limit on one example's time (machines differ)."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("chaoxun", deadline=None, derandomize=True)
settings.load_profile("chaoxun")
