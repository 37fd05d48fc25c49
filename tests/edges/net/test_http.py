"""Every request's rules, against real sockets that misbehave."""

from __future__ import annotations

import gzip
import socket
import ssl
import struct
import threading
import time
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ocarina_kit import __version__
from ocarina_kit.core.oauth.network import HttpAnswer, NetFailure
from ocarina_kit.edges.net.http import Http, http_date

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"


def failed(came: HttpAnswer | NetFailure) -> NetFailure:
    assert isinstance(came, NetFailure), came
    return came


def answered(came: HttpAnswer | NetFailure) -> HttpAnswer:
    assert isinstance(came, HttpAnswer), came
    return came


class took_at_most:  # noqa: N801  # reads as what it says
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __enter__(self) -> None:
        self.start = time.monotonic()

    def __exit__(self, *_: object) -> None:
        assert time.monotonic() - self.start < self.seconds


def test_a_request_and_its_answer(peers: Any) -> None:
    peer = peers.saying(
        b"HTTP/1.1 418 Teapot\r\nContent-Length: 5\r\nDate: Thu, 01 Jan 2026 00:00:10 GMT\r\n"
        b"Retry-After: 7\r\nContent-Type: text/plain; charset=utf-8\r\nSet-Cookie: a=b\r\n\r\nhello"
    )
    got = answered(
        Http({}, now=lambda: 1767225600.0).send("POST", peer.url + "o/token/", seconds=5, form={"a": "b c"})
    )
    assert (got.status, got.body, got.content_type) == (418, b"hello", "text/plain")
    assert got.date == 1767225610.0
    assert got.skew == 10.0
    assert got.retry_after == 7.0
    assert "set-cookie" not in got.headers
    head, _, body = peer.seen[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /o/token/ HTTP/1.1")
    assert f"User-Agent: ocarina-kit/{__version__}".encode() in head
    assert b"application/x-www-form-urlencoded" in head
    assert body == b"a=b+c"
    assert "hello" not in repr(got)


def test_json_is_sent_as_json(peers: Any) -> None:
    peer = peers.saying(OK)
    answered(Http({}).send("POST", peer.url, seconds=5, json={"x": 1}, headers={"Authorization": "Bearer t"}))
    assert b"Content-Type: application/json" in peer.seen[0]
    assert b"Authorization: Bearer t" in peer.seen[0]
    assert peer.seen[0].endswith(b'{"x": 1}')


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
)
def test_no_redirect_is_followed(peers: Any, status: str) -> None:
    elsewhere = peers.saying(OK)
    location = f"Location: http://127.0.0.1:{elsewhere.port}/o/token/?secret=s3cret"
    peer = peers.saying(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n{location}\r\n\r\n".encode())
    got = answered(Http({}).send("POST", peer.url, seconds=5, form={"client_secret": "s3cret"}))
    assert got.is_redirect
    assert got.redirects_to == "127.0.0.1"
    assert elsewhere.connections == 0


def test_netrc_has_no_say(peers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login eve password evil\ndefault login eve password evil\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    peer = peers.saying(OK)
    answered(Http({}).send("GET", peer.url, seconds=5, headers={"Authorization": "Bearer mine"}))
    assert b"Authorization: Bearer mine" in peer.seen[0]
    peer = peers.saying(OK)
    answered(Http({}).send("GET", peer.url, seconds=5))
    assert b"authorization" not in peer.seen[0].lower()


def test_the_processs_own_environment_has_no_say(
    peers: Any, authority: Any, other_authority: Any, shut_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other_authority.bundle))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{shut_port}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{shut_port}")
    peer = peers.saying(OK, tls=authority.server("localhost"))
    got = Http({"REQUESTS_CA_BUNDLE": str(authority.bundle)}).send("GET", peer.tls_url, seconds=5)
    assert answered(got).status == 200


@pytest.mark.parametrize(
    "url",
    [
        "http://example.test/",
        "http://127.0.0.1.example.test/",
        "http://localhost.example.test/",
        "ftp://127.0.0.1/",
        "https://user:pw@example.test/",
        "https:///x",
        "https://exa mple.test/",
        "https://example.test\\@evil.test/",
        "https://example.test:99999/",
        "//127.0.0.1/",
        "",
    ],
)
def test_what_is_never_sent(url: str) -> None:
    def resolver(host: str, port: int) -> Sequence[Any]:
        raise AssertionError(host)

    assert failed(Http({}, resolver=resolver).send("GET", url, seconds=5)).kind == "insecure"


def test_a_localhost_that_leads_elsewhere_gets_no_plain_http() -> None:
    def resolver(host: str, port: int) -> Sequence[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", port))]

    assert failed(Http({}, resolver=resolver).send("GET", "http://localhost/", seconds=5)).kind == "insecure"


# --- deadlines


@pytest.mark.parametrize(
    ("start", "drop"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["status line", "headers", "header", "body", "body without length", "chunks", "100 for ever"],
)
def test_a_dripping_answer_ends_at_the_deadline(peers: Any, start: bytes, drop: bytes) -> None:
    peer = peers.dripping(start, drop)
    with took_at_most(1.5):
        got = failed(Http({}).send("GET", peer.url, seconds=0.5))
    # A drip of headers may also hit http.client's own limit of 100.
    assert (got.kind, got.sent) in {("timeout", True), ("other", True)}


def test_a_silent_server_times_out_and_may_have_got_it(peers: Any) -> None:
    with took_at_most(1.5):
        got = failed(Http({}).send("POST", peers.silent().url, seconds=0.5, form={"a": "b"}))
    assert (got.kind, got.sent) == ("timeout", True)


def test_a_silent_handshake_times_out_and_sent_nothing(peers: Any) -> None:
    with took_at_most(1.5):
        got = failed(Http({}).send("GET", peers.silent().tls_url, seconds=0.5))
    assert (got.kind, got.sent) == ("timeout", False)


def test_a_dripping_handshake_ends_at_the_deadline(peers: Any) -> None:
    def drip(conn: socket.socket, peer: Any) -> None:
        conn.recv(65536)
        conn.sendall(
            b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb"
        )  # a handshake record of 16 KiB, a byte at a time
        while not peers.stopping.wait(0.05):
            conn.sendall(b"\x00")

    with took_at_most(1.5):
        got = failed(Http({}).send("GET", peers.start(drip).tls_url, seconds=0.5))
    assert (got.kind, got.sent) == ("timeout", False)


def test_a_resolver_that_hangs() -> None:
    released = threading.Event()

    def resolver(host: str, port: int) -> Sequence[Any]:
        released.wait(30)
        return []

    with took_at_most(1.5):
        got = failed(Http({}, resolver=resolver).send("GET", "https://slow.test/", seconds=0.3))
    released.set()
    assert (got.kind, got.sent) == ("dns-silent", False)


def test_an_address_that_swallows_packets_leaves_time_for_the_next(peers: Any) -> None:
    # A listener whose backlog is full drops further SYNs, as a firewall does.
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(8)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        peer = peers.saying(OK)

        def resolver(host: str, port: int) -> Sequence[Any]:
            rows = [full.getsockname(), ("127.0.0.1", port)]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", row) for row in rows]

        got = Http({}, resolver=resolver).send("GET", peer.url, seconds=2)
        for filler in fillers:
            filler.close()
    assert answered(got).status == 200


def test_a_deadline_of_nothing(peers: Any) -> None:
    got = failed(Http({}).send("GET", peers.saying(OK).url, seconds=0))
    assert got.kind in ("timeout", "dns-silent")


def test_many_requests_side_by_side(peers: Any) -> None:
    peer = peers.saying(OK[:20], OK[20:], pause=0.2)
    slow = peers.silent()
    http = Http({})
    with took_at_most(2.5), ThreadPoolExecutor(24) as pool:
        good = [pool.submit(http.send, "GET", peer.url, seconds=5) for _ in range(16)]
        bad = [pool.submit(http.send, "GET", slow.url, seconds=0.5) for _ in range(8)]
        assert all(answered(job.result()).status == 200 for job in good)
        assert {failed(job.result()).kind for job in bad} == {"timeout"}


# --- caps


def test_a_flood_is_given_up(peers: Any) -> None:
    peer = peers.dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 200_000)
    got = failed(Http({}).send("GET", peer.url, seconds=10))
    assert (got.kind, got.sent) == ("too-large", True)


def test_a_body_of_just_one_mib_is_taken(peers: Any) -> None:
    body = b"x" * (1 << 20)
    peer = peers.saying(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body), body)
    assert len(answered(Http({}).send("GET", peer.url, seconds=10)).body) == 1 << 20
    peer = peers.saying(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(body) + 1), body, b"x")
    assert failed(Http({}).send("GET", peer.url, seconds=10)).kind == "too-large"


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_a_bomb_is_given_up(peers: Any, pack: Any) -> None:
    name = "gzip" if pack is gzip.compress else "deflate"
    bomb = pack(b"\0" * 200_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {name}\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    with took_at_most(2):
        got = failed(Http({}).send("GET", peers.saying(head, bomb).url, seconds=10))
    assert got.kind == "too-large"


def test_a_packed_answer_is_read_all_the_same(peers: Any) -> None:
    body = gzip.compress(b'{"a": 1}')
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    assert answered(Http({}).send("GET", peers.saying(head, body).url, seconds=5)).body == b'{"a": 1}'


@pytest.mark.parametrize("name", ["br", "gzip"])
def test_what_cannot_be_unpacked(peers: Any, name: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {name}\r\nContent-Length: 4\r\n\r\n".encode()
    got = failed(Http({}).send("GET", peers.saying(head, b"abcd").url, seconds=5))
    assert got.kind in ("other", "truncated")
    assert got.sent


# --- cut connections


def cut(conn: socket.socket) -> None:
    """Close with a reset."""
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()


def test_refused(shut_port: int) -> None:
    got = failed(Http({}).send("GET", f"http://127.0.0.1:{shut_port}/", seconds=5))
    assert (got.kind, got.sent) == ("refused", False)


def test_no_such_host() -> None:
    got = failed(Http({}).send("GET", "https://majora.invalid/", seconds=5))
    assert (got.kind, got.sent) == ("dns-none", False)


def test_a_name_that_cannot_be() -> None:
    assert failed(Http({}).send("GET", f"https://{'a' * 70}.test/", seconds=5)).kind == "dns-none"


def test_a_resolver_that_is_out_of_order() -> None:
    def resolver(host: str, port: int) -> Sequence[Any]:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    assert failed(Http({}, resolver=resolver).send("GET", "https://a.test/", seconds=5)).kind == "dns-silent"


def test_reset_after_the_request(peers: Any) -> None:
    def handler(conn: socket.socket, peer: Any) -> None:
        conn.recv(65536)
        cut(conn)

    got = failed(Http({}).send("POST", peers.start(handler).url, seconds=5, form={"a": "b"}))
    assert (got.kind, got.sent) == ("reset", True)


def test_closed_without_a_word(peers: Any) -> None:
    got = failed(Http({}).send("POST", peers.saying().url, seconds=5, form={"a": "b"}))
    assert (got.kind, got.sent) == ("reset", True)


@pytest.mark.parametrize(
    "part",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n{",
    ],
)
def test_cut_inside_the_body(peers: Any, part: bytes) -> None:
    got = failed(Http({}).send("GET", peers.saying(part).url, seconds=5))
    assert (got.kind, got.sent) == ("truncated", True)


@pytest.mark.parametrize(
    "noise", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x00\x01\x02\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"]
)
def test_no_http(peers: Any, noise: bytes) -> None:
    got = failed(Http({}).send("GET", peers.saying(noise).url, seconds=5))
    assert got.kind in ("other", "reset")
    assert got.sent


# --- TLS


def test_good_tls(peers: Any, authority: Any) -> None:
    peer = peers.saying(OK, tls=authority.server("localhost"))
    http = Http({"REQUESTS_CA_BUNDLE": str(authority.bundle)})
    assert answered(http.send("GET", peer.tls_url, seconds=5)).body == b"{}"


def test_good_tls_by_address(peers: Any, authority: Any) -> None:
    peer = peers.saying(OK, tls=authority.server("127.0.0.1"))
    http = Http({"CURL_CA_BUNDLE": str(authority.bundle)})
    assert answered(http.send("GET", f"https://127.0.0.1:{peer.port}/", seconds=5)).status == 200


def test_the_three_ways_a_certificate_is_refused(peers: Any, authority: Any, other_authority: Any) -> None:
    http = Http({"REQUESTS_CA_BUNDLE": str(authority.bundle)})

    def kind_of(context: ssl.SSLContext) -> str:
        peer = peers.saying(OK, tls=context)
        got = failed(http.send("POST", peer.tls_url, seconds=5, form={"client_secret": "s3cret"}))
        assert not got.sent
        assert not peer.seen
        return got.kind

    assert kind_of(authority.server("localhost", expired=True)) == "tls-expired"
    assert kind_of(authority.server("other.test")) == "tls-host"
    assert kind_of(other_authority.server("localhost")) == "tls-unknown-issuer"


def test_without_a_setting_the_throwaway_authority_is_unknown(peers: Any, authority: Any) -> None:
    peer = peers.saying(OK, tls=authority.server("localhost"))
    assert failed(Http({}).send("GET", peer.tls_url, seconds=5)).kind == "tls-unknown-issuer"


def test_a_port_that_speaks_no_tls(peers: Any) -> None:
    def handler(conn: socket.socket, peer: Any) -> None:
        conn.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        conn.recv(65536)

    got = failed(Http({}).send("GET", peers.start(handler).tls_url, seconds=5))
    assert got.kind == "tls-other"
    assert "does not speak TLS" in got.detail


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_bundle_that_cannot_be_read_names_its_variable(variable: str, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate\n")
    for path in (tmp_path / "gone.pem", empty):
        got = failed(Http({variable: str(path)}).send("GET", "https://localhost:1/", seconds=5))
        assert got.kind == "ca-bundle"
        assert variable in got.detail
        assert str(path) in got.detail


def test_an_empty_bundle_setting_counts_as_none(shut_port: int) -> None:
    http = Http({"REQUESTS_CA_BUNDLE": ""})
    assert failed(http.send("GET", f"https://localhost:{shut_port}/", seconds=5)).kind == "refused"


# --- proxies


def through(proxy: Any, authority: Any, **more: str) -> Http:
    return Http(
        {"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}", "REQUESTS_CA_BUNDLE": str(authority.bundle), **more}
    )


def test_https_goes_through_the_proxy(peers: Any, authority: Any) -> None:
    peer = peers.saying(OK, tls=authority.server("majora.test"))
    proxy = peers.proxy(routes={"majora.test": peer.port})
    got = through(proxy, authority).send(
        "POST", "https://majora.test/o/token/", seconds=5, form={"s": "s3cret"}
    )
    assert answered(got).status == 200
    assert proxy.seen[0].startswith(b"CONNECT majora.test:443 ")
    assert b"s3cret" not in proxy.seen[0]


def test_the_certificate_is_the_targets_behind_a_proxy_too(peers: Any, authority: Any) -> None:
    peer = peers.saying(OK, tls=authority.server("evil.test"))
    proxy = peers.proxy(routes={"majora.test": peer.port})
    got = failed(through(proxy, authority).send("GET", "https://majora.test/", seconds=5))
    assert (got.kind, got.sent) == ("tls-host", False)
    assert not peer.seen


def test_loopback_http_never_asks_a_proxy(peers: Any) -> None:
    peer, proxy = peers.saying(OK), peers.proxy()
    settings = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), f"http://127.0.0.1:{proxy.port}")
    assert answered(Http(settings).send("GET", peer.url, seconds=5)).status == 200
    assert proxy.connections == 0


def test_no_proxy_goes_direct(peers: Any, authority: Any) -> None:
    peer, proxy = peers.saying(OK, tls=authority.server("localhost")), peers.proxy()
    got = through(proxy, authority, NO_PROXY="localhost").send("GET", peer.tls_url, seconds=5)
    assert answered(got).status == 200
    assert proxy.connections == 0


def test_a_proxy_with_a_password(peers: Any, authority: Any) -> None:
    peer = peers.saying(OK, tls=authority.server("majora.test"))
    proxy = peers.proxy(want="me:p@ss:w", routes={"majora.test": peer.port})
    bundle = {"REQUESTS_CA_BUNDLE": str(authority.bundle)}
    good = Http({**bundle, "HTTPS_PROXY": f"http://me:p%40ss%3Aw@127.0.0.1:{proxy.port}"})
    assert answered(good.send("GET", "https://majora.test/", seconds=5)).status == 200
    assert b"proxy-authorization" not in peer.seen[0].lower()
    for login in ("", "me:wr0ng-one@"):
        bad = Http({**bundle, "HTTPS_PROXY": f"http://{login}127.0.0.1:{proxy.port}"})
        got = failed(bad.send("GET", "https://majora.test/", seconds=5))
        assert (got.kind, got.sent) == ("proxy-auth", False)
        assert "wr0ng" not in repr(got)


def test_proxies_that_refuse(peers: Any, authority: Any, shut_port: int) -> None:
    def kind_of(setting: str) -> str:
        http = Http({"HTTPS_PROXY": setting})
        got = failed(http.send("GET", "https://majora.test/", seconds=2))
        assert not got.sent
        assert "pa55word" not in repr(got)
        return got.kind

    assert kind_of(f"http://u:pa55word@127.0.0.1:{shut_port}") == "proxy-refused"
    assert (
        kind_of(f"http://u:pa55word@127.0.0.1:{peers.proxy(status='403 Forbidden').port}") == "proxy-refused"
    )
    assert kind_of(f"http://u:pa55word@127.0.0.1:{peers.saying(b'SSH-2.0').port}") == "proxy-refused"
    assert kind_of("http://u:pa55word@proxy.invalid:3128") == "proxy-refused"
    assert kind_of("socks5://u:pa55word@127.0.0.1:1080") == "proxy-unusable"
    assert kind_of("http://u:pa55word@127.0.0.1:port") == "proxy-unusable"


def test_a_silent_proxy_times_out(peers: Any, authority: Any) -> None:
    with took_at_most(1.5):
        got = failed(through(peers.silent(), authority).send("GET", "https://majora.test/", seconds=0.5))
    assert (got.kind, got.sent) == ("timeout", False)
    assert "proxy" in got.detail


def test_a_tls_proxy(peers: Any, authority: Any, other_authority: Any) -> None:
    """The way to the proxy is TLS too, verified against the same bundle."""
    peer = peers.saying(OK, tls=authority.server("majora.test"))
    inner = peers.proxy(routes={"majora.test": peer.port})

    def outer(context: ssl.SSLContext) -> int:
        port: int = peers.tls_front(inner.port, context).port
        return port

    bundle = {"REQUESTS_CA_BUNDLE": str(authority.bundle)}
    good = Http({**bundle, "HTTPS_PROXY": f"https://localhost:{outer(authority.server('localhost'))}"})
    assert answered(good.send("GET", "https://majora.test/", seconds=5)).status == 200
    bad = Http({**bundle, "HTTPS_PROXY": f"https://localhost:{outer(other_authority.server('localhost'))}"})
    assert failed(bad.send("GET", "https://majora.test/", seconds=5)).kind == "proxy-refused"


@pytest.mark.parametrize(
    "text", ["", "yesterday", "Thu, 99 Jan 2026 00:00:10 GMT", "-1", "Thu, 01 Jan 99999 00:00:00 GMT"]
)
def test_a_date_that_is_none(text: str) -> None:
    assert http_date(text) is None
