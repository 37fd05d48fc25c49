"""What people put for user, client id, client secret and token: tidied, and judged before any server is asked.

Lengths are those that Majora's server generates: 40 characters for an id, 128 for a secret (FACTS.md). No text
here ever repeats a value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum

from ocarina_kit.core.config.domain import instance_of
from ocarina_kit.core.text import CURLY_QUOTES, INVISIBLE, is_control, strip_ends

ID_LENGTH = 40
SECRET_LENGTH = 128
FILLER = "not-used-with-an-api-key"
"""What the kit puts for id and secret beside a legacy key: clients from 0.48 on want every member non-blank."""

_QUOTES = frozenset("\"'`") | CURLY_QUOTES


@dataclass(frozen=True)
class Tidied:
    """A credential as it was meant, and what was taken away (in words)."""

    text: str = field(repr=False)
    changes: tuple[str, ...] = ()


def tidy_credential(text: str) -> Tidied:
    """Takes away what no generated id, secret or key has: white space and line breaks anywhere, invisible and
    control characters, quotes around it (straight or curly, nested, in any mix). Takes any string; idempotent.
    """
    changes: list[str] = []
    kept = "".join(char for char in text if not char.isspace())
    if kept != text:
        inside = any(char.isspace() for char in text.strip())
        broken = inside and any(char in "\r\n\x0b\x0c\x85\u2028\u2029" for char in text.strip())
        changes.append(
            "took away the line breaks in it"
            if broken
            else "took away the white space in it"
            if inside
            else "took away the white space around it"
        )
    plain = "".join(char for char in kept if char not in INVISIBLE and not is_control(char))
    if plain != kept:
        changes.append("took away invisible characters")
    bare = plain.strip("".join(_QUOTES))
    if bare != plain:
        changes.append("took away the quotes around it")
    return Tidied(bare, tuple(changes))


class Member(str, Enum):
    """The members of the config that a person fills in."""

    DOMAIN = "MAJORA_DOMAIN"
    USER = "MAJORA_USER"
    TOKEN = "MAJORA_TOKEN"  # noqa: S105  # the name of a member, no secret
    ID = "CLIENT_ID"
    SECRET = "CLIENT_SECRET"  # noqa: S105  # the name of a member, no secret


class Fault(str, Enum):
    """What can be wrong with a client id or a client secret."""

    BLANK = "blank"
    PLACEHOLDER = "placeholder"
    HASH = "hash"
    WHITE_SPACE = "white-space"
    QUOTES = "quotes"
    NOT_ASCII = "not-ascii"
    UNUSUAL_LENGTH = "unusual-length"

    @property
    def mendable(self) -> bool:
        """Whether :func:`tidy_credential` mends it."""
        return self in {Fault.WHITE_SPACE, Fault.QUOTES}

    @property
    def warning_only(self) -> bool:
        """Whether it is only unusual: CFG009 warns of it."""
        return self is Fault.UNUSUAL_LENGTH


def credential_faults(text: str, member: Member) -> tuple[Fault, ...]:
    """What is wrong with a client id or secret as it stands in the file, worst first."""
    tidied = tidy_credential(text).text
    if not tidied:
        return (Fault.BLANK,)
    if is_placeholder(text, member):
        return (Fault.PLACEHOLDER,)
    faults = []
    if is_hash(tidied):
        faults.append(Fault.HASH)
    spaced = "".join(char for char in text if not (char.isspace() or char in INVISIBLE or is_control(char)))
    if spaced != text:
        faults.append(Fault.WHITE_SPACE)
    if tidied != spaced:
        faults.append(Fault.QUOTES)
    if not tidied.isascii():
        faults.append(Fault.NOT_ASCII)
    usual = ID_LENGTH if member is Member.ID else SECRET_LENGTH
    if len(tidied) != usual and Fault.HASH not in faults:
        faults.append(Fault.UNUSUAL_LENGTH)
    return tuple(faults)


_HASH = re.compile(
    r"(?:(?:pbkdf2|scrypt|bcrypt|argon2|unsalted|md5|sha1|sha224|sha256|sha384|sha512|crypt)[a-z0-9_]*\$"  # Django
    r"|pbkdf2_"
    r"|\$(?:2[abxy]?|1|5|6|7|y|gy|argon2(?:id|i|d)|scrypt|pbkdf2[a-z0-9-]*|apr1|md5|sha1)\$"  # crypt(5)
    r"|\{(?:S?SHA\d*|S?MD5|CRYPT|PBKDF2[^}]*)\}).*",  # LDAP
    re.IGNORECASE | re.DOTALL,
)


def is_hash(text: str) -> bool:
    """Whether a value is a hash of a secret, not the secret: newer servers show it after Save (FACTS.md)."""
    return _HASH.fullmatch(tidy_credential(text).text) is not None


class Swapped(str, Enum):
    """Whether id and secret stand in each other's place, as far as their lengths tell."""

    NO = "no"
    POSSIBLY = "possibly"
    DEFINITELY = "definitely"


