"""Install, repair, change and remove over a real ``crontab`` command: every other byte stays, twice changes nothing."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocarina_kit.checks.usable import usable_setup
from ocarina_kit.core.client.resolution import Candidate, State, Version
from ocarina_kit.core.client.resolution import Place as ClientPlace
from ocarina_kit.core.cron.cronline import Runner
from ocarina_kit.core.cron.cronplan import Outcome
from ocarina_kit.core.cron.cronspread import Every
from ocarina_kit.core.cron.crontab import Crontab
from ocarina_kit.core.cron.schedule_facts import Daemon, DaemonFacts
from ocarina_kit.core.cron.schedule_plan import propose
from ocarina_kit.core.cron.schedule_wish import Wish
from ocarina_kit.core.errors import KitError
from ocarina_kit.core.setup import Place
from ocarina_kit.edges.look.gather_config import config_facts, tokens_path
from ocarina_kit.edges.process import run
from ocarina_kit.edges.system import System
from ocarina_kit.flows.schedule import install, of_this_machine, plan_without, propose_entry
from ocarina_kit.flows.schedule_desk import Desk, look

PROGRAMS = Path(__file__).parents[1] / "programs"
OCARINA = "/opt/envs/ocarina/bin/ocarina"
CLIENT = Candidate(OCARINA, OCARINA, ClientPlace.PATH, "PATH", State.MAJORA, Version((1, 0, 0)))
CONFIG = {
    "MAJORA_DOMAIN": "https://majora.test/",
    "MAJORA_USER": "u",
    "MAJORA_TOKEN": "OAUTH",
    "CLIENT_ID": "i" * 40,
    "CLIENT_SECRET": "s" * 128,
}

# What a person may have had done: lines of this set-up, in shapes that schedule recognises.
OWN = [
    f"0 0,6,12,18 * * * {OCARINA} oauth refresh",
    f"@daily cd / && {OCARINA} oauth refresh >> log 2>&1",
    "0 */9 * * * bash -lc 'ocarina oauth refresh'  # my tokens",
    "15 3 * * * conda run -n ocarina ocarina oauth refresh",
    "# 0 0,6 * * * /old/ocarina oauth refresh",
]
OTHERS = st.one_of(
    st.sampled_from([
        b"", b"\t ", b"# MAILTO=root", b"# see http://x/?a=b", b"FOO = bar  ", b"'A B'=\"c\"", b"PATH=/x",
        b"HOME=/data", b"SHELL=/bin/csh", b"*/60 * * * * x", b"0 5 1-31 * 1 cat % a \\% b", b"0 22-2 * * * y",
        b"@reboot  z ", b"*\t* * * *\tcaf\xe9 ", b"0 0 * * * ocarina --profile other oauth refresh",
        b"0 0 * * * OCARINA_CONF_FILE=/else ocarina oauth refresh", b"# ocarina oauth refresh, see wiki",
    ]),
    st.binary(max_size=40).map(lambda raw: b"# " + raw.translate(None, b"\n\r\b\0").replace(b"\\", b"/")),
    st.binary(max_size=40).map(lambda raw: b"* * * * * x" + raw.translate(None, b"\n\r\b\0").replace(b"\\", b"/")),
)  # fmt: skip


class Folder:
    """A home with a set-up and a crontab of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        config = home / ".ocarina"
        config.write_text(json.dumps(CONFIG))
        config.chmod(0o600)
        self.spool = home / "spool"
        environ = {
            "PATH": f"{PROGRAMS}:/usr/bin:/bin",
            "HOME": str(home),
            "KIT_TEST_CRONTAB": str(self.spool),
        }
        self.system = System(environ=environ, home=home, user="u", host="node1", run=run)
        self.place = Place(config)

    def desk(self) -> Desk:
        facts = config_facts(self.system, self.place)
        setup = usable_setup(facts, lambda settings: tokens_path(self.system, settings))
        return look(self.system, self.place, setup)

    def schedule(self, wish: Wish) -> Outcome:
        desk = self.desk()
        plan = propose(desk.facts, wish, CLIENT, tokens_file=str(self.home / ".ocarina-tokens")).plan
        if plan.outcome is Outcome.CHANGED:
            install(desk, plan)
        return plan.outcome

    def remove(self) -> Outcome:
        desk = self.desk()
        plan = plan_without(desk)
        if plan.outcome is Outcome.CHANGED:
            install(desk, plan)
        return plan.outcome

    def foreign(self) -> list[bytes]:
        """All lines but this set-up's own active ones, to the byte."""
        facts = self.desk().facts
        own = {job.line.index for job in facts.entries.own}
        return [line.raw for line in Crontab.parse(self.spool.read_bytes()).lines if line.index not in own]


