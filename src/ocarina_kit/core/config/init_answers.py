"""What ``init`` is told, value by value: tidied, and judged before any server is asked. Pure.

No text here repeats a value, so that none shows a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from ocarina_kit.core.config.credentials import (
    ID_LENGTH,
    SECRET_LENGTH,
    Fault,
    Member,
    Swapped,
    TokenKind,
    UserFault,
    credential_faults,
    is_placeholder,
    swapped,
    tidy_credential,
    tidy_user,
    token_kind,
    user_faults,
)
from ocarina_kit.core.config.domain import DomainRefused, mend_domain
from ocarina_kit.core.secret import Secret
from ocarina_kit.core.text import strip_ends


class Source(str, Enum):
    """Where a value came from; the first that has one is taken."""

    OPTION = "option"
    ENVIRONMENT = "environment"
    FILE = "file"


@dataclass(frozen=True)
class Given:
    """A value as it was given, and where: ``where`` names the option, the variable or the place in the file."""

    text: str = field(repr=False)
    source: Source
    where: str


@dataclass(frozen=True)
class Problem:
    """Why a value is not taken. ``id`` is a check's where one fits. ``suggestion``: what was most likely meant."""

    id: str
    words: str
    suggestion: str = ""


@dataclass(frozen=True)
class Judged:
    """A value as it would be written, what was mended in it, and what to say of it; or the problem with it."""

    text: str = field(default="", repr=False)
    mends: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    problem: Problem | None = None


# --- one value ----------------------------------------------------------------------------------------------


def judge_domain(text: str) -> Judged:
    """MAJORA_DOMAIN, by the rules of :mod:`ocarina_kit.core.config.domain`."""
    if not strip_ends(text):
        return _refused("CFG004", "it is blank")
    if is_placeholder(text, Member.DOMAIN):
        return _refused("CFG005", "it is a placeholder, not the address of a Majora")
    found = mend_domain(text)
    if isinstance(found, DomainRefused):
        return _refused("CFG006", found.reason, found.suggestion)
    return Judged(found.url, found.changes, found.warnings)


_USER_FAULTS = {
    UserFault.BLANK: ("CFG004", "it is blank"),
    UserFault.PLACEHOLDER: ("CFG005", "it is a placeholder, not a user name"),
    UserFault.BAD_CHARACTERS: (
        "USE001",
        "a user name of Majora has letters, digits and @ . + - _ alone, and no blank",
    ),
    UserFault.TOO_LONG: ("USE001", "a user name of Majora has 150 characters at most"),
}


def judge_user(text: str) -> Judged:
    """MAJORA_USER."""
    faults = user_faults(text)
    for fault in faults:
        if fault in _USER_FAULTS:
            return _refused(*_USER_FAULTS[fault])
    tidied = tidy_user(text)
    warnings = (
        ("It looks like an e-mail address. Majora's user names are shorter: see your profile there.",)
        if UserFault.EMAIL in faults
        else ()
    )
    return Judged(tidied.text, tidied.changes, warnings)


_CREDENTIAL_FAULTS = {
    Fault.BLANK: ("CFG004", "it is blank"),
    Fault.PLACEHOLDER: ("CFG005", "it is a placeholder, not the value itself"),
    Fault.HASH: (
        "CFG009",
        "it is a hash of a secret. The secret itself is only seen before the application is saved: delete the "
        "application, register it again, and copy both values before Save",
    ),
    Fault.NOT_ASCII: ("CFG009", "it has characters that no generated value has"),
}


def judge_credential(text: str, member: Member) -> Judged:
    """CLIENT_ID or CLIENT_SECRET, by itself; :func:`judge_pair` then looks at both together."""
    halved = once(text)
    for fault in credential_faults(halved, member):
        if fault in _CREDENTIAL_FAULTS:
            return _refused(*_CREDENTIAL_FAULTS[fault])
    tidied = tidy_credential(halved)
    mends = (*(("took one copy of what was pasted twice",) if halved != text else ()), *tidied.changes)
    usual = ID_LENGTH if member is Member.ID else SECRET_LENGTH
    length = len(tidied.text)
    # The other one's length is judged with both at hand.
    odd = length != usual and length not in (ID_LENGTH, SECRET_LENGTH)
    warnings = (
        (f"It has {length} characters, and Majora makes {usual}: was it cut off as it was copied?",)
        if odd
        else ()
    )
    return Judged(tidied.text, mends, warnings)