def swapped(client_id: str, client_secret: str) -> Swapped:
    """Tells id and secret apart by their lengths, 40 and 128, once they are tidied.

    ``DEFINITELY``: both have the other's length. ``POSSIBLY``: one has the other's length, or a hash stands for
    the id, or the id is the longer one by far; the server can tell.
    """
    a, b = tidy_credential(client_id).text, tidy_credential(client_secret).text
    if not a or not b:
        return Swapped.NO
    if (len(a), len(b)) == (SECRET_LENGTH, ID_LENGTH):
        return Swapped.DEFINITELY
    if len(a) == ID_LENGTH or len(b) == SECRET_LENGTH:
        return Swapped.NO
    if len(a) == SECRET_LENGTH or len(b) == ID_LENGTH or is_hash(a) or len(a) >= 2 * len(b):
        return Swapped.POSSIBLY
    return Swapped.NO


# --- placeholders -------------------------------------------------------------------------------------------


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# A value all of whose words are of these says what belongs there, and is not it. Strong ones suffice alone.
_STRONG = _words(
    """your yours youre placeholder placeholders changeme change replaceme replace fixme todo tbd tba fillme fill
    insert paste enter put xxx xxxx example sample dummy foo bar foobar foobaz undefined null none nil na unset missing
    username clientid clientsecret yourusername yourclientid yourclientsecret yourtoken yourname yourid yoursecret
    yourdomain yourkey yourapikey apikey password passwd redacted removed hidden secretkey goes"""
)
_WEAK = _words(
    """a an the my me it this that here there with by in into from of for to and or new real actual own as is client
    id ids identifier secret secrets token tokens key keys api oauth oauth2 app application applications page majora
    ocarina user name login account domain host server site url uri base value string text please must be
    majorauser majoratoken majoradomain"""
)
# For these members the weak words too say what belongs there: CLIENT_ID, "client-secret", "api key".
_NAMES_ITSELF: dict[Member, tuple[frozenset[str], ...]] = {
    Member.USER: (frozenset({"majora", "user"}), frozenset({"user", "name"}), frozenset({"majorauser"})),
    Member.ID: (
        frozenset({"client", "id"}),
        frozenset({"id"}),
        frozenset({"client"}),
        frozenset({"app", "id"}),
    ),
    Member.SECRET: (frozenset({"client", "secret"}), frozenset({"secret"}), frozenset({"client"})),
    Member.TOKEN: (
        frozenset({"token"}),
        frozenset({"key"}),
        frozenset({"majora", "token"}),
        frozenset({"api", "key"}),
    ),
    Member.DOMAIN: (
        frozenset({"domain"}),
        frozenset({"host"}),
        frozenset({"server"}),
        frozenset({"majora", "domain"}),
    ),
}
_WRAPPED = re.compile(
    r"<[^<>]*>|\{.*\}|\[.*\]|\(.*\)|%[^%\s]+%|\$\{?\w+\}?|@@?\w+@@?|__\w+__",
    re.DOTALL,
)
_FILLING = re.compile(
    r"(?:[.…·*?#=+~_-]+|x{2,}|X{2,}|0{3,}|1?2?34567890?|12345\d*|abc(?:def(?:ghi)?|123(?:456)?)?)"
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_EXAMPLE_HOSTS = re.compile(r"(?:www\.)?example\.(?:org|com|net|edu)", re.IGNORECASE)


def is_placeholder(text: str, member: Member) -> bool:
    """Whether a value is a stand-in that someone was meant to replace: ``your-client-id``, ``<id>``, ``...``,
    ``changeme``, ``CLIENT_ID``, ``${SECRET}``, ``https://example.org/``. The kind is told, not a list of examples.
    A blank is none, and a value of random characters never is one.
    """
    tidied = tidy_credential(text).text
    # tidy_credential closes words up ("paste it here"), so the words are read from the text as it stands.
    words_of = strip_ends(text, _QUOTES)
    if not tidied:
        return False
    if member is Member.DOMAIN:
        return _is_placeholder_domain(words_of)
    if member in {Member.ID, Member.SECRET} and tidied == FILLER:
        return True
    if tidied.isalnum() and len(tidied) == {Member.ID: ID_LENGTH, Member.SECRET: SECRET_LENGTH}.get(member):
        return False  # just as a server generates it
    if _WRAPPED.fullmatch(tidied) and len(tidied) < ID_LENGTH:
        return True
    return _FILLING.fullmatch(tidied) is not None or _says_what_belongs(words_of, member)


def _says_what_belongs(text: str, member: Member) -> bool:
    words = [word.lower() for word in _WORD.findall(text)]
    if not words or len("".join(words)) < 2:
        return False
    joined = "".join(words)
    if joined in _STRONG or frozenset(words) in _NAMES_ITSELF[member]:
        return True
    known = [word in _STRONG or word in _WEAK or set(word) == {"x"} for word in words]
    strong = any(word in _STRONG or (set(word) == {"x"} and len(word) > 2) for word in words)
    return all(known) and strong


def _is_placeholder_domain(text: str) -> bool:
    # What stands between the scheme and the path, as a person wrote it: it need not be a URL yet.
    bare = re.sub(r"^[A-Za-z][A-Za-z0-9+.\-]*:/*", "", text.strip().strip("<>{}[]\"' ")).strip("/ ")
    host = re.split(r"[/?#:]", bare, maxsplit=1)[0].rstrip(".")
    if _EXAMPLE_HOSTS.fullmatch(host):
        return True
    if not bare:
        return bool(text.strip().strip("\"'")) and not text.strip().lower().startswith("http")
    if re.search(r"[<>{}]|\$\w", bare) or re.fullmatch(r"[.…*?_x-]+", bare, re.IGNORECASE):
        return True
    if re.search(r"(?:^|[._-])your(?:s|[._-]|$)", host, re.IGNORECASE):
        return True
    return "." not in host and host.lower() != "localhost" and _says_what_belongs(host, Member.DOMAIN)


# --- user and instance --------------------------------------------------------------------------------------


class UserFault(str, Enum):
    """What can be wrong with MAJORA_USER."""

    BLANK = "blank"
    PLACEHOLDER = "placeholder"
    WHITE_SPACE = "white-space"
    QUOTES = "quotes"
    EMAIL = "email"
    BAD_CHARACTERS = "bad-characters"
    TOO_LONG = "too-long"


_USERNAME = re.compile(r"[\w.@+-]+")  # Django's own rule for a username
USERNAME_LENGTH = 150


def user_faults(text: str) -> tuple[UserFault, ...]:
    """What is wrong with a user name as it stands. An e-mail address is only unusual: Django allows the ``@``."""
    tidied = tidy_user(text).text
    if not tidied:
        return (UserFault.BLANK,)
    if is_placeholder(text, Member.USER):
        return (UserFault.PLACEHOLDER,)
    faults = []
    if text.strip() != text or any(char in INVISIBLE for char in text):
        faults.append(UserFault.WHITE_SPACE)
    elif tidied != text:
        faults.append(UserFault.QUOTES)
    if not _USERNAME.fullmatch(tidied):
        faults.append(UserFault.BAD_CHARACTERS)
    elif re.fullmatch(r"[^@]+@[^@]+\.[^@]+", tidied):
        faults.append(UserFault.EMAIL)
    if len(tidied) > USERNAME_LENGTH:
        faults.append(UserFault.TOO_LONG)
    return tuple(faults)


def tidy_user(text: str) -> Tidied:
    """Takes white space, invisible characters and quotes off the ends; what stands inside is kept."""
    bare = strip_ends(text, _QUOTES)
    return Tidied(bare, () if bare == text else ("took away what stood around it",))


def user_instance_mismatch(user: str, domain: str) -> str | None:
    """Why user and instance disagree (CFG014), or None. On the test instance user names start with ``test-``."""
    instance = instance_of(domain)
    is_test_user = tidy_user(user).text.lower().startswith("test-")
    if instance == "prod" and is_test_user:
        return "a test- user belongs to the test instance, and MAJORA_DOMAIN is production"
    if instance == "test" and not is_test_user:
        return "user names on the test instance start with test-, and this one does not"
    return None


# --- MAJORA_TOKEN -------------------------------------------------------------------------------------------


class TokenKind(str, Enum):
    """What stands in MAJORA_TOKEN."""

    BLANK = "blank"
    OAUTH = "oauth"
    OTHER_SPELLING = "other-spelling"
    """Meant as ``OAUTH``, but written in another way; ``OAUTH`` is the one meaning."""
    PLACEHOLDER = "placeholder"
    LEGACY_KEY = "legacy-key"
    UNUSUAL_KEY = "unusual-key"
    """Taken as a legacy key, but not of the shape that Majora gives out."""

    @property
    def is_oauth(self) -> bool:
        return self in {TokenKind.OAUTH, TokenKind.OTHER_SPELLING}


_LEGACY_KEY = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def token_kind(text: str) -> TokenKind:
    """Tells ``OAUTH``, its other spellings (white space, quotes, case, ``O-Auth``, ``OAuth2``) and legacy keys
    apart. A legacy key is a UUID (Majora's ProfileAPIKey).
    """
    if text == "OAUTH":
        return TokenKind.OAUTH
    tidied = tidy_credential(text).text
    if not tidied:
        return TokenKind.BLANK
    letters = re.sub(r"[\W_]", "", tidied).casefold()
    if re.fullmatch(r"[o0]auth(?:2|20)?", letters):
        return TokenKind.OTHER_SPELLING
    if is_placeholder(text, Member.TOKEN):
        return TokenKind.PLACEHOLDER
    return TokenKind.LEGACY_KEY if _LEGACY_KEY.fullmatch(tidied) else TokenKind.UNUSUAL_KEY
