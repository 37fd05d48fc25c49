"""PKCE and the authorize link."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from ocarina_kit.core.oauth.grant import authorization_url, new_pkce, new_state, pkce_for


def test_the_example_of_rfc_7636() -> None:
    # RFC 7636, appendix B.
    pair = pkce_for("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert pair.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert "dBjf" not in repr(pair)


@pytest.mark.parametrize("verifier", ["", "a" * 42, "a" * 129, "a" * 42 + "+", "a" * 42 + "\n", "é" * 43])
def test_what_is_no_verifier(verifier: str) -> None:
    with pytest.raises(ValueError, match="43 to 128"):
        pkce_for(verifier)


def test_randomness_is_handed_in() -> None:
    asked: list[int] = []

    def random(count: int) -> str:
        asked.append(count)
        return "r" * ((count * 4 + 2) // 3)

    assert len(new_pkce(random).verifier) == 86
    assert len(new_state(random)) == 43
    assert asked == [64, 32]


def test_the_link() -> None:
    link = authorization_url("https://majora.test/", "id", "majora2.a majora2.b", "s-t", "ch_al")
    parts = urlsplit(link)
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "majora.test", "/o/authorize/")
    assert parse_qs(parts.query) == {
        "response_type": ["code"],
        "client_id": ["id"],
        "redirect_uri": ["https://majora.test/o/callback/"],
        "scope": ["majora2.a majora2.b"],
        "state": ["s-t"],
        "code_challenge": ["ch_al"],
        "code_challenge_method": ["S256"],
        "approval_prompt": ["auto"],
    }
    assert not set(link) & set(" \"'<>\n")
