"""The ocarina client: where it is, what it asks for, how it is installed."""