_KEY_LENGTH = 36
"""Of a legacy key, which is a UUID."""


def once(text: str) -> str:
    """One copy of a value that was pasted twice, as happens where nothing is seen; else the text as it is.

    That is beyond doubt for two equal words, and for two copies of the length that Majora makes.
    """
    tidied = tidy_credential(text).text
    if len(tidied) in (ID_LENGTH, SECRET_LENGTH, _KEY_LENGTH):
        return text  # one whole value
    words = text.split()
    if len(words) == 2 and words[0] == words[1]:
        return words[0]
    half, odd = divmod(len(tidied), 2)
    if not odd and half in (ID_LENGTH, SECRET_LENGTH, _KEY_LENGTH) and tidied[:half] == tidied[half:]:
        return tidied[:half]
    return text


def judge_key(text: str) -> Judged:
    """A legacy API key for MAJORA_TOKEN."""
    halved = once(text)
    kind = token_kind(halved)
    if kind is TokenKind.BLANK:
        return _refused("CFG004", "it is blank")
    if kind.is_oauth:
        return _refused("CFG008", "it is the word OAUTH, and no API key")
    if kind is TokenKind.PLACEHOLDER:
        return _refused("CFG005", "it is a placeholder, not a key")
    tidied = tidy_credential(halved)
    if not tidied.text.isascii():
        return _refused("CFG008", "it has characters that no API key has")
    return Judged(tidied.text, tidied.changes)


JUDGES: Mapping[Member, Callable[[str], Judged]] = {
    Member.DOMAIN: judge_domain,
    Member.USER: judge_user,
    Member.TOKEN: judge_key,
    Member.ID: lambda text: judge_credential(text, Member.ID),
    Member.SECRET: lambda text: judge_credential(text, Member.SECRET),
}


def _refused(id: str, words: str, suggestion: str = "") -> Judged:
    return Judged(problem=Problem(id, words, suggestion))


# --- id and secret together ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """Client id and secret, each judged, in their right places; ``swapped`` where they were not."""

    client_id: str
    client_secret: Secret
    swapped: bool = False
    problem: Problem | None = None

    def other_way(self) -> Pair:
        return Pair(self.client_secret.reveal(), Secret(self.client_id), swapped=True)

    @property
    def may_be_swapped(self) -> bool:
        """Whether it makes sense to ask the server about the other way round: the lengths do not rule it out."""
        return (len(self.client_id), len(self.client_secret)) != (ID_LENGTH, SECRET_LENGTH)


SWAPPED_WORDS = "CLIENT_ID and CLIENT_SECRET stood in each other's place"


def judge_pair(client_id: str, client_secret: str) -> Pair:
    """Puts the two right where their lengths tell that they are swapped, and notices one that was given as both."""
    pair = Pair(client_id, Secret(client_secret))
    if client_id == client_secret:
        words = "CLIENT_ID and CLIENT_SECRET are the same: one of them was pasted twice"
        return Pair(pair.client_id, pair.client_secret, problem=Problem("CFG009", words))
    return pair.other_way() if swapped(client_id, client_secret) is Swapped.DEFINITELY else pair


# --- all of them --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answers:
    """Everything that is written. With ``api_key`` id and secret may be blank: fillers then stand for them."""

    domain: str
    user: str
    client_id: str = ""
    client_secret: Secret = field(default_factory=lambda: Secret(""))
    api_key: Secret | None = None
    tokens_file: str = ""
    """MAJORA_TOKENS_FILE, where it is to be set to this; blank leaves it as it is."""

    @property
    def secrets(self) -> tuple[Secret, ...]:
        return tuple(secret for secret in (self.client_secret, self.api_key) if secret)
