"""The rules of every request, against real sockets that misbehave."""

import base64
import gzip
import queue
import socket
import struct
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.majora.conftest import (
    NOBODY,
    Authority,
    Peer,
    Peers,
    answer,
    machine_with,
    read_request,
)

from ocarina_kit import __version__
from ocarina_kit.majora.failures import NoAnswer
from ocarina_kit.majora.http import Response, send
from ocarina_kit.majora.proxies import ca_bundle, proxy_for

OK = answer("200 OK", b"{}", "Content-Type: application/json")


def ask(url: str, environ: Mapping[str, str] = {}, seconds: float = 5) -> Any:
    return send(
        machine_with(environ), url, seconds=seconds, form={"client_secret": "s3cret"}
    )


def kind(came: Response | NoAnswer) -> tuple[str, bool]:
    assert isinstance(came, NoAnswer), came
    assert "s3cret" not in repr(came)
    return came.kind, came.sent


def test_a_request_and_its_answer(
    peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = (
        "Date: Thu, 01 Jan 2026 00:00:10 GMT",
        "Retry-After: 7",
        "Set-Cookie: a=b",
        "Location: x",
    )
    peer = peers.saying(answer("418 Teapot", b"hello", *head))
    got = send(
        machine_with(now=1767225600.0),
        peer.url + "o/token/",
        seconds=5,
        form={"a": "b c"},
    )
    assert isinstance(got, Response)
    assert (got.status, got.body, got.skew, got.retry_after) == (
        418,
        b"hello",
        10.0,
        7.0,
    )
    assert peer.seen[0].startswith(b"POST /o/token/ HTTP/1.1")
    assert f"User-Agent: ocarina-kit/{__version__}".encode() in peer.seen[0]
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    without_zone = ("Thu Jan  1 00:00:10 2026", "Thu, 01 Jan 2026 00:00:10 -0000")
    skews = [
        Response(200, {"date": text}, received=1767225600.0).skew
        for text in without_zone
    ]
    monkeypatch.undo()
    time.tzset()
    assert skews == [10.0, 10.0]
    for text in ("", "yesterday", "Thu, 99 Jan 2026 00:00:10 GMT", "-1"):
        odd = Response(200, {"date": text, "retry-after": text})
        assert (odd.skew, odd.retry_after) == (None, None)


def test_netrc_and_the_environment_of_the_process_have_no_say(
    peers: Peers, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login eve password evil\n")
    netrc.chmod(0o600)
    for name, value in (
        ("NETRC", netrc),
        ("REQUESTS_CA_BUNDLE", "/gone"),
        ("HTTPS_PROXY", f"http://{NOBODY}"),
    ):
        monkeypatch.setenv(name, str(value))
    peer = peers.saying(OK, tls=authority.server("localhost"))
    assert ask(peer.tls_url, {"REQUESTS_CA_BUNDLE": authority.bundle}).status == 200
    assert b"authorization" not in peer.seen[0].lower()


def test_what_nothing_is_sent_to() -> None:
    for url in (
        "http://example.test/",
        "https://user:pw@example.test/",
        "http://[::1",
        "",
    ):
        assert kind(ask(url)) == ("insecure", False)
    assert kind(ask("https://majora.invalid/")) == ("dns-none", False)
    assert kind(ask(f"http://{NOBODY}/")) == ("refused", False)


def test_no_thread_can_be_started() -> None:
    usual = threading.stack_size(
        1 << 40
    )  # more than an address space has: it fails as at RLIMIT_NPROC
    try:
        assert kind(ask(f"http://{NOBODY}/")) == ("no-thread", False)
    finally:
        threading.stack_size(usual)


# --- time limits


def test_what_is_slow_ends_at_the_limit_and_may_have_acted_once_all_was_sent(
    peers: Peers,
) -> None:
    for peer in (
        peers.dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"),
        peers.silent(),
    ):
        assert kind(ask(peer.url, seconds=0.3)) == ("timeout", True)
    assert kind(ask(peers.silent().url, seconds=0)) == ("timeout", False)


def test_a_request_that_was_given_up_is_not_sent_later(
    peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resolver that answers once nobody waits any more."""
    late, seen, received = threading.Event(), threading.Event(), bytearray()
    resolve = socket.getaddrinfo

    def slow(*what: Any, **how: Any) -> Any:
        late.wait(20)
        return resolve(*what, **how)

    def handler(conn: socket.socket, peer: Peer) -> None:
        while part := conn.recv(65536):
            received.extend(part)
        seen.set()

    peer = peers.start(handler)
    monkeypatch.setattr(socket, "getaddrinfo", slow)
    assert kind(ask(peer.url, seconds=0.3)) == ("dns-silent", False)
    late.set()
    assert seen.wait(20)
    assert received.startswith(b"POST ")
    assert b"s3cret" not in received


def test_what_arrived_during_a_stop_is_read(
    peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop uses up a wait; that of a real process: test_red_team.py, ``-m soak``."""
    waits: list[float] = []

    class Stopped(queue.SimpleQueue[Any]):
        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            waits.append(timeout or 0.0)
            if sum(waits) <= 1:  # the limit has not passed yet
                raise queue.Empty
            return super().get(timeout=20)

    monkeypatch.setattr(queue, "SimpleQueue", Stopped)
    assert ask(peers.saying(OK).url, seconds=1).status == 200


# --- sizes, and answers that are cut or odd


def test_an_answer_of_one_mib_is_the_largest(peers: Peers) -> None:
    body = b"x" * (1 << 20)
    assert ask(peers.saying(answer("200 OK", body)).url).body == body
    assert kind(ask(peers.saying(answer("200 OK", body + b"x")).url)) == ("other", True)
    endless = peers.dripping(b"HTTP/1.1 302 Go\r\nLocation: /\r\n\r\n", b"x" * 200_000)
    assert kind(ask(endless.url)) == ("other", True)


def test_packed_answers(peers: Peers) -> None:
    def packed(body: bytes) -> Any:
        return ask(peers.saying(answer("200 OK", body, "Content-Encoding: gzip")).url)

    assert packed(gzip.compress(b'{"a": 1}')).body == b'{"a": 1}'
    assert kind(packed(gzip.compress(b"\0" * (1 << 21)))) == ("other", True)
    assert kind(packed(b"abcd")) == ("reset", True)


TOKEN = b'{"access_token": "n3w"}'
JSON = "Content-Type: application/json"


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 9999",
        b"Transfer-Encoding: chunked",
        b"Connection: keep-alive",
    ],
)
@pytest.mark.parametrize("end", ["close", "reset", "silence"])
def test_a_complete_object_counts_however_the_connection_ends(
    peers: Peers, head: bytes, end: str
) -> None:
    chunk = b"%x\r\n%b\r\n" % (len(TOKEN), TOKEN)
    body = chunk if b"chunked" in head else TOKEN

    def handler(conn: socket.socket, peer: Peer) -> None:
        read_request(conn)
        conn.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body)
        if end == "silence":
            peers.stopping.wait()
        if end == "reset":
            time.sleep(0.2)  # so that the body has been read
            linger = struct.pack("ii", 1, 0)
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    got = ask(peers.start(handler).url, seconds=1)
    assert isinstance(got, Response), got
    assert (got.status, got.json()) == (200, {"access_token": "n3w"})


