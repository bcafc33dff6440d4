"""What a chosen drone does for an incident, step by step, and how it comes home."""
