"""The simulated dock."""
