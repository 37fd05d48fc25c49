"""CRN001 to CRN010 over literals.

Crontabs as text, and what refresh.log and the tokens say. Scenarios do the rest.
"""

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ocarina_kit.client.find import Candidate, Clients, ClientState
from ocarina_kit.config.location import Setup, SetupLocation
from ocarina_kit.config.setup import Config
from ocarina_kit.doctor.check import Outcome
from ocarina_kit.doctor.crontab import judged
from ocarina_kit.doctor.entry import repair
from ocarina_kit.doctor.world import Tokens, World
from ocarina_kit.schedule.plan import EntrySpec
from ocarina_kit.schedule.scheduler import Listing, ListingState
from ocarina_kit.system.file_kind import FileKind
from ocarina_kit.system.files import File
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.process import Completed
from ocarina_kit.tokens.file import TokensFile
from ocarina_kit.tokens.log import Line

NOW = 1_795_521_600.0
H = 3600.0
LOOKUP, INFO = "majora2.view_biosampleartifact", "majora2.view_majoraartifact_info"
LINE = "17 2-23/3 * * * <kit> refresh --cron || <client> -q oauth refresh # ocarina-kit"
GUIDE = "0 0,6,12,18 * * * <client> oauth refresh"


class Desk:
    """A home with the kit and two clients, and what the doctor sees there."""

    def __init__(self, home: Path) -> None:
        self.home = home
        names = ("kit/ocarina-kit", "env/ocarina", "b/ocarina")
        self.kit, self.client, self.other = (self.program(name) for name in names)

    def program(self, name: str, text: str = "#!/bin/sh\n", mode: int = 0o755) -> str:
        path = self.home / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    def world(
        self,
        text: str,
        log: Sequence[Line] = (),
        born: Sequence[float] = (NOW - H,),
        **facts: Any,
    ) -> World:
        """``text``: the crontab; ``born``: when each token was refreshed last.

        ``facts`` replace others.
        """

        def run(argv: Sequence[str], **more: object) -> Completed:
            works = argv[-1] in (self.client, self.other)
            return Completed(0, b"ocarina v1.0.0\n" if works else b"a flute\n")

        for name in ("kit", "client", "other"):
            text = text.replace(f"<{name}>", getattr(self, name))
        location = SetupLocation(self.home / ".ocarina")
        machine = Machine({}, self.home, "u", "login1", run, now=lambda: NOW)
        entries = [
            {
                "access_token": "a",
                "refresh_token": "r",
                "expires_in": 36000,
                "expires_at": at + 36000,
            }
            for at in born
        ]
        file = TokensFile(dict(zip((LOOKUP, INFO), entries, strict=False)))
        found = Candidate(
            self.client, real=self.client, state=ClientState.WORKS, version=(1, 0, 0)
        )
        fine = dict.fromkeys(("CFG001", "CFG011"), SimpleNamespace(status="ok"))
        known: dict[str, Any] = {
            "config": Config(machine, location, {}),
            "config_findings": fine,
            "setup": Setup(location, "https://m.test/", "u", self.home / "t"),
            "listing": Listing(ListingState.READ, f"{text}\n".encode()),
            "clients": Clients((found,), found, found),
            "tokens": Tokens(
                File(self.home / "t", FileKind.FILE),
                file,
                tuple(log),
                NOW,
                file.tokens,
                tuple(log),
            ),
            "entry_spec": EntrySpec(
                user="u",
                host="login1",
                home=str(self.home),
                config=f"{self.home}/.ocarina",
                domain="https://m.test/",
                kit=(self.kit,),
            ),
            "_table": None,
        }
        return World(machine, location, seconds=20, **{**known, **facts})

    def fixed(self, world: World) -> World:
        """What it is after --fix."""
        after = repair(world, world.listing.content)
        assert repair(world, after) == after
        return self.world(after.decode().removesuffix("\n"), world.tokens.log)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def found(world: World) -> dict[str, Outcome]:
    # CRN006 looks at this very machine.
    return {id: outcome for id, outcome in judged(world).items() if id != "CRN006"}


