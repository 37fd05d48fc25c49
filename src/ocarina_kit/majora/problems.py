"""What people read when a request to Majora brought no usable answer.

One request answers the checks SRV001 to SRV004 (docs/checks.md), so each kind of failure
belongs to one check.
"""

from __future__ import annotations

from ocarina_kit.config.location import Setup
from ocarina_kit.majora.failures import NoAnswer, NoAnswerKind
from ocarina_kit.system.problem import Exit, Problem, Remedy
from ocarina_kit.system.words import span

OF_THIS_MACHINE = frozenset(
    {
        NoAnswerKind.INSECURE,
        NoAnswerKind.CA_BUNDLE,
        NoAnswerKind.NO_THREAD,
        NoAnswerKind.PROXY_UNUSABLE,
    }
)
"""Failures whose cause is a setting or a limit here, not the network."""

_CHECKS = {
    NoAnswerKind.INSECURE: "CFG006",
    NoAnswerKind.NO_THREAD: "SYS001",
    NoAnswerKind.DNS_NONE: "SRV001",
    NoAnswerKind.DNS_SILENT: "SRV001",
    NoAnswerKind.REFUSED: "SRV002",
    NoAnswerKind.TIMEOUT: "SRV002",
    NoAnswerKind.PROXY_AUTH: "SRV002",
    NoAnswerKind.PROXY_UNUSABLE: "SRV002",
    NoAnswerKind.PROXY_REFUSED: "SRV002",
    NoAnswerKind.RESET: "SRV003",
    NoAnswerKind.CA_BUNDLE: "SRV003",
    NoAnswerKind.TLS_EXPIRED: "SRV003",
    NoAnswerKind.TLS_HOST: "SRV003",
    NoAnswerKind.TLS_UNKNOWN_ISSUER: "SRV003",
    NoAnswerKind.TLS_OTHER: "SRV003",
    NoAnswerKind.RATE_LIMITED: "SRV004",
    NoAnswerKind.SERVER_ERROR: "SRV004",
    NoAnswerKind.OTHER: "SRV004",
}

_ADVICE = {
    NoAnswerKind.INSECURE: "Correct MAJORA_DOMAIN.",
    NoAnswerKind.NO_THREAD: (
        "End other programs of yours on this machine, then try again."
    ),
    NoAnswerKind.DNS_NONE: (
        "Check MAJORA_DOMAIN for a typing mistake, and this machine's network."
    ),
    NoAnswerKind.DNS_SILENT: "Check this machine's network, then try again.",
    NoAnswerKind.REFUSED: (
        "It may be down: try again later. "
        "Or check host and port of MAJORA_DOMAIN, and firewalls."
    ),
    NoAnswerKind.PROXY_AUTH: (
        "Add user and password to the proxy's setting: http://USER:PASSWORD@HOST:PORT"
    ),
    NoAnswerKind.PROXY_UNUSABLE: (
        "Set it to http://HOST:PORT, or unset it if no proxy is needed."
    ),
    NoAnswerKind.PROXY_REFUSED: (
        "Check the proxy's address; if none is needed, add the host to NO_PROXY."
    ),
    NoAnswerKind.CA_BUNDLE: (
        "Set the variable to a CA bundle that exists, or unset it."
    ),
    NoAnswerKind.TLS_EXPIRED: (
        "Check this machine's clock; if it is right, tell Majora's administrators."
    ),
    NoAnswerKind.TLS_HOST: (
        "Check MAJORA_DOMAIN: something else may answer there. No secret was sent."
    ),
    NoAnswerKind.TLS_UNKNOWN_ISSUER: (
        "If your network inspects TLS, set REQUESTS_CA_BUNDLE."
    ),
    NoAnswerKind.TLS_OTHER: "Check the host and port of MAJORA_DOMAIN.",
    NoAnswerKind.OTHER: (
        "Check MAJORA_DOMAIN, and whether this network asks you to log in in a browser."
    ),
}
"""What to do. The kinds that are not here pass by themselves: try again."""


def check_of(answer: NoAnswer) -> str:
    """Return the id of the check that a failed request belongs to."""
    return "SRV004" if answer.sent else _CHECKS[answer.kind]


def no_answer(answer: NoAnswer, setup: Setup) -> Problem:
    """Describe a request without a usable answer.

    Its exit code is 5, but 1 for what is set wrong on this machine.
    """
    is_local = answer.kind in OF_THIS_MACHINE
    is_address = answer.kind is NoAnswerKind.INSECURE
    command = setup.location.command("init" if is_address else "doctor")
    return Problem(
        id=check_of(answer),
        message=answer.sentence,
        why=f"Without an answer from {setup.domain} nothing can be done.",
        remedy=Remedy(advice_for(answer), (command,)),
        exit=Exit.PROBLEM if is_local else Exit.UNKNOWN,
    )


def advice_for(answer: NoAnswer) -> str:
    """Return what a person can do about a failed request, as a sentence."""
    advice = _ADVICE.get(answer.kind)
    if advice is not None:
        return advice
    if answer.retry_after is None:
        return "Try again later."
    return f"Try again in {span(answer.retry_after)}."
