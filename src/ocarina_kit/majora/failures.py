"""Why a request got no usable answer."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from ocarina_kit.system.secret import mask
from ocarina_kit.system.states import StrEnum


class Stage(Enum):
    """How far a request came. Until it is sent, nothing can be spent at the server."""

    RESOLVING = 1
    CONNECTING = 2
    SENT = 3


class NoAnswerKind(StrEnum):
    """Why there is no usable answer."""

    # of this machine
    INSECURE = "insecure"
    CA_BUNDLE = "ca-bundle"
    NO_THREAD = "no-thread"
    # of the network
    TIMEOUT = "timeout"
    DNS_NONE = "dns-none"
    DNS_SILENT = "dns-silent"
    REFUSED = "refused"
    RESET = "reset"
    TLS_EXPIRED = "tls-expired"
    TLS_HOST = "tls-host"
    TLS_UNKNOWN_ISSUER = "tls-unknown-issuer"
    TLS_OTHER = "tls-other"
    PROXY_AUTH = "proxy-auth"
    PROXY_UNUSABLE = "proxy-unusable"
    PROXY_REFUSED = "proxy-refused"
    # of an answer that arrived
    RATE_LIMITED = "rate-limited"
    SERVER_ERROR = "server-error"
    # no OAuth answer: something else than Majora gave it
    OTHER = "other"


class NoAnswer(NamedTuple):
    """No answer came, or none that is usable."""

    kind: NoAnswerKind
    message: str
    """For people: lower case, no full stop, no secret."""
    sent: bool = False
    """The server may have acted on the request: a token or code in it may be spent."""
    status: int | None = None
    retry_after: float | None = None  # seconds
    skew: float | None = None  # seconds

    @property
    def sentence(self) -> str:
        """The message as a sentence."""
        message = self.message
        if self.status is not None:
            message = f"there was no usable answer: {message}"
        return f"{message[:1].upper()}{message[1:]}."


# X509_verify_cert_error_string(3) has the meaning of each code.
_EXPIRED_CODES = {9, 10}
_HOST_CODES = {62, 63, 64}
_ISSUER_CODES = {2, 18, 19, 20, 21, 27}


def failure_of(
    error: BaseException, stage: Stage, host: str, proxy: str | None
) -> NoAnswer:
    """Say what an exception of a request means.

    The text of the exception is not shown: it may hold a URL or a proxy's password.
    """
    causes = list(_chain(error))
    sent = stage is Stage.SENT
    if _is_timeout(causes):
        return timed_out(host)._replace(sent=sent)
    failure = _certificate_failure(causes, host)
    if failure is None and proxy and stage is Stage.CONNECTING:
        failure = _proxy_failure(causes, host, mask(proxy))
    failure = failure or _tls_failure(causes, stage, host)
    failure = failure or _lookup_failure(causes, stage, host)
    failure = failure or _connection_failure(causes, host)
    return failure._replace(sent=sent)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Give the exception and all that led to it, the outermost first."""
    causes = [error]
    for cause in causes:  # which grows meanwhile
        yield cause
        for inner in (cause.__cause__, cause.__context__):
            if inner is not None and inner not in causes:
                causes.append(inner)


def _certificate_failure(causes: list[BaseException], host: str) -> NoAnswer | None:
    import ssl

    for cause in causes:
        if not isinstance(cause, ssl.SSLCertVerificationError):
            continue
        message = f"the certificate of {host} is not accepted: {cause.verify_message}"
        if cause.verify_code in _EXPIRED_CODES:
            return NoAnswer(NoAnswerKind.TLS_EXPIRED, message)
        if cause.verify_code in _HOST_CODES:
            return NoAnswer(NoAnswerKind.TLS_HOST, message)
        if cause.verify_code in _ISSUER_CODES:
            return NoAnswer(NoAnswerKind.TLS_UNKNOWN_ISSUER, message)
    return None


def _proxy_failure(
    causes: list[BaseException], host: str, proxy: str
) -> NoAnswer | None:
    import ssl

    from requests.exceptions import ProxyError

    # http.client says "Tunnel connection failed: <status> <reason>".
    if any("Tunnel connection failed: 407" in str(cause) for cause in causes):
        message = f"the proxy {proxy} asks for a user name and password (407)"
        return NoAnswer(NoAnswerKind.PROXY_AUTH, message)
    of_tls = any(isinstance(cause, ssl.SSLError) for cause in causes)
    # requests and urllib3 raise a ValueError for an address that they cannot use.
    if not of_tls and any(isinstance(cause, ValueError) for cause in causes):
        message = f"the setting for a proxy holds no address of one: {proxy}"
        return NoAnswer(NoAnswerKind.PROXY_UNUSABLE, message)
    if not of_tls or any(isinstance(cause, ProxyError) for cause in causes):
        message = f"the proxy {proxy} cannot be reached, or refuses to connect to"
        return NoAnswer(NoAnswerKind.PROXY_REFUSED, f"{message} {host}")
    return None


