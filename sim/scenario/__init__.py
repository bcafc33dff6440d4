"""Scenarios: a story in YAML, run against the real service on simulated hardware, held against expectations."""
