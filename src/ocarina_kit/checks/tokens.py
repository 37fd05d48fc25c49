"""TOK: the tokens file, and the tokens in it (CHECKS.md)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from ocarina_kit.checks import tokens_file
from ocarina_kit.checks.model import Check, Need, Outcome, fail, ok, warn
from ocarina_kit.checks.token_words import login_options, name_of, named
from ocarina_kit.checks.tokens_file import known, looked, place_of, written
from ocarina_kit.core.client.scopes import DEFAULT_NAMES, ClientTable, has_endpoint, purposes_for, resolve
from ocarina_kit.core.durations import in_words
from ocarina_kit.core.errors import Remedy
from ocarina_kit.core.facts import Facts
from ocarina_kit.core.plan import Plan, RefreshTokens
from ocarina_kit.core.tokens.token_facts import TokenFacts
from ocarina_kit.core.tokens.token_file import TimeFault, TokenEntry

# --- TOK004, TOK005: lives ----------------------------------------------------------------------------------


@looked
def lives(facts: Facts, tokens: TokenFacts) -> Outcome:
    place = facts.config.place
    skew = (facts.network.skew if facts.network is not None else None) or 0.0
    expired = [entry for entry in tokens.usable if entry.life_left(tokens.now, skew) <= 0]
    if expired:
        keys = [entry.key for entry in expired]
        longest = max(-entry.life_left(tokens.now, skew) for entry in expired)
        by_server = all(entry.life_left(tokens.now) > 0 for entry in expired)
        since = " by the server's clock" if by_server else _ago(longest)
        return fail(
            f"{_upper(named(keys, facts.table))} expired{since}.",
            remedy=_refresh_remedy(facts, expired),
            fix=_refresh(expired, "refresh what is expired"),
        )
    if (next_run := _next_run(facts)) is not None:
        short = [
            entry
            for entry in tokens.usable
            if entry.can_refresh and tokens.now + entry.life_left(tokens.now, skew) < next_run.timestamp()
        ]
        if short:
            keys = [entry.key for entry in short]
            ends = tokens.now + min(entry.life_left(tokens.now, skew) for entry in short)
            return warn(
                f"{_upper(named(keys, facts.table))} will expire {_left(ends - tokens.now)}, before the next "
                f"scheduled refresh at {next_run:%H:%M}.",
                remedy=Remedy("Refresh now.", (place.command("refresh"),)),
                fix=_refresh(short, "refresh what expires before the next scheduled refresh"),
            )
    alive = tokens.alive(skew)
    if not alive:
        return ok("No token is expired.")
    least = min(entry.life_left(tokens.now, skew) for entry in alive)
    return ok(f"Each token lives at least {in_words(least)} more.")


def _refresh(entries: Collection[TokenEntry], why: str) -> Plan:
    scopes = tuple(entry.key for entry in entries if entry.can_refresh)
    return Plan((RefreshTokens(scopes, why),)) if scopes else Plan()


def _refresh_remedy(facts: Facts, expired: list[TokenEntry]) -> Remedy:
    place = facts.config.place
    lost = tuple(entry.key for entry in expired if not entry.can_refresh)
    if not lost:
        return Remedy("Refresh: no browser is needed.", (place.command("refresh"),))
    login = place.command("login", *login_options(lost, facts.table))
    if len(lost) == len(expired):
        return Remedy("There is no refresh token left: log in again.", (login,))
    return Remedy(f"Refresh; for {named(lost, facts.table)} log in again.", (place.command("refresh"), login))


def _next_run(facts: Facts) -> datetime | None:
    """When cron next refreshes this set-up's tokens; None without an entry, or where it is not known."""
    from ocarina_kit.core.cron.cronruns import next_runs

    schedule = facts.schedule
    if schedule is None:
        return None
    now = schedule.local(schedule.now)
    runs = [
        run
        for job in schedule.entries.active
        if job.schedule is not None
        for run in next_runs(job.schedule, now, 1)
    ]
    return min(runs, key=lambda run: run.timestamp(), default=None)


@looked
def renewable(facts: Facts, tokens: TokenFacts) -> Outcome:
    lost = tuple(entry.key for entry in tokens.usable if not entry.can_refresh)
    if not lost:
        return ok("Each token has a refresh token.")
    verb = "has" if len(lost) == 1 else "have"
    return fail(
        f"{_upper(named(lost, facts.table))} {verb} no refresh token.",
        remedy=Remedy(
            "Log in again for it.",
            (facts.config.place.command("login", "--force", *login_options(lost, facts.table)),),
        ),
    )