@given(
    before=st.lists(OTHERS, max_size=6),
    own=st.lists(st.sampled_from(OWN[:4]), max_size=2),
    off=st.booleans(),
    after=st.lists(OTHERS, max_size=4),
)
@settings(max_examples=40, deadline=None)
def test_every_other_byte_stays(before: list[bytes], own: list[str], off: bool, after: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        room = Folder(Path(folder))
        commented = [OWN[4].encode()] if off else []
        lines = [*before, *commented, *(line.encode() for line in own), *after]
        room.spool.write_bytes(b"".join(line + b"\n" for line in lines))
        foreign = room.foreign()

        assert room.schedule(Wish()) is Outcome.CHANGED
        switched_on = off and not own
        if switched_on:
            foreign.remove(commented[0])
        assert room.foreign() == foreign
        assert len(room.desk().facts.entries.own) == 1
        for wish in (Wish(), Wish(every=Every(60)), Wish(runner=Runner.CLIENT)):
            room.schedule(wish)
            assert room.foreign() == foreign
            stands = room.spool.read_bytes()
            assert room.schedule(wish) is Outcome.UNCHANGED
            assert room.spool.read_bytes() == stands
        assert room.remove() is Outcome.CHANGED
        assert room.foreign() == foreign
        assert room.remove() is Outcome.UNCHANGED


# --- what is proven before anything is written ----------------------------------------------------------------


def test_cautions_of_this_machine(tmp_path: Path) -> None:
    desk = Folder(tmp_path).desk()
    absent = replace(desk.facts, daemon=DaemonFacts(Daemon.ABSENT, "none"))
    kit = replace(absent.ground, kit=("/tmp/venv/bin/ocarina-kit",))
    # A home that is not the user's own, and does not pass: cron would look elsewhere.
    elsewhere = replace(desk.system, home=Path("/srv/not-mine"))
    made = Desk(elsewhere, desk.place, desk.setup, replace(absent, ground=kit), desk.mark)
    assert [caution.id for caution in of_this_machine(made, Wish())] == ["CRN006", "CRN004", "CRN007"]
    assert [caution.id for caution in of_this_machine(made, Wish(runner=Runner.CLIENT))] == [
        "CRN006",
        "CRN007",
    ]
    # In a throwaway home all is temporary.
    running = replace(desk.facts, daemon=DaemonFacts(Daemon.RUNS, "cron"))
    assert not of_this_machine(replace(desk, facts=running), Wish())


@pytest.mark.parametrize(
    ("kit", "words"),
    [
        (("/home/u/.cache/uv/archive-v0/x/bin/ocarina-kit",), "throws away"),
        (("/nowhere/bin/ocarina-kit",), "not found"),
        ((sys.executable, "-I", "-S", "-m", "ocarina_kit"), "No module named"),
    ],
)
def test_a_kit_that_cron_could_not_start_is_refused(tmp_path: Path, kit: tuple[str, ...], words: str) -> None:
    desk = Folder(tmp_path).desk()
    facts = replace(desk.facts, ground=replace(desk.facts.ground, kit=kit))
    made = replace(desk, facts=facts)
    with pytest.raises(KitError) as refused:
        propose_entry(made, Wish(), CLIENT)
    assert refused.value.id == "CRN004"
    assert words in refused.value.why
    # The client alone needs no kit.
    assert propose_entry(made, Wish(runner=Runner.CLIENT), CLIENT).line.endswith(
        "oauth refresh # ocarina-kit"
    )
