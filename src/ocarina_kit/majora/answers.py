"""What the answers of Majora's endpoints mean.

RFC 6749, 5.1 and 5.2, for tokens; RFC 7009 for a revocation. No function here raises,
whatever the answer holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ocarina_kit.config.names import TOKEN_LIFE_S
from ocarina_kit.majora.failures import NoAnswer, NoAnswerKind
from ocarina_kit.majora.http import Response
from ocarina_kit.system.secret import Secret
from ocarina_kit.system.states import StrEnum

# RFC 6749, appendix A: tokens are made of VSCHAR. A blank in one could not be sent.
_TOKEN = re.compile(r"[\x21-\x7e]{1,65536}")
_SCOPE = re.compile(r"[\x21-\x7e]+(?: [\x21-\x7e]+)*")
_LONGEST_LIFE_S = 10 * 366 * 86400
_STANDARD_MEMBERS = {
    "access_token",
    "token_type",
    "refresh_token",
    "expires_in",
    "expires_at",
    "scope",
}


class Granted(NamedTuple):
    """A usable token answer."""

    access_token: Secret
    refresh_token: Secret | None
    """None: the old one stays good (RFC 6749, 6)."""
    expires_in: float  # seconds
    scope: tuple[str, ...] | None
    """None: as asked for."""
    token_type: str = "Bearer"  # noqa: S105  # RFC 6750's name for the kind
    extra: Mapping[str, Any] = {}
    """Members that RFC 6749 does not name, kept as the client keeps them."""
    skew: float | None = None  # seconds


class RefusalCause(StrEnum):
    """What an OAuth error is about."""

    GRANT = "grant"
    CLIENT = "client"
    SCOPE = "scope"
    TWO_FACTOR = "two-factor"
    REDIRECT_URI = "redirect-uri"
    GRANT_TYPE = "grant-type"
    OTHER = "other"


class Refused(NamedTuple):
    """An OAuth error: the server understood, and said no. All of it can be shown."""

    error: str
    description: str = ""
    cause: RefusalCause = RefusalCause.OTHER
    skew: float | None = None  # seconds

    @property
    def sentence(self) -> str:
        """For example ``Majora answered invalid_grant: ….``."""
        if not self.description:
            return f"Majora answered {self.error}."
        return f"Majora answered {self.error}: {self.description.rstrip('.')}."


Answer = Granted | Refused | NoAnswer


class ProbeKind(StrEnum):
    """What a question that changes nothing showed."""

    NO_ANSWER = "no-answer"
    NOT_MAJORA = "not-majora"
    # who answers
    MAJORA = "majora"
    # whether it knows the client
    KNOWN = "known"
    UNKNOWN = "unknown"
    OTHER_GRANT = "other-grant"
    # whether it accepts a token or key
    ACCEPTED = "accepted"
    REFUSED = "refused"
    OTHER_SERVER = "other-server"  # not asked: the token is of another server


class Probe(NamedTuple):
    """The answer to a question that changes nothing."""

    kind: ProbeKind
    message: str
    """For people: lower case, no full stop, no secret."""
    failure: NoAnswer | None = None
    skew: float | None = None  # seconds
    client_ok: bool | None = None
    """Whether the server accepts the client's version; None if it did not say."""
    wanted_version: str = ""
    """The version of the client that the server asks for."""


# --- the token endpoint

# RFC 6749, 5.2 and 4.1.2.1; RFC 7009, 2.2.1. An error by another name (`unauthorized`,
# `not_found`) is not from an OAuth server.
_CAUSES = {
    "invalid_grant": RefusalCause.GRANT,
    "invalid_client": RefusalCause.CLIENT,
    "invalid_scope": RefusalCause.SCOPE,
    "unauthorized_client": RefusalCause.GRANT_TYPE,
    "unsupported_grant_type": RefusalCause.GRANT_TYPE,
    "invalid_request": RefusalCause.OTHER,
    "access_denied": RefusalCause.OTHER,
    "unsupported_token_type": RefusalCause.OTHER,
    "server_error": RefusalCause.OTHER,
    "temporarily_unavailable": RefusalCause.OTHER,
}
# RFC 6749, 5.2 has 400 and 401. Some servers say 403 to access_denied, and some say
# everything with 200.
_ERROR_STATUSES = {200, 400, 401, 403}


