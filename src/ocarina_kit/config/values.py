"""Whether the value of a setting is good, and what is meant if it is not: `judge`, used by init, doctor, --fix and
every command. Lengths are those that Majora's server generates (FACTS.md): 40 characters for an id, 128 for a secret.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ocarina_kit.config.names import INTEGERS, PAIR
from ocarina_kit.system.words import CURLY_DOUBLE, CURLY_SINGLE, strip_ends

ID_LENGTH = 40
SECRET_LENGTH = 128
FILLER = "not-used-with-an-api-key"
"""For id and secret beside a legacy key: clients from 0.48 on want every setting non-blank (FACTS.md)."""
QUOTES = f"\"'`{CURLY_DOUBLE}{CURLY_SINGLE}"


class Fault(NamedTuple):
    """One thing that is wrong with a value: the check that reports it, and words that follow the setting's name.

    ``fixable``: it has one meaning, and `Value.text` has it fixed. ``warning``: it can be used as it is.
    The words never repeat any of the value, which may be a secret.
    """

    check: str
    words: str
    fixable: bool = False
    warning: bool = False


class Value(NamedTuple):
    """A setting's value as it is meant, and what is wrong with it as it was given."""

    text: str
    faults: tuple[Fault, ...] = ()

    @property
    def fault(self) -> Fault | None:
        """The first reason why ``text`` cannot be used."""
        return next(
            (fault for fault in self.faults if not (fault.fixable or fault.warning)),
            None,
        )

    @property
    def usable(self) -> bool:
        """Whether ``text`` can be used: it was good, or has one meaning."""
        return self.fault is None


def judge(name: str, value: object) -> Value:
    """Judge the value of one setting. Takes any value of JSON, never raises.

    Faults have the id of the check that reports them, CFG004 to CFG010 (CHECKS.md); "" for those that only init minds.
    """
    if name in INTEGERS:
        return _judge_integer(value)
    if not isinstance(value, str) or not strip_ends(value, QUOTES):
        words = (
            "is null"
            if value is None
            else "is blank"
            if isinstance(value, str)
            else "is not a string"
        )
        return Value(
            "", (Fault("CFG010" if name == "MAJORA_TOKENS_FILE" else "CFG004", words),)
        )
    if name == "MAJORA_DOMAIN":
        from ocarina_kit.config.url import judge_domain

        return judge_domain(value)
    if is_placeholder(name, value):
        return Value(value, (Fault("CFG005", "still has a placeholder"),))
    if name == "MAJORA_USER":
        return _judge_user(value)
    if name == "MAJORA_TOKEN":
        if is_api_key(value):
            return Value(
                tidied(value), (Fault("CFG008", "is a legacy API key", warning=True),)
            )
        slips = (
            [Fault("CFG008", "is another spelling of OAUTH", fixable=True)]
            if value != "OAUTH"
            else []
        )
        return Value("OAUTH", tuple(slips))
    if name in PAIR:
        return _judge_credential(name, value)
    # Python has the bytes of a name that are not UTF-8 as \udc80 to \udcff (PEP 383).
    is_bad = re.search("[\0\ud800-\udc7f\udd00-\udfff]", value)
    return Value(
        value,
        (Fault("CFG010", "has a character that no file name can have"),)
        if is_bad
        else (),
    )


# --- each setting -----------------------------------------------------------------------------------------------


def tidied(text: str) -> str:
    """An id, secret or key as it was generated: without white space and invisible characters anywhere, and quotes
    around it."""
    return "".join(char for char in text if char.isprintable() and char != " ").strip(
        QUOTES
    )


def _judge_user(text: str) -> Value:
    bare = strip_ends(text, QUOTES)
    faults = (
        [Fault("", "has spaces or quotes around it", fixable=True)]
        if bare != text
        else []
    )
    if not re.fullmatch(r"[\w.@+-]{1,150}", bare):  # Django's own rule
        faults.append(
            Fault("", "has characters that a user name cannot have, or more than 150")
        )
    return Value(bare, tuple(faults))


