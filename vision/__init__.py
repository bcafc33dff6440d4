"""What a camera sees: sources, calibration, detection, tracking, rules; emits `Alert`."""