# --- TOK006 to TOK008: what ocarina makes of an entry -------------------------------------------------------


@looked
def under_their_keys(facts: Facts, tokens: TokenFacts) -> Outcome:
    scopes = known(facts.table)
    misplaced = tuple(entry for entry in tokens.usable if entry.misplaced(scopes))
    if not misplaced:
        return ok("Each token is where ocarina looks for it.")
    first = misplaced[0]
    more = f", and {len(misplaced) - 1} more like it" if len(misplaced) > 1 else ""
    return fail(
        f"{place_of(tokens, first.key)}: the token for {name_of(first.home(scopes), facts.table)} is stored under "
        f"another key than its scope string{more}.",
        remedy=Remedy("--fix moves it to its place.", (facts.config.place.command("doctor", "--fix"),)),
        fix=written(facts, tokens),
    )


@looked
def purposes(facts: Facts, tokens: TokenFacts) -> Outcome:
    held = tuple(entry.key for entry in tokens.usable)
    chosen = tokens.chosen_scopes
    missing = _missing(facts.table, chosen, held) if chosen else _missing_by_default(facts.table, held)
    if not missing:
        return ok("There is a token for each purpose.")
    said = "chosen at login" if chosen else "that everybody needs"
    return warn(
        f"There is no token for {', '.join(name_of(key, facts.table) for key in missing)}, a purpose {said}."
        if len(missing) == 1
        else f"There are no tokens for {', '.join(name_of(key, facts.table) for key in missing)}: purposes {said}.",
        remedy=Remedy(
            "Log in for it.", (facts.config.place.command("login", *login_options(missing, facts.table)),)
        ),
    )


def _missing(table: ClientTable | None, chosen: tuple[str, ...], held: tuple[str, ...]) -> tuple[str, ...]:
    """Recorded scope strings that neither have a token of their own, nor one that serves their purposes now."""
    served = {purpose.name for key in held for purpose in purposes_for(key, table)}
    missing = []
    for scope in chosen:
        wanted = {purpose.name for purpose in purposes_for(scope, table)}
        if scope not in held and not (wanted and wanted <= served):
            missing.append(scope)
    return tuple(missing)


def _missing_by_default(table: ClientTable | None, held: tuple[str, ...]) -> tuple[str, ...]:
    needed = resolve(DEFAULT_NAMES, table)
    # An older client, or one whose table cannot be read here, looks a sample up with another scope string.
    if table is None and {p.name for key in held for p in purposes_for(key)} & {
        *DEFAULT_NAMES,
        "published",
    }:
        return ()
    able = [each for each in needed if all(has_endpoint(p, table) for p in each.purposes)]
    return () if not able or any(each.scope in held for each in able) else (able[0].scope,)


_TIME_WORDS = {
    TimeFault.TEXT: "is a number written as text",
    TimeFault.MILLISECONDS: "is in milliseconds",
    TimeFault.TOO_FAR: "lies too far ahead to be true",
    TimeFault.UNUSABLE: "is no time",
}


@looked
def times(facts: Facts, tokens: TokenFacts) -> Outcome:
    faulty = [
        (entry, fault) for entry in tokens.usable if (fault := entry.time_fault(tokens.now)) is not None
    ]
    if not faulty:
        return ok("Each time of expiry can be used.")
    entry, fault = faulty[0]
    more = f", and {len(faulty) - 1} more like it" if len(faulty) > 1 else ""
    lost = [each for each, why in faulty if why in (TimeFault.TOO_FAR, TimeFault.UNUSABLE)]
    what = (
        "writes the time that was meant" if not lost else "takes such a token for expired, and refreshes it"
    )
    return fail(
        f"{place_of(tokens, entry.key)}: expires_at of the token for {name_of(entry.key, facts.table)} "
        f"{_TIME_WORDS[fault]}{more}.",
        remedy=Remedy(f"--fix {what}.", (facts.config.place.command("doctor", "--fix"),)),
        fix=written(facts, tokens),
    )


# --- words --------------------------------------------------------------------------------------------------


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _left(seconds: float) -> str:
    return f"in {in_words(seconds)}"


def _ago(seconds: float) -> str:
    # A time that was written as "expired for good" tells nothing of when that was.
    return f" {in_words(seconds)} ago" if seconds < 400 * 86_400 else ""


# --- the rows -----------------------------------------------------------------------------------------------

