"""The facts that the checks judge: each found once, when it is first asked for; the slow ones side by side.

A slow fact (a process or the network) is found in a daemon thread, waited for until the deadline, and raises `Late`
after it: the check is then ``unknown``. The others are found where they are asked for.
"""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from ocarina_kit.config.location import Setup, SetupLocation
from ocarina_kit.doctor.check import Late
from ocarina_kit.system.machine import Machine, Runner
from ocarina_kit.system.process import TIMED_OUT, Completed

if TYPE_CHECKING:
    from ocarina_kit.client.find import Clients, Version
    from ocarina_kit.client.scopes import Table
    from ocarina_kit.config.setup import Config
    from ocarina_kit.config.values import Value
    from ocarina_kit.doctor.check import Outcome
    from ocarina_kit.majora.answers import Probe
    from ocarina_kit.majora.api import Majora
    from ocarina_kit.schedule.entry import EntrySpec
    from ocarina_kit.schedule.plan import EntriesByOwner
    from ocarina_kit.schedule.scheduler import Listing, Scheduler
    from ocarina_kit.system.files import File
    from ocarina_kit.tokens.file import Token, TokensFile
    from ocarina_kit.tokens.journal import NewToken
    from ocarina_kit.tokens.log import Line

Fact = TypeVar("Fact")

_FOR_REQUESTS = 0.4
"""The share of the time that is left when processes are given up: requests carry the version of the client."""
_TO_SAY_SO = 0.5
"""Seconds that ``majora.http.send`` may take to say that a request is given up."""


class Tokens(NamedTuple):
    """The tokens file and what refresh.log knows of it; ``found`` is how the file is on the disk.

    ``log``: at this server. ``all_servers``: at any; a host refreshes what the configuration names, also if its domain
    is wrong now. ``usable``: the entries that are of ocarina's shape or that a refresh makes so, with what the journal
    knows of them.
    """

    found: File
    file: TokensFile
    log: tuple[Line, ...]
    now: float
    usable: tuple[Token, ...]
    all_servers: tuple[Line, ...]
    waiting: tuple[NewToken, ...] = ()
    """New tokens that an interrupted run left in the journal."""

    def is_replaced(self, token: Token) -> bool:
        """Return whether a token that waits in the journal takes this one's place."""
        return any(token.digest == new.spent for new in self.waiting if new.spent)


class Slow(Generic[Fact]):
    """A property of `World` that a thread finds: ``what``, in words. Begun beforehand if one of ``checks`` is to be
    judged, so that they are found side by side; otherwise as it is asked for."""

    def __init__(
        self, find: Callable[[World], Fact], what: str, checks: Collection[str]
    ) -> None:
        self.find = find
        self.what = what
        self.checks = checks

    def __get__(self, world: World, owner: type[World]) -> Fact:
        found: Fact = world.wait(self)
        return found


def slow(what: str, *checks: str) -> Callable[[Callable[[World], Fact]], Slow[Fact]]:
    """Make a method a `Slow` property."""
    return lambda find: Slow(find, what, checks)


