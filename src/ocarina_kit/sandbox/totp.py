"""Time-based one-time passwords, as phones show them.

RFC 6238 over RFC 4226: six digits, steps of 30 s, SHA-1.
"""

from __future__ import annotations

import base64
import hmac
import secrets

STEP = 30


def new_secret() -> str:
    """Make a shared secret: 160 bits (RFC 4226, section 4, R6) in base 32."""
    return base64.b32encode(secrets.token_bytes(20)).decode("ascii")


def code_at(secret: str, when: float) -> str:
    """Return the code that is valid at `when` (epoch seconds)."""
    counter = int(when // STEP).to_bytes(8, "big")
    digest = hmac.digest(base64.b32decode(secret), counter, "sha1")
    offset = digest[-1] & 0x0F  # RFC 4226, section 5.3: dynamic truncation
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 1_000_000:06}"


def is_valid(secret: str, code: str, when: float) -> bool:
    """Return whether a code is valid at a time, or one step before or after.

    RFC 6238, section 5.2, allows that.
    """
    given = code.replace(" ", "").encode()
    steps = (when, when - STEP, when + STEP)
    return any(
        hmac.compare_digest(given, code_at(secret, step).encode()) for step in steps
    )
