"""How an answer is read from the network: part by part, after any interim answers.

requests is imported here at the top, so this module is imported only when a request
is made.
"""

from __future__ import annotations

from http.client import HTTPResponse, IncompleteRead
from typing import Any

from requests import PreparedRequest
from requests.adapters import HTTPAdapter

# A server that sends more interim answers than this is not taken seriously.
_MOST_INTERIM_ANSWERS = 20
_SWITCHING_PROTOCOLS = 101
_PART = 16384  # bytes


class _FinalAnswer(HTTPResponse):
    """Skips interim answers such as 103 Early Hints (RFC 9110, 15.2).

    Python skips 100 alone. It would take 103 for the answer, and the token that comes
    after it would be lost.
    """

    def begin(self) -> None:
        for _ in range(_MOST_INTERIM_ANSWERS):
            super().begin()
            if self.status // 100 != 1 or self.status == _SWITCHING_PROTOCOLS:
                return
            self.headers = self.msg = None  # type: ignore[assignment]  # read again


class FinalAnswerAdapter(HTTPAdapter):
    """The adapter of requests, with connections that wait for the final answer."""

    def get_connection_with_tls_context(
        self, request: PreparedRequest, *args: Any, **kwargs: Any
    ) -> Any:
        """Return the pool of connections for ``request``."""
        pool: Any = super().get_connection_with_tls_context(request, *args, **kwargs)
        base = pool.ConnectionCls
        pool.ConnectionCls = type(
            base.__name__, (base,), {"response_class": _FinalAnswer}
        )
        return pool


def read_part(raw: Any) -> bytes:
    """Read what has arrived of a body, unpacked; wait if nothing has.

    Args:
        raw: The response of urllib3.

    Returns:
        A part of the body, or nothing at its end.

    Raises:
        IncompleteRead: The body ended before the length that was announced.
    """
    read1 = getattr(raw, "read1", None)  # urllib3 1 has none
    part: bytes = (
        read1(_PART, decode_content=True) if read1 else raw.read(1, decode_content=True)
    )
    if not part and raw.length_remaining:
        raise IncompleteRead(b"", raw.length_remaining)
    return part
