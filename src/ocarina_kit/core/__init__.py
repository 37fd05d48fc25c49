"""The pure core: no files, no processes, no network, no clock, no randomness. All of these are handed in."""
