"""What the client makes of a config: its layers, what is missing, and names that only look like a member's.

The layers were read from the client's own configuration library (ffurf, as ocarina 0.48 to 1.0.0 pins it) and held
against it: later ones win, **built-in < root < "default" < profile**, each member by itself. ``default`` so beats
the root, with and without a profile. A profile that does not exist is silently no layer at all. 0.36.1 knows the
root alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from ocarina_kit.core.config.credentials import token_kind
from ocarina_kit.core.config.document import Path
from ocarina_kit.core.text import strip_ends

BUILT_IN: Mapping[str, str | int] = {
    "MAJORA_DOMAIN": "https://example.org/",
    "MAJORA_TOKENS_FILE": "~/.ocarina-tokens",
    "OCARINA_NO_BANNER": 0,
    "OCARINA_QUIET": 0,
}
TEXTS = ("MAJORA_DOMAIN", "MAJORA_USER", "MAJORA_TOKEN", "MAJORA_TOKENS_FILE", "CLIENT_ID", "CLIENT_SECRET")
INTEGERS = ("OCARINA_NO_BANNER", "OCARINA_QUIET")
MEMBERS = TEXTS + INTEGERS
"""Every member that the client reads (FACTS.md, The client)."""


class Layer(str, Enum):
    """Where a member's value came from."""

    BUILT_IN = "built-in"
    ROOT = "root"
    DEFAULT = "default"
    PROFILE = "profile"
    ENVIRONMENT = "environment"


@dataclass(frozen=True)
class Setting:
    """A member as the client has it, and where that came from."""

    name: str
    value: object = field(repr=False)
    layer: Layer
    path: Path = ()
    """The way to it in the file, or the name of the variable; empty for what is built in."""

    @property
    def text(self) -> str:
        """The value where it is a string, else ""."""
        return self.value if isinstance(self.value, str) else ""

    @property
    def source(self) -> str:
        """Where it came from, in words."""
        words = {
            Layer.BUILT_IN: "built into the client",
            Layer.ROOT: "top level",
            Layer.DEFAULT: 'object "default"',
        }
        if self.layer is Layer.PROFILE:
            return f"profile {self.path[1]}"
        return words.get(self.layer) or f"variable {self.path[0]}"


def _layers(
    value: Mapping[str, object], profile: str | None
) -> Iterator[tuple[Layer, Path, Mapping[str, object]]]:
    """The file's layers, the weakest first; what is no object is none."""
    yield Layer.ROOT, (), value
    default = value.get("default")
    if isinstance(default, dict):
        yield Layer.DEFAULT, ("default",), default
    chosen = profile_object(value, profile) if profile is not None else None
    if chosen is not None and profile is not None:
        yield Layer.PROFILE, ("profile", profile), chosen


def profiles(value: Mapping[str, object]) -> tuple[str, ...]:
    """The names of the profiles that exist, in the file's order."""
    found = value.get("profile")
    return (
        tuple(name for name, inner in found.items() if isinstance(inner, dict))
        if isinstance(found, dict)
        else ()
    )


def profile_object(value: Mapping[str, object], profile: str) -> Mapping[str, object] | None:
    """The object of a profile, or None where there is none."""
    found = value.get("profile")
    inner = found.get(profile) if isinstance(found, dict) else None
    return inner if isinstance(inner, dict) else None


def effective(value: Mapping[str, object], profile: str | None = None) -> dict[str, Setting]:
    """Each member that has a value, as the client has it, and where it came from. Values stand as in the file."""
    settings = {name: Setting(name, built_in, Layer.BUILT_IN) for name, built_in in BUILT_IN.items()}
    for layer, path, mapping in _layers(value, profile):
        for name in MEMBERS:
            if name in mapping:
                settings[name] = Setting(name, mapping[name], layer, (*path, name))
    return {name: settings[name] for name in MEMBERS if name in settings}


def effective_environment(environ: Mapping[str, str]) -> dict[str, Setting]:
    """What the client takes from the environment with ``--env``: blank variables count as not set.

    The older names of id and secret count where CLIENT_ID is not set, and then MAJORA_CLIENT_SECRET goes before
    CLIENT_SECRET, as the client has it.
    """
    settings = {name: Setting(name, built_in, Layer.BUILT_IN) for name, built_in in BUILT_IN.items()}
    for name in MEMBERS:
        if environ.get(name):
            settings[name] = Setting(name, environ[name], Layer.ENVIRONMENT, (name,))
    if "CLIENT_ID" not in settings and "MAJORA_CLIENT_ID" in environ:
        for name in ("CLIENT_ID", "CLIENT_SECRET"):
            older = f"MAJORA_{name}"
            if older in environ:
                settings[name] = Setting(name, environ[older], Layer.ENVIRONMENT, (older,))
    return {name: settings[name] for name in MEMBERS if name in settings}


