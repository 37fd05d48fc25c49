"""What can be wrong with MAJORA_DOMAIN, as one table: mended, kept with a warning, or refused (CONTRACT.md, init)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class DomainFault(str, Enum):
    """What can be wrong with a base URL."""

    SLASH_MISSING = "slash-missing"
    SLASHES_SEVERAL = "slashes-several"
    SPACE_AROUND = "space-around"
    QUOTES_AROUND = "quotes-around"
    BRACKETS_AROUND = "brackets-around"
    SCHEME_CASE = "scheme-case"
    HOST_CASE = "host-case"
    HOST_DOT = "host-dot"
    IPV6_LONG = "ipv6-long"
    DEFAULT_PORT = "default-port"
    FRAGMENT = "fragment"
    QUERY = "query"
    DOT_SEGMENTS = "dot-segments"
    SLASHES_INSIDE = "slashes-inside"
    PAGE = "page"
    OTHER_PATH = "other-path"
    BLANK = "blank"
    SPACE_INSIDE = "space-inside"
    CONTROL_INSIDE = "control-inside"
    BACKSLASH = "backslash"
    NO_SCHEME = "no-scheme"
    TWO_SCHEMES = "two-schemes"
    OTHER_SCHEME = "other-scheme"
    PLAIN_HTTP = "plain-http"
    USER_INFO = "user-info"
    NO_HOST = "no-host"
    HOST_NOT_ASCII = "host-not-ascii"
    BAD_HOST = "bad-host"
    ODD_ADDRESS = "odd-address"
    BAD_IPV6 = "bad-ipv6"
    BAD_PORT = "bad-port"
    BAD_PATH = "bad-path"


@dataclass(frozen=True)
class Rule:
    """One row of the table: the fault in words, and what its mend does. Without a mend the URL is refused."""

    fault: DomainFault
    words: str
    change: str = ""
    warning_only: bool = False

    @property
    def mendable(self) -> bool:
        """Whether the fault has one meaning, so that it can be mended without asking."""
        return bool(self.change)


F = DomainFault
_TABLE = (
    # Mended: these have one meaning. In the order in which they are said.
    Rule(F.SPACE_AROUND, "there is white space around it", "took away the white space around it"),
    Rule(F.QUOTES_AROUND, "there are quotes around it", "took away the quotes around it"),
    Rule(F.BRACKETS_AROUND, "there are < > around it", "took away the < > around it"),
    Rule(F.SCHEME_CASE, "the scheme is in capitals", "wrote the scheme in lower case"),
    Rule(F.HOST_CASE, "the host has capitals", "wrote the host in lower case"),
    Rule(F.HOST_DOT, "the host ends in a dot", "took away the dot at the end of the host"),
    Rule(
        F.IPV6_LONG, "the IPv6 address is not in its short form", "wrote the IPv6 address in its short form"
    ),
    Rule(F.DEFAULT_PORT, "it names the scheme's own port", "took away the port, which is the scheme's own"),
    Rule(F.FRAGMENT, "it has a fragment (# and what follows)", "cut the fragment (# and what follows)"),
    Rule(F.QUERY, "it has a query (? and what follows)", "cut the query (? and what follows)"),
    Rule(F.DOT_SEGMENTS, "the path has . or .. in it", "resolved the . and .. in the path"),
    Rule(
        F.SLASHES_INSIDE,
        "the path has several slashes in a row",
        "folded several slashes in the path into one",
    ),
    Rule(F.PAGE, "it is the address of one of Majora's pages", "cut the path of one of Majora's own pages"),
    Rule(F.SLASH_MISSING, "it does not end in /", "added the last /"),
    Rule(F.SLASHES_SEVERAL, "it ends in several slashes", "folded several slashes at the end into one"),
    # Kept, with a warning.
    Rule(
        F.OTHER_PATH,
        "it has a path that is none of Majora's own pages",
        "kept the path",
        warning_only=True,
    ),
    # Refused: no meaning, or more than one.
    Rule(F.BLANK, "it is blank"),
    Rule(F.CONTROL_INSIDE, "there are control or invisible characters in it"),
    Rule(F.SPACE_INSIDE, "there is white space in it"),
    Rule(F.BACKSLASH, "there is a backslash in it"),
    Rule(F.NO_SCHEME, "it does not start with https://"),
    Rule(F.TWO_SCHEMES, "it has two schemes, one after the other"),
    Rule(F.OTHER_SCHEME, "its scheme is not https"),
    Rule(
        F.PLAIN_HTTP,
        "plain http would send your secrets unencrypted; it is for this machine (loopback) alone",
    ),
    Rule(F.USER_INFO, "there is a user name or password (an @) before the host"),
    Rule(F.NO_HOST, "it has no host"),
    Rule(F.HOST_NOT_ASCII, "the host has characters outside ASCII (a look-alike letter, or a long dash?)"),
    Rule(F.BAD_HOST, "the host is not a host name"),
    Rule(F.ODD_ADDRESS, "the host is a number that programs read in different ways"),
    Rule(F.BAD_IPV6, "the host is not a plain IPv6 address in square brackets"),
    Rule(F.BAD_PORT, "the port is not a number from 1 to 65535"),
    Rule(F.BAD_PATH, "the path has characters that a URL cannot have"),
)
RULES: dict[DomainFault, Rule] = {rule.fault: rule for rule in _TABLE}
ORDER = {rule.fault: place for place, rule in enumerate(_TABLE)}
"""Where each fault stands in the table: mends are said in this order."""
