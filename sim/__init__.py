"""Simulated hardware and river, faults, scenarios and their runner."""
