"""What a person must know and do for a set-up, in words: who to write to, and how to register the application. Pure.

Source of the steps: FACTS.md, "The guide that this project automates", and the pages of Majora itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from ocarina_kit.core.config.domain import INSTANCES, applications_url, callback_url

# --- what needs other people --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Needed:
    """One thing that must be there first. ``letter``: what to write to ``to_whom`` where it is missing."""

    title: str
    how: str
    to_whom: str = ""
    letter: str = ""


NEEDED = (
    Needed(
        "An approved account at Majora",
        'Register there ("Register" on its log-in page). Your site\'s lead approves it, then the accounts team.',
        "your site's lead",
        "I have registered for Majora, with the user name NAME. Could you please approve my account?",
    ),
    Needed(
        "Two-factor authentication on that account",
        'Turn it on yourself, under "Profile Security" at Majora. Without it no log-in of ocarina is granted.',
    ),
    Needed(
        "The permissions for what you want to do",
        "Looking samples up is one; adding samples, libraries and sequencing runs are others.",
        "your site's lead, or whoever runs your Majora",
        "Could you please give my Majora account NAME the permissions to look up samples, and to add samples, "
        "libraries and sequencing runs?",
    ),
)


# --- where the person is ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """How far a set-up has come, as far as can be told here without asking a server. Empty: it is not there."""

    user: str = ""
    """Who is set up."""
    client: str = ""
    """The ocarina that was found, and where."""
    client_trouble: str = ""
    """What is wrong with the one that was found, where none works."""
    application: str = ""
    """The last four characters of the client id."""
    config: str = ""
    """The configuration's state, in words."""
    tokens: int = 0
    tokens_lost: int = 0
    """Of these: neither valid nor to be refreshed."""
    scheduled: bool | None = False
    """None: the crontab could not be read."""


def standing_rows(standing: Standing) -> tuple[tuple[str, str], ...]:
    """The steps in their order, and how each stands."""
    login = "not yet"
    if standing.tokens:
        login = f"tokens for {_counted(standing.tokens, 'purpose')}"
        if standing.tokens_lost:
            login += f", {standing.tokens_lost} of them dead"
    scheduled = {True: "a crontab entry is there", False: "not yet", None: "could not be told"}
    return (
        (
            "account",
            f"{standing.user} (only Majora knows its state)" if standing.user else "only Majora knows",
        ),
        ("client", standing.client or standing.client_trouble or "not found (install-client gets it)"),
        ("application", f"client id ending in {standing.application}" if standing.application else "not yet"),
        ("configuration", standing.config),
        ("log-in", login),
        ("schedule", scheduled[standing.scheduled]),
    )


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


# --- which Majora -------------------------------------------------------------------------------------------

_CHOICES = {
    "1": "prod",
    "prod": "prod",
    "production": "prod",
    "2": "test",
    "test": "test",
    "magenta": "test",
}


def instance_rows() -> tuple[tuple[str, str], ...]:
    return (("1  production", INSTANCES["prod"]), ("2  test", INSTANCES["test"]))


def chosen_domain(answer: str) -> str:
    """The address that an answer to "Which Majora?" means: a number or a name of an instance, else it is one."""
    name = _CHOICES.get(answer.strip().lower())
    return INSTANCES[name] if name else answer


# --- the application ----------------------------------------------------------------------------------------


def application_link(domain: str) -> str:
    return applications_url(domain)


def application_fields(domain: str, user: str) -> tuple[tuple[str, str], ...]:
    """Each field of the form "Register a new application", by its label there, and what to put in it.

    The server compares the redirect URI to the letter, last slash included (FACTS.md).
    """
    return (
        ("Name", f"{user}-ocarina"),
        ("Client id", "leave it as it is"),
        ("Client secret", "leave it as it is"),
        ("Client type", "Confidential"),
        ("Authorization grant type", "Authorization code"),
        ("Redirect uris", callback_url(domain)),
    )


COPY_BEFORE_SAVE = (
    "Copy Client id and Client secret before you press Save: newer servers show the secret until then only, and a "
    "hash of it (pbkdf2_…) afterwards."
)
