"""MAJORA_DOMAIN: a row for each mend and each refusal, and what holds for any string."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ocarina_kit.core.config import domain
from ocarina_kit.core.config.domain import DomainOk, DomainRefused, classify_domain, mend_domain
from ocarina_kit.core.config.domain_rules import RULES, DomainFault

F = DomainFault
PROD = "https://majora.covid19.climb.ac.uk/"

MENDS = [
    # what was given, what it becomes, the faults that were mended
    (PROD, PROD, ()),
    ("https://majora.covid19.climb.ac.uk", PROD, (F.SLASH_MISSING,)),
    ("https://majora.covid19.climb.ac.uk//", PROD, (F.SLASHES_SEVERAL,)),
    ("https://majora.covid19.climb.ac.uk/////", PROD, (F.SLASHES_SEVERAL,)),
    ("  https://majora.covid19.climb.ac.uk/\t", PROD, (F.SPACE_AROUND,)),
    ("https://majora.covid19.climb.ac.uk/\r\n", PROD, (F.SPACE_AROUND,)),
    ("\n\nhttps://majora.covid19.climb.ac.uk/\n", PROD, (F.SPACE_AROUND,)),
    ("\u00a0https://majora.covid19.climb.ac.uk/\u200b\ufeff", PROD, (F.SPACE_AROUND,)),
    ('"https://majora.covid19.climb.ac.uk/"', PROD, (F.QUOTES_AROUND,)),
    ("'https://majora.covid19.climb.ac.uk/'", PROD, (F.QUOTES_AROUND,)),
    ("`https://majora.covid19.climb.ac.uk/`", PROD, (F.QUOTES_AROUND,)),
    ("“https://majora.covid19.climb.ac.uk/”", PROD, (F.QUOTES_AROUND,)),
    ("‘https://majora.covid19.climb.ac.uk/’", PROD, (F.QUOTES_AROUND,)),
    ("„https://majora.covid19.climb.ac.uk/“", PROD, (F.QUOTES_AROUND,)),
    ("«https://majora.covid19.climb.ac.uk/»", PROD, (F.QUOTES_AROUND,)),
    ('https://majora.covid19.climb.ac.uk/"', PROD, (F.QUOTES_AROUND,)),
    ("<https://majora.covid19.climb.ac.uk/>", PROD, (F.BRACKETS_AROUND,)),
    (
        " “ <'https://majora.covid19.climb.ac.uk'> ”\n",
        PROD,
        (F.SPACE_AROUND, F.QUOTES_AROUND, F.BRACKETS_AROUND, F.SLASH_MISSING),
    ),
    ("HTTPS://majora.covid19.climb.ac.uk/", PROD, (F.SCHEME_CASE,)),
    ("https://Majora.COVID19.climb.ac.uk/", PROD, (F.HOST_CASE,)),
    ("https://majora.covid19.climb.ac.uk./", PROD, (F.HOST_DOT,)),
    ("https://majora.covid19.climb.ac.uk.:443", PROD, (F.HOST_DOT, F.DEFAULT_PORT, F.SLASH_MISSING)),
    ("https://majora.covid19.climb.ac.uk:443/", PROD, (F.DEFAULT_PORT,)),
    ("https://majora.covid19.climb.ac.uk:8443/", "https://majora.covid19.climb.ac.uk:8443/", ()),
    ("https://majora.covid19.climb.ac.uk/?next=/", PROD, (F.QUERY,)),
    ("https://majora.covid19.climb.ac.uk?next=/", PROD, (F.QUERY, F.SLASH_MISSING)),
    ("https://majora.covid19.climb.ac.uk/#top", PROD, (F.FRAGMENT,)),
    ("https://majora.covid19.climb.ac.uk/#a?b#c", PROD, (F.FRAGMENT,)),
    ("https://majora.covid19.climb.ac.uk/?a#b", PROD, (F.FRAGMENT, F.QUERY)),
    ("https://majora.covid19.climb.ac.uk/o/applications/", PROD, (F.PAGE,)),
    ("https://majora.covid19.climb.ac.uk/o", PROD, (F.PAGE,)),
    ("https://majora.covid19.climb.ac.uk/o/callback/?code=x&state=y", PROD, (F.QUERY, F.PAGE)),
    ("https://majora.covid19.climb.ac.uk/account/login/?next=/o/", PROD, (F.QUERY, F.PAGE)),
    ("https://majora.covid19.climb.ac.uk/accounts/profile/", PROD, (F.PAGE,)),
    ("https://majora.covid19.climb.ac.uk/keys/list/", PROD, (F.PAGE,)),
    ("https://majora.covid19.climb.ac.uk/forms/register/", PROD, (F.PAGE,)),
    ("https://majora.covid19.climb.ac.uk/admin/", PROD, (F.PAGE,)),
    ("https://majora.covid19.climb.ac.uk/api/v2/artifact/", PROD, (F.PAGE,)),
    ("https://majora.covid19.climb.ac.uk//o/token/", PROD, (F.SLASHES_INSIDE, F.PAGE)),
    ("https://majora.covid19.climb.ac.uk/x/../", PROD, (F.DOT_SEGMENTS,)),
    ("https://majora.covid19.climb.ac.uk/./", PROD, (F.DOT_SEGMENTS,)),
    ("https://h.org/majora/", "https://h.org/majora/", (F.OTHER_PATH,)),
    ("https://h.org/majora", "https://h.org/majora/", (F.SLASH_MISSING, F.OTHER_PATH)),
    ("https://h.org/a//b/", "https://h.org/a/b/", (F.SLASHES_INSIDE, F.OTHER_PATH)),
    ("https://h.org/majora/o/applications/7/", "https://h.org/majora/", (F.PAGE, F.OTHER_PATH)),
    ("https://h.org/oauth/", "https://h.org/oauth/", (F.OTHER_PATH,)),
    ("https://h.org/api-docs/", "https://h.org/api-docs/", (F.OTHER_PATH,)),
    ("https://192.0.2.7", "https://192.0.2.7/", (F.SLASH_MISSING,)),
    ("https://[2001:DB8::1]:8443/", "https://[2001:db8::1]:8443/", (F.HOST_CASE,)),
    ("https://[2001:db8:0:0::1]/", "https://[2001:db8::1]/", (F.IPV6_LONG,)),
    ("https://xn--mnchen-3ya.de/", "https://xn--mnchen-3ya.de/", ()),
    ("http://localhost:8000", "http://localhost:8000/", (F.SLASH_MISSING,)),
    ("http://LocalHost/", "http://localhost/", (F.HOST_CASE,)),
    ("http://localhost.:8000/", "http://localhost:8000/", (F.HOST_DOT,)),
    ("http://localhost:80/", "http://localhost/", (F.DEFAULT_PORT,)),
    ("http://localhost:443/", "http://localhost:443/", ()),
    ("https://localhost:80/", "https://localhost:80/", ()),
    ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/", ()),
    ("http://127.255.3.4/", "http://127.255.3.4/", ()),
    ("http://[::1]:8000/", "http://[::1]:8000/", ()),
    ("http://[0:0:0:0:0:0:0:1]/", "http://[::1]/", (F.IPV6_LONG,)),
]

REFUSALS = [
    # what was given, the fault, what is suggested
    ("", F.BLANK, ""),
    (" \n\t", F.BLANK, ""),
    ('""', F.BLANK, ""),
    ("<>", F.BLANK, ""),
    ("https://majora.covid19. climb.ac.uk/", F.SPACE_INSIDE, PROD),
    ("https://majora.covid19\n.climb.ac.uk/", F.SPACE_INSIDE, PROD),
    ("https://majora.covid19\u00a0.climb.ac.uk/", F.SPACE_INSIDE, PROD),
    ("https://h.org/ https://i.org/", F.SPACE_INSIDE, ""),
    ("https://majora.covid19\u200b.climb.ac.uk/", F.CONTROL_INSIDE, PROD),
    ("https://majora.covid19\x00.climb.ac.uk/", F.CONTROL_INSIDE, PROD),
    ("https://majora.covid19.climb.ac.uk/\x7f/", F.CONTROL_INSIDE, PROD),
    ("https://h.org/\ud800/", F.CONTROL_INSIDE, "https://h.org/"),
    ("https:\\\\majora.covid19.climb.ac.uk\\", F.BACKSLASH, PROD),
    (
        "https://majora.covid19.climb.ac.uk\\@evil.org/",
        F.BACKSLASH,
        "https://majora.covid19.climb.ac.uk/@evil.org/",
    ),
    ("majora.covid19.climb.ac.uk", F.NO_SCHEME, PROD),
    ("majora.covid19.climb.ac.uk/o/applications/", F.NO_SCHEME, PROD),
    ("//majora.covid19.climb.ac.uk/", F.NO_SCHEME, PROD),
    ("https:/majora.covid19.climb.ac.uk/", F.NO_SCHEME, PROD),
    ("https:majora.covid19.climb.ac.uk/", F.NO_SCHEME, PROD),
    ("https//majora.covid19.climb.ac.uk/", F.NO_SCHEME, PROD),
    ("://majora.covid19.climb.ac.uk/", F.NO_SCHEME, ""),
    ("localhost:8000", F.NO_SCHEME, "http://localhost:8000/"),
    ("majora", F.NO_SCHEME, ""),
    ("javascript:alert(1)", F.NO_SCHEME, ""),
    ("http://https://majora.covid19.climb.ac.uk/", F.TWO_SCHEMES, PROD),
    ("https://https//majora.covid19.climb.ac.uk/", F.TWO_SCHEMES, PROD),
    ("ftp://majora.covid19.climb.ac.uk/", F.OTHER_SCHEME, PROD),
    ("wss://majora.covid19.climb.ac.uk/", F.OTHER_SCHEME, PROD),
    ("file:///etc/passwd", F.OTHER_SCHEME, ""),
    ("http://majora.covid19.climb.ac.uk/", F.PLAIN_HTTP, PROD),
    ("http://127.0.0.1.evil.org/", F.PLAIN_HTTP, "https://127.0.0.1.evil.org/"),
    ("http://localhost.evil.org/", F.PLAIN_HTTP, "https://localhost.evil.org/"),
    ("http://majora.localhost/", F.PLAIN_HTTP, "https://majora.localhost/"),
    ("http://0.0.0.0/", F.PLAIN_HTTP, "https://0.0.0.0/"),
    ("http://128.0.0.1/", F.PLAIN_HTTP, "https://128.0.0.1/"),
    ("http://[::2]/", F.PLAIN_HTTP, "https://[::2]/"),
    ("http://127.1/", F.ODD_ADDRESS, ""),
    ("http://2130706433/", F.ODD_ADDRESS, ""),
    ("http://0x7f.1/", F.ODD_ADDRESS, ""),
    ("http://0x7f000001/", F.ODD_ADDRESS, ""),
    ("http://0177.0.0.1/", F.ODD_ADDRESS, ""),
    ("http://127.0.0.256/", F.ODD_ADDRESS, ""),
    ("https://1.2.3.4.5/", F.ODD_ADDRESS, ""),
    ("http://[::ffff:127.0.0.1]/", F.ODD_ADDRESS, ""),
    ("http://[fe80::1%25lo]/", F.BAD_IPV6, ""),
    ("http://[::1%lo]/", F.BAD_IPV6, ""),
    ("http://[::1/", F.BAD_IPV6, ""),
    ("http://[::1]evil.org/", F.BAD_IPV6, ""),
    ("http://[127.0.0.1]/", F.BAD_IPV6, ""),
    ("http://::1/", F.BAD_IPV6, ""),
    ("https://me:password@majora.covid19.climb.ac.uk/", F.USER_INFO, PROD),
    ("https://me@majora.covid19.climb.ac.uk/", F.USER_INFO, PROD),
    ("http://localhost@evil.org/", F.USER_INFO, "https://evil.org/"),
    ("https://majora.covid19.climb.ac.uk@evil.org/", F.USER_INFO, ""),
    ("https://", F.NO_HOST, ""),
    ("https:///", F.NO_HOST, ""),
    ("https://:443/", F.NO_HOST, ""),
    ("https:///majora.covid19.climb.ac.uk/", F.NO_HOST, PROD),
    ("https://?x", F.NO_HOST, ""),
    (
        "https://majora–test.covid19.climb.ac.uk/",
        F.HOST_NOT_ASCII,
        "https://majora-test.covid19.climb.ac.uk/",
    ),
    ("https://m\u0430jora.org/", F.HOST_NOT_ASCII, "https://xn--mjora-4ve.org/"),
    ("https://münchen.de/", F.HOST_NOT_ASCII, "https://xn--mnchen-3ya.de/"),
    ("http://ｌocalhost/", F.HOST_NOT_ASCII, ""),
    ("http://127。0。0。1/", F.HOST_NOT_ASCII, ""),
    ("https://./", F.BAD_HOST, ""),
    ("https://a..b/", F.BAD_HOST, ""),
    ("https://h.org../", F.BAD_HOST, ""),
    ("https://-h.org/", F.BAD_HOST, ""),
    ("https://h.org,/", F.BAD_HOST, ""),
    ("https://%6dajora.org/", F.BAD_HOST, ""),
    ("https://<domain>/x", F.BAD_HOST, ""),
    ("https://" + "a" * 64 + ".org/", F.BAD_HOST, ""),
    ("https://" + ".".join(["abc"] * 64) + "/", F.BAD_HOST, ""),
    ("https://majora.covid19.climb.ac.uk:/", F.BAD_PORT, PROD),
    ("https://majora.covid19.climb.ac.uk:0/", F.BAD_PORT, PROD),
    ("https://majora.covid19.climb.ac.uk:65536/", F.BAD_PORT, PROD),
    ("https://majora.covid19.climb.ac.uk:abc/", F.BAD_PORT, PROD),
    ("https://majora.covid19.climb.ac.uk:0443/", F.BAD_PORT, PROD),
    ("https://majora.covid19.climb.ac.uk:٤٤٣/", F.BAD_PORT, PROD),
    ("https://h.org:1:2/", F.BAD_PORT, "https://h.org/"),
    ("https://h.org/ü/", F.BAD_PATH, ""),
    ("https://h.org/%zz/", F.BAD_PATH, ""),
    ('https://h.org/"x/', F.BAD_PATH, ""),
]


@pytest.mark.parametrize(("given_text", "url", "faults"), MENDS)
def test_mends(given_text: str, url: str, faults: tuple[DomainFault, ...]) -> None:
    mended = mend_domain(given_text)
    assert isinstance(mended, DomainOk)
    assert mended.url == url
    assert classify_domain(given_text).faults == faults
    assert mended.changes == tuple(RULES[f].change for f in faults if f is not F.OTHER_PATH)
    assert bool(mended.warnings) == (F.OTHER_PATH in faults)


@pytest.mark.parametrize(("given_text", "fault", "suggestion"), REFUSALS)
def test_refusals(given_text: str, fault: DomainFault, suggestion: str) -> None:
    refused = mend_domain(given_text)
    assert isinstance(refused, DomainRefused)
    assert (refused.fault, refused.suggestion) == (fault, suggestion)
    assert refused.reason == RULES[fault].words
    verdict = classify_domain(given_text)
    assert verdict.faults[-1] is fault
    assert not verdict.mendable
    assert not verdict.mended
    assert fault in verdict.base_url_faults


def test_each_rule_has_a_row() -> None:
    mended = {fault for _, _, faults in MENDS for fault in faults}
    refused = {fault for _, fault, _ in REFUSALS}
    assert {f for f, rule in RULES.items() if rule.mendable} == mended
    assert {f for f, rule in RULES.items() if not rule.mendable} == refused
    assert set(RULES) == set(DomainFault)


@pytest.mark.parametrize(
    ("text", "base_url", "warnings", "last_slash"),
    [
        (PROD, (), (), ()),
        ("https://h.org", (), (), (F.SLASH_MISSING,)),
        ("https://h.org//", (), (), (F.SLASHES_SEVERAL,)),
        ("https://H.org", (F.HOST_CASE,), (), (F.SLASH_MISSING,)),
        ("https://h.org/majora", (), (F.OTHER_PATH,), (F.SLASH_MISSING,)),
        ("https://h.org/o/applications", (F.PAGE,), (), ()),
        ("h.org", (F.NO_SCHEME,), (), ()),
    ],
)
def test_classify_sorts_for_the_two_checks(
    text: str,
    base_url: tuple[DomainFault, ...],
    warnings: tuple[DomainFault, ...],
    last_slash: tuple[DomainFault, ...],
) -> None:
    verdict = classify_domain(text)
    assert verdict.base_url_faults == base_url
    assert verdict.base_url_warnings == warnings
    assert verdict.last_slash_faults == last_slash


def test_a_refusal_never_repeats_a_password() -> None:
    refused = mend_domain("https://me:hunter2@majora.org/")
    assert isinstance(refused, DomainRefused)
    assert "hunter2" not in repr(refused)


SHAPE = re.compile(
    r"(?:https://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)|http://(?P<loop>localhost|127(?:\.[0-9]{1,3}){3}|\[::1\]))"
    r"(?::[1-9][0-9]{0,4})?/(?:[^?#\s\\]*[^?#\s\\/]/)?"
)
PIECES = (
    *(
        "https://",
        "http://",
        "HTTP://",
        "//",
        "/",
        ":",
        "@",
        "?",
        "#",
        "\\",
        " ",
        "\n",
        "<",
        ">",
        '"',
        "“",
        "”",
    ),
    *(
        "localhost",
        "127.0.0.1",
        "[::1]",
        "[",
        "]",
        "majora",
        ".",
        "..",
        "o/",
        "api",
        "Accounts/",
        ":443",
        ":80",
    ),
    *("evil.org", "%2e", "%", "é", "\u200b", "\ufeff", "\x00", "\ud800", "0x7f.1", "::ffff:1.2.3.4", "İ"),
)
pieces = st.lists(
    st.one_of(
        st.sampled_from(PIECES),
        st.text(max_size=4),
    ),
    max_size=9,
).map("".join)
urls = st.builds(
    "".join, st.tuples(st.sampled_from(["https://", "http://localhost", "HTTPS://h.org"]), pieces)
)


@settings(max_examples=1500, deadline=None)
@given(st.one_of(st.text(), pieces, urls))
@example("https://h.org/%2e%2e//..//o")
@example("'\u200b'https://h.org'\ufeff'")
def test_for_any_string(text: str) -> None:
    mended = mend_domain(text)
    verdict = classify_domain(text)
    if isinstance(mended, DomainRefused):
        assert mended.reason
        assert not verdict.mended
        if mended.suggestion:
            meant = mend_domain(mended.suggestion)
            assert isinstance(meant, DomainOk)
            assert (meant.url, meant.changes) == (mended.suggestion, ())
        return
    assert SHAPE.fullmatch(mended.url), mended.url
    again = mend_domain(mended.url)
    assert isinstance(again, DomainOk)
    assert (again.url, again.changes) == (mended.url, ())
    assert again.warnings == mended.warnings
    assert verdict.mended == mended.url
    assert domain.same_server(mended.url, mended.url)
    # What the client builds by joining text stays on that server.
    assert domain.same_server(domain.token_url(mended.url), mended.url)


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (PROD, "https://MAJORA.covid19.climb.ac.uk:443/o/callback/?code=x", True),
        (PROD, "https://majora.covid19.climb.ac.uk./x", True),
        (PROD, "http://majora.covid19.climb.ac.uk/", False),
        (PROD, "https://majora.covid19.climb.ac.uk:8443/", False),
        (PROD, "https://majora-test.covid19.climb.ac.uk/", False),
        (PROD, "https://majora.covid19.climb.ac.uk.evil.org/", False),
        (PROD, "https://majora.covid19.climb.ac.uk@evil.org/", False),
        (PROD, "https://evil.org\\@majora.covid19.climb.ac.uk/", False),
        ("http://localhost/", "http://localhost:80/x", True),
        ("http://localhost:8000/", "http://127.0.0.1:8000/", False),
        ("http://[::1]:1/", "http://[0::1]:1/", True),
        ("nonsense", "nonsense", False),
        ("ftp://h.org/", "ftp://h.org/", False),
    ],
)
def test_same_server(a: str, b: str, same: bool) -> None:
    assert domain.same_server(a, b) is same
    assert domain.same_server(b, a) is same


def test_instances() -> None:
    for name, base in domain.INSTANCES.items():
        assert mend_domain(base) == DomainOk(base)
        assert domain.instance_of(base) == name
        assert domain.instance_of(base + "o/callback/") == name
    assert domain.instance_of("https://h.org/") is None
    assert domain.instance_of("") is None


def test_pages() -> None:
    assert domain.authorize_url(PROD) == PROD + "o/authorize/"
    assert domain.token_url(PROD) == PROD + "o/token/"
    assert domain.revoke_url(PROD) == PROD + "o/revoke_token/"
    assert domain.callback_url(PROD) == PROD + "o/callback/"
    assert domain.applications_url(PROD[:-1]) == PROD + "o/applications/"
    assert domain.keys_url(PROD) == PROD + "keys/list/"
    assert domain.validity_url(PROD) == PROD + "api/v2/artifact/biosample/query/validity/"