def wrong(world: World) -> str:
    bad = [
        f"{id} {outcome.status}"
        for id, outcome in found(world).items()
        if outcome.status not in ("ok", "skip")
    ]
    return " ".join(sorted(bad))


def log(
    result: str,
    hours: float,
    host: str = "login1",
    by: str = "cron",
    scope: str = LOOKUP,
) -> Line:
    moment = datetime.fromtimestamp(NOW - hours * H, timezone.utc)
    return Line(f"{moment:%Y-%m-%dT%H:%M:%SZ}", host, by, result, scope=scope)


@pytest.mark.parametrize(
    "text",
    [
        "0 */8 * * * <kit> refresh --cron # ocarina-kit",
        "17 */3 * * * /usr/bin/timeout 60 <kit> refresh",
        "17 */3 * * * <other> oauth refresh # ocarina-kit",
        "17 */3 * * * . /etc/passwd; . $C/gone.sh; ocarina oauth refresh # ocarina-kit",
    ],
)
def test_a_good_entry_is_left(desk: Desk, text: str) -> None:
    world = desk.world(text)
    assert wrong(world) == ""
    assert "fail" not in wrong(desk.fixed(world))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "CRN002 fail"),
        ("17 */3 * * * <client> --profile test oauth refresh", "CRN002 fail"),
        ("17 */3 * * * /gone/ocarina-kit refresh --cron # ocarina-kit", "CRN004 fail"),
        ("17 */3 * * * bin/ocarina-kit refresh # ocarina-kit", "CRN004 fail"),
        (
            "17 */3 * * * conda run -n o ocarina oauth refresh",
            "CRN004 fail CRN010 warn",
        ),
        (
            "17 */3 * * * conda activate o && ocarina oauth refresh",
            "CRN004 fail CRN010 warn",
        ),
        (
            "17 */3 * * * . /gone/bin/activate o; ocarina oauth refresh",
            "CRN004 fail CRN010 warn",
        ),
        ("17 */3 * * * * <client> oauth refresh", "CRN004 fail CRN010 warn"),
        (
            "PATH=/usr/bin:/bin:/opt/x\n"
            "17 */3 * * * ocarina oauth refresh # ocarina-kit",
            "CRN004 fail",
        ),
        ("17 */3 * * * {YOUR_OCARINA_PATH} oauth refresh", "CRN004 fail CRN010 warn"),
        ("17 */3 * * * <other> oauth refresh", "CRN004 fail CRN010 warn"),
        ("0 9,18 * * * <kit> refresh # ocarina-kit", "CRN005 fail"),
        (f"{GUIDE} # ocarina-kit", "CRN005 warn"),
        (
            "17 */3 * * * OCARINA_CONF_FILE='~/.ocarina' <client> oauth refresh #"
            " ocarina-kit",
            "CRN007 fail",
        ),
    ],
)
def test_a_fault_is_found_once_and_fixed(desk: Desk, text: str, says: str) -> None:
    world = desk.world(text)
    assert wrong(world) == says
    assert found(world)[says[:6]].fix
    assert wrong(desk.fixed(world)) == ""


def test_with_one_of_two_programs_gone_it_says_what_still_works(desk: Desk) -> None:
    for gone, name, works in (
        ("<client>", "ocarina", "ocarina-kit still refreshes"),
        ("<kit>", "ocarina-kit", "Only ocarina still refreshes"),
    ):
        world = desk.world(LINE.replace(gone, f"/gone/{name}"))
        assert found(world)["CRN004"].impact.startswith(works)


@pytest.mark.parametrize(
    ("name", "text", "mode", "says"),
    [
        ("env/ocarina", "#!/bin/sh\n", 0o644, "is not executable"),
        (
            "env/ocarina",
            "#!/gone/python\n",
            0o755,
            "its interpreter /gone/python does not exist",
        ),
        (
            "env/ocarina",
            "#!/\0/python\n",
            0o755,
            "its interpreter /?/python does not exist",
        ),
        ("c/ocarina", "#!/bin/sh\n", 0o755, "is not the Majora client"),
    ],
)
def test_a_client_that_is_no_good(
    desk: Desk, name: str, text: str, mode: int, says: str
) -> None:
    world = desk.world(LINE.replace("<client>", desk.program(name, text, mode)))
    assert wrong(world) == "CRN004 fail"
    assert says in found(world)["CRN004"].said


