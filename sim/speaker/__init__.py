"""The simulated loudspeaker."""
