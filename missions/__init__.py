"""What a flight is to do: typed mission plans, planners and their checks."""
