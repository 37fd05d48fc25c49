"""All checks, in the order of CHECKS.md: the one list. A new check is one object in its family's module."""

from __future__ import annotations

from ocarina_kit.checks import client, config, schedule, server, tokens
from ocarina_kit.checks.model import Check

REGISTRY: tuple[Check, ...] = (
    *client.CHECKS,  # ENV
    *config.CHECKS,  # CFG
    *(check for check in server.CHECKS if check.family != "API"),  # SRV, CRD
    *tokens.CHECKS,  # TOK
    *(check for check in server.CHECKS if check.family == "API"),  # API
    *schedule.CHECKS,  # CRN
)

FAMILIES = {
    "ENV": "The client and this machine",
    "CFG": "Configuration",
    "SRV": "Server",
    "CRD": "Credentials",
    "TOK": "Tokens",
    "API": "What the server takes",
    "CRN": "Schedule",
}
"""What each family is about, as a heading."""
