"""Touches the machine: files, locks, processes, the terminal.

The problems and secrets that all packages use are here, too.
"""
