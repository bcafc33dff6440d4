"""What a drone's camera sees: pictures from a moving eye, laid on the water by the telemetry that comes with them."""
