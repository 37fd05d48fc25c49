from __future__ import annotations

import base64

import pytest

from ocarina_kit.sandbox import totp

SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("when", "code"),
    # RFC 6238, appendix B, SHA-1; the last six of its eight digits.
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_the_vectors_of_the_rfc(when: int, code: str) -> None:
    assert totp.code_at(SECRET, when) == code


@pytest.mark.parametrize(
    ("off", "taken"), [(-60, False), (-30, True), (0, True), (29, True), (30, True), (60, False)]
)
def test_a_code_is_taken_one_step_early_or_late(off: int, taken: bool) -> None:
    now = 1_111_111_110  # the start of a step
    assert totp.is_valid(SECRET, totp.code_at(SECRET, now + off), now) is taken


def test_blanks_that_phones_show_do_not_matter() -> None:
    assert totp.is_valid(SECRET, "287 082", 59)


@pytest.mark.parametrize("code", ["", "28708", "2870822", "abcdef", "２８７０８２"])
def test_anything_else_is_refused(code: str) -> None:
    assert not totp.is_valid(SECRET, code, 59)


def test_secrets_are_fresh_and_of_160_bits() -> None:
    first, second = totp.new_secret(), totp.new_secret()
    assert first != second
    assert len(base64.b32decode(first)) == 20


def test_the_uri_for_an_app_is_quoted() -> None:
    assert totp.setup_uri(SECRET, "al ice") == (
        f"otpauth://totp/Sandbox%20Majora%3Aal%20ice?secret={SECRET}&issuer=Sandbox%20Majora"
    )