_TOKENS = frozenset({Need.CONFIG, Need.TOKENS})

CHECKS: tuple[Check, ...] = (
    Check(
        id="TOK001",
        title="There is a token",
        probe=tokens_file.there,
        consequence="ocarina asks for a login at its next command; under cron it just fails.",
        remedy=Remedy("Log in.", ("ocarina-kit login",)),
        explain="Tokens stand in MAJORA_TOKENS_FILE, else in ~/.ocarina-tokens: one for each scope string that you "
        "logged in for.",
        rests_on=(("CFG010",), ("CFG008",)),
        needs=_TOKENS,
        oauth_only=True,
    ),
    Check(
        id="TOK002",
        title="The tokens file can be read by ocarina",
        probe=tokens_file.shape,
        consequence="Every command of ocarina that uses --oauth ends with a traceback, the refresh too.",
        remedy=Remedy("Set it aside and keep what can be read.", ("ocarina-kit doctor --fix",)),
        explain="The file must be a JSON object of token entries. ocarina writes it in place and with no lock, so a "
        "crash or a second process can leave half a file, or two mixed. --fix keeps the damaged file in the backups "
        "and every entry that can be read whole.",
        rests_on=(("TOK001",),),
        needs=_TOKENS,
        oauth_only=True,
    ),
    Check(
        id="TOK003",
        title="The tokens file is private",
        probe=tokens_file.private,
        consequence="Whoever can read it can act as you at Majora.",
        remedy=Remedy("Let nobody but you read and write it.", ("chmod 600 ~/.ocarina-tokens",)),
        explain="Tokens are as good as a password while they live. The file should be yours alone: mode 0600. "
        "ocarina leaves a looser mode as it is.",
        rests_on=(("TOK001",),),
        needs=_TOKENS,
        oauth_only=True,
    ),
    Check(
        id="TOK004",
        title="The access tokens are alive",
        probe=lives,
        consequence="ocarina asks for a login in a browser, also where a refresh would do; under cron it dies.",
        remedy=Remedy("Refresh.", ("ocarina-kit refresh",)),
        explain="An access token lives 10 hours. Its refresh token lives on, so an expired one can be refreshed with "
        "no browser. Expiry is judged by this machine's clock and by the server's, where that is known.",
        rests_on=(("TOK008",),),
        needs=_TOKENS,
        uses=frozenset({Need.SCHEDULE}),
        oauth_only=True,
    ),
    Check(
        id="TOK005",
        title="Each token has a refresh token",
        probe=renewable,
        consequence="When its access token expires, nothing but a login brings a new one.",
        remedy=Remedy("Log in again.", ("ocarina-kit login --force",)),
        explain="Majora gives a refresh token with every access token. One that is missing was lost on the way, and "
        "only a login brings another.",
        rests_on=(("TOK002",),),
        needs=_TOKENS,
        oauth_only=True,
    ),
    Check(
        id="TOK006",
        title="Each token stands under its scope string",
        probe=under_their_keys,
        consequence="ocarina does not find it, and asks for a login.",
        remedy=Remedy("Move it.", ("ocarina-kit doctor --fix",)),
        explain="ocarina looks a token up by exactly the scope string of what it is about to do, order and all. A "
        "token under any other key is never found.",
        rests_on=(("TOK002",),),
        needs=_TOKENS,
        uses=frozenset({Need.TABLE}),
        oauth_only=True,
    ),
    Check(
        id="TOK007",
        title="There is a token for each purpose",
        probe=purposes,
        consequence="ocarina asks for a login when you do that.",
        remedy=Remedy("Log in for it.", ("ocarina-kit login",)),
        explain="Which purposes you logged in for stands in refresh.log; where nothing stands there, looking up "
        "samples is taken to be wanted. ocarina-kit login --list shows all purposes.",
        rests_on=(("TOK006",),),
        needs=_TOKENS,
        uses=frozenset({Need.TABLE}),
        oauth_only=True,
    ),
    Check(
        id="TOK008",
        title="Each time of expiry can be used",
        probe=times,
        consequence="ocarina ends with a traceback, or takes a dead token for a living one.",
        remedy=Remedy("Mend it.", ("ocarina-kit doctor --fix",)),
        explain="expires_at is in epoch seconds. Text of a number and milliseconds have one meaning, and --fix "
        "writes it. What lies more than 7 days beyond the token's life, or is no time at all, counts as expired.",
        rests_on=(("TOK002",),),
        needs=_TOKENS,
        oauth_only=True,
    ),
)
