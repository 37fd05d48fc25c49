"""What the server's word means for init: each case has its own words."""

from __future__ import annotations

import pytest

from ocarina_kit.core.config.init_server import client_verdict, identity_verdict, key_verdict
from ocarina_kit.core.oauth.network import NetFailure, NetKind
from ocarina_kit.core.oauth.server_words import ClientProbe, Identity, TokenProbe

URL = "https://majora.example.ac.uk/"


def net(kind: NetKind) -> NetFailure:
    return NetFailure(kind, f"detail of {kind}")


CASES = [
    # probe, the word, the check that finds the same
    (ClientProbe("known", "invalid_grant"), "accepts", ""),
    (ClientProbe("other-grant", "unauthorized_client"), "accepts", "CRD001"),
    (ClientProbe("unknown", "invalid_client"), "refuses", "CRD001"),
    (ClientProbe("not-majora", "it answered a page"), "unknown", "SRV004"),
    (ClientProbe("unusable", "it answered 503"), "unknown", "SRV004"),
    (ClientProbe("unusable", "x", net("dns-none")), "unknown", "SRV001"),
    (ClientProbe("unusable", "x", net("dns-silent")), "unknown", "SRV001"),
    (ClientProbe("unusable", "x", net("refused")), "unknown", "SRV002"),
    (ClientProbe("unusable", "x", net("timeout")), "unknown", "SRV002"),
    (ClientProbe("unusable", "x", net("tls-unknown-issuer")), "unknown", "SRV003"),
    (ClientProbe("unusable", "x", net("tls-expired")), "unknown", "SRV003"),
]


@pytest.mark.parametrize(("probe", "word", "id"), CASES)
def test_each_answer_about_a_client(probe: ClientProbe, word: str, id: str) -> None:
    verdict = client_verdict(probe, URL)
    assert (verdict.word, verdict.id) == (word, id)
    assert "majora.example.ac.uk" in verdict.words or probe.net is not None  # its detail names the host


def test_no_two_of_them_say_the_same() -> None:
    words = [client_verdict(probe, URL).words for probe, _, _ in CASES]
    assert (
        len({text.replace("x", "") for text in words}) >= len(words) - 2
    )  # time-out and refusal, two of TLS


@pytest.mark.parametrize(
    ("probe", "word", "id"),
    [
        (TokenProbe("alive", "ok"), "accepts", ""),
        (TokenProbe("dead", "400"), "refuses", "API002"),
        (TokenProbe("unusable", "a page", reason="html"), "unknown", "SRV004"),
        (TokenProbe("unusable", "x", net=net("refused"), reason="network"), "unknown", "SRV002"),
    ],
)
def test_each_answer_about_a_key(probe: TokenProbe, word: str, id: str) -> None:
    verdict = key_verdict(probe, URL, "alice")
    assert (verdict.word, verdict.id) == (word, id)


@pytest.mark.parametrize(
    ("who", "word", "id"),
    [
        (Identity("majora", "ok"), "not asked", ""),
        (Identity("not-majora", "a page"), "unknown", "SRV004"),
        (Identity("unusable", "x", net("dns-none")), "unknown", "SRV001"),
    ],
)
def test_who_answers(who: Identity, word: str, id: str) -> None:
    verdict = identity_verdict(who, URL)
    assert (verdict.word, verdict.id) == (word, id)