@pytest.mark.parametrize(
    (
        "listing",
        "says",
        "elsewhere",
    ),  # what is found, and what where another host has just refreshed
    [
        (Listing(ListingState.NO_PROGRAM, message="not found"), "CRN001 fail", ""),
        (
            Listing(ListingState.NOT_ALLOWED, message="You (u) are not allowed"),
            "CRN001 fail",
            "",
        ),
        (
            Listing(ListingState.FAILED, message="timed out"),
            "CRN001 unknown",
            "CRN001 unknown",
        ),
        (Listing(ListingState.NONE_YET), "CRN002 fail", ""),
    ],
)
def test_a_crontab_that_cannot_be_read(
    desk: Desk, listing: Listing, says: str, elsewhere: str
) -> None:
    assert wrong(desk.world("", listing=listing)) == says
    assert (
        wrong(desk.world("", [log("refreshed", 2, "node2")], listing=listing))
        == elsewhere
    )


def test_a_crontab_that_cannot_be_written_back_is_judged_and_left(desk: Desk) -> None:
    content = desk.world(f"{LINE}\n{LINE}").listing.content
    world = desk.world(
        "", listing=Listing(ListingState.DOUBTFUL, content, "a NUL byte")
    )
    assert wrong(world) == "CRN003 fail"
    assert not found(world)["CRN003"].fix
    assert repair(world, content) == content


@pytest.mark.parametrize(
    ("text", "lines", "born", "says"),
    [
        (f"#{GUIDE}", [log("refreshed", 3, "node2")], NOW - 3 * H, ""),
        (
            "",
            [log("scheduled", 300, "node2", "schedule", "")],
            NOW - 12 * H,
            "CRN002 fail",
        ),
        (f"#{GUIDE} && /x/then", [], NOW - H, "CRN009 fail"),
        ("0 * * * * if true; then <kit> refresh; fi", [], NOW - H, "CRN002 warn"),
        (
            "0 * * * * <kit> refresh; /opt/backup\n"
            "5 * * * * <kit> refresh; /opt/backup",
            [],
            NOW - H,
            "CRN003 fail",
        ),
    ],
)
def test_what_only_a_person_may_decide_is_not_fixed(
    desk: Desk, text: str, lines: Any, born: float, says: str
) -> None:
    world = desk.world(text, lines, [born])
    assert wrong(world) == says
    assert not any(outcome.fix for outcome in found(world).values())
    assert repair(world, world.listing.content) == world.listing.content


def test_no_entry_is_made_for_a_set_up_that_does_not_exist(desk: Desk) -> None:
    absent = dict.fromkeys(("CFG001", "CFG011"), SimpleNamespace(status="fail"))
    world = desk.world("", config_findings=absent)
    assert found(world)["CRN002"].remedy.commands == ("ocarina-kit init",)
    others = desk.world(
        "17 */3 * * * <client> --profile x oauth refresh", config_findings=absent
    )
    assert (wrong(others), found(others)["CRN002"].cause) == ("", "CFG001")


SEEN = log("scheduled", 30, by="schedule", scope="")


@pytest.mark.parametrize(
    ("lines", "born", "says"),
    [
        ([], [NOW - 9 * H], ""),
        ([SEEN], [NOW - 9 * H], "CRN008 fail"),
        ([log("scheduled", 0.1, by="schedule", scope="")], [NOW - 9 * H], ""),
        ([SEEN, log("refused-token", 0.1)], [NOW - 9 * H], "CRN008 fail"),
        ([SEEN], [NOW - 60, NOW - 9 * H], "CRN008 fail"),
        ([SEEN, log("unscheduled", 20, by="schedule", scope="")], [NOW - 9 * H], ""),
    ],
)
def test_the_last_due_run(
    desk: Desk, lines: list[Line], born: list[float], says: str
) -> None:
    world = desk.world("*/10 * * * * <kit> refresh --cron # ocarina-kit", lines, born)
    assert wrong(world) == says
