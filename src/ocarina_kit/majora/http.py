"""The one way to the network: every request of the kit is made by :func:`send`.

TLS is verified, or it is plain http to this machine. No redirect is followed and no
``.netrc`` is read: requests' adapter is used without its session, and both are the
session's work. Proxies and CA bundle come from the environment that was handed in. At
most 1 MiB of an answer is read, and one time limit is over everything.
"""

from __future__ import annotations

import contextlib
import io
import queue
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ocarina_kit import __version__
from ocarina_kit.config.url import server_of
from ocarina_kit.majora import failures
from ocarina_kit.majora.failures import NoAnswer, Stage
from ocarina_kit.majora.proxies import ca_bundle, proxy_for
from ocarina_kit.majora.tolerant_json import read_object
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.secret import Secret, mask
from ocarina_kit.system.words import one_line

CAP = 1 << 20
"""Bytes of an answer's body, packed or unpacked, after which it is given up."""
CONNECT_S = 10.0
"""Seconds for making a connection.

That can be tried again at no risk, so it ends long before a slow answer does.
"""
_SLICE_S = 0.5


class Response(NamedTuple):
    """A complete answer of any status."""

    status: int
    headers: Mapping[str, str] = {}  # without regard to case
    body: bytes = b""
    received: float = 0.0  # epoch seconds
    secrets: tuple[Secret, ...] = ()
    """The secrets of the request, which the server may echo."""

    @property
    def skew(self) -> float | None:
        """Seconds by which the server's clock is ahead of this one.

        ``Date`` has a resolution of one second.
        """
        from datetime import timezone
        from email.utils import parsedate_to_datetime

        try:
            date = parsedate_to_datetime(self.headers["date"])
            # Older forms name no zone: it is UTC too (RFC 9110, 5.6.7).
            date = date.replace(tzinfo=date.tzinfo or timezone.utc)
            return date.timestamp() - self.received
        except (KeyError, TypeError, ValueError, IndexError, OverflowError):
            return None

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait, by the usual form of ``Retry-After`` (RFC 9110, 10.2.3)."""
        text = self.headers.get("retry-after", "")
        is_number = text.isascii() and text.isdigit() and len(text) < 10
        return float(text) if is_number else None

    @property
    def is_html(self) -> bool:
        """Whether this is a page for people.

        Its type does not tell: Django calls Majora's empty 400 text/html too.
        """
        return self.body.lstrip()[:1] == b"<"

    def json(self) -> dict[str, Any] | None:
        """The JSON object in the body, None for anything else."""
        return read_object(self.body)

    def show(self, text: str, *secrets: Secret, limit: int = 200) -> str:
        """Put the server's ``text`` on one line that can be shown.

        Args:
            text: What the server wrote.
            *secrets: Secrets that it may hold beside those of the request.
            limit: Characters after which it is cut. Secrets are masked before that.
        """
        return one_line(mask(text[:10_000], (*self.secrets, *secrets)), limit)


class _Body(io.BytesIO):
    """The request's body, which notes how far the request came.

    It is first read when the connection is made, TLS included, and the headers are
    sent. Once given up it is never read: a request that nobody waits for spends
    nothing.
    """

    def __init__(self, content: bytes | str | None) -> None:
        data = content.encode() if isinstance(content, str) else content
        super().__init__(data or b"")
        self.stage = Stage.RESOLVING
        self._is_given_up = False
        self._lock = threading.Lock()

    def read(self, size: int | None = -1, /) -> bytes:
        with self._lock:
            if self._is_given_up:
                raise TimeoutError
            self.stage = Stage.SENT
        return super().read(size)

    def give_up(self) -> Stage:
        """Return the stage that was reached. It will not change any more."""
        with self._lock:
            self._is_given_up = True
            return self.stage


class _Arrived:
    """What has arrived of an answer. One thread adds to it, another may read it."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._status = 0
        self._headers: Mapping[str, str] = {}
        self._content = bytearray()

    def add_head(self, status: int, headers: Mapping[str, str]) -> None:
        self._status = status
        self._headers = headers

    def add_part(self, part: bytes) -> None:
        self._content += part

    @property
    def size(self) -> int:
        return len(self._content)

    def response(self) -> Response:
        """Return all that has arrived as an answer."""
        now = self._machine.now()
        return Response(self._status, self._headers, bytes(self._content), now)

    def complete_object(self) -> Response | None:
        """Return the answer if a whole JSON object has arrived.

        The token in it counts, whatever happens to the connection after it.
        """
        response = self.response()
        return response if response.json() is not None else None


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
    """Send ``form`` or ``json`` by POST, and wait for the answer. Never raises.

    Args:
        machine: Its environment names proxies and the CA bundle.
        url: Where to; https, or http to this machine.
        seconds: How long to wait at most, in running time.
        form: Fields of a form.
        json: A value that is sent as JSON.
        headers: More headers.
        secrets: What the server may echo and nobody may see.
    """
    end = machine.monotonic() + seconds
    import requests  # which takes its own time

    seconds = end - machine.monotonic()
    server = server_of(url)
    if not server:
        return failures.unusable_address()
    if seconds <= 0:
        return failures.no_time_left(server)
    usual = {"User-Agent": f"ocarina-kit/{__version__}", "Accept": "application/json"}
    request = requests.Request(
        "POST", url, {**usual, **(headers or {})}, data=form, json=json
    ).prepare()
    body = _Body(request.body)
    request.body = body  # type: ignore[assignment]  # requests reads it as a file
    answer = _carry_in_a_thread(machine, request, body, seconds, server)
    if isinstance(answer, NoAnswer):
        return answer
    return answer._replace(secrets=secrets)


