"""``doctor`` as a person and a script meet it: its first line, its options, its consent, and how long it takes."""

from __future__ import annotations

import json
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Kit, mode_of
from tests.terminal import CTRL_C, Screen

from ocarina_kit.checks.registry import REGISTRY
from ocarina_kit.sandbox import Sandbox

OFFLINE = ("doctor", "--offline", "--only", "CFG")
MEMBERS = {
    "MAJORA_DOMAIN": "https://majora.lab.test/",
    "MAJORA_USER": "lab",
    "MAJORA_TOKEN": "OAUTH",
    "CLIENT_ID": "a1" * 20,
    "CLIENT_SECRET": "b2" * 64,
}


@pytest.fixture
def broken(kit: Kit) -> Kit:
    """A configuration without its last slash, open to others."""
    kit.secrets.add(MEMBERS["CLIENT_SECRET"])
    kit.write_config({**MEMBERS, "MAJORA_DOMAIN": "https://majora.lab.test"}, mode=0o644)
    return kit


# --- the first line ----------------------------------------------------------------------------------------


def test_the_first_line_is_the_first_thing_to_do(broken: Kit) -> None:
    ran = broken.run(*OFFLINE)
    assert ran.out.splitlines()[0] == "First: ocarina-kit doctor --fix"
    assert ran.code == 1
    assert f"failed: [CFG007] {broken.config}:2:22: MAJORA_DOMAIN does not end in /." in ran.out
    assert '      "MAJORA_DOMAIN": "https://majora.lab.test",\n' in ran.out
    assert "mode 0644" in ran.out
    assert "ok:" not in ran.out


def test_or_that_all_is_well(kit: Kit) -> None:
    kit.write_config(MEMBERS)
    ran = kit.run(*OFFLINE)
    assert ran.out.startswith("All is well: 14 checks, nothing to do.\n")
    assert ran.code == 0
    assert "ok: [CFG007]" in kit.run(*OFFLINE, "-v").out


def test_what_is_not_judged_is_named_with_its_cause(kit: Kit) -> None:
    ran = kit.run("doctor", "--offline")
    assert "CFG002, CFG003, CFG004" in ran.out
    assert "(each rests on CFG001)" in ran.out


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"MAJORA_DOMAIN": "https://majora.lab.test"}, "First: ocarina-kit doctor --fix"),
        ({"MAJORA_TOKEN": "oauth"}, "First: ocarina-kit doctor --fix"),
        (
            {"CLIENT_ID": MEMBERS["CLIENT_SECRET"], "CLIENT_SECRET": MEMBERS["CLIENT_ID"]},
            "First: ocarina-kit doctor --fix",
        ),
        ({"CLIENT_SECRET": MEMBERS["CLIENT_SECRET"] + "\n"}, "First: ocarina-kit doctor --fix"),
        ({"OCARINA_QUIET": "yes"}, "First: ocarina-kit doctor --fix"),
        ({"MAJORA_DOMAIN": "<https://majora.lab.test/o/callback/>"}, "First: ocarina-kit doctor --fix"),
        ({"MAJORA_USER": "your-username"}, "First: ocarina-kit init"),
        ({"MAJORA_USER": ""}, "First: ocarina-kit init"),
        ({"MAJORA_DOMAIN": "http://majora.lab.test/"}, "First: ocarina-kit init"),
        ({"MAJORA_TOKENS_FILE": "{home}/tokens/mine"}, "First: mkdir -p -m 700 {home}/tokens"),
    ],
)
def test_ten_broken_set_ups_say_what_to_do_and_doing_it_works(
    kit: Kit, change: dict[str, str], line: str
) -> None:
    home = str(kit.home)
    kit.write_config({**MEMBERS, **{name: value.replace("{home}", home) for name, value in change.items()}})
    first = kit.run(*OFFLINE).out.splitlines()[0]
    assert first == line.replace("{home}", home)
    words = first.removeprefix("First: ").split()
    if words[0] == "mkdir":
        Path(words[-1]).mkdir(parents=True)
    elif words[1] == "doctor":
        assert kit.run(*words[1:], "--yes", "--offline").code in (0, 1)
    else:
        secret = kit.home / "secret"
        secret.write_text(MEMBERS["CLIENT_SECRET"])
        given = ("--domain", MEMBERS["MAJORA_DOMAIN"], "--user", "lab", "--client-secret-file", secret)
        ran = kit.run(*words[1:], *given, "--offline", "--yes")
        assert ran.code == 0, ran
    assert kit.run(*OFFLINE).code == 0


# --- options -----------------------------------------------------------------------------------------------

