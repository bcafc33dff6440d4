"""The real ArduCopter SITL in the place of the simulated copter: how it is started and what it is held against."""
