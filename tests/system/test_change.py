"""system/change.py: what changes can be seen, no secret can, and only what was shown is done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocarina_kit.system.backup import backups_folder
from ocarina_kit.system.change import Change, apply, chmod, crontab, difference, refresh, set_aside, write
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


def diff(machine: Machine, before: bytes | None, after: bytes, kind: str = "config") -> list[str]:
    return difference([write(machine.home / ".ocarina", kind, before, after)], machine).splitlines()


def test_everything_but_secrets_is_shown(machine: Machine) -> None:
    before = json.dumps(GOOD, indent=4).encode()
    after = before.replace(b'lab.test"', b'lab.test/"').replace(b"Seb2", b"Sec2")
    assert diff(machine, before, after) == [
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
    assert diff(machine, None, b"{}\n")[0::3] == ["--- ~/.ocarina (no file yet)", "+{}"]
    assert diff(machine, b"\xef\xbb\xbf{}", b"{}")[3:] == ["-\\ufeff{}", "+{}"]


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
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_no_secret_is_shown_wherever_it_is(machine: Machine, before: str, encoding: str) -> None:
    shown = "\n".join(diff(machine, before.encode(encoding), json.dumps(GOOD, indent=4).encode()))
    assert SECRET[2:9] not in shown.replace("\\x00", "")
    assert f'"CLIENT_ID": "{ID}"' in shown
    assert "CLIENT_SECRET" in shown


def test_a_tokens_file_is_laid_out(machine: Machine) -> None:
    entry = {"access_token": "acc", "expires_at": 1795537847000, "refresh_token": "ref"}
    before = json.dumps({"wrong key": entry}).encode()
    after = json.dumps({"majora2.a": {**entry, "expires_at": 1795537847}}).encode()
    assert diff(machine, before, after, "tokens")[4:] == [
        '-  "wrong key": {',
        '+  "majora2.a": {',
        '     "access_token": "**** (3 characters)",',
        '-    "expires_at": 1795537847000,',
        '+    "expires_at": 1795537847,',
        '     "refresh_token": "**** (3 characters)"',
        "   }",
    ]


def test_only_what_changes_of_a_crontab_is_shown(machine: Machine) -> None:
    before = b"5 5 * * * mine --token abc\n0 0 * * * export https_proxy=u:hunter2@proxy:3128; old\n"
    assert difference([crontab(before, before.replace(b"old", b"n\xffw\x1b"))], machine).splitlines() == [
        "--- crontab (current)",
        "+++ crontab (new)",
        "@@ -2 +2 @@",
        "-0 0 * * * export https_proxy=****@proxy:3128; old",
        "+0 0 * * * export https_proxy=****@proxy:3128; n\\xffw\\x1b",
    ]


def test_thousands_of_alike_lines_and_a_change_in_the_middle(machine: Machine) -> None:
    lines = [b"* * * * * true"] * 4_000
    after = [*lines[:2_000], b"new", *lines[2_000:]]
    shown = difference([crontab(b"\n".join(lines), b"\n".join(after))], machine)
    assert shown.splitlines()[2:] == ["@@ -2000,0 +2001 @@", "+new"]


def test_the_other_changes_in_words(machine: Machine) -> None:
    path = machine.home / ".ocarina-tokens"
    changes = [chmod(path, 0o644), set_aside(path, "tokens", b"x", None), refresh(("majora2.a",))]
    assert difference(changes, machine).splitlines() == [
        "chmod 600 ~/.ocarina-tokens  (was 644)",
        "set aside ~/.ocarina-tokens: a backup is made, and nothing is left in its place",
    ]


def test_changes_are_carried_out_in_order_with_backups(machine: Machine) -> None:
    path, tokens = machine.home / ".ocarina", machine.home / "tokens"
    path.write_bytes(b"old")
    path.chmod(0o644)
    tokens.write_bytes(b"damaged")
    changes = [
        chmod(path, 0o644),
        write(path, "config", b"old", b"new"),
        write(machine.home / "fresh", "config", None, b"1"),
        set_aside(tokens, "tokens", b"damaged", None),
        crontab(b"", b"x"),
        refresh(()),
    ]
    done: list[Change] = []
    results = apply(machine, changes, refresh=done.append, crontab=lambda change: Path("/backup"))
    assert [result.problem for result in results] == [None] * 6
    assert (path.read_bytes(), path.stat().st_mode & 0o777, tokens.exists()) == (b"new", 0o600, False)
    assert done == changes[5:]
    kept = [result.backup for result in results]
    assert [each is None for each in kept] == [True, False, True, False, False, True]
    assert kept[3] is not None
    assert (kept[3].name[:15], kept[3].read_bytes()) == ("tokens-damaged-", b"damaged")


def test_what_changed_meanwhile_is_left_alone_and_an_interrupt_ends_it(machine: Machine) -> None:
    path, problem = machine.home / ".ocarina", KitError("no", id="RFR001")
    path.write_bytes(b"theirs")

    def fail(change: Change) -> None:
        raise problem

    changes = [
        write(path, "config", b"old", b"new"),
        write(path, "config", None, b"new"),
        set_aside(path, "config", b"old", b""),
        chmod(path, 0o777),
        write(machine.home, "config", None, b""),
        refresh(()),
        crontab(b"", b""),
    ]
    results = apply(machine, changes, refresh=fail, crontab=lambda change: None)
    ids = [result.problem and result.problem.id for result in results]
    assert ids == ["FIX001"] * 5 + ["RFR001", None]
    assert path.read_bytes() == b"theirs"
    assert not backups_folder(machine).exists()
    problem.exit = Exit.INTERRUPTED
    with pytest.raises(KitError):
        apply(machine, changes, refresh=fail, crontab=lambda change: None)