def test_half_an_object_does_not_count(peers: Peers) -> None:
    head = b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n"
    half = peers.dripping(head + b'{"access_token": "n3', b"")
    assert kind(ask(half.url, seconds=0.3)) == ("timeout", True)


def test_interim_answers_are_skipped(peers: Peers) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
    processing = b"HTTP/1.1 102 Processing\r\n\r\n"
    last = answer("200 OK", TOKEN)
    for before in (hints, processing + hints, b"HTTP/1.1 100 Continue\r\n\r\n"):
        got = ask(peers.saying(before, last).url)
        assert (got.status, got.body) == (200, TOKEN)
    assert ask(peers.saying(hints * 1000, last).url, seconds=5) != 200
    assert kind(ask(peers.saying(hints).url)) == ("reset", True)


def test_connections_that_end_early(peers: Peers) -> None:
    def reset(conn: socket.socket, peer: Peer) -> None:
        conn.recv(65536)
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert kind(ask(peers.start(reset).url)) == ("reset", True)
    assert kind(ask(peers.saying().url)) == ("reset", True)
    for part in (
        b"Content-Length: 100\r\n\r\n{",
        b"Transfer-Encoding: chunked\r\n\r\n64\r\n{",
    ):
        assert kind(ask(peers.saying(b"HTTP/1.1 200 OK\r\n" + part).url)) == (
            "reset",
            True,
        )
    for noise in (
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00\x01\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
    ):
        name, sent = kind(ask(peers.saying(noise).url))
        assert name in ("other", "reset")
        assert sent


# --- TLS


def test_certificates(peers: Peers, authority: Authority, tmp_path: Path) -> None:
    def came(context: Any, environ: dict[str, str]) -> Any:
        peer = peers.saying(OK, tls=context)
        got = ask(peer.tls_url, environ)
        assert isinstance(got, Response) or not peer.seen
        return got

    trusted = {"CURL_CA_BUNDLE": authority.bundle}
    assert came(authority.server("localhost"), trusted).status == 200
    assert kind(came(authority.server("localhost", expired=True), trusted)) == (
        "tls-expired",
        False,
    )
    assert kind(came(authority.server("other.test"), trusted)) == ("tls-host", False)
    unknown = came(Authority(tmp_path / "other.pem").server("localhost"), trusted)
    assert kind(unknown) == ("tls-unknown-issuer", False)
    assert "localhost is not accepted: " in unknown.message
    assert kind(came(authority.server("localhost"), {})) == (
        "tls-unknown-issuer",
        False,
    )
    plain = peers.start(
        lambda conn, peer: conn.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    )
    assert kind(ask(plain.tls_url)) == ("tls-other", False)


