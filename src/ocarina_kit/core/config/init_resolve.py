"""Where the values for ``init`` come from, and which are missing: options, environment, the file that is there. Pure.

A value comes from an option, else the environment, else the file, else a person is asked (CONTRACT.md, init).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ocarina_kit.core.config.credentials import Member, TokenKind, token_kind
from ocarina_kit.core.config.domain import same_server
from ocarina_kit.core.config.init_answers import (
    JUDGES,
    SWAPPED_WORDS,
    Answers,
    Given,
    Judged,
    Problem,
    Source,
    judge_domain,
    judge_pair,
)
from ocarina_kit.core.config.layers import Layer, Setting
from ocarina_kit.core.errors import Remedy, UsageError
from ocarina_kit.core.secret import Secret
from ocarina_kit.core.text import strip_ends

VARIABLES: Mapping[Member, tuple[str, ...]] = {
    Member.DOMAIN: ("MAJORA_DOMAIN",),
    Member.USER: ("MAJORA_USER",),
    Member.TOKEN: ("MAJORA_TOKEN",),
    Member.ID: ("CLIENT_ID", "MAJORA_CLIENT_ID"),
    Member.SECRET: ("CLIENT_SECRET", "MAJORA_CLIENT_SECRET"),
}
OPTIONS: Mapping[Member, tuple[str, ...]] = {
    Member.DOMAIN: ("--instance prod|test", "--domain URL"),
    Member.USER: ("--user NAME",),
    Member.TOKEN: ("--api-key-file FILE",),
    Member.ID: ("--client-id ID",),
    Member.SECRET: ("--client-secret-file FILE",),
}


def from_environment(environ: Mapping[str, str], member: Member) -> Given | None:
    """The variable that counts for a member. A blank one counts as not set.

    Id and secret are a pair: where only the older name of the id is set, the older name of the secret goes first.
    """
    names = VARIABLES[member]
    if member is Member.SECRET and not environ.get("CLIENT_ID") and environ.get("MAJORA_CLIENT_ID"):
        names = names[::-1]
    for name in names:
        if strip_ends(environ.get(name, "")):
            return Given(environ[name], Source.ENVIRONMENT, name)
    return None


def gather(
    options: Mapping[Member, Given], environ: Mapping[str, str], settings: Mapping[str, Setting]
) -> dict[Member, Given]:
    """What was given for each member, from the source that goes first. ``settings``: what the file says, if it counts.

    MAJORA_TOKEN is here only where it is a legacy key: an id or secret that is given by option, or by variable where
    no variable holds a key, says that OAuth is meant, whatever the file holds.
    """
    found: dict[Member, Given] = {}
    for member in (Member.DOMAIN, Member.USER, Member.ID, Member.SECRET):
        given = options.get(member) or from_environment(environ, member)
        setting = settings.get(member.value)
        if given is None and setting is not None and setting.layer is not Layer.BUILT_IN and setting.text:
            given = Given(setting.text, Source.FILE, setting.source)
        if given is not None:
            found[member] = given
    key = _key(options, environ, settings, found)
    if key is not None:
        found[Member.TOKEN] = key
    return found


def of_another_server(found: Mapping[Member, Given], settings: Mapping[str, Setting]) -> frozenset[Member]:
    """What of the file's belongs to another Majora than the one that is given now: its id, its secret, its key.

    Each Majora has applications and keys of its own, and none of them is to be sent to another server.
    """
    now, before = found.get(Member.DOMAIN), settings.get(Member.DOMAIN.value)
    if now is None or now.source is Source.FILE or before is None or before.layer is Layer.BUILT_IN:
        return frozenset()
    new, old = judge_domain(now.text), judge_domain(before.text)
    if new.problem is not None or old.problem is not None or same_server(new.text, old.text):
        return frozenset()
    secrets = (Member.ID, Member.SECRET, Member.TOKEN)
    return frozenset(m for m in secrets if m in found and found[m].source is Source.FILE)


def _key(
    options: Mapping[Member, Given],
    environ: Mapping[str, str],
    settings: Mapping[str, Setting],
    found: Mapping[Member, Given],
) -> Given | None:
    if Member.TOKEN in options:
        return options[Member.TOKEN]
    sources = {found[member].source for member in (Member.ID, Member.SECRET) if member in found}
    if Source.OPTION in sources:
        return None
    variable = from_environment(environ, Member.TOKEN)
    if variable is not None:
        return None if token_kind(variable.text).is_oauth else variable
    setting = settings.get(Member.TOKEN.value)
    if Source.ENVIRONMENT in sources or setting is None:
        return None
    kind = token_kind(setting.text)
    if kind in (TokenKind.LEGACY_KEY, TokenKind.UNUSUAL_KEY):
        return Given(setting.text, Source.FILE, setting.source)
    return None


# --- what is settled, and what is missing -------------------------------------------------------------------


@dataclass(frozen=True)
class Wanting:
    """A member that is missing, or whose value is not taken (``problem``); ``given`` is where that stood."""

    member: Member
    problem: Problem | None = None
    given: Given | None = None

    @property
    def by_option(self) -> bool:
        return self.given is not None and self.given.source is Source.OPTION

    @property
    def ways(self) -> str:
        """How to give it: the options, and the variables that do as well."""
        options = " or ".join(OPTIONS[self.member])
        return f"{options} (or the variable {' or '.join(VARIABLES[self.member])})"

    @property
    def line(self) -> str:
        """What is missing, in a line for people."""
        if self.problem is None:
            return f"{self.member.value}: {self.ways}"
        where = "" if self.given is None else f" (from {self.given.where})"
        return f"{self.member.value}{where} cannot be used: {_with_guess(self.problem)}. Give it with {self.ways}"


def _with_guess(problem: Problem) -> str:
    return f"{problem.words}; perhaps {problem.suggestion} is meant" if problem.suggestion else problem.words


@dataclass(frozen=True)
class Resolved:
    """What is known before anybody is asked."""

    found: Mapping[Member, Given]
    values: Mapping[Member, Judged]
    """Those that can be used, each as it would be written."""
    wanting: tuple[Wanting, ...] = ()
    mends: tuple[str, ...] = ()
    """Of the values that were given now, in words."""
    warnings: tuple[str, ...] = ()
    legacy: bool = False
    swapped: bool = field(default=False)

    @property
    def answers(self) -> Answers:
        """All of it, where nothing is wanting."""

        def text(member: Member) -> str:
            return self.values[member].text if member in self.values else ""

        return Answers(
            domain=text(Member.DOMAIN),
            user=text(Member.USER),
            client_id=text(Member.ID),
            client_secret=Secret(text(Member.SECRET)),
            api_key=Secret(text(Member.TOKEN)) if self.legacy else None,
        )

    @property
    def bad_options(self) -> tuple[Wanting, ...]:
        return tuple(each for each in self.wanting if each.by_option and each.problem is not None)

    def is_given(self, member: Member) -> bool:
        """Whether the value was given for this run (option or variable) and can be used: nobody is asked for it."""
        return member in self.values and self.found[member].source in (Source.OPTION, Source.ENVIRONMENT)


_OTHER_SERVER = Problem(
    "USE001", "it belongs to the Majora that is set up now, and not to the one that was named"
)


def resolve(found: Mapping[Member, Given], foreign: Iterable[Member] = ()) -> Resolved:
    """Judge what was found. ``foreign``: members whose value in the file belongs to another server."""
    legacy = Member.TOKEN in found
    needed = [Member.DOMAIN, Member.USER, *((Member.TOKEN,) if legacy else (Member.ID, Member.SECRET))]
    if legacy:  # fillers stand for id and secret, but what is given now is judged and written
        needed += [
            member
            for member in (Member.ID, Member.SECRET)
            if member in found and found[member].source is not Source.FILE
        ]
    values: dict[Member, Judged] = {}
    wanting: list[Wanting] = []
    mends: list[str] = []
    warnings: list[str] = []
    for member in needed:
        given = found.get(member)
        if given is None:
            wanting.append(Wanting(member))
            continue
        judged = JUDGES[member](given.text)
        if judged.problem is None and member in foreign:
            judged = replace(judged, problem=_OTHER_SERVER)
        if judged.problem is not None:
            wanting.append(Wanting(member, judged.problem, given))
            continue
        values[member] = judged
        mends += [f"{member.value}: {mend}" for mend in judged.mends]
        if member is Member.USER:  # of the others the checks of the configuration say as much
            warnings += judged.warnings
    swapped = False
    if Member.ID in values and Member.SECRET in values:
        pair = judge_pair(values[Member.ID].text, values[Member.SECRET].text)
        if pair.problem is not None:
            del values[Member.SECRET]
            wanting.append(Wanting(Member.SECRET, pair.problem, found[Member.SECRET]))
        elif pair.swapped:
            swapped = True
            values[Member.ID] = replace(values[Member.ID], text=pair.client_id)
            values[Member.SECRET] = replace(values[Member.SECRET], text=pair.client_secret.reveal())
            mends.append(f"{SWAPPED_WORDS} (told by their lengths): put right")
    return Resolved(found, values, tuple(wanting), tuple(mends), tuple(warnings), legacy, swapped)


def usage_error(
    wanting: Iterable[Wanting], *, consent: str = "", excerpt: str = "", agree: str = "ocarina-kit init --yes"
) -> UsageError:
    """Everything that is missing or wrong, at once, each with the ways to give it.

    ``consent``: what would also have to be agreed to, and cannot be asked here (a broken file, CFG002, with the
    ``excerpt`` of the place), and ``agree`` the command that does.
    """
    all_of_it = list(wanting)
    id = "CFG002" if consent else "USE001"
    if consent and not all_of_it:
        return UsageError(consent, id=id, why=excerpt, remedy=Remedy("Agree to that:", (agree,)))
    problems = [each for each in all_of_it if each.problem is not None]
    lines = [each.line for each in all_of_it] + ([consent] if consent else [])
    if len(lines) == 1 and problems and problems[0].problem is not None:
        first = problems[0]
        where = "" if first.given is None else f" ({first.given.where})"
        reason = _with_guess(problems[0].problem)
        return UsageError(
            f"{first.member.value}{where} cannot be used.",
            why=f"{reason[:1].upper()}{reason[1:]}.",
            id=problems[0].problem.id,
            remedy=Remedy(f"Give it with {first.ways}.", ("ocarina-kit init --help",)),
        )
    what = (
        "Nobody can be asked here, and this is missing:"
        if not problems
        else "This is missing or cannot be used:"
    )
    return UsageError(
        "\n".join([what, *(f"  {line}" for line in lines)]),
        id=next((each.problem.id for each in problems if each.problem is not None), id),
        why=excerpt or "There is no terminal on standard input to ask at. Nothing was written.",
        remedy=Remedy(
            "Give all of it at once; or run init in a terminal, where it asks and explains.",
            ("ocarina-kit init --help",),
        ),
    )
