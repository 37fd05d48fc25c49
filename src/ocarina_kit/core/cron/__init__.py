"""Crontabs: read to the byte, recognised, planned, and when they run. Pure."""
