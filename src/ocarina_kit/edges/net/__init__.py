"""The network: one door to it, Majora behind that door, and probes of the way."""
