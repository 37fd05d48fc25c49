"""Time-based one-time passwords: RFC 6238 over RFC 4226, six digits, steps of 30 s, SHA-1, as phones show them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import struct
from urllib.parse import quote

STEP = 30
DIGITS = 6


def new_secret() -> str:
    """A fresh shared secret: 160 bits (RFC 4226, section 4, R6) in base 32, as authenticator apps take it."""
    return base64.b32encode(secrets.token_bytes(20)).decode("ascii")


def code_at(secret: str, when: float) -> str:
    """The code that is valid at ``when`` (epoch seconds)."""
    return _hotp(secret, int(when // STEP))


def is_valid(secret: str, code: str, when: float) -> bool:
    """Whether ``code`` is right at ``when``, or was one step before or after (RFC 6238, section 5.2)."""
    step = int(when // STEP)
    given = code.replace(" ", "").encode()
    return any(hmac.compare_digest(given, _hotp(secret, step + drift).encode()) for drift in (0, -1, 1))


def setup_uri(secret: str, user: str) -> str:
    """What an authenticator app reads from a QR code: an ``otpauth:`` URI."""
    return (
        f"otpauth://totp/{quote(f'Sandbox Majora:{user}')}?secret={secret}&issuer={quote('Sandbox Majora')}"
    )


def _hotp(secret: str, counter: int) -> str:
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", counter), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F  # RFC 4226, section 5.3: dynamic truncation
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFF_FFFF
    return str(number % 10**DIGITS).zfill(DIGITS)
