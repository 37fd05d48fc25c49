"""The next 24 hours of a schedule: when it runs, until when the tokens live, what a missed run leaves uncovered. Pure.

Times are epoch seconds; the zone is the one that cron goes by.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo

from ocarina_kit.core.cron.cronruns import next_runs
from ocarina_kit.core.cron.crontime import Schedule
from ocarina_kit.core.durations import in_words
from ocarina_kit.core.tokens.token_entry import LIFETIME, TokenEntry

DAY = 86_400.0
RUN, COVERED, BARE = "^", "=", "!"
LEGEND = f"{RUN} a run   {COVERED} token usable   {BARE} none usable"
_LABELS = ("runs", "tokens", "1 missed", "2 missed")
_MARGIN = max(map(len, _LABELS)) + 2
_MANY_RUNS = 12


@dataclass(frozen=True)
class Span:
    """A time without a usable token. ``end`` is None where it lasts until somebody logs in."""

    start: float
    end: float | None


@dataclass(frozen=True)
class Life:
    """How long the tokens live, told by the one that lives shortest.

    ``until`` is when it expires (maybe already), ``lifetime`` what a refresh gives it, in seconds. ``lost`` are the
    scopes whose token can't be refreshed: no run helps them.
    """

    until: float
    lifetime: float = LIFETIME
    lost: tuple[str, ...] = ()


def life_of(tokens: Iterable[TokenEntry], now: float) -> Life | None:
    """The tokens' life at ``now``; None where no token can be refreshed."""
    whole = [token for token in tokens if not token.odd]
    able = [token for token in whole if token.can_refresh]
    lost = tuple(token.key for token in whole if not token.can_refresh)
    if not able:
        return None
    return Life(min(t.expiry(now) for t in able), min(t.lifetime for t in able), lost)


@dataclass(frozen=True)
class Outlook:
    """The 24 hours from ``now`` on.

    ``runs`` are all of them, and some after, so that each time without a token has its end. ``heals``: a run
    refreshes a token that has expired too (the kit does, the client does not: FACTS.md). ``bare[n]`` is what is left
    uncovered where the next ``n`` runs are missed, for 0, 1 and 2.
    """

    now: float
    zone: tzinfo
    runs: tuple[float, ...]
    life: Life | None
    heals: bool
    bare: tuple[tuple[Span, ...], ...] = ()

    @property
    def runs_today(self) -> tuple[float, ...]:
        """The runs of the 24 hours."""
        return tuple(run for run in self.runs if run <= self.now + DAY)

    def clock(self, moment: float) -> str:
        """``Tue 14:17``, local."""
        return datetime.fromtimestamp(moment, self.zone).strftime("%a %H:%M")

    def long(self, moment: float) -> str:
        """``Tue 24 Nov 14:17``, local."""
        return datetime.fromtimestamp(moment, self.zone).strftime("%a %d %b %H:%M")

    def iso(self, moment: float) -> str:
        """``2026-11-24T14:17:00+00:00``, local."""
        return datetime.fromtimestamp(moment, self.zone).replace(microsecond=0).isoformat()


def outlook(
    schedules: Sequence[Schedule], *, now: float, zone: tzinfo, life: Life | None, heals: bool
) -> Outlook:
    """What lies ahead of an entry (or of several that do the same work)."""
    runs = sorted({run for schedule in schedules for run in _runs(schedule, now, zone)})
    bare = () if life is None else tuple(uncovered(runs[n:], now, life, heals=heals) for n in range(3))
    return Outlook(now, zone, tuple(runs), life, heals, bare)


def _runs(schedule: Schedule, now: float, zone: tzinfo) -> list[float]:
    """Those of the next 24 hours, and three more."""
    found: list[float] = []
    count = 8
    start = datetime.fromtimestamp(now, timezone.utc).astimezone(zone)
    while True:
        found = [run.timestamp() for run in next_runs(schedule, start, count)]
        if len(found) < count or len([run for run in found if run >= now + DAY]) >= 3:
            return found
        count *= 2


def uncovered(runs: Sequence[float], now: float, life: Life, *, heals: bool) -> tuple[Span, ...]:
    """When no token is usable in the 24 hours from ``now``, where just these runs happen and do their work."""
    found: list[Span] = []
    until = life.until
    for run in runs:
        if run >= until:
            start = max(until, now)
            if not heals:
                found.append(Span(start, None))
                break
            found.append(Span(start, run))
        until = run + life.lifetime
    else:
        found.append(Span(max(until, now), None))
    return tuple(span for span in found if span.start < now + DAY)


