"""CFG: the configuration file, from its bytes to what its members mean (CHECKS.md)."""

from __future__ import annotations

from ocarina_kit.checks.model import Check

CHECKS: tuple[Check, ...] = ()