def test_a_ca_bundle_that_cannot_be_read_is_named(tmp_path: Path, peers: Peers) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("not a certificate\n")
    for path in (tmp_path / "gone.pem", empty):
        got = ask("https://localhost:1/", {"REQUESTS_CA_BUNDLE": str(path)})
        assert kind(got) == ("ca-bundle", False)
        assert "REQUESTS_CA_BUNDLE" in got.message
        assert str(path) in got.message
    loopback = peers.saying(OK)  # http needs none
    assert ask(loopback.url, {"REQUESTS_CA_BUNDLE": str(empty)}).status == 200
    assert ca_bundle({"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": "/c"}) == (
        "CURL_CA_BUNDLE",
        "/c",
    )
    assert ca_bundle({"SSL_CERT_FILE": "/s"}) == ("", "")


# --- proxies


def test_https_goes_through_the_proxy(peers: Peers, authority: Authority) -> None:
    context = authority.server("majora.test")

    def handler(conn: socket.socket, peer: Peer) -> None:
        peer.seen.append(read_request(conn))
        if base64.b64encode(b"me:p@ss:w") not in peer.seen[-1]:
            conn.sendall(answer("407 Proxy Authentication Required"))
            return
        conn.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with context.wrap_socket(conn, server_side=True) as stream:
            peer.seen.append(read_request(stream))
            stream.sendall(OK)

    proxy = peers.start(handler)
    environ = {"REQUESTS_CA_BUNDLE": authority.bundle}
    environ["HTTPS_PROXY"] = f"http://me:p%40ss%3Aw@127.0.0.1:{proxy.port}"
    assert ask("https://majora.test/", environ).status == 200
    assert b"s3cret" not in proxy.seen[0]
    assert b"proxy-authorization" not in proxy.seen[1].lower()
    assert kind(ask("https://evil.test/", environ)) == ("tls-host", False)
    environ["HTTPS_PROXY"] = f"http://me:wr0ng@127.0.0.1:{proxy.port}"
    refused = ask("https://majora.test/", environ)
    assert kind(refused) == ("proxy-auth", False)
    assert "wr0ng" not in refused.message


def test_proxies_that_do_not_carry(peers: Peers) -> None:
    for proxy, expected in (
        (NOBODY, "proxy-refused"),
        (f"127.0.0.1:{peers.saying(answer('403 Forbidden')).port}", "proxy-refused"),
        (f"127.0.0.1:{peers.saying(b'SSH-2.0').port}", "proxy-refused"),
        ("proxy.invalid:3128", "proxy-refused"),
        ("127.0.0.1:port", "proxy-unusable"),
        (f"127.0.0.1:{peers.silent().port}", "timeout"),
    ):
        got = ask(
            "https://majora.test/",
            {"https_proxy": f"http://u:pa55word@{proxy}"},
            seconds=0.5,
        )
        assert kind(got) == (expected, False)
        assert "pa55word" not in repr(got)


AT = {"HTTPS_PROXY": "p.test:1"}
PROXIES: list[tuple[dict[str, str], str | None]] = [
    ({}, None),
    ({"HTTPS_PROXY": "http://p.test:3128"}, "http://p.test:3128"),
    ({"HTTPS_PROXY": "p.test:3128"}, "http://p.test:3128"),
    (
        {"HTTPS_PROXY": "http://up.test", "https_proxy": "http://low.test"},
        "http://low.test",
    ),
    ({"HTTPS_PROXY": "http://up.test", "https_proxy": ""}, None),
    (
        {"all_proxy": "http://all.test:1", "HTTPS_PROXY": "http://p.test:2"},
        "http://p.test:2",
    ),
    ({"all_proxy": "http://all.test:1"}, "http://all.test:1"),
    ({"HTTP_PROXY": "http://p.test:3128"}, None),
    ({**AT, "NO_PROXY": "*"}, None),
    ({**AT, "NO_PROXY": "other.test, Majora.Test"}, None),
    ({**AT, "NO_PROXY": "a.majora.test:443"}, None),
    ({**AT, "NO_PROXY": "jora.test,10.0.0.0/8,,"}, "http://p.test:1"),
]


def test_which_proxy() -> None:
    for no_proxy, host, direct in (
        ("a, 10.0.0.0/8", "10.1.2.3:8443", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("::1", "[2001:db8::1]", False),
        ("2001:db8::1", "[2001:DB8::1]:8443", True),
        ("[2001:db8::1]", "[2001:db8::1]", True),
    ):
        found = proxy_for({**AT, "NO_PROXY": no_proxy}, f"https://{host}/")
        assert (found is None) is direct, (no_proxy, host)
    for environ, expected in PROXIES:
        assert proxy_for(environ, "https://a.majora.test:443/x") == expected, environ
        assert proxy_for(environ, "http://127.0.0.1/") is None
