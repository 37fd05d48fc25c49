"""What a fault answers: pure, from the fault and the real answer where there is one."""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus

from ocarina_kit.sandbox.faults import Fault

FLOOD = b'{"access_token": "' + b"x" * 65_000 + b'"}\n'
_HTML = (
    "<!DOCTYPE html><html><head><title>Network log-in</title></head><body><h1>Welcome to the guest network</h1>"
    "<form method='post'><label>Voucher <input name='voucher'></label><button>Go online</button></form>"
    "</body></html>"
)


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def to_bytes(self, now: float, *, with_body: bool = True, promised: int | None = None) -> bytes:
        """The answer as it goes over the wire, dated ``now`` (epoch seconds); ``promised`` is a false length."""
        length = len(self.body) if promised is None else promised
        head = _head(self.status, now) + [
            f"{name}: {value}"
            for name, value in self.headers
            if name.lower() not in {"content-length", "date", "connection"}
        ]
        head.append(f"Content-Length: {length}")
        return _joined(head) + (self.body if with_body else b"")


def endless_head(now: float) -> bytes:
    """The head of an answer that ends with the connection."""
    return _joined([*_head(200, now), "Content-Type: application/json"])


def answer(fault: Fault, real: Answer | None) -> Answer:
    """What ``fault`` answers; ``real`` is Django's answer, where the request was processed."""
    html, plain, as_json = (
        [("Content-Type", kind)]
        for kind in ("text/html; charset=utf-8", "text/plain; charset=utf-8", "application/json")
    )
    if fault.kind == "status":
        default = "" if fault.body else HTTPStatus(fault.status).phrase
        named = {name.lower() for name in fault.headers}
        headers = [*([] if "content-type" in named else plain), *fault.headers.items()]
        return Answer(fault.status, headers, (fault.body or default).encode())
    if fault.kind == "html":
        return Answer(fault.status, html, (fault.body or _HTML).encode())
    if fault.kind == "redirect":
        return Answer(fault.status, [("Location", fault.location), *fault.headers.items()], b"")
    if fault.kind == "not_json":
        return Answer(200, as_json, (fault.body or "everything is fine").encode())
    if fault.kind == "empty":
        return Answer(200, as_json, b"")
    if fault.kind == "bomb":
        return Answer(200, [*as_json, ("Content-Encoding", "gzip")], _bomb(fault.size))
    if real is None:
        raise ValueError(f"{fault.kind} needs the real answer")
    if fault.kind == "truncated":
        return Answer(real.status, real.headers, real.body[: len(real.body) // 2])
    return Answer(real.status, real.headers, _edited(real.body, fault))


def promised(fault: Fault, real: Answer | None) -> int | None:
    """The false length that a truncated answer declares, where it is to declare one."""
    return len(real.body) if real is not None and fault.kind == "truncated" and fault.promise else None


def _edited(body: bytes, fault: Fault) -> bytes:
    try:
        members = json.loads(body)
    except ValueError:
        return body
    if "error" in members and "access_token" not in members:
        return body  # a refusal stays one
    for name in fault.remove:
        members.pop(name, None)
    members.update(fault.change)
    if fault.reverse_scope and "scope" in members:
        members["scope"] = " ".join(reversed(members["scope"].split()))
    return json.dumps(members).encode()


def _bomb(size: int) -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6) as out:
        for _ in range(max(1, size // 65_536)):
            out.write(b" " * 65_536)
    return packed.getvalue()


def _head(status: int, now: float) -> list[str]:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    # Dated by the server's own clock, which a test may have shifted (RFC 9110, section 6.6.1).
    return [f"HTTP/1.1 {status} {phrase}", f"Date: {formatdate(now, usegmt=True)}", "Connection: close"]


def _joined(head: list[str]) -> bytes:
    return ("\r\n".join(head) + "\r\n\r\n").encode("latin-1")