def read_answer(response: Response | NoAnswer) -> Answer:
    """Read an answer of ``o/token/``."""
    if isinstance(response, NoAnswer):
        return response
    value = response.json() or {}
    refusal = _read_refusal(response, value)
    if refusal is not None:
        return refusal
    granted = None
    if response.status // 100 == 2:
        granted = _read_token(value, response.skew)
    return granted or _unusable(response)


def _read_refusal(response: Response, value: dict[str, Any]) -> Refused | None:
    error = value.get("error")
    if response.status not in _ERROR_STATUSES or not isinstance(error, str):
        return None
    if error not in _CAUSES:
        return None
    # The description is shown, and may repeat a token that is beside the error.
    tokens = [
        Secret(str(value.get(name) or "")) for name in ("access_token", "refresh_token")
    ]
    description = value.get("error_description")
    shown = response.show(description, *tokens) if isinstance(description, str) else ""
    return Refused(error, shown, _cause_of(error, shown), response.skew)


def _cause_of(error: str, description: str) -> RefusalCause:
    """Say what an error is about.

    Majora's descriptions are more exact than its codes.
    """
    if re.search("(?i)2fa|two-factor", description):
        return RefusalCause.TWO_FACTOR
    if "redirect" in description.lower():
        return RefusalCause.REDIRECT_URI
    return _CAUSES[error]


def _read_token(value: dict[str, Any], skew: float | None) -> Granted | None:
    """Read the token in an answer, None if the client could not use it.

    The refresh token is spent by now, so nothing else in the answer is a reason to
    lose the new one: what cannot be read takes its usual value, or is left out.
    """
    access = value.get("access_token")
    refresh = value.get("refresh_token")
    if not is_token(access) or not is_token(refresh or access):
        return None
    token_type = value.get("token_type") or "Bearer"
    if not isinstance(token_type, str) or token_type.lower() != "bearer":
        return None
    scope = value.get("scope")
    is_scope = isinstance(scope, str) and _SCOPE.fullmatch(scope)
    extra = {}
    for name, member in value.items():
        if name not in _STANDARD_MEMBERS and _can_be_stored(name, member):
            extra[name] = member
    return Granted(
        access_token=Secret(str(access)),
        refresh_token=Secret(refresh) if refresh else None,
        expires_in=_read_life(value.get("expires_in")),
        scope=tuple(str(scope).split()) if is_scope else None,
        token_type=token_type,
        extra=extra,
        skew=skew,
    )


def is_token(value: object) -> bool:
    """Whether a header can carry it as a token."""
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def _read_life(value: Any) -> float:
    """Read ``expires_in``, in seconds; Majora's usual life if it cannot be right."""
    try:
        life = float(value)
    except (TypeError, ValueError, OverflowError):
        return TOKEN_LIFE_S
    return life if 0 < life < _LONGEST_LIFE_S else TOKEN_LIFE_S


