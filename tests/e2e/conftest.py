"""The set-up at a sandbox Majora of tests/cli."""

from tests.cli.conftest import client, lab

__all__ = ["client", "lab"]
