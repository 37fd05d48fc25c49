"""Loopback, targets, proxies and CA bundle settings, over literals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.core.oauth.network import (
    HttpAnswer,
    NetFailure,
    Proxy,
    Target,
    ca_bundle,
    is_loopback,
    printable,
    proxy_for,
    target,
)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1.evil.test", "localhost.evil.test", "127.evil.test", "0.0.0.1", "::", "10.0.0.1", "", "127.1"],
)
def test_not_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_targets() -> None:
    assert target("https://a.test/x/") == Target("https://a.test/x/", "https", "a.test", 443)
    assert target("http://[::1]:8000/") == Target("http://[::1]:8000/", "http", "::1", 8000)


@given(st.text())
def test_a_target_is_https_or_loopback_whatever_the_text(text: str) -> None:
    there = target(text)
    if isinstance(there, Target):
        assert there.scheme == "https" or is_loopback(there.host)
    else:
        assert there.kind == "insecure"
        assert not there.sent


THERE = Target("https://a.majora.test/", "https", "a.majora.test", 443)


def chosen(environ: dict[str, str], there: Target = THERE) -> str | None:
    proxy = proxy_for(there, environ)
    if isinstance(proxy, NetFailure):
        return proxy.kind
    return f"{proxy.variable} {proxy.name}" if proxy else None


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://p.test:3128"}, "HTTPS_PROXY p.test:3128"),
        ({"HTTPS_PROXY": "p.test:3128"}, "HTTPS_PROXY p.test:3128"),
        ({"HTTPS_PROXY": "http://p.test"}, "HTTPS_PROXY p.test:80"),
        ({"HTTPS_PROXY": "https://p.test"}, "HTTPS_PROXY p.test:443"),
        ({"HTTPS_PROXY": "http://up.test", "https_proxy": "http://low.test"}, "https_proxy low.test:80"),
        ({"HTTPS_PROXY": "http://up.test", "https_proxy": ""}, None),
        ({"ALL_PROXY": "http://all.test:1"}, "ALL_PROXY all.test:1"),
        ({"all_proxy": "http://all.test:1", "HTTPS_PROXY": "http://p.test:2"}, "HTTPS_PROXY p.test:2"),
        ({"HTTP_PROXY": "http://p.test:3128"}, None),
        ({"HTTPS_PROXY": "socks5h://p.test:1080"}, "proxy-unusable"),
        ({"HTTPS_PROXY": "http://p.test:x"}, "proxy-unusable"),
        ({"HTTPS_PROXY": "http://"}, "proxy-unusable"),
        ({"HTTPS_PROXY": "http://[::1"}, "proxy-unusable"),
    ],
)
def test_which_proxy(environ: dict[str, str], expected: str | None) -> None:
    assert chosen(environ) == expected


@pytest.mark.parametrize(
    ("no_proxy", "direct"),
    [
        ("*", True),
        ("majora.test", True),
        (".majora.test", True),
        ("*.majora.test", True),
        ("a.majora.test", True),
        ("A.Majora.Test", True),
        ("a.majora.test:443", True),
        ("a.majora.test:8443", False),
        ("jora.test", False),
        ("other.test, majora.test", True),
        ("other.test majora.test", True),
        ("", False),
        (",,", False),
        ("10.0.0.0/8", False),
    ],
)
def test_no_proxy_names(no_proxy: str, direct: bool) -> None:
    assert (chosen({"HTTPS_PROXY": "p.test:1", "NO_PROXY": no_proxy}) is None) is direct


@pytest.mark.parametrize(
    ("host", "no_proxy", "direct"),
    [
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "10.1.2.3:443", True),
        ("10.1.2.3", "10.1.2.3:80", False),
        ("10.1.2.3", "192.168.0.0/16", False),
        ("fd00::1", "fd00::/8", True),
        ("::1", "[::1]:443", True),
        ("::1", "::1", True),
        ("10.1.2.3", "2.3", False),
    ],
)
def test_no_proxy_addresses(host: str, no_proxy: str, direct: bool) -> None:
    there = Target(f"https://{host}/", "https", host, 443)
    assert (chosen({"HTTPS_PROXY": "p.test:1", "NO_PROXY": no_proxy}, there) is None) is direct


def test_plain_http_never_goes_through_a_proxy() -> None:
    there = Target("http://127.0.0.1/", "http", "127.0.0.1", 80)
    assert (
        chosen({"HTTP_PROXY": "p.test:1", "http_proxy": "p.test:1", "ALL_PROXY": "p.test:1"}, there) is None
    )


def test_a_proxys_password_is_not_shown() -> None:
    proxy = proxy_for(THERE, {"HTTPS_PROXY": "http://me:s3cr%40t@p.test:3128"})
    assert isinstance(proxy, Proxy)
    assert (proxy.user, proxy.password.reveal()) == ("me", "s3cr@t")
    assert "s3cr" not in repr(proxy)
    assert proxy.name == "p.test:3128"


@given(st.text(), st.text())
def test_proxy_settings_never_raise(setting: str, no_proxy: str) -> None:
    proxy_for(THERE, {"HTTPS_PROXY": setting, "NO_PROXY": no_proxy})


def test_ca_bundle_as_requests_reads_it() -> None:
    assert ca_bundle({}) is None
    assert ca_bundle({"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": "/c"}) == ("CURL_CA_BUNDLE", "/c")
    assert ca_bundle({"REQUESTS_CA_BUNDLE": "/r", "CURL_CA_BUNDLE": "/c"}) == ("REQUESTS_CA_BUNDLE", "/r")
    assert ca_bundle({"SSL_CERT_FILE": "/s"}) is None


def test_a_redirect_shows_its_host_alone() -> None:
    gone = HttpAnswer(302, {"location": "https://evil.test:8/x?code=s3cret"})
    assert gone.is_redirect
    assert gone.redirects_to == "evil.test"
    assert HttpAnswer(302, {"location": "http://[bad"}).redirects_to == ""


def test_words_of_a_server_fit_on_a_line() -> None:
    assert printable("a\x1b[31m\r\nb\0") == "a [31m b"
    assert len(printable("x" * 9999)) == 200