def _can_be_stored(name: str, member: object) -> bool:
    """Whether the client's tokens file can hold a member of an answer."""
    try:
        json.dumps({name: member}, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return False
    return True


def _unusable(response: Response) -> NoAnswer:
    """Say why an answer says nothing of what was asked.

    It also says whether the server may have acted on the request.
    """
    status = response.status
    kind = NoAnswerKind.OTHER
    sent = status // 100 == 2
    content = "a web page" if response.is_html else "no OAuth answer"
    message = f"it answered {status} with {content}"
    if status // 100 == 3:
        # Majora's endpoints never redirect: what is in front of them answered, and
        # Majora saw nothing.
        message = f"it answered {status}, a redirect{_target_of(response)}"
    elif status == 429:
        kind = NoAnswerKind.RATE_LIMITED
        message = "it answered 429, too many requests"
    elif status >= 500:
        # The fault may come after the token was spent: a gateway's time limit, or a
        # last step that failed.
        kind = NoAnswerKind.SERVER_ERROR
        message = f"it answered {status}, an error of its own"
        sent = True
    elif sent and response.json() is not None:
        message = "there is no token in its answer that ocarina could use"
    return NoAnswer(kind, message, sent, status, response.retry_after, response.skew)


def _target_of(response: Response) -> str:
    location = response.headers.get("location", "")
    host = re.match(r"https?://([\w.-]+)", location)
    return f" to {response.show(host[1], limit=100)}" if host else ""


def read_revocation(response: Response | NoAnswer) -> Refused | NoAnswer | None:
    """Read an answer of ``o/revoke_token/``: None if the token is revoked.

    200 without a web page in it is a yes; so it is for a token that the server does
    not know (RFC 7009, 2.2).
    """
    answer = read_answer(response)
    if isinstance(answer, Granted):
        return None
    if isinstance(answer, Refused) or isinstance(response, NoAnswer):
        return answer
    is_confirmed = response.status == 200 and not response.is_html
    return None if is_confirmed else answer


# --- probes


def read_identity(response: Response | NoAnswer) -> Probe:
    """Say who answers a token request without credentials.

    An OAuth server answers with an OAuth error (RFC 6749, 5.2).
    """
    answer = read_answer(response)
    if isinstance(answer, Refused):
        message = f"it answered {answer.error}"
        return Probe(ProbeKind.MAJORA, message, skew=answer.skew)
    return _not_majora(answer)


def read_client(response: Response | NoAnswer) -> Probe:
    """Say whether the server knows the client that offers a code that does not exist.

    The server looks at the client first, and its error says whether it knows it (RFC
    6749, 3.2.1).
    """
    answer = read_answer(response)
    if not isinstance(answer, Refused):
        return _not_majora(answer)
    match answer.cause:
        case RefusalCause.CLIENT:
            kind = ProbeKind.UNKNOWN
        case RefusalCause.GRANT_TYPE:
            kind = ProbeKind.OTHER_GRANT
        case RefusalCause.GRANT | RefusalCause.REDIRECT_URI:
            kind = ProbeKind.KNOWN
        case _:
            kind = ProbeKind.NO_ANSWER
    return Probe(kind, f"it answered {answer.error}", skew=answer.skew)


def _not_majora(answer: Granted | NoAnswer) -> Probe:
    if isinstance(answer, Granted):
        message = "it grants a token to anybody"
        return Probe(ProbeKind.NOT_MAJORA, message, skew=answer.skew)
    arrived = answer.sent or answer.status is not None
    is_another = answer.kind is NoAnswerKind.OTHER and arrived
    kind = ProbeKind.NOT_MAJORA if is_another else ProbeKind.NO_ANSWER
    return Probe(kind, answer.message, answer, answer.skew)


def read_query(response: Response | NoAnswer) -> Probe:
    """Say whether the harmless validity query accepts a token or key, and the client."""
    if isinstance(response, NoAnswer):
        return _no_answer(response)
    if response.status in (400, 401, 403) and not response.is_html:
        # Majora says 400 with an empty body; a later one may say 401 (RFC 6750, 3.1).
        message = f"it answered {response.status}"
        return Probe(ProbeKind.REFUSED, message, skew=response.skew)
    value = (response.json() or {}) if response.status == 200 else {}
    if "errors" not in value:
        return _no_answer(_unusable(response))
    probe = Probe(ProbeKind.ACCEPTED, "it accepts the token", skew=response.skew)
    messages = str(value.get("messages"))
    if "does not have all of the scopes" in messages:
        return probe  # the server looks at the scopes before the client's version
    version = re.search(
        r"(?i)client.*?version(?:.{0,9}?(\d+(?:\.\d+)+))?|version number", messages
    )
    if not value["errors"] or version is None:
        return probe._replace(client_ok=True)
    return probe._replace(client_ok=False, wanted_version=version[1] or "")


def _no_answer(failure: NoAnswer) -> Probe:
    message = failure.message
    if failure.kind is NoAnswerKind.OTHER:
        message = "its answer is not one to this query"
    return Probe(ProbeKind.NO_ANSWER, message, failure, failure.skew)