# --- at a glance -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Strip:
    """The 24 hours as lines of marks, each of ``minutes``. ``scale`` names the hours above them."""

    start: float
    minutes: int
    scale: str
    rows: tuple[tuple[str, str], ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """To print as they are, one below the other."""
        named = [("", self.scale), *self.rows]
        return tuple(f"{label:<{_MARGIN}}{marks}".rstrip() for label, marks in named)


def strip(view: Outlook, width: int | None) -> Strip:
    """The strip for a terminal of ``width`` columns; None: any. It fits into 40."""
    minutes = 60 if width is not None and width < _MARGIN + 48 + 2 else 30
    start = _cell_of(view.now, view.zone, minutes)
    cells = [start + at * minutes * 60 for at in range(24 * 60 // minutes)]
    size = minutes * 60.0
    rows = [("runs", "".join(RUN if _any(view.runs, cell, cell + size) else "." for cell in cells))]
    for label, spans in zip(_LABELS[1:], view.bare, strict=False):
        rows.append((label, "".join(_mark(spans, max(cell, view.now), cell + size) for cell in cells)))
    return Strip(start, minutes, _scale(view, cells, 6 * 60 // minutes), tuple(rows))


def _cell_of(now: float, zone: tzinfo, minutes: int) -> float:
    """The start of the mark that ``now`` falls into, by the clock on the wall."""
    local = datetime.fromtimestamp(now, zone)
    past = timedelta(minutes=local.minute % minutes, seconds=local.second, microseconds=local.microsecond)
    return now - past.total_seconds()


def _any(runs: Iterable[float], start: float, end: float) -> bool:
    return any(start <= run < end for run in runs)


def _mark(spans: Iterable[Span], start: float, end: float) -> str:
    bare = any(span.start < end and (span.end is None or span.end > start) for span in spans)
    return BARE if bare else COVERED


def _scale(view: Outlook, cells: Sequence[float], step: int) -> str:
    names = [datetime.fromtimestamp(cell, view.zone).strftime("%H:%M") for cell in cells[::step]]
    return "".join(f"{name:<{step}}" for name in names).rstrip()


# --- in words ----------------------------------------------------------------------------------------------


def in_sentences(view: Outlook) -> tuple[str, ...]:
    """The same in words, each a sentence or two: for a screen reader, and for who wants it exact."""
    said = [_runs_sentence(view)]
    if view.life is None:
        return (*said, "No token can be refreshed, so there is nothing to keep fresh: log in.")
    said.append(_life_sentence(view, view.life))
    if not view.runs:
        return tuple(said)
    for missed, (name, verb) in enumerate((("the next run", "is"), ("the next two runs", "are")), start=1):
        spans = view.bare[missed]
        lost = view.runs[:missed]
        if len(lost) < missed:
            break
        times = " and ".join(view.clock(run) for run in lost)
        result = "no time is left uncovered." if not spans else f"no token is usable {_spans(view, spans)}."
        said.append(f"If {name} ({times}) {verb} missed, {result}")
    return tuple(said)


def _runs_sentence(view: Outlook) -> str:
    runs = view.runs_today
    if not runs:
        after = f" The next is {view.clock(view.runs[0])}." if view.runs else ""
        return f"It does not run in the next 24 hours.{after}"
    if len(runs) > _MANY_RUNS:
        return f"It runs {len(runs)} times, from {view.clock(runs[0])} to {view.clock(runs[-1])}."
    if len(runs) == 1:
        return f"It runs once, {view.clock(runs[0])}."
    listed = [view.clock(run) for run in runs]
    return f"It runs {len(runs)} times: {', '.join(listed[:-1])} and {listed[-1]}."


def _life_sentence(view: Outlook, life: Life) -> str:
    if life.until <= view.now:
        text = f"No token is usable now: one has been expired for {in_words(view.now - life.until)}."
        if life.until < view.now - 10 * 365 * DAY:
            text = "No token is usable now."
        if not view.heals:
            text += " The client alone does not refresh an expired token."
    else:
        text = f"The tokens live until {view.clock(life.until)}, for {in_words(life.until - view.now)} more."
    spans = view.bare[0]
    if not spans:
        return f"{text} The runs keep them fresh all the time."
    return f"{text} Even with every run, no token is usable {_spans(view, spans)}."


def _spans(view: Outlook, spans: Sequence[Span]) -> str:
    return ", and ".join(_span(view, span) for span in spans)


def _span(view: Outlook, span: Span) -> str:
    start = "from now" if span.start <= view.now else f"from {view.clock(span.start)}"
    if span.end is None:
        return f"{start} on, until somebody logs in"
    return f"{start} to {view.clock(span.end)} ({in_words(span.end - span.start)})"
