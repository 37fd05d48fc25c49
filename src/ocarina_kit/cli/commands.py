"""The commands, in the order in which a person meets them: name, module, what it does. One literal table."""

from __future__ import annotations

COMMANDS: tuple[tuple[str, str, str], ...] = (
    ("init", "init", "Set ocarina up: write and check its configuration."),
    ("login", "login", "Log in: get tokens for what you want to do."),
    ("doctor", "doctor", "Find what is broken, and mend what needs no person."),
    ("schedule", "schedule", "Keep tokens fresh: install or repair the crontab entry."),
    ("status", "status", "Say how long each token lives. Offline; for scripts."),
    ("refresh", "refresh", "Refresh the tokens now, expired ones too."),
    ("logout", "logout", "Revoke tokens at the server and forget them here."),
    ("install-client", "install_client", "Install the ocarina client."),
    ("demo", "demo", "See all of it on this machine, with no account."),
    ("sandbox", "sandbox", "Run a practice Majora on this machine."),
)
NAMES = frozenset(name for name, _, _ in COMMANDS)
