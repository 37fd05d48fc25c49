"""MAJORA_DOMAIN: a row for each repair and each refusal, and what is true of any string."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ocarina_kit.config.url import (
    INSTANCES,
    endpoint,
    instance_of,
    is_loopback,
    judge_domain,
    server_of,
)

PROD = "https://majora.covid19.climb.ac.uk/"

TO_PROD = [  # what becomes PROD; h is its host
    "https://h", "https://h//", "  https://h/\t\r\n", "\xa0https://h/\u200b\ufeff", "„https://h/“", "«https://h/»",
    'https://h/"', " “ <'https://h'> ”\n", "HTTPS://h/", "https://H/", "https://h.:443", "https://h?next=/",
    "https://h/#top", "https://h/o", "https://h/o/callback/?code=x&state=y", "https://h/account/login/?next=/o/",
    "https://h/admin/", "https://h/api/v2/artifact/", "https://h//o/token/", "https://h/x/../", "https://h/./",
]  # fmt: skip
REPAIRED = [  # what was given, what it becomes
    (PROD, PROD),
    ("https://h.org:65535/", "https://h.org:65535/"),
    ("https://h.org/majora", "https://h.org/majora/"),
    ("https://h.org/a//b/", "https://h.org/a/b/"),
    ("https://h.org/majora/o/applications/7/", "https://h.org/majora/"),
    ("https://h.org/api-docs/", "https://h.org/api-docs/"),
    ("https://192.0.2.7", "https://192.0.2.7/"),
    ("https://[2001:DB8:0::1]:8443/", "https://[2001:db8::1]:8443/"),
    ("https://xn--mnchen-3ya.de/", "https://xn--mnchen-3ya.de/"),
    ("http://localhost.:8000/", "http://localhost:8000/"),
    ("http://localhost:80/", "http://localhost/"),
    ("http://localhost:443/", "http://localhost:443/"),
    ("http://127.255.3.4/", "http://127.255.3.4/"),
    ("http://[0:0:0:0:0:0:0:1]:8000/", "http://[::1]:8000/"),
    (f"https://{'abc.' * 63}a", f"https://{'abc.' * 63}a/"),
    *(
        (
            text.replace("//h", f"//{PROD[8:-1]}").replace(
                "//H", "//Majora.COVID19.climb.ac.uk"
            ),
            PROD,
        )
        for text in TO_PROD
    ),
]
REFUSED = {  # the reason, what was given
    "space": ["https://majora.covid19\n.climb.ac.uk/", "https://h.org/ https://i.org/"],
    "invisible": [
        "https://majora.covid19\u200b.climb.ac.uk/", "https://h.org/\x00/", "https://h.org/\x7f/", "https://h.org/\ud800/",
    ],
    "backslash": ["https:\\\\h.org\\", "https://h.org\\@evil.org/"],
    "does not start": [
        "", '""', "<>", "h.org", "//h.org/", "https:/h.org/", "https:h.org/", "https//h.org/", "localhost:8000", " 3 ",
        "javascript:alert(1)", "ftp://h.org/",
    ],
    "host name": [
        "https://3/", "https://https//h.org/", "http://127.1/", "http://0x7f.1/", "http://0177.0.0.1/",
        "http://127.0.0.256/", "https://1.2.3.4.5/", "http://[::ffff:127.0.0.1]/", "http://[::1%lo]/",
        "http://[127.0.0.1]/", "https://majora–test.covid19.climb.ac.uk/", "https://mаjora.org/", "http://ｌocalhost/",
        "http://127。0。0。1/", "https://a..b/", "https://-h.org/", "https://h.org,/", "https://%6dajora.org/",
        f"https://{'a' * 64}.org/", f"https://{'abc.' * 64}org/",
    ],
    "port": [
        "http://https://h.org/", "http://[::1/", "http://[::1]evil.org/", "http://::1/", "https://h.org:/",
        "https://h.org:0/", "https://h.org:65536/", "https://h.org:0443/", "https://h.org:٤٤٣/", "https://h.org:1:2/",
    ],
    "unencrypted": [
        "http://127.0.0.1.evil.org/", "http://localhost.evil.org/", "http://majora.localhost/", "http://0.0.0.0/",
        "http://128.0.0.1/", "http://[::2]/",
    ],
    "an @": ["https://me:password@h.org/", "http://localhost@evil.org/"],
    "has no host": ["https:///h.org/", "https://:443/", "https://?x"],
    "another address": ["https://h.org/https://h.org/"],
    "path that a URL": ["https://h.org/ü/", "https://h.org/%zz/", 'https://h.org/"x/'],
}  # fmt: skip


@pytest.mark.parametrize(("text", "url"), REPAIRED)
def test_what_has_one_meaning_is_repaired(text: str, url: str) -> None:
    value = judge_domain(text)
    assert (value.text, value.usable) == (url, True)
    assert any(fault.fixable for fault in value.faults) is (text != url)
    assert any(fault.warning for fault in value.faults) is (url.count("/") > 3)


@pytest.mark.parametrize(
    ("text", "words"), [(text, words) for words, all in REFUSED.items() for text in all]
)
def test_the_rest_is_refused_with_the_reason(text: str, words: str) -> None:
    value = judge_domain(text)
    assert not value.usable
    assert words in value.faults[-1].words or value.faults[-1].check == "CFG005"
    assert not any("word@" in fault.words for fault in value.faults)


CHECKS = {
    PROD: [],
    "https://h.org": ["CFG007"],
    "https://H.org": ["CFG006", "CFG007"],
    "https://h.org/majora": ["CFG007", "CFG006"],
    "https://h.org/o/applications": ["CFG006"],
    "https://H.org:443/o/applications": ["CFG006", "CFG006"],
    "https://example.org/": ["CFG005"],
    "https://me:pa{s}s@h.org/": ["CFG006"],
}


def test_each_fault_has_its_check() -> None:
    for text, checks in CHECKS.items():
        assert [fault.check for fault in judge_domain(text).faults] == checks, text


SHAPE = re.compile(
    r"(?:https://(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)|http://(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\]))"
    r"(?::[1-9][0-9]{0,4})?/(?:[^?#\s\\]*[^?#\s\\/]/)?"
)
PIECES = [
    "https://", "http://", "HTTP://", "//", "/", ":", "@", "?", "#", "\\", " ", "\n", "<", ">", '"', "“",
    "localhost", "127.0.0.1", "[::1]", "[", "]", "majora", ".", "..", "o/", "api", "Accounts/", ":443", ":80",
    "evil.org", "%2e", "%", "é", "\u200b", "\ufeff", "\x00", "\ud800", "0x7f.1", "::ffff:1.2.3.4", "İ",
]  # fmt: skip
TEXTS = st.lists(
    st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=9
).map("".join)
URLS = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["https://", "http://localhost", "HTTPS://h.org"]), TEXTS
    ),
)


@settings(max_examples=300)
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
    assert (again.text, again.usable) == (value.text, True)
    assert not any(fault.fixable for fault in again.faults)
    assert server_of(endpoint(value.text, "token")) == server_of(value.text) != ""


def test_one_server() -> None:
    for one, other, same in (
        (PROD, "https://MAJORA.covid19.climb.ac.uk:443/o/callback/?code=x", True),
        (PROD, "http://majora.covid19.climb.ac.uk/", False),
        (PROD, "https://majora.covid19.climb.ac.uk:8443/", False),
        (PROD, "https://majora.covid19.climb.ac.uk.evil.org/", False),
        (PROD, "https://majora.covid19.climb.ac.uk@evil.org/", False),
        ("http://localhost/", "http://localhost:80/x", True),
        ("http://localhost:8000/", "http://127.0.0.1:8000/", False),
    ):
        assert (server_of(one) == server_of(other)) is same, other


def test_instances_and_addresses() -> None:
    for name, url in INSTANCES.items():
        assert judge_domain(url).text == url
        assert instance_of(url) == instance_of(url + "o/callback/") == name
    assert instance_of("https://h.org:8443/") == "h.org:8443"
    assert instance_of("") == instance_of("nonsense") == ""
    assert endpoint(PROD, "callback") == PROD + "o/callback/"
    assert (
        endpoint(PROD[:-1], "validity")
        == PROD + "api/v2/artifact/biosample/query/validity/"
    )
    assert [
        host
        for host in ("localhost", "::1", "127.3.2.1", "[::1]")
        if not is_loopback(host)
    ] == []
    assert [
        host for host in ("a.localhost", "0.0.0.1", "", "127.1") if is_loopback(host)
    ] == []
