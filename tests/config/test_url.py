"""MAJORA_DOMAIN: a row for each repair and each refusal, and what is true of any string."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ocarina_kit.config.url import INSTANCES, endpoint, instance_of, is_loopback, judge_domain, server_of

PROD = "https://majora.covid19.climb.ac.uk/"

REPAIRED = [
    # what was given, what it becomes
    (PROD, PROD),
    ("https://majora.covid19.climb.ac.uk", PROD),
    ("https://majora.covid19.climb.ac.uk//", PROD),
    ("  https://majora.covid19.climb.ac.uk/\t", PROD),
    ("https://majora.covid19.climb.ac.uk/\r\n", PROD),
    ("\u00a0https://majora.covid19.climb.ac.uk/\u200b\ufeff", PROD),
    ('"https://majora.covid19.climb.ac.uk/"', PROD),
    ("'https://majora.covid19.climb.ac.uk/'", PROD),
    ("“https://majora.covid19.climb.ac.uk/”", PROD),
    ("‘https://majora.covid19.climb.ac.uk/’", PROD),
    ("„https://majora.covid19.climb.ac.uk/“", PROD),
    ("«https://majora.covid19.climb.ac.uk/»", PROD),
    ('https://majora.covid19.climb.ac.uk/"', PROD),
    ("<https://majora.covid19.climb.ac.uk/>", PROD),
    (" “ <'https://majora.covid19.climb.ac.uk'> ”\n", PROD),
    ("HTTPS://majora.covid19.climb.ac.uk/", PROD),
    ("https://Majora.COVID19.climb.ac.uk/", PROD),
    ("https://majora.covid19.climb.ac.uk./", PROD),
    ("https://majora.covid19.climb.ac.uk.:443", PROD),
    ("https://majora.covid19.climb.ac.uk:443/", PROD),
    ("https://majora.covid19.climb.ac.uk:8443/", "https://majora.covid19.climb.ac.uk:8443/"),
    ("https://majora.covid19.climb.ac.uk/?next=/", PROD),
    ("https://majora.covid19.climb.ac.uk?next=/", PROD),
    ("https://majora.covid19.climb.ac.uk/#top", PROD),
    ("https://majora.covid19.climb.ac.uk/o/applications/", PROD),
    ("https://majora.covid19.climb.ac.uk/o", PROD),
    ("https://majora.covid19.climb.ac.uk/o/callback/?code=x&state=y", PROD),
    ("https://majora.covid19.climb.ac.uk/account/login/?next=/o/", PROD),
    ("https://majora.covid19.climb.ac.uk/admin/", PROD),
    ("https://majora.covid19.climb.ac.uk/api/v2/artifact/", PROD),
    ("https://majora.covid19.climb.ac.uk//o/token/", PROD),
    ("https://majora.covid19.climb.ac.uk/x/../", PROD),
    ("https://majora.covid19.climb.ac.uk/./", PROD),
    ("https://h.org/majora/", "https://h.org/majora/"),
    ("https://h.org/majora", "https://h.org/majora/"),
    ("https://h.org/a//b/", "https://h.org/a/b/"),
    ("https://h.org/majora/o/applications/7/", "https://h.org/majora/"),
    ("https://h.org/oauth/", "https://h.org/oauth/"),
    ("https://h.org/api-docs/", "https://h.org/api-docs/"),
    ("https://192.0.2.7", "https://192.0.2.7/"),
    ("https://[2001:DB8::1]:8443/", "https://[2001:db8::1]:8443/"),
    ("https://[2001:db8:0:0::1]/", "https://[2001:db8::1]/"),
    ("https://xn--mnchen-3ya.de/", "https://xn--mnchen-3ya.de/"),
    (f"https://{'abc.' * 63}a", f"https://{'abc.' * 63}a/"),
    ("http://localhost:8000", "http://localhost:8000/"),
    ("http://LocalHost/", "http://localhost/"),
    ("http://localhost.:8000/", "http://localhost:8000/"),
    ("http://localhost:80/", "http://localhost/"),
    ("http://localhost:443/", "http://localhost:443/"),
    ("https://localhost:80/", "https://localhost:80/"),
    ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/"),
    ("http://127.255.3.4/", "http://127.255.3.4/"),
    ("http://[::1]:8000/", "http://[::1]:8000/"),
    ("http://[0:0:0:0:0:0:0:1]/", "http://[::1]/"),
]

REFUSED = [
    # what was given, the reason
    ("", "is blank"),
    (" \n\t", "is blank"),
    ('""', "is blank"),
    ("<>", "is blank"),
    ("https://majora.covid19. climb.ac.uk/", "space"),
    ("https://majora.covid19\n.climb.ac.uk/", "space"),
    ("https://h.org/ https://i.org/", "space"),
    ("https://majora.covid19\u200b.climb.ac.uk/", "invisible"),
    ("https://majora.covid19\x00.climb.ac.uk/", "invisible"),
    ("https://majora.covid19.climb.ac.uk/\x7f/", "invisible"),
    ("https://h.org/\ud800/", "invisible"),
    ("https:\\\\majora.covid19.climb.ac.uk\\", "backslash"),
    ("https://majora.covid19.climb.ac.uk\\@evil.org/", "backslash"),
    ("majora.covid19.climb.ac.uk", "does not start"),
    ("majora.covid19.climb.ac.uk/o/applications/", "does not start"),
    ("//majora.covid19.climb.ac.uk/", "does not start"),
    ("https:/majora.covid19.climb.ac.uk/", "does not start"),
    ("https:majora.covid19.climb.ac.uk/", "does not start"),
    ("https//majora.covid19.climb.ac.uk/", "does not start"),
    ("://majora.covid19.climb.ac.uk/", "does not start"),
    ("localhost:8000", "does not start"),
    ("majora", "does not start"),
    (" 3 ", "does not start"),
    ("https://3/", "host name"),
    ("javascript:alert(1)", "does not start"),
    ("http://https://majora.covid19.climb.ac.uk/", "port"),
    ("https://https//majora.covid19.climb.ac.uk/", "host name"),
    ("ftp://majora.covid19.climb.ac.uk/", "does not start"),
    ("file:///etc/passwd", "does not start"),
    ("http://majora.covid19.climb.ac.uk/", "unencrypted"),
    ("http://127.0.0.1.evil.org/", "unencrypted"),
    ("http://localhost.evil.org/", "unencrypted"),
    ("http://majora.localhost/", "unencrypted"),
    ("http://0.0.0.0/", "unencrypted"),
    ("http://128.0.0.1/", "unencrypted"),
    ("http://[::2]/", "unencrypted"),
    ("http://127.1/", "host name"),
    ("http://0x7f.1/", "host name"),
    ("http://0177.0.0.1/", "host name"),
    ("http://127.0.0.256/", "host name"),
    ("https://1.2.3.4.5/", "host name"),
    ("http://[::ffff:127.0.0.1]/", "host name"),
    ("http://[fe80::1%25lo]/", "host name"),
    ("http://[::1%lo]/", "host name"),
    ("http://[::1/", "port"),
    ("http://[::1]evil.org/", "port"),
    ("http://[127.0.0.1]/", "host name"),
    ("http://::1/", "port"),
    ("https://me:password@majora.covid19.climb.ac.uk/", "an @"),
    ("https://me@majora.covid19.climb.ac.uk/", "an @"),
    ("http://localhost@evil.org/", "an @"),
    ("https://majora.covid19.climb.ac.uk@evil.org/", "an @"),
    ("https://", "no host"),
    ("https:///", "no host"),
    ("https://:443/", "no host"),
    ("https:///majora.covid19.climb.ac.uk/", "no host"),
    ("https://?x", "no host"),
    ("https://majora–test.covid19.climb.ac.uk/", "host name"),
    ("https://m\u0430jora.org/", "host name"),
    ("https://münchen.de/", "host name"),
    ("http://ｌocalhost/", "host name"),
    ("http://127。0。0。1/", "host name"),
    ("https://./", "host name"),
    ("https://a..b/", "host name"),
    ("https://-h.org/", "host name"),
    ("https://h.org,/", "host name"),
    ("https://%6dajora.org/", "host name"),
    ("https://<domain>/x", "host name"),
    ("https://" + "a" * 64 + ".org/", "host name"),
    ("https://" + ".".join(["abc"] * 64) + "/", "host name"),
    ("https://majora.covid19.climb.ac.uk:/", "port"),
    ("https://majora.covid19.climb.ac.uk:0/", "port"),
    ("https://majora.covid19.climb.ac.uk:65536/", "port"),
    ("https://majora.covid19.climb.ac.uk:abc/", "port"),
    ("https://majora.covid19.climb.ac.uk:0443/", "port"),
    ("https://majora.covid19.climb.ac.uk:٤٤٣/", "port"),
    ("https://h.org:1:2/", "port"),
    ("https://h.org/ü/", "path that a URL"),
    ("https://h.org/%zz/", "path that a URL"),
    ('https://h.org/"x/', "path that a URL"),
]


@pytest.mark.parametrize(("text", "url"), REPAIRED)
def test_what_has_one_meaning_is_repaired(text: str, url: str) -> None:
    value = judge_domain(text)
    assert value.usable
    assert value.text == url
    assert bool(value.repairs) is (text != url)
    assert len(value.repairs) == sum(fault.fixable for fault in value.faults)
    warned = [fault for fault in value.faults if fault.warning]
    assert bool(warned) is (url.count("/") > 3)


@pytest.mark.parametrize(("text", "words"), REFUSED)
def test_the_rest_is_refused_with_the_reason(text: str, words: str) -> None:
    value = judge_domain(text)
    assert not value.usable
    assert words in value.faults[-1].words or value.faults[-1].check == "CFG005"
    assert "password" not in repr(value).replace("user name or password", "")


@pytest.mark.parametrize(
    ("text", "checks"),
    [
        (PROD, []),
        ("https://h.org", ["CFG007"]),
        ("https://h.org//", ["CFG007"]),
        ("https://H.org", ["CFG006", "CFG007"]),
        ("https://h.org/majora", ["CFG007", "CFG006 warning"]),
        ("https://h.org/o/applications", ["CFG006"]),
        ("h.org", ["CFG006 refused"]),
        ("https://example.org/", ["CFG005 refused"]),
        ("https://me:pa{s}s@h.org/", ["CFG006 refused"]),
    ],
)
def test_each_fault_has_its_check(text: str, checks: list[str]) -> None:
    faults = judge_domain(text).faults
    assert [
        f.check + (" warning" if f.warning else "" if f.fixable else " refused") for f in faults
    ] == checks


SHAPE = re.compile(
    r"(?:https://(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)|http://(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\]))"
    r"(?::[1-9][0-9]{0,4})?/(?:[^?#\s\\]*[^?#\s\\/]/)?"
)
PIECES = [
    *("https://", "http://", "HTTP://", "//", "/", ":", "@", "?", "#", "\\", " ", "\n", "<", ">", '"', "“"),
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
]
TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=9).map("".join)
URLS = st.builds(
    "".join, st.tuples(st.sampled_from(["https://", "http://localhost", "HTTPS://h.org"]), TEXTS)
)


@settings(max_examples=500, deadline=None)
@given(st.one_of(TEXTS, URLS))
@example("https://h.org/%2e%2e//..//o")
@example("'\u200b'https://h.org'\ufeff'")
def test_for_any_string(text: str) -> None:
    value = judge_domain(text)
    if not value.usable:
        assert value.text == text
        return
    assert SHAPE.fullmatch(value.text), value.text
    again = judge_domain(value.text)
    assert again.usable
    assert (again.text, again.repairs) == (value.text, ())
    assert server_of(endpoint(value.text, "token")) == server_of(value.text) != ""


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (PROD, "https://MAJORA.covid19.climb.ac.uk:443/o/callback/?code=x", True),
        (PROD, "https://majora.covid19.climb.ac.uk./x", True),
        (PROD, "http://majora.covid19.climb.ac.uk/", False),
        (PROD, "https://majora.covid19.climb.ac.uk:8443/", False),
        (PROD, "https://majora.covid19.climb.ac.uk.evil.org/", False),
        (PROD, "https://majora.covid19.climb.ac.uk@evil.org/", False),
        (PROD, "https://evil.org\\@majora.covid19.climb.ac.uk/", False),
        ("http://localhost/", "http://localhost:80/x", True),
        ("http://localhost:8000/", "http://127.0.0.1:8000/", False),
        ("http://[::1]:1/", "http://[0::1]:1/", True),
    ],
)
def test_one_server(one: str, other: str, same: bool) -> None:
    assert (server_of(one) == server_of(other)) is same


def test_instances_and_addresses() -> None:
    for name, url in INSTANCES.items():
        assert judge_domain(url).text == url
        assert instance_of(url) == instance_of(url + "o/callback/") == name
    assert instance_of("https://h.org:8443/") == "h.org:8443"
    assert instance_of("") == instance_of("nonsense") == ""
    assert endpoint(PROD, "callback") == PROD + "o/callback/"
    assert endpoint(PROD[:-1], "validity") == PROD + "api/v2/artifact/biosample/query/validity/"
    assert [host for host in ("localhost", "::1", "127.3.2.1", "[::1]") if not is_loopback(host)] == []
    assert [
        host for host in ("a.localhost", "0.0.0.1", "::ffff:127.0.0.1", "", "127.1") if is_loopback(host)
    ] == []