CHECK = {
    "id",
    "family",
    "title",
    "status",
    "detail",
    "cause",
    "consequence",
    "remedy",
    "fixable",
    "fixed",
    "ms",
}


def test_the_json_document(broken: Kit) -> None:
    ran = broken.run(*OFFLINE, "--json")
    document = ran.json
    assert (document["schema"], document["command"], document["ok"], document["exit"]) == (
        1,
        "doctor",
        False,
        1,
    )
    assert set(document["summary"]) == {"ok", "warn", "fail", "unknown", "skip"}
    assert sum(document["summary"].values()) == len(document["checks"]) == len(REGISTRY)
    assert all(set(check) == CHECK for check in document["checks"])
    by_id = {check["id"]: check for check in document["checks"]}
    assert by_id["CFG007"]["fixable"] is True
    assert by_id["CFG007"]["remedy"]["commands"] == ["ocarina-kit doctor --fix"]
    assert by_id["CFG001"]["remedy"] == {"text": "", "commands": []}
    assert document["error"]["id"] == "CFG003"
    assert set(document["error"]) == {"id", "what", "why", "remedy"}
    assert "First: " in ran.err


def test_list_and_explain_look_at_nothing(kit: Kit) -> None:
    listed = kit.run("doctor", "--list")
    assert listed.code == 0
    assert all(check.id in listed.out and check.title in listed.out for check in REGISTRY)
    rows = kit.run("doctor", "--list", "--json").json["checks"]
    assert [row["id"] for row in rows] == [check.id for check in REGISTRY]
    told = kit.run("doctor", "--explain", "env004")
    assert "ENV002, API001 or API002" in told.out
    assert kit.run("doctor", "--explain", "CFG007", "--json").json["explain"]
    assert "lock" in kit.run("doctor", "--explain", "LCK001").out
    unknown = kit.run("doctor", "--explain", "ABC999")
    assert (unknown.code, "--list" in unknown.err) == (2, True)


def test_only_and_skip(broken: Kit) -> None:
    def statuses(*options: str) -> dict[str, str]:
        found = broken.run("doctor", "--offline", "--json", *options).json["checks"]
        return {check["id"]: check["status"] for check in found}

    only = statuses("--only", "cfg007", "--only", "CFG001")
    assert {id for id, status in only.items() if status != "skip"} == {"CFG007", "CFG001"}
    assert statuses("--only", "CFG", "--skip", "CFG003")["CFG003"] == "skip"
    wrong = broken.run("doctor", "--only", "NOPE")
    assert (wrong.code, "NOPE" in wrong.err) == (2, True)


def test_report_goes_to_a_file_or_alone_to_standard_output(broken: Kit) -> None:
    ran = broken.run(*OFFLINE, "--report", "report.md")
    text = (broken.home / "report.md").read_text()
    assert text.startswith("# ocarina-kit doctor")
    assert "report.md" in ran.out
    alone = broken.run(*OFFLINE, "--report", "-")
    assert alone.out.startswith("# ocarina-kit doctor")
    assert "First: " in alone.err
    assert str(broken.home) not in text + alone.out
    both = broken.run(*OFFLINE, "--report", "-", "--json")
    assert both.code == 2


def test_a_timeout_must_be_a_time(kit: Kit) -> None:
    assert kit.run("doctor", "--timeout", "0").code == 2
    assert kit.run("doctor", "--timeout", "soon").code == 2


# --- --fix -------------------------------------------------------------------------------------------------


def test_without_a_terminal_and_without_yes_nothing_is_changed(broken: Kit) -> None:
    before = broken.config.read_bytes()
    ran = broken.run(*OFFLINE, "--fix")
    assert ran.code == 2
    assert "--yes" in ran.err
    assert (broken.config.read_bytes(), mode_of(broken.config)) == (before, 0o644)
    assert not broken.state.exists()


def test_dry_run_shows_the_change_and_makes_none(broken: Kit) -> None:
    before = broken.config.read_bytes()
    ran = broken.run(*OFFLINE, "--fix", "--dry-run")
    assert '+    "MAJORA_DOMAIN": "https://majora.lab.test/",' in ran.out
    assert ran.code == 1
    assert broken.config.read_bytes() == before
    assert not broken.state.exists()
    assert '+    "MAJORA_DOMAIN"' in broken.run(*OFFLINE, "--dry-run", "--json").json["plan"]


