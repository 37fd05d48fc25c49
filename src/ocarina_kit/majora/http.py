"""The one way to the network: every request of the kit is made by :func:`send` (CONTRACT.md, Files).

Verified TLS, or plain http to this machine only; no redirect is followed and no ``.netrc`` is read (requests' adapter
is used without its session, and both are the session's work); proxies and CA bundle come from the environment that was
handed in; at most 1 MiB of answer; one time limit over everything.
"""

from __future__ import annotations

import contextlib
import io
import queue
import socket
import threading
from collections.abc import Mapping
from json import loads
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from ocarina_kit.majora.net import NoAnswer, ca_bundle, failure, proxy_for, unusable_bundle
from ocarina_kit.system.secret import Secret, mask
from ocarina_kit.system.words import one_line

if TYPE_CHECKING:
    from ocarina_kit.system.machine import Machine

__all__ = ["NoAnswer", "Response", "send"]

CAP = 1 << 20
"""Bytes of an answer's body, packed or unpacked, after which it is given up."""
CONNECT_S = 10.0
"""Seconds for making a connection: that can be tried again at no risk, so it ends long before a slow answer does."""
_SLICE_S = 0.5


class Response(NamedTuple):
    """A complete answer of any status. ``headers`` has no case; ``received`` is in epoch seconds.

    ``secrets``: those of the request, which the server may echo.
    """

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""
    received: float = 0.0
    secrets: tuple[Secret, ...] = ()

    def __repr__(self) -> str:
        return f"Response(status={self.status})"  # the body may hold tokens

    @property
    def skew(self) -> float | None:
        """Seconds by which the server's clock is ahead of this one; ``Date`` has a resolution of 1 s."""
        from email.utils import parsedate_to_datetime

        try:
            return parsedate_to_datetime(self.headers["date"]).timestamp() - self.received
        except (KeyError, TypeError, ValueError, IndexError, OverflowError):
            return None

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait, from the usual form of ``Retry-After`` (RFC 9110, 10.2.3)."""
        text = self.headers.get("retry-after", "")
        return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else None

    @property
    def is_html(self) -> bool:
        """A page for people. Its type does not tell: Django calls Majora's empty 400 text/html too (FACTS.md)."""
        return self.body.lstrip()[:1] == b"<"

    def json(self) -> dict[str, Any] | None:
        """The JSON object in the body, None for anything else."""
        try:
            value = loads(self.body)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def shown(self, text: str, limit: int = 200) -> str:
        """The server's words on one line: the request's secrets are masked first, the text is cut after that."""
        return one_line(mask(text[:10_000], self.secrets), limit)


class _Body(io.BytesIO):
    """The request's body, which notes how far the request came: ``resolving``, ``connecting`` or ``sent``.

    It is first read when the connection is made, TLS included, and the headers are sent: until then nothing can be
    spent at the server. Once given up it is never read, so a request that nobody waits for spends nothing either.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.stage = "resolving"
        self._given_up = False
        self._lock = threading.Lock()

    def read(self, size: int | None = -1, /) -> bytes:
        with self._lock:
            if self._given_up:
                raise TimeoutError
            self.stage = "sent"
        return super().read(size)

    def give_up(self) -> str:
        """The stage that was reached, and that will not change any more."""
        with self._lock:
            self._given_up = True
            return self.stage


def send(
    machine: Machine,
    url: str,
    *,
    seconds: float,
    form: Mapping[str, str] | None = None,
    json: object = None,
    headers: Mapping[str, str] | None = None,
    secrets: tuple[Secret, ...] = (),
) -> Response | NoAnswer:
    """POST ``form`` or ``json``, and wait at most ``seconds`` of running time for the complete answer. Never raises."""
    import requests

    from ocarina_kit import __version__
    from ocarina_kit.config.url import server_of

    server = server_of(url)
    if not server:
        return NoAnswer("insecure", "the address of the server cannot be used")
    if seconds <= 0:
        return NoAnswer("timeout", f"no time was left to ask {server}")
    own = {"User-Agent": f"ocarina-kit/{__version__}", "Accept": "application/json"}
    request = requests.Request("POST", url, {**own, **(headers or {})}, data=form, json=json).prepare()
    content = request.body or b""
    body = _Body(content.encode() if isinstance(content, str) else content)
    request.body = body  # type: ignore[assignment]  # requests reads it as a file
    box: queue.SimpleQueue[Response | NoAnswer] = queue.SimpleQueue()
    try:
        # A daemon: the resolver cannot be interrupted, and an exit must not wait for it.
        threading.Thread(target=lambda: box.put(_carry(machine, request, seconds)), daemon=True).start()
    except RuntimeError:
        return NoAnswer("no-thread", "this account may not start more processes or threads here (ulimit -u)")
    try:
        came = _wait(box, seconds)
    finally:
        stage = body.give_up()
    if came is None and stage == "resolving":
        return NoAnswer("dns-silent", f"the resolver did not answer for {server} in time")
    if came is None:
        return NoAnswer("timeout", f"{server} did not answer in time", stage == "sent")
    return came._replace(secrets=secrets) if isinstance(came, Response) else came


def _wait(box: queue.SimpleQueue[Response | NoAnswer], seconds: float) -> Response | NoAnswer | None:
    """What came in time. The wait is cut into slices of running time.

    A stop (SIGSTOP, a suspended laptop) uses up one slice however long it lasts, and one more slice follows the last:
    what arrived meanwhile is read before anything is judged late.
    """
    for limit in [*[_SLICE_S] * int(seconds / _SLICE_S), seconds % _SLICE_S, _SLICE_S]:
        try:
            return box.get(timeout=limit)
        except queue.Empty:
            continue
    return None


def _carry(machine: Machine, request: Any, seconds: float) -> Response | NoAnswer:
    """Make the request, in a thread of its own."""
    from requests.adapters import HTTPAdapter

    host, body = urlsplit(request.url).hostname or "", request.body
    proxy, bundle = proxy_for(machine.environ, request.url), ca_bundle(machine.environ)
    problem = unusable_bundle(*bundle) if bundle else None
    if problem is not None:
        return problem
    try:
        if proxy is None:
            socket.getaddrinfo(host, None)  # first, so that a silent resolver is told from a silent server
        body.stage = "connecting"
        with contextlib.closing(HTTPAdapter(max_retries=0)) as adapter:
            answer = adapter.send(
                request,
                stream=True,
                timeout=(min(CONNECT_S, seconds), None),  # the caller decides that an answer is late
                verify=bundle[1] if bundle else True,
                proxies={"https": proxy} if proxy else {},
            )
            content = bytearray()
            # A packed answer was not asked for, but a token may be in it.
            while chunk := answer.raw.read(16384, decode_content=True):
                content += chunk
                if len(content) > CAP:
                    return NoAnswer("other", f"the answer of {host} is larger than 1 MiB", True)
            return Response(answer.status_code, answer.headers, bytes(content), machine.now())
    except (
        Exception
    ) as raised:  # requests, urllib3, http.client and ssl raise what they like on a hostile peer
        return failure(raised, sent=body.stage == "sent", host=host, proxy=proxy)
