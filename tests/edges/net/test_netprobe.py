"""SRV001 to SRV003: one verdict a stage, in bounded time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ocarina_kit.edges.net.http import Http
from ocarina_kit.edges.net.netprobe import Reach, Step, probe_reach


def kinds(reach: Reach) -> tuple[str | None, str | None, str | None]:
    """Per stage: None not tried, "ok", or the failure's kind."""

    def kind(step: Step | None) -> str | None:
        return None if step is None else (step.failure.kind if step.failure else "ok")

    return kind(reach.dns), kind(reach.tcp), kind(reach.tls)


def waiting(conn: socket.socket, peer: Any) -> None:
    conn.recv(1)


def test_all_is_well(peers: Any, authority: Any) -> None:
    peer = peers.start(waiting, authority.server("localhost"))
    reach = probe_reach(Http({"REQUESTS_CA_BUNDLE": str(authority.bundle)}), peer.tls_url, seconds=5)
    assert kinds(reach) == ("ok", "ok", "ok")
    assert reach.proxy is None
    assert reach.tls is not None
    assert reach.tls.ms >= 0


def test_loopback_http_has_no_tls(peers: Any) -> None:
    assert kinds(probe_reach(Http({}), peers.start(waiting).url, seconds=5)) == ("ok", "ok", None)


def test_no_such_host() -> None:
    reach = probe_reach(Http({}), "https://majora.invalid/", seconds=5)
    assert kinds(reach) == ("dns-none", None, None)


def test_a_resolver_that_hangs() -> None:
    released = threading.Event()

    def resolver(host: str, port: int) -> Sequence[Any]:
        released.wait(30)
        return []

    start = time.monotonic()
    reach = probe_reach(Http({}, resolver=resolver), "https://majora.test/", seconds=0.3)
    released.set()
    assert time.monotonic() - start < 1.3
    assert kinds(reach) == ("dns-silent", None, None)


def test_refused(shut_port: int) -> None:
    reach = probe_reach(Http({}), f"https://localhost:{shut_port}/", seconds=5)
    assert kinds(reach) == ("ok", "refused", None)


def test_no_answer_in_time() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(8)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        start = time.monotonic()
        reach = probe_reach(Http({}), f"https://localhost:{full.getsockname()[1]}/", seconds=0.5)
        assert time.monotonic() - start < 1.5
        for filler in fillers:
            filler.close()
    assert kinds(reach) == ("ok", "timeout", None)


def test_a_handshake_that_hangs(peers: Any) -> None:
    start = time.monotonic()
    reach = probe_reach(Http({}), peers.silent().tls_url, seconds=0.5)
    assert time.monotonic() - start < 1.5
    assert kinds(reach) == ("ok", "ok", "timeout")


def test_certificates(peers: Any, authority: Any, other_authority: Any) -> None:
    http = Http({"REQUESTS_CA_BUNDLE": str(authority.bundle)})

    def tls(context: Any) -> str | None:
        return kinds(probe_reach(http, peers.start(waiting, context).tls_url, seconds=5))[2]

    assert tls(authority.server("localhost", expired=True)) == "tls-expired"
    assert tls(authority.server("other.test")) == "tls-host"
    assert tls(other_authority.server("localhost")) == "tls-unknown-issuer"


def test_a_bundle_on_this_machine_that_would_help_is_named(
    peers: Any, authority: Any, other_authority: Any
) -> None:
    peer = peers.start(waiting, authority.server("localhost"))
    environ = {"REQUESTS_CA_BUNDLE": str(other_authority.bundle), "SSL_CERT_FILE": str(authority.bundle)}
    reach = probe_reach(Http(environ), peer.tls_url, seconds=5)
    assert kinds(reach) == ("ok", "ok", "tls-unknown-issuer")
    assert reach.ca_variable == "REQUESTS_CA_BUNDLE"
    assert reach.ca_helps == str(authority.bundle)
    del environ["SSL_CERT_FILE"]
    assert probe_reach(Http(environ), peer.tls_url, seconds=5).ca_helps is None


def test_a_bundle_that_cannot_be_read(peers: Any, authority: Any, tmp_path: Path) -> None:
    peer = peers.start(waiting, authority.server("localhost"))
    environ = {"CURL_CA_BUNDLE": str(tmp_path / "gone"), "SSL_CERT_FILE": str(authority.bundle)}
    reach = probe_reach(Http(environ), peer.tls_url, seconds=5)
    assert kinds(reach) == ("ok", "ok", "ca-bundle")
    assert reach.ca_variable == "CURL_CA_BUNDLE"
    assert reach.ca_helps == str(authority.bundle)


def test_behind_a_proxy_no_name_is_resolved(peers: Any, authority: Any) -> None:
    peer = peers.start(waiting, authority.server("majora.test"))
    proxy = peers.proxy(want="u:pa55word", routes={"majora.test": peer.port})
    bundle = {"REQUESTS_CA_BUNDLE": str(authority.bundle)}
    http = Http({**bundle, "HTTPS_PROXY": f"http://u:pa55word@127.0.0.1:{proxy.port}"})
    reach = probe_reach(http, "https://majora.test/", seconds=5)
    assert kinds(reach) == (None, "ok", "ok")
    assert (reach.proxy, reach.proxy_variable) == (f"127.0.0.1:{proxy.port}", "HTTPS_PROXY")
    assert "pa55word" not in repr(reach)


def test_proxies_that_do_not_carry(peers: Any, shut_port: int) -> None:
    def tcp(port: int) -> str | None:
        http = Http({"https_proxy": f"http://127.0.0.1:{port}"})
        start = time.monotonic()
        reach = probe_reach(http, "https://majora.test/", seconds=0.5)
        assert time.monotonic() - start < 1.5
        assert reach.tls is None
        return kinds(reach)[1]

    assert tcp(shut_port) == "proxy-refused"
    assert tcp(peers.proxy(status="502 Bad Gateway").port) == "proxy-refused"
    assert tcp(peers.proxy(want="a:b").port) == "proxy-auth"
    assert tcp(peers.saying(b"SSH-2.0\r\n\r\n").port) == "proxy-refused"
    assert tcp(peers.silent().port) == "timeout"
    assert tcp(peers.dripping(b"HTTP/1.1 200 OK\r\n").port) == "timeout"


def test_a_tls_proxy(peers: Any, authority: Any) -> None:
    peer = peers.start(waiting, authority.server("majora.test"))
    inner = peers.proxy(routes={"majora.test": peer.port})

    outer = peers.tls_front(inner.port, authority.server("localhost"))
    environ = {
        "REQUESTS_CA_BUNDLE": str(authority.bundle),
        "HTTPS_PROXY": f"https://localhost:{outer.port}",
    }
    assert kinds(probe_reach(Http(environ), "https://majora.test/", seconds=5)) == (None, "ok", "ok")


@pytest.mark.parametrize("url", ["http://example.test/", "nonsense", ""])
def test_what_is_no_address(url: str) -> None:
    assert kinds(probe_reach(Http({}), url, seconds=1)) == (None, "insecure", None)