def _carry_in_a_thread(
    machine: Machine, request: Any, body: _Body, seconds: float, server: str
) -> Response | NoAnswer:
    """Make the request in a thread of its own, and wait for it."""
    arrived = _Arrived(machine)
    answers: queue.SimpleQueue[Response | NoAnswer] = queue.SimpleQueue()

    def carry() -> None:
        answers.put(_carry(machine, request, body, seconds, arrived))

    try:
        # A daemon: an exit must not wait for a resolver, which cannot be interrupted.
        threading.Thread(target=carry, daemon=True).start()
    except RuntimeError:
        return failures.no_thread()
    try:
        answer = _wait_for_answer(answers, seconds)
    finally:
        stage = body.give_up()
    answer = answer or arrived.complete_object()
    if answer is not None:
        return answer
    if stage is Stage.RESOLVING:
        silent = failures.resolver_silent(server)
        return silent._replace(message=f"{silent.message} in time")
    return failures.timed_out(server)._replace(sent=stage is Stage.SENT)


def _wait_for_answer(
    answers: queue.SimpleQueue[Response | NoAnswer], seconds: float
) -> Response | NoAnswer | None:
    """Wait for ``seconds`` of running time, None if there is no answer by then.

    A stop (SIGSTOP, a suspended laptop) uses up one slice however long it lasts, and
    one more slice follows the last: what arrived meanwhile is read before anything is
    judged late.
    """
    slices = [_SLICE_S] * int(seconds / _SLICE_S)
    for limit in (*slices, seconds % _SLICE_S, _SLICE_S):
        with contextlib.suppress(queue.Empty):
            return answers.get(timeout=limit)
    return None


def _carry(
    machine: Machine, request: Any, body: _Body, seconds: float, arrived: _Arrived
) -> Response | NoAnswer:
    """Make the request; what arrives is added to ``arrived``."""
    host = urlsplit(request.url).hostname or ""
    proxy = proxy_for(machine.environ, request.url)
    bundle = ca_bundle(machine.environ)
    if request.url.startswith("http:"):
        bundle = bundle._replace(path="")
    if bundle.path and not _is_ca_bundle(bundle.path):
        return failures.unreadable_ca_bundle(*bundle)
    try:
        if proxy is None:
            # First, so that a silent resolver is told from a silent server.
            socket.getaddrinfo(host, None)
        body.stage = Stage.CONNECTING
        limit = min(CONNECT_S, seconds)
        _read_answer(request, limit, bundle.path or True, proxy, arrived)
    # requests, urllib3, http.client and ssl raise what they like on a hostile peer.
    except Exception as error:
        failure = failures.failure_of(error, body.stage, host, proxy)
        return arrived.complete_object() or failure
    if arrived.size > CAP:
        return failures.answer_too_large(host)
    return arrived.response()


def _is_ca_bundle(path: str) -> bool:
    import ssl

    if Path(path).is_dir():
        return True
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except (OSError, ValueError):  # an SSLError is an OSError
        return False
    return True


def _read_answer(
    request: Any,
    connect_seconds: float,
    verify: str | bool,
    proxy: str | None,
    arrived: _Arrived,
) -> None:
    """Send the request and read its answer, to its end or until it is too large."""
    from ocarina_kit.majora.adapter import FinalAnswerAdapter, read_part

    with contextlib.closing(FinalAnswerAdapter(max_retries=0)) as adapter:
        answer = adapter.send(
            request,
            stream=True,
            timeout=(connect_seconds, None),  # the caller decides that it is late
            verify=verify,
            proxies={"https": proxy} if proxy else {},
        )
        arrived.add_head(answer.status_code, answer.headers)
        # A packed answer was not asked for, but a token may be in it.
        while part := read_part(answer.raw):
            arrived.add_part(part)
            if arrived.size > CAP:
                return
