"""The settings that the client reads (FACTS.md, The client), and what a misspelt name is meant to be."""

from __future__ import annotations

import re

TOKEN_LIFE_S = 36_000.0
"""Seconds that Majora's access tokens are valid (FACTS.md)."""
PAIR = ("CLIENT_ID", "CLIENT_SECRET")
TEXTS = ("MAJORA_DOMAIN", "MAJORA_USER", "MAJORA_TOKEN", *PAIR, "MAJORA_TOKENS_FILE")
"""In the order in which the guide writes them (FACTS.md, step 3)."""
CA_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""The variables from which requests, and so the client, takes a CA bundle, the first that is set."""
INTEGERS = ("OCARINA_NO_BANNER", "OCARINA_QUIET")
SETTINGS = TEXTS + INTEGERS
_PLAIN = {name.replace("_", "").lower(): name for name in SETTINGS}
_OTHER_NAMES = {
    **dict.fromkeys(("domain", "domainurl", "url", "host", "server"), "MAJORA_DOMAIN"),
    **dict.fromkeys(("user", "username"), "MAJORA_USER"),
    "clientid": "CLIENT_ID",
    "clientsecret": "CLIENT_SECRET",
    "tokens": "",
}
"""What other programs call them, behind ``MAJORA_`` or ``OAUTH_``; "" if it can be one or another."""


def meant(name: str) -> str:
    """The setting that a name can only be a slip for; "" if it is a name of its own.

    Told by case and signs, by other programs' names (MAJORA_CLIENT_ID, MAJORA_URL), and by slips of a letter or two.
    """
    from difflib import get_close_matches

    plain = re.sub(r"[\W_]", "", name[:100]).lower()
    bare = re.sub(r"^(majora|oauth|ocarina)+", "", plain)
    if bare != plain and plain not in _PLAIN and bare in _OTHER_NAMES:
        return _OTHER_NAMES[bare]
    near = get_close_matches(plain, _PLAIN, n=1, cutoff=0.87)
    # Not MAJORA_DOMAIN_OLD, which is kept for later.
    return _PLAIN[near[0]] if near and abs(len(near[0]) - len(plain)) <= 2 else ""