def where_to_set(value: Mapping[str, object], profile: str | None, name: str) -> Path:
    """The path at which a member must be set for the client to see it.

    Without a profile that is ``default`` where it holds the member (it beats the root), else the root.
    """
    if profile is not None:
        return ("profile", profile, name)
    default = value.get("default")
    return ("default", name) if isinstance(default, dict) and name in default else (name,)


# --- what is missing ----------------------------------------------------------------------------------------


class MemberFault(str, Enum):
    """What can be wrong with a required member (CFG004)."""

    MISSING = "missing"
    BLANK = "blank"
    NULL = "null"
    NOT_TEXT = "not-text"


@dataclass(frozen=True)
class FaultyMember:
    """A required member and what is wrong with it. ``path`` is empty where it is missing."""

    name: str
    fault: MemberFault
    path: Path = ()


def required_members(token: str) -> tuple[str, ...]:
    """What a set-up needs, by its MAJORA_TOKEN: id and secret only with OAUTH (in any spelling, or with no token
    yet, for that is the guided way).
    """
    base = ("MAJORA_DOMAIN", "MAJORA_USER", "MAJORA_TOKEN")
    return (
        (*base, "CLIENT_ID", "CLIENT_SECRET") if not strip_ends(token) or token_kind(token).is_oauth else base
    )


def faulty_members(settings: Mapping[str, Setting]) -> tuple[FaultyMember, ...]:
    """The required members that are missing, blank, null or no string, of what :func:`effective` gave."""
    token = settings.get("MAJORA_TOKEN")
    found = []
    for name in required_members(token.text if token else ""):
        fault = _fault(settings.get(name))
        if fault is not None:
            found.append(
                FaultyMember(name, fault, settings[name].path if fault is not MemberFault.MISSING else ())
            )
    return tuple(found)


def _fault(setting: Setting | None) -> MemberFault | None:
    if setting is None or setting.layer is Layer.BUILT_IN:
        return MemberFault.MISSING
    if setting.value is None:
        return MemberFault.NULL
    if not isinstance(setting.value, str):
        return MemberFault.NOT_TEXT
    return None if strip_ends(setting.value) else MemberFault.BLANK


def fillers_wanted(settings: Mapping[str, Setting]) -> tuple[str, ...]:
    """With a legacy key: which of CLIENT_ID and CLIENT_SECRET clients from 0.48 on refuse for being blank."""
    return tuple(
        name for name in ("CLIENT_ID", "CLIENT_SECRET") if name not in settings or not settings[name].text
    )


# --- what makes the client fail as it reads -----------------------------------------------------------------


class ReadingFault(str, Enum):
    """What makes the client die with a traceback while it reads its config."""

    NULL = "null"
    """A member is null: also one that a stronger layer overrides."""
    NOT_INTEGER = "not-integer"
    NOT_OBJECT = "not-object"
    """``default``, ``profile`` or the profile asked for is no object."""
    NO_PROFILE = "no-profile"
    """The profile asked for does not exist. The client goes on without it, silently."""


def reading_faults(
    value: Mapping[str, object], profile: str | None = None
) -> tuple[tuple[ReadingFault, Path], ...]:
    """Everything in the layers that are read that makes the client fail, or read something else than was meant."""
    found: list[tuple[ReadingFault, Path]] = []
    for _, path, mapping in _layers(value, profile):
        for name in MEMBERS:
            if name in mapping and mapping[name] is None:
                found.append((ReadingFault.NULL, (*path, name)))
            elif name in INTEGERS and name in mapping and client_integer(mapping[name]) is None:
                found.append((ReadingFault.NOT_INTEGER, (*path, name)))
    if not isinstance(value.get("default", {}), dict):
        found.append((ReadingFault.NOT_OBJECT, ("default",)))
    if profile is not None and profile_object(value, profile) is None:
        table = value.get("profile", {})
        if not isinstance(table, dict):
            found.append((ReadingFault.NOT_OBJECT, ("profile",)))
        else:
            fault = ReadingFault.NOT_OBJECT if profile in table else ReadingFault.NO_PROFILE
            found.append((fault, ("profile", profile)))
    return tuple(found)