def _judge_credential(name: str, text: str) -> Value:
    bare, faults = tidied(text), list[Fault]()
    if bare != text:
        faults.append(
            Fault(
                "CFG009",
                "has white space, quotes or invisible characters in it",
                fixable=True,
            )
        )
    half = bare[: len(bare) // 2]
    if (
        len(half) in (ID_LENGTH, SECRET_LENGTH) and half * 2 == bare
    ):  # as happens if nothing is seen
        bare = half
        faults.append(Fault("CFG009", "was pasted twice", fixable=True))
    usual = ID_LENGTH if name == "CLIENT_ID" else SECRET_LENGTH
    if is_hash(bare):
        faults.append(Fault("CFG009", "is a hash of a secret, not the secret"))
    elif not bare.isascii():
        faults.append(Fault("CFG009", "has characters that Majora never generates"))
    elif len(bare) != usual:
        faults.append(
            Fault(
                "CFG009",
                f"has {len(bare)} characters ({usual} are usual)",
                warning=True,
            )
        )
    return Value(bare, tuple(faults))


def are_swapped(client_id: str, client_secret: str) -> bool:
    """Whether id and secret have each other's length, so that they were swapped."""
    return (len(tidied(client_id)), len(tidied(client_secret))) == (
        SECRET_LENGTH,
        ID_LENGTH,
    )


def is_hash(text: str) -> bool:
    """Whether a value is the hash of a secret, as Django stores it: newer servers show it after Save (FACTS.md)."""
    hashes = r"(?i)(?:pbkdf2|scrypt|bcrypt|argon2|md5|sha\d+)[\w-]*[$:]|pbkdf2_|\$[\w-]{1,16}\$"
    return re.match(hashes, text) is not None


def is_api_key(token: str) -> bool:
    """Whether MAJORA_TOKEN is a legacy key: neither OAUTH in any spelling, nor a placeholder, nor blank."""
    bare = tidied(token)
    spelling = re.fullmatch(r"[o0]auth(?:2|20)?", re.sub(r"[\W_]", "", bare).casefold())
    if not bare or spelling or is_placeholder("MAJORA_TOKEN", token):
        return False
    from difflib import get_close_matches

    return not get_close_matches(bare.lower(), ("oauth",), cutoff=0.8)


_ON = ("1", "1.0", "true", "t", "yes", "y", "on")
_OFF = ("", "0", "0.0", "false", "f", "no", "n", "off", "none", "null")


def _judge_integer(value: object) -> Value:
    """OCARINA_QUIET and OCARINA_NO_BANNER: the client reads them with Python's ``int``."""
    try:
        return Value(str(int(value)))  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        text = strip_ends(str(value), QUOTES).lower()
    meant = "1" if text in _ON else "0" if text in _OFF else ""
    return Value(meant, (Fault("CFG010", "is not an integer", fixable=bool(meant)),))


# --- placeholders ------------------------------------------------------------------------------------------------

# A value with one of these words says what belongs there; so does one that only has words of its setting's name.
_SAYING = frozenset(
    """your yours enter insert paste replace replaceme changeme change placeholder example sample dummy fixme redacted
    todo undefined here goes""".split()
)
_NAMING = {
    "MAJORA_USER": "my majora user name username you",
    **dict.fromkeys(
        PAIR,
        "the my oauth majora ocarina client app application id clientid secret clientsecret password",
    ),
    "MAJORA_TOKEN": "the my majora api token key apikey",
    "MAJORA_DOMAIN": "the majora domain host server",
}
_WRAPPED = r"<[^<>]*>|\{.*\}|\[.*\]|\(.*\)|%\w+%|\$\{?\w+\}?|@@?\w+@@?|__\w+__|\*{4}.*"
_FILLING = (
    r"[.…·*?#=+~_-]+|[xX][xX_-]+|0{3,}|12345\d*|abc123|foo|bar|none|null|nil|n/a|tb[ad]"
)
_DOMAIN = (
    r"(?:www\.)?example\.(?:org|com|net|edu)|(?:.*[._-])?your(?:s|[._-]).*|[.…*?_x-]+"
)


def is_placeholder(name: str, text: str) -> bool:
    """Whether a value was meant to be replaced: ``your-client-id``, ``<id>``, ``...``, ``CLIENT_ID``, ``${SECRET}``,
    ``https://example.org/``. The kind is told, not a list of examples; a random value is never one."""
    bare = tidied(text)
    if not bare or name not in _NAMING:
        return False
    if name == "MAJORA_DOMAIN":
        return _is_placeholder_domain(strip_ends(text, QUOTES))
    if name in PAIR and bare.isalnum() and len(bare) in (ID_LENGTH, SECRET_LENGTH):
        return False  # just as a server generates it
    if name == "MAJORA_USER" and re.search(
        r"<.*>|\{.*\}", bare
    ):  # no user name has these
        return True
    if bare == FILLER or (
        len(bare) < ID_LENGTH and re.fullmatch(_WRAPPED, bare, re.DOTALL)
    ):
        return True
    return re.fullmatch(_FILLING, bare.lower()) is not None or _says_what_belongs(
        name, text
    )


def _says_what_belongs(name: str, text: str) -> bool:
    words = {
        word.lower()
        for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", text)
    }
    if re.search(
        r"(?i)(?<![a-z])your(?:user|client|majora|api|token|id|secret|name|domain)",
        text,
    ):
        return True
    return bool(words) and (
        words <= set(_NAMING[name].split()) or not words.isdisjoint(_SAYING)
    )


def _is_placeholder_domain(text: str) -> bool:
    # What a person wrote between the scheme and the path: it need not be a URL yet.
    bare = re.sub(r"^[A-Za-z][A-Za-z0-9+.\-]*:/*", "", text.strip("<>{}[]\"' ")).strip(
        "/ "
    )
    host = re.split(r"[/?#:]", bare, maxsplit=1)[0].rstrip(".").lower()
    if (
        "@" in bare or not bare
    ):  # a user name or password, which may have any sign in it
        return False
    wrapped = re.search(r"[<>{}]|\$\w", bare) or re.fullmatch(r"<[^.:]*>", text)
    if wrapped or re.fullmatch(_DOMAIN, host or bare):
        return True
    return (
        "." not in host
        and host != "majora"
        and _says_what_belongs("MAJORA_DOMAIN", host)
    )
