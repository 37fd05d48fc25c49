"""What a person is told where a login cannot go on, and what mends it. What servers and pastes say is in
:mod:`ocarina_kit.core.oauth.oauth_errors`. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import PurePath

from ocarina_kit.core.client.scopes import ScopeRequest
from ocarina_kit.core.config.domain import applications_url, callback_url
from ocarina_kit.core.errors import Exit, KitError, Remedy, UsageError
from ocarina_kit.core.oauth.grant import CODE_LIFE_S
from ocarina_kit.core.oauth.oauth_errors import Ways, duration
from ocarina_kit.core.oauth.paste import PasteFault, PasteKind
from ocarina_kit.core.oauth.pending import PendingLogin
from ocarina_kit.core.setup import Place
from ocarina_kit.core.tokens.token_salvage import Damage

FRESH_LINKS = 3
"""Links that one prompt shows anew by itself; after that something else is wrong."""


def ways(place: Place, request: ScopeRequest | None = None, *, terminal: bool) -> Ways:
    """The commands that go on from here, for this set-up and, where it is known, this scope."""
    words = ("login",) if terminal else ("login", "--print-url")
    return Ways(
        fresh=place.command(*words, *(() if request is None else wanted(request))),
        paste=place.command("login", "--callback", "-"),
        init=place.command("init"),
        doctor=place.command("doctor"),
    )


def wanted(request: ScopeRequest) -> tuple[str, ...]:
    """The options that ask for the same again."""
    if not request.purposes:
        return ("--scope", request.scope)
    return tuple(word for purpose in request.purposes for word in ("--for", purpose.name))


# --- nobody to ask, nothing to do


def nobody_to_ask(place: Place, requests: Sequence[ScopeRequest]) -> UsageError:
    """A grant takes a browser and a paste, and there is no terminal to paste into (CONTRACT.md, Every command)."""
    options = [word for request in requests for word in wanted(request)]
    number = "one token" if len(requests) == 1 else f"{len(requests)} tokens"
    return UsageError(
        f"A person must log in in a browser for {number}, and nobody can be asked here: standard input is no "
        "terminal, and neither --print-url nor --callback was given.",
        id="LGN015",
        why="No token is there that could be refreshed.",
        remedy=Remedy(
            "Print the link, open it in any browser, then hand over the address that it leads to:",
            (
                place.command("login", *options, "--print-url"),
                place.command("login", "--callback", "-"),
            ),
        ),
    )


def api_key(place: Place) -> KitError:
    return KitError(
        "This set-up uses a legacy API key (MAJORA_TOKEN), so there is nothing to log in with.",
        id="CFG008",
        why="A login needs MAJORA_TOKEN to be OAUTH, and the id and secret of a registered application.",
        remedy=Remedy("Set it up for OAuth:", (place.command("init"),)),
    )


_STOPPED = "It was stopped by Ctrl-C or a signal."


def interrupted(place: Place, waiting: int) -> KitError:
    """Ctrl-C at the prompt. ``waiting`` is how many links that were shown still wait."""
    if not waiting:
        return KitError(
            "Interrupted; nothing is half-done.",
            id="INT001",
            why=_STOPPED,
            remedy=Remedy("Begin again when it suits you:", (place.command("login"),)),
            exit=Exit.INTERRUPTED,
        )
    return KitError(
        "Interrupted; nothing is lost, and the link above still works, for an hour.",
        id="INT001",
        why=_STOPPED,
        remedy=Remedy(
            "To go on with it, run this and paste the address there:",
            (place.command("login", "--callback", "-"),),
        ),
        exit=Exit.INTERRUPTED,
    )


# --- callbacks from another process


def nothing_waits(place: Place) -> KitError:
    return KitError(
        "No login is waiting for a callback.",
        id="LGN014",
        why="None was begun with this set-up in the last hour, or each that was is finished.",
        remedy=Remedy("Get a link:", (place.command("login", "--print-url"),)),
    )


def used_before(sent_ago: float, shown_ago: float, place_ways: Ways) -> KitError:
    """The callback of a login that is over: its code went to the server already (LGN021)."""
    return KitError(
        f"The code in that address was used before, {duration(sent_ago)} ago.",
        id="LGN021",
        why=f"A code can be used once, within {CODE_LIFE_S} s. Its link was shown {duration(shown_ago)} ago.",
        remedy=Remedy("Where you still need a token, ask for a fresh link:", (place_ways.fresh,)),
    )


def of_another_setup(place: Place, pending: PendingLogin, begun: Place | None) -> KitError:
    """The callback belongs to a login that waits, but not to one of this set-up. ``begun``: the one it was begun with,
    None where the configuration is the same and its MAJORA_DOMAIN has changed."""
    if begun is None:
        return KitError(
            f"That callback belongs to a login at {pending.domain}, and MAJORA_DOMAIN is another one now.",
            id="LGN016",
            why="A code is only sent to the server that gave it.",
            remedy=Remedy("Get a link for this one:", (place.command("login", "--print-url"),)),
        )
    whose = f"profile {begun.profile}" if begun.profile else str(begun.config)
    return KitError(
        f"That callback belongs to a login that was begun with another set-up ({whose}).",
        id="LGN016",
        why="A code is only sent to the server that gave it, with the client id that asked for it.",
        remedy=Remedy("Hand it over there:", (begun.command("login", "--callback", "-"),)),
    )


def unreadable_callback(file: str, words: str) -> UsageError:
    return UsageError(
        f"The callback could not be read from {file}.",
        why=f"The system says: {words}.",
        remedy=Remedy(
            "Name a file that holds it, or - for standard input:", ("ocarina-kit login --callback -",)
        ),
    )


# --- at the prompt

_HINTS: dict[PasteKind, str] = {
    "empty": "Copy the whole address of the page that you come to after Authorize.",
    "authorize-link": (
        "Open that link in a browser, press Authorize, and copy the address of the page that you come to then."
    ),
    "log-in-page": "Log in there, open the link again, press Authorize, and copy the address that you come to then.",
    "other-server": "Copy the address from the browser window in which you pressed Authorize.",
    "wrong-state": "Open the link above, press Authorize, and paste the address that this leads to.",
    "cut-off": "Paste the rest of it, or the whole address again.",
    "no-code": "Copy the address of the page that you come to after Authorize: it holds code= and state=.",
    "no-state": "Paste the state too, or the whole address.",
    "several": "Paste the one address that the link above leads to.",
    "unreadable": "Copy the whole address of the page that you come to after Authorize.",
}


def hint(fault: PasteFault) -> str:
    """What to do at the prompt, the link still waiting above it."""
    return _HINTS.get(fault.kind, "")


def page_error(text: str, domain: str, place_ways: Ways) -> KitError | None:
    """The error page of the authorize link, where its words were pasted (FACTS.md): it leads to no callback."""
    words = " ".join(text.lower().split())
    if "mismatching redirect uri" in words:
        return KitError(
            "The redirect URI of your application is not the one that ocarina uses.",
            id="LGN023",
            why="The browser shows: Mismatching redirect URI. It is compared to the letter.",
            remedy=Remedy(
                f"At {applications_url(domain)} set the application's Redirect URI to {callback_url(domain)}",
                (place_ways.fresh,),
            ),
        )
    if "invalid client_id parameter value" in words:
        return KitError(
            "The server does not know this client id.",
            id="CRD001",
            why="The browser shows: Invalid client_id parameter value.",
            remedy=Remedy(f"Copy id and secret anew from {applications_url(domain)}", (place_ways.init,)),
        )
    return None


def stuck_in_the_browser(domain: str) -> tuple[str, ...]:
    """Where the link leads to no Authorize button: what the server's pages mean (FACTS.md). A paragraph each."""
    return (
        "If the browser shows an error in place of Authorize:",
        f"- Mismatching redirect URI: at {applications_url(domain)} the application's Redirect URI must be, to the "
        f"letter, {callback_url(domain)}",
        "- Invalid client_id: the client id in your configuration is not the application's.",
    )