def _tls_failure(
    causes: list[BaseException], stage: Stage, host: str
) -> NoAnswer | None:
    import ssl

    if stage is Stage.SENT:
        return None
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            message = f"the TLS handshake with {host} failed{_reason(cause)}"
            return NoAnswer(NoAnswerKind.TLS_OTHER, message)
    return None


def _lookup_failure(
    causes: list[BaseException], stage: Stage, host: str
) -> NoAnswer | None:
    import socket

    for cause in causes:
        if isinstance(cause, socket.gaierror) and _is_unknown_name(cause):
            return NoAnswer(NoAnswerKind.DNS_NONE, f"no host is named {host}")
        if isinstance(cause, socket.gaierror):
            return resolver_silent(host)
    return resolver_silent(host) if stage is Stage.RESOLVING else None


def _connection_failure(causes: list[BaseException], host: str) -> NoAnswer:
    import ssl
    from http.client import IncompleteRead

    from urllib3.exceptions import DecodeError, NewConnectionError

    early_ends = (ssl.SSLError, IncompleteRead, DecodeError, ConnectionError)
    if any(isinstance(cause, NewConnectionError) for cause in causes):
        message = f"{host} refuses the connection, or cannot be reached from here"
        return NoAnswer(NoAnswerKind.REFUSED, message)
    if any(isinstance(cause, early_ends) for cause in causes):
        message = f"{host} closed the connection before it had answered"
        return NoAnswer(NoAnswerKind.RESET, message)
    return NoAnswer(NoAnswerKind.OTHER, f"{host} did not answer with HTTP")


def _is_timeout(causes: list[BaseException]) -> bool:
    from requests.exceptions import Timeout
    from urllib3.exceptions import ReadTimeoutError

    timeouts = (Timeout, ReadTimeoutError, TimeoutError)
    return any(isinstance(cause, timeouts) for cause in causes)


def _is_unknown_name(error: OSError) -> bool:
    """Whether the resolver answered, and knows no such host."""
    import socket

    # macOS and musl lack the older code.
    no_data = getattr(socket, "EAI_NODATA", socket.EAI_NONAME)
    return error.errno in (socket.EAI_NONAME, no_data)


def _reason(error: OSError) -> str:
    reason = getattr(error, "verify_message", "")
    return f": {reason}" if reason else ""


def timed_out(host: str) -> NoAnswer:
    """The server did not answer within the time limit."""
    return NoAnswer(NoAnswerKind.TIMEOUT, f"{host} did not answer in time")


def resolver_silent(host: str) -> NoAnswer:
    """The resolver did not say whether there is such a host."""
    message = f"the resolver did not answer for {host}"
    return NoAnswer(NoAnswerKind.DNS_SILENT, message)


def no_time_left(host: str) -> NoAnswer:
    """The time limit was over before anything was sent."""
    return NoAnswer(NoAnswerKind.TIMEOUT, f"no time was left to ask {host}")


def unusable_address() -> NoAnswer:
    """The address is not one that a secret may be sent to."""
    message = "the address of the server cannot be used"
    return NoAnswer(NoAnswerKind.INSECURE, message)


def no_thread() -> NoAnswer:
    """The account is at its limit of processes."""
    message = "this account may not start more processes or threads here (ulimit -u)"
    return NoAnswer(NoAnswerKind.NO_THREAD, message)


def unreadable_ca_bundle(variable: str, path: str) -> NoAnswer:
    """The environment names a CA bundle that is not one."""
    message = (
        f"the CA bundle that {variable} names cannot be read, "
        f"or has no certificate in it: {path}"
    )
    return NoAnswer(NoAnswerKind.CA_BUNDLE, message)


def answer_too_large(host: str) -> NoAnswer:
    """The answer is larger than what is read of one."""
    message = f"the answer of {host} is larger than 1 MiB"
    return NoAnswer(NoAnswerKind.OTHER, message, sent=True)