class World:
    """What one run of the doctor is about. ``seconds``: for all slow facts together. ``known``: facts by the names of
    their properties, which are not looked for."""

    def __init__(
        self,
        machine: Machine,
        location: SetupLocation,
        *,
        seconds: float = 60.0,
        **known: Any,
    ) -> None:
        self.until = machine.monotonic() + seconds
        self.spare = min(1.0, _TO_SAY_SO + seconds / 10)
        self.machine = machine._replace(
            run=_bounded(machine, self.until - seconds * _FOR_REQUESTS)
        )
        self.location = location
        self._threads: dict[Slow[Any], threading.Thread] = {}
        self._found: dict[Slow[Any], tuple[Any, BaseException | None]] = {}
        self._lock = threading.RLock()
        vars(self).update(known)

    @classmethod
    def of(cls, config: Config) -> World:
        """A world of this configuration alone: no slow fact comes in time."""
        return cls(config.machine, config.location, seconds=0.0, config=config)

    def about(self, config: Config) -> World:
        """The same with another configuration: its slow facts are the same."""
        world, properties = World(self.machine, config.location), vars(World)
        for name, value in vars(self).copy().items():  # a thread may add a fact
            if not isinstance(properties.get(name), cached_property):
                setattr(world, name, value)
        world.config = config
        return world

    def start(self, checks: set[str]) -> None:
        """Begin the slow facts of these checks."""
        for name, fact in vars(World).items():
            if (
                isinstance(fact, Slow)
                and name not in vars(self)
                and checks.intersection(fact.checks)
            ):
                self._begin(fact)

    def left(self) -> float:
        """Seconds that a request may take."""
        return max(0.0, self.until - self.spare - self.machine.monotonic())

    def wait(self, fact: Slow[Any]) -> Any:
        """A slow fact, begun if it is not. Raises Late at the deadline, and whatever finding it raised."""
        thread = self._begin(fact)
        while (
            fact not in self._found
        ):  # in short steps, so that Ctrl-C gets through on every platform
            left = self.until - self.machine.monotonic()
            if left <= 0:
                raise Late(fact.what)
            thread.join(min(left, 0.5))
        found, problem = self._found[fact]
        if problem is not None:
            raise problem
        return found

    def _begin(self, fact: Slow[Any]) -> threading.Thread:
        with self._lock:
            if fact not in self._threads:
                thread = threading.Thread(target=self._find, args=(fact,), daemon=True)
                self._threads[fact] = thread
                try:
                    thread.start()
                except (
                    RuntimeError
                ):  # no more threads (RLIMIT_NPROC): one after another, then
                    self._find(fact)
            return self._threads[fact]

    def _find(self, fact: Slow[Any]) -> None:
        try:
            self._found[fact] = fact.find(self), None
        except BaseException as problem:
            self._found[fact] = None, problem

    @slow("the clients on this machine", "ENV001")
    def clients(self) -> Clients:
        """The clients on this machine, each run once."""
        from ocarina_kit.client.find import find_clients

        return find_clients(self.machine)

    @property
    def version(self) -> Version | None:
        """The version of the client that a person runs here; None if none works, or it is not known in time."""
        try:
            typed = self.clients.typed
        except Late:
            return None
        return typed.version if typed is not None else None

    @slow("the client's table of scopes", "TOK006")
    def _table(self) -> Table | None:
        from ocarina_kit.client.find import read_table

        chosen = self.clients.chosen
        return None if chosen is None else read_table(self.machine, chosen)

    @property
    def table(self) -> Table | None:
        """The installed client's own table of scope strings; None if it cannot be read in time."""
        try:
            return self._table
        except Late:
            return None

    @slow("the crontab", "ENV006", "CRN001")
    def listing(self) -> Listing:
        """List this user's crontab."""
        return self.scheduler.list_entries()

    @slow("the server's answer", "SRV001")
    def identity(self) -> Probe | None:
        """Who answers at MAJORA_DOMAIN; None if there is no usable address."""
        return None if self.majora is None else self.majora.identify(self.left())

    @slow("the server's answer about the client id", "CRD001")
    def credentials(self) -> Probe | None:
        """What the server says of client id and secret; None if they cannot be asked about."""
        setup, majora = self.setup, self.majora
        if (
            majora is None
            or setup.legacy_key
            or not setup.client_id
            or not setup.client_secret
        ):
            return None
        return majora.probe_client(self.left())

    @slow("the server's answer about the tokens", "API001")
    def access(self) -> Mapping[str, Probe]:
        """The server's answer about each valid access token, by its key; about a legacy key under "".

        A token that `tokens.owner.owner_check` holds back is not sent: its probe is of the
        kind ``other-server``. A refresh token is never sent. Each query carries the
        version of the installed client, if that is known in time (ENV004).
        """
        from ocarina_kit.client.find import version_text
        from ocarina_kit.majora.answers import Probe, ProbeKind
        from ocarina_kit.system.parallel import side_by_side
        from ocarina_kit.tokens.owner import owner_check

        majora, setup, now = self.majora, self.setup, self.tokens.now
        if majora is None:
            return {}
        version = version_text(self.version) or None
        if setup.legacy_key is not None:
            return {
                "": majora.probe_token(
                    setup.legacy_key, setup.user, version, self.left(), is_key=True
                )
            }
        check_owner = owner_check(self.machine, setup)

        def probe(token: Token) -> Probe:
            if token.access_token is None or check_owner(token) is not None:
                return Probe(ProbeKind.OTHER_SERVER, "")
            return majora.probe_token(
                token.access_token, setup.user, version, self.left()
            )

        valid = [
            each
            for each in self.tokens.usable
            if each.access_token and each.expiry(now) > now
        ]
        answers = {
            token.key: each
            for batch in side_by_side(valid, probe)
            for token, each in batch
        }
        return {token.key: answers[token.key] for token in valid}

    @cached_property
    def config(self) -> Config:
        from ocarina_kit.config.setup import read_config

        return read_config(self.machine, self.location)

    @cached_property
    def values(self) -> Mapping[str, Value]:
        """The settings of the configuration, judged."""
        from ocarina_kit.config.values import judge

        return {
            name: judge(name, value) for name, value in self.config.settings.items()
        }

    @cached_property
    def config_findings(self) -> Mapping[str, Outcome]:
        """What is to be said of the configuration, by check."""
        from ocarina_kit.doctor.setup import findings

        return {each.id: each for each in findings(self)}

    @cached_property
    def setup(self) -> Setup:
        """The set-up, with all that has one meaning fixed in memory; a setting may be missing, or not be usable."""
        from ocarina_kit.config.setup import setup_of
        from ocarina_kit.doctor.setup import settled

        return setup_of(settled(self)[0].config)

    @cached_property
    def majora(self) -> Majora | None:
        """The server of the set-up; None if there is no usable address."""
        from ocarina_kit.config.values import judge
        from ocarina_kit.majora.api import Majora

        setup = self.setup
        if not judge("MAJORA_DOMAIN", setup.domain).usable:
            return None
        return Majora(self.machine, setup.domain, setup.client_id, setup.client_secret)

    @cached_property
    def tokens(self) -> Tokens:
        from ocarina_kit.system.files import read_settled
        from ocarina_kit.tokens.file import is_complete, parse
        from ocarina_kit.tokens.log import lines_about, read_log
        from ocarina_kit.tokens.store import effective_tokens, waiting_tokens

        found = read_settled(self.machine, self.setup.tokens_file, is_complete)
        file = parse(found.content)
        log = tuple(
            lines_about(self.machine, self.setup.tokens_file, read_log(self.machine))
        )
        here = tuple(each for each in log if each.server == self.setup.domain)
        tokens = effective_tokens(self.machine, self.setup, file)
        usable = tuple(token for token in tokens if token.is_usable)
        waiting = waiting_tokens(self.machine, self.setup, file)
        return Tokens(found, file, here, self.machine.now(), usable, log, waiting)

    def refreshable(self, tokens: Iterable[Token]) -> list[Token]:
        """Those that a refresh may help: not the ones of which the server refused the refresh token before."""
        from ocarina_kit.tokens.history import refused

        known = refused(self.tokens.log)
        return [
            each for each in tokens if each.can_refresh and each.digest not in known
        ]

    def login(self, keys: Iterable[str], *options: str) -> str:
        """The command that brings tokens for these keys."""
        from ocarina_kit.client.scopes import options_for

        return shlex.join(
            ["ocarina-kit", "login", *options, *options_for(keys, self.table)]
        )

    @cached_property
    def scheduler(self) -> Scheduler:
        """The program that keeps this user's schedule."""
        from ocarina_kit.schedule.cron import Cron

        return Cron(self.machine)

    @cached_property
    def entry_spec(self) -> EntrySpec:
        """Whose line the crontab entry is, and what it depends on; without a client."""
        from ocarina_kit.schedule.host import describe_entry

        return describe_entry(self.machine, self.location, self.setup.domain)

    @cached_property
    def entries(self) -> EntriesByOwner:
        """The refresh lines of the crontab, sorted by whose they are."""
        from ocarina_kit.schedule.plan import own_entries

        return own_entries(self.listing.content, self.entry_spec)


def _bounded(machine: Machine, until: float) -> Runner:
    """The machine's own runner, with no process that goes on after ``until`` (monotonic seconds)."""

    def run(argv: Sequence[str], *, timeout: float = 10.0, **more: Any) -> Completed:
        left = until - machine.monotonic()
        if left <= 0:
            return Completed(None, error=TIMED_OUT)
        return machine.run(argv, timeout=min(timeout, left), **more)

    return run