# --- after the grant


def narrowed(request: ScopeRequest, key: str, missing: Sequence[str], place_ways: Ways) -> KitError:
    return KitError(
        "The server granted other scopes than were asked for.",
        id="LGN028",
        why=f"Missing: {' '.join(missing) or 'none, but more were given'}. The token is saved under {key}, and ocarina "
        f"looks for exactly {request.scope}",
        remedy=Remedy(
            "Ask your Majora administrator for the missing permissions, then log in again.",
            (place_ways.fresh,),
        ),
    )


def refused_at_once(place_ways: Ways) -> KitError:
    """The server gave the token and will not take it."""
    return KitError(
        "The token is saved, but the server refuses it.",
        id="API001",
        why="It was granted a moment ago: the account may be inactive, or another server answers the API.",
        remedy=Remedy("See what the doctor finds.", (place_ways.doctor,)),
    )


def saved_elsewhere(
    place: Place, tokens: PurePath, where: PurePath, cause: KitError | None, *, found_again: bool
) -> KitError:
    """The answer arrived, and the tokens file could not take it (RFR005)."""
    if found_again:
        remedy = Remedy("Mend that, then put it back:", (place.command("refresh"),))
    else:
        remedy = Remedy(
            "Mend that, then copy it, or what stands in it, to the tokens file:",
            (f"cp -p {shlex.quote(str(where))} {shlex.quote(str(tokens))}",),
        )
    return KitError(
        f"You are logged in, but {tokens} could not be written: the token is kept in {where}.",
        id="RFR005",
        why=cause.why if cause is not None else "Something unforeseen stood in the way.",
        remedy=remedy,
    )


def saved_nowhere(place_ways: Ways, tokens: PurePath, cause: KitError | None) -> KitError:
    return KitError(
        f"The login went well, but neither {tokens} nor any other place could be written: the token is lost.",
        id="RFR007",
        why=cause.why if cause is not None else "",
        remedy=Remedy("Mend that, then log in once more:", (place_ways.fresh,)),
        exit=Exit.LOGIN,
    )


def set_aside_words(tokens: PurePath, damage: Damage, kept: int, backup: PurePath) -> str:
    """What became of a damaged tokens file."""
    saved = {0: "no token could be read of it", 1: "one token could be read of it, and stays"}.get(
        kept, f"{kept} tokens could be read of it, and stay"
    )
    return (
        f"The tokens file {tokens} was damaged ({damage.cause.value}: line {damage.line}, column {damage.column}); "
        f"{saved}. What it was is kept in {backup}."
    )