def test_yes_mends_keeps_a_backup_and_looks_again(broken: Kit) -> None:
    before = broken.config.read_bytes()
    ran = broken.run(*OFFLINE, "--fix", "--yes")
    assert ran.code == 0
    assert "mended: [CFG007]" in ran.out
    assert broken.read_config()["MAJORA_DOMAIN"] == "https://majora.lab.test/"
    assert mode_of(broken.config) == 0o600
    kept = list((broken.state / "backups").iterdir())
    assert [path.read_bytes() for path in kept] == [before]


def test_a_person_is_asked_and_may_say_no(broken: Kit) -> None:
    with Screen.of(broken, *OFFLINE, "--fix") as screen:
        screen.expect("Shall I do this? [Y/n]")
        screen.line("n")
        screen.expect("Nothing was changed.")
        assert screen.wait() == 1
    assert broken.read_config()["MAJORA_DOMAIN"] == "https://majora.lab.test"
    with Screen.of(broken, *OFFLINE, "--fix", columns=40) as screen:
        screen.expect('+    "MAJORA_DOMAIN"')
        screen.expect("Shall I do this? [Y/n]")
        screen.line()
        screen.expect("mended: [CFG003]")
        assert screen.wait() == 0


def test_ctrl_c_at_the_question_leaves_everything(broken: Kit) -> None:
    before = broken.config.read_bytes()
    with Screen.of(broken, *OFFLINE, "--fix") as screen:
        screen.expect("Shall I do this?")
        screen.send(CTRL_C)
        assert screen.wait() == 130
    assert broken.config.read_bytes() == before


def test_there_is_nothing_to_mend(kit: Kit) -> None:
    kit.write_config(MEMBERS)
    ran = kit.run(*OFFLINE, "--fix")  # nobody is asked, so nobody need be there
    assert ran.code == 0
    assert not kit.state.exists()


# --- time --------------------------------------------------------------------------------------------------


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port that takes connections and never says a word; yields its number."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            while True:
                try:
                    held.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=take, daemon=True).start()
        yield server.getsockname()[1]
        for each in held:
            each.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_never_answers_costs_no_more_than_the_timeout(
    kit: Kit, black_hole: int, scheme: str
) -> None:
    kit.write_config({**MEMBERS, "MAJORA_DOMAIN": f"{scheme}://127.0.0.1:{black_hole}/"})
    started = time.monotonic()
    ran = kit.run("doctor", "--timeout", "2", "--json", "--only", "SRV", "--only", "CRD")
    assert time.monotonic() - started < 3
    assert ran.code == 5
    assert {check["status"] for check in ran.json["checks"]} == {"ok", "unknown", "skip"}


def test_programs_that_never_return_cost_no_more_either(kit: Kit, tmp_path: Path) -> None:
    """A client and a crontab that hang; what needs neither is judged all the same."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("ocarina", "crontab"):
        (folder / name).write_text("#!/bin/sh\nexec sleep 300\n")
        (folder / name).chmod(0o755)
    kit.write_config(MEMBERS)
    kit.extra["PATH"] = f"{folder}:/usr/bin:/bin"
    started = time.monotonic()
    ran = kit.run("doctor", "--timeout", "2", "--json", "--offline")
    assert time.monotonic() - started < 3
    status: dict[str, Any] = {check["id"]: check["status"] for check in ran.json["checks"]}
    assert status["ENV003"] == "unknown"
    assert status["CRN001"] == "unknown"
    assert status["CFG009"] == "ok"


def test_probes_go_side_by_side() -> None:
    """Each request takes half a second; all of them together take hardly more."""
    with Sandbox.start() as majora:
        user = majora.add_user("lab")
        app = majora.add_application(user)
        scopes = ("majora2.view_biosampleartifact", "majora2.temp_can_read_pags_via_api")
        tokens = {scope: majora.grant(user, app, scope) for scope in scopes}
        majora.fault("slow", "*", seconds=0.5, after=True)
        with tempfile.TemporaryDirectory() as folder:
            kit = Kit(Path(folder))
            kit.write_config(
                {
                    **MEMBERS,
                    "MAJORA_DOMAIN": majora.url,
                    "MAJORA_USER": "lab",
                    "CLIENT_ID": app.client_id,
                    "CLIENT_SECRET": app.client_secret,
                }
            )
            kit.write_tokens(tokens)
            started = time.monotonic()
            ran = kit.run("doctor", "--json", "--only", "SRV", "--only", "CRD", "--only", "API")
            took = time.monotonic() - started
        assert ran.code == 0, ran
        ms = [check["ms"] for check in ran.json["checks"] if check["id"] in ("SRV004", "CRD001", "API001")]
        assert all(each >= 500 for each in ms)
        assert took < 1.6, json.dumps(ms)