def client_integer(value: object) -> int | None:
    """The integer that the client makes of OCARINA_QUIET or OCARINA_NO_BANNER (Python's ``int``), or None."""
    if not isinstance(value, (str, int, float)):
        return None
    try:
        return int(value)
    except (ValueError, OverflowError):
        return None


_YES = frozenset({"true", "yes", "on", "y", "t", "1"})
_NO = frozenset({"false", "no", "off", "n", "f", "0", "", "none", "null"})


def meant_integer(value: object) -> int | None:
    """The integer that was meant where the client makes none of it (CFG010's fix), or None where that is unclear."""
    if value is None:
        return 0
    if not isinstance(value, str):
        return client_integer(value)
    word = strip_ends(value, frozenset("\"'")).lower()
    if word in _YES or word in _NO:
        return int(word in _YES)
    number = re.fullmatch(r"([+-]?[0-9]{1,9})(?:\.0*)?", word)
    return int(number[1]) if number else None


# --- near misses --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NearMiss:
    """A name that the client ignores, and the member that was meant. ``certain``: it has one meaning."""

    path: Path
    meant: str
    certain: bool

    @property
    def written(self) -> str:
        return self.path[-1]


_ALIASES: Mapping[str, tuple[str, bool]] = {
    # the name without case and signs: what is meant, and whether nothing else can be
    "majoraclientid": ("CLIENT_ID", True),
    "majoraclientsecret": ("CLIENT_SECRET", True),
    "oauthclientid": ("CLIENT_ID", True),
    "oauthclientsecret": ("CLIENT_SECRET", True),
    "ocarinaclientid": ("CLIENT_ID", True),
    "ocarinaclientsecret": ("CLIENT_SECRET", True),
    "majorausername": ("MAJORA_USER", True),
    "majoraurl": ("MAJORA_DOMAIN", True),
    "majorahost": ("MAJORA_DOMAIN", False),
    "domain": ("MAJORA_DOMAIN", False),
    "url": ("MAJORA_DOMAIN", False),
    "user": ("MAJORA_USER", False),
    "username": ("MAJORA_USER", False),
    "token": ("MAJORA_TOKEN", False),
    "id": ("CLIENT_ID", False),
    "secret": ("CLIENT_SECRET", False),
    "majoratokenfile": ("MAJORA_TOKENS_FILE", True),
    "tokensfile": ("MAJORA_TOKENS_FILE", False),
    "ocarinanobanner": ("OCARINA_NO_BANNER", True),
}


def near_misses(mapping: Mapping[str, object], path: Path = ()) -> tuple[NearMiss, ...]:
    """Names in one object that are meant as a member that it lacks (or has blank): other case, other signs, a slip.

    ``path``: the way to the object. Two names for one member are each uncertain.
    """
    found = []
    for name, value in mapping.items():
        if name in MEMBERS or isinstance(value, (dict, list)):
            continue
        meant, certain = _meant(name)
        if meant and not _filled(mapping.get(meant)):
            # A name can only be given to a member that is not there; a blank one must be set by hand.
            found.append(NearMiss((*path, name), meant, certain and meant not in mapping))
    counts = [miss.meant for miss in found]
    return tuple(
        NearMiss(miss.path, miss.meant, miss.certain and counts.count(miss.meant) == 1) for miss in found
    )


def _filled(value: object) -> bool:
    return value is not None and not (isinstance(value, str) and not strip_ends(value))


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


_PLAIN_MEMBERS = {_plain(name): name for name in MEMBERS}


def _meant(name: str) -> tuple[str, bool]:
    plain = _plain(name)[:64]
    if plain in _PLAIN_MEMBERS:
        return _PLAIN_MEMBERS[plain], True
    if plain in _ALIASES:
        return _ALIASES[plain]
    if len(plain) < 6:
        return "", False
    slips = sorted((_distance(plain, member), name) for member, name in _PLAIN_MEMBERS.items())
    nearest, meant = slips[0]
    # One slip is certain where no other member is as near; two slips are only a guess.
    return (meant, nearest == 1) if nearest <= 2 and slips[1][0] > nearest else ("", False)


def _distance(a: str, b: str) -> int:
    """Letters put in, left out, changed or swapped with their neighbour (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        two, before, row = before, row, [i]
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, two[j - 2] + 1)
            row.append(cost)
    return row[-1]
