"""system/change.py: what changes can be seen, no secret can, and only what was shown is done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocarina_kit.system import change
from ocarina_kit.system.backup import backups_folder
from ocarina_kit.system.change import Change, apply, difference
from ocarina_kit.system.errors import Exit, KitError
from ocarina_kit.system.machine import Machine

SECRET = "Se" + "b2" * 63
ID = "Id" + "a1" * 19
GOOD = {
    "MAJORA_DOMAIN": "https://majora.lab.test",
    "MAJORA_USER": "lab",
    "MAJORA_TOKEN": "OAUTH",
    "MAJORA_TOKENS_FILE": "/data/" + "a1" * 20,
    "CLIENT_ID": ID,
    "CLIENT_SECRET": SECRET,
}


def diff(machine: Machine, before: bytes | None, after: bytes, kind: str = "config") -> str:
    return difference([change.write(machine.home / ".ocarina", kind, before, after)], machine)


def test_everything_but_secrets_is_shown(machine: Machine) -> None:
    before = json.dumps(GOOD, indent=4).encode()
    after = before.replace(b'lab.test"', b'lab.test/"').replace(b"Seb2", b"Sec2")
    assert diff(machine, before, after).splitlines() == [
        "--- ~/.ocarina (current)",
        "+++ ~/.ocarina (new)",
        "@@ -1,8 +1,8 @@",
        " {",
        '-    "MAJORA_DOMAIN": "https://majora.lab.test",',
        '+    "MAJORA_DOMAIN": "https://majora.lab.test/",',
        '     "MAJORA_USER": "lab",',
        '     "MAJORA_TOKEN": "OAUTH",',
        f'     "MAJORA_TOKENS_FILE": "/data/{"a1" * 20}",',
        f'     "CLIENT_ID": "{ID}",',
        '-    "CLIENT_SECRET": "**** (128 characters)"',
        '+    "CLIENT_SECRET": "**** (128 characters)"',
        " }",
    ]
    assert diff(machine, None, b"{}\n") == (
        "--- ~/.ocarina (no file yet)\n+++ ~/.ocarina (new)\n@@ -0,0 +1,1 @@\n+{}"
    )
    assert diff(machine, before, before) == "--- ~/.ocarina (current)\n+++ ~/.ocarina (new)"


@pytest.mark.parametrize(
    "before",
    [
        json.dumps({"CLIENT_ID": SECRET, "CLIENT_SECRET": ID}),
        json.dumps({"CLIENT_ID": ID, "CLIENT_SECRET": SECRET[:60] + "\n " + SECRET[60:]}),
        json.dumps({"CLIENT_ID": ID, "mine": {"password": SECRET}}, indent=1),
        f'{{"CLIENT_SECRET": "{SECRET[:100]}\n{SECRET[100:]}",}}',
        f'{{"CLIENT_SECRET": "{SECRET},\n "MAJORA_USER": "lab"}}',
        f"{{ // the secret is {SECRET}\n}}",
        f"{{ # password: {SECRET[:9]}\n}}",
        f'{{"MAJORA_DOMAIN": "https://u:{SECRET}@majora.test/"}}',
        f'{{"MAJORA_DOMAIN": "https://majora.test/?code={SECRET[:20]}"}}',
    ],
)
def test_no_secret_is_shown_wherever_it_is(machine: Machine, before: str) -> None:
    after = json.dumps(GOOD, indent=4).encode()
    shown = diff(machine, before.encode(), after)
    assert SECRET[2:9] not in shown
    assert f'"CLIENT_ID": "{ID}"' in shown
    assert "CLIENT_SECRET" in shown


def test_a_tokens_file_is_laid_out(machine: Machine) -> None:
    entry = {
        "access_token": "acc",
        "scope": ["majora2.a"],
        "expires_at": 1795537847000,
        "refresh_token": "ref",
    }
    before = json.dumps({"wrong key": entry}).encode()
    after = json.dumps({"majora2.a": {**entry, "expires_at": 1795537847}}).encode()
    shown = diff(machine, before, after, "tokens")
    assert '+  "majora2.a": {' in shown
    assert '-    "expires_at": 1795537847000,' in shown
    assert '     "access_token": "**** (3 characters)",' in shown
    assert '"ref"' not in shown


def test_only_what_changes_of_a_crontab_is_shown(machine: Machine) -> None:
    before = b"5 5 * * * mine --token abc\n0 0 * * * export https_proxy=u:hunter2@proxy:3128; old\n"
    shown = difference([change.crontab(before, before.replace(b"old", b"n\xffw\x1b"))], machine)
    assert shown.splitlines() == [
        "--- crontab (current)",
        "+++ crontab (new)",
        "@@ -2,1 +2,1 @@",
        "-0 0 * * * export https_proxy=****@proxy:3128; old",
        "+0 0 * * * export https_proxy=****@proxy:3128; n\\xffw\\x1b",
    ]


def test_thousands_of_alike_lines_and_a_change_in_the_middle(machine: Machine) -> None:
    lines = [b"* * * * * true"] * 4_000
    after = [*lines[:2_000], b"new", *lines[2_000:]]
    shown = difference([change.crontab(b"\n".join(lines), b"\n".join(after))], machine)
    assert shown.splitlines()[2:] == ["@@ -2000,0 +2001,1 @@", "+new"]
    both = [b"first", *after, b"last"]
    assert "+first" in difference([change.crontab(b"\n".join(lines), b"\n".join(both))], machine)


def test_the_other_changes_in_words(machine: Machine) -> None:
    path = machine.home / ".ocarina-tokens"
    changes = [
        change.chmod(path, 0o644),
        change.set_aside(path, "tokens", b"x", None),
        change.refresh(("majora2.a",)),
    ]
    assert difference(changes, machine).splitlines() == [
        "chmod 600 ~/.ocarina-tokens  (was 644)",
        "set aside ~/.ocarina-tokens: a backup is made, and nothing is left in its place",
    ]
    assert "x" not in repr(changes[1]).replace("ocarina-tokens", "")


class Doers:
    """What carries out refreshes and crontab changes."""

    def __init__(self, problem: KitError | None = None) -> None:
        self.done: list[Change] = []
        self.problem = problem

    def refresh(self, wanted: Change) -> None:
        if self.problem:
            raise self.problem
        self.done.append(wanted)

    def crontab(self, wanted: Change) -> Path | None:
        self.done.append(wanted)
        return Path("/backup")


def test_changes_are_carried_out_in_order_with_backups(machine: Machine) -> None:
    path, tokens = machine.home / ".ocarina", machine.home / "tokens"
    path.write_bytes(b"old")
    path.chmod(0o644)
    tokens.write_bytes(b"damaged")
    doers = Doers()
    changes = [
        change.chmod(path, 0o644),
        change.write(path, "config", b"old", b"new"),
        change.write(machine.home / "fresh", "config", None, b"1"),
        change.set_aside(tokens, "tokens", b"damaged", None),
        change.crontab(b"", b"x"),
        change.refresh(()),
    ]
    results = apply(machine, changes, refresh=doers.refresh, crontab=doers.crontab)
    assert [result.problem for result in results] == [None] * 6
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert not tokens.exists()
    assert doers.done == changes[4:]
    kept = [result.backup for result in results]
    assert [each is None for each in kept] == [True, False, True, False, False, True]
    assert kept[3] is not None
    assert kept[3].name.startswith("tokens-damaged-")
    assert kept[3].read_bytes() == b"damaged"


def test_what_changed_meanwhile_is_left_alone(machine: Machine) -> None:
    path = machine.home / ".ocarina"
    path.write_bytes(b"theirs")
    doers = Doers(KitError("no", id="RFR001"))
    changes = [
        change.write(path, "config", b"old", b"new"),
        change.write(path, "config", None, b"new"),
        change.set_aside(path, "config", b"old", b""),
        change.chmod(path, 0o777),
        change.write(machine.home, "config", None, b""),
        change.refresh(()),
        change.crontab(b"", b""),
    ]
    results = apply(machine, changes, refresh=doers.refresh, crontab=doers.crontab)
    ids = [result.problem and result.problem.id for result in results]
    assert ids == ["FIX001"] * 5 + ["RFR001", None]
    assert path.read_bytes() == b"theirs"
    assert not backups_folder(machine).exists()


def test_an_interrupt_ends_it(machine: Machine) -> None:
    doers = Doers(KitError("stop", id="INT001", exit=Exit.INTERRUPTED))
    with pytest.raises(KitError):
        apply(machine, [change.refresh(())] * 2, refresh=doers.refresh, crontab=doers.crontab)
