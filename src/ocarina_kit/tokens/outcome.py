"""What became of each token, the same for refresh, login and logout; and what people are told where tokens or their
file are in the way. What servers say is in majora/messages."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ocarina_kit.config.place import Setup
from ocarina_kit.system.errors import Exit, KitError, Remedy, interrupted
from ocarina_kit.system.file_errors import no_file

if TYPE_CHECKING:
    from ocarina_kit.client.scopes import Table
    from ocarina_kit.majora.messages import Ways
    from ocarina_kit.system.files import File
    from ocarina_kit.tokens.file import TokensFile


class Outcome(NamedTuple):
    """What became of one token. ``scope`` is its key in the tokens file; ``expires_at`` epoch seconds as the file has
    it now, None where unknown. ``result``:

    refresh: ``refreshed``, ``adopted`` (another process had refreshed it), ``fresh`` (valid longer than was asked for),
    ``due`` (--dry-run), ``no-token``, ``no-refresh-token``, ``unreadable``, ``other-server``, ``refused-token``,
    ``lost`` (spent, and the new one never arrived), ``maybe-lost``, ``refused-client``, ``refused``, ``network`` (not
    spent), ``unreached`` (not sent), ``failed`` (this machine's fault), ``rescued`` (kept elsewhere).
    login: ``logged-in``, ``narrowed`` (other scopes were granted), ``rescued``, ``lost``, ``failed``.
    logout: ``revoked``, ``forgotten``, ``kept``, ``no-token``.
    """

    scope: str
    result: str
    expires_at: float | None = None
    problem: KitError | None = None


class Report(NamedTuple):
    """Outcomes in the file's order. ``skew``: seconds by which the server's clock is ahead of this one."""

    outcomes: tuple[Outcome, ...]
    skew: float | None = None
    notes: tuple[str, ...] = ()
    interrupted: bool = False

    def errors(self, setup: Setup) -> list[KitError]:
        """One error for all tokens that failed alike, all of them named; the worst first. Of an interrupted run only
        that it was."""
        if self.interrupted:
            done = sum(each.problem is None for each in self.outcomes)
            why = f"{done} of {len(self.outcomes)} tokens were done, and that is saved."
            return [interrupted("Interrupted; nothing is half-done.", why)]
        alike: dict[tuple[str, str], tuple[KitError, list[str]]] = {}
        for each in self.outcomes:
            if (problem := each.problem) is not None:
                alike.setdefault((problem.id, problem.what), (problem, []))[1].append(each.scope)
        found = [_about(setup, problem, scopes) for problem, scopes in alike.values()]
        return sorted(found, key=lambda error: (error.exit != Exit.LOGIN, error.exit))


def _about(setup: Setup, error: KitError, scopes: Sequence[str]) -> KitError:
    """``error``, which each of these tokens has, as one about all of them: they are named; one login is for all."""
    text, commands = error.remedy
    if error.exit == Exit.LOGIN:
        commands = (login_command(setup, scopes),)
    what = f"{error.what.rstrip('.')} ({named(scopes)})."
    return _error(error.id, what, error.why, text, *commands, exit=error.exit)


def named(scopes: Iterable[str], table: Table | None = None) -> str:
    """``tokens to look up samples and runs, add files, add tags and 3 more``."""
    from ocarina_kit.client.scopes import what_for
    from ocarina_kit.system.words import listed

    names = list(dict.fromkeys(what_for(scope, table) for scope in scopes))
    if len(names) > 4:
        names = [*names[:3], f"{len(names) - 3} more"]
    return f"{'token' if len(names) == 1 else 'tokens'} to {listed(names)}"


def _error(id: str, what: str, why: str, text: str, *commands: str, exit: int = Exit.PROBLEM) -> KitError:
    return KitError(what, id=id, why=why, remedy=Remedy(text, commands), exit=exit)


def login_command(setup: Setup, scopes: Collection[str] = (), table: Table | None = None) -> str:
    """The login that brings tokens for ``scopes``, by their purposes."""
    from ocarina_kit.client.scopes import options_for

    return setup.place.command("login", *options_for(scopes, table))


def ways(setup: Setup, scope: str, table: Table | None = None) -> Ways:
    """The commands that go on from here, for majora/messages."""
    from ocarina_kit.client.scopes import permissions
    from ocarina_kit.majora.messages import Ways

    command = setup.place.command
    others = (command("init"), command("doctor"), command("refresh"))
    login, paste = login_command(setup, (scope,), table), command("login", "--callback", "-")
    return Ways(login, paste, *others, permissions(scope))


# --- errors -------------------------------------------------------------------------------------------------

# id, what, why
EMPTY = ("TOK001", "There is no token yet.", "A login brings the first one; then a refresh is enough.")
NO_TOKEN = ("TOK001", "There is no token for this.", "Nobody has logged in for it with this set-up.")
_LOST = "It was lost: Majora issues one each time."
NO_REFRESH = ("TOK005", "There is no refresh token, so only a login helps.", _LOST)


def unreadable(file: File) -> KitError:
    """TOK003 where it is a matter of rights, else TOK002: the tokens file cannot be read at all."""
    id = "TOK003" if file.kind == "unreadable" else "TOK002"
    said, commands = no_file(file.kind, file.path)
    what = f"The tokens file {file.path} {said}{f': {file.problem}' if file.problem else ''}."
    why = "Without it no token can be used or refreshed. It was not changed."
    return _error(id, what, why, "", *commands)


def undamaged(setup: Setup, file: TokensFile) -> TokensFile:
    """``file`` itself. Raises KitError TOK002 where it is damaged."""
    if file.damage is None:
        return file
    kept = sum(token.can_refresh for token in file.tokens)
    what = f"The tokens file {setup.tokens_file} is damaged (line {file.damage[0]}, column {file.damage[1]})."
    why = f"Tokens that can still be read: {kept}. The file was not changed."
    commands = (setup.place.command("doctor", "--fix"), *(() if kept else (login_command(setup),)))
    raise _error("TOK002", what, why, "Set it aside, and keep what can be read.", *commands)


def not_tokens(path: Path, kind: str) -> KitError:
    """TOK002: MAJORA_TOKENS_FILE names a file of another kind, which is not touched."""
    what, why = (
        f"{path} is not a tokens file: it is {kind}.",
        "MAJORA_TOKENS_FILE in the configuration names it.",
    )
    text = "Name another file as MAJORA_TOKENS_FILE in the configuration, or take that line out of it."
    return _error("TOK002", what, f"{why} It was not changed.", text)


def odd(setup: Setup) -> KitError:
    """TOK002: an entry that is no token."""
    why, command = "ocarina stops at it with a traceback.", setup.place.command("doctor", "--fix")
    return _error("TOK002", "ocarina cannot use the entry.", why, "Set it aside, and keep the rest.", command)


def short(setup: Setup) -> KitError:
    """TOK004: a token that has expired, or will before it should."""
    command, why = setup.place.command("refresh"), "A refresh needs no browser."
    return _error("TOK004", "The token has expired, or will too soon.", why, "Refresh now.", command)


def few_enough(setup: Setup, tokens: Collection[object]) -> None:
    """Raises KitError RFR008 where more tokens are to be sent than go together."""
    from ocarina_kit.tokens.parallel import MOST

    if len(tokens) > MOST:
        what = f"There are {len(tokens)} tokens to send, more than {MOST}. Nothing was sent."
        why = f"ocarina needs one for each purpose, 15 in all. {setup.tokens_file} may not be its own."
        command = setup.place.command("refresh", "--for", "lookup")
        raise _error("RFR008", what, why, "Name those that you need.", command)


def needs_login(setup: Setup, scopes: Collection[str], id: str, what: str, why: str) -> KitError:
    """Exit 4, with the login that brings tokens for ``scopes``."""
    return _error(id, what, why, "Log in.", login_command(setup, scopes), exit=Exit.LOGIN)


def other_server(setup: Setup, owner: str) -> KitError:
    """RFR006: a token is sent to no other server than its own."""
    what = f"The token belongs to {owner} and was not sent to {setup.domain}."
    why = "refresh.log says so. Each Majora has accounts, applications and tokens of its own."
    text = "Set MAJORA_DOMAIN back, or log in at this one, which replaces the token."
    commands = (setup.place.command("init"), setup.place.command("login", "--force"))
    return _error("RFR006", what, why, text, *commands)


def not_saved(setup: Setup, where: Path | None, cause: KitError) -> KitError:
    """RFR005: new tokens are only in the journal, ``where``; RFR007: they could be written nowhere."""
    why = f"{cause.what} {cause.why}".strip()
    if where is None:
        what = f"The new token could be written neither to {setup.tokens_file} nor anywhere else: it is lost."
        return needs_login(setup, (), "RFR007", what, why)
    what = f"The new token could not be written to {setup.tokens_file}: it is kept in {where}."
    text, command = "Fix that, then refresh: it is put into its file.", setup.place.command("refresh")
    return _error("RFR005", what, why, text, command)
