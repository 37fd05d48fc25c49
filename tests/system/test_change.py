"""system/change.py.

What changes can be seen, no secret can, and only what was shown is done.
"""

import json
from unittest.mock import Mock

import pytest

from ocarina_kit.config.location import SetupLocation
from ocarina_kit.doctor import fix
from ocarina_kit.doctor.world import World
from ocarina_kit.system.change import Action, Change, apply_to_file, difference
from ocarina_kit.system.files import backups_folder
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.problem import Exit, KitError, Problem

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


def diff(
    machine: Machine, before: bytes | None, after: bytes, kind: str = "config"
) -> list[str]:
    return difference(
        [Change(Action.WRITE, machine.home / ".ocarina", kind, before, after)], machine
    ).splitlines()


def test_everything_but_secrets_is_shown(machine: Machine) -> None:
    before = json.dumps(GOOD, indent=4).encode()
    after = before.replace(b'lab.test"', b'lab.test/"').replace(b"Seb2", b"Sec2")
    assert diff(machine, before, after) == [
        "--- ~/.ocarina (current)",
        "+++ ~/.ocarina (new)",
        "@@ -1 +1 @@",
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
        json.dumps(
            {"CLIENT_ID": ID, "CLIENT_SECRET": SECRET[:60] + "\n " + SECRET[60:]}
        ),
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
def test_no_secret_is_shown_wherever_it_is(
    machine: Machine, before: str, encoding: str
) -> None:
    shown = "\n".join(
        diff(machine, before.encode(encoding), json.dumps(GOOD, indent=4).encode())
    )
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
    before = (
        b"5 5 * * * mine --token abc\n"
        b"0 0 * * * export https_proxy=u:hunter2@proxy:3128; old\n"
    )
    assert diff(machine, before, before.replace(b"old", b"n\xffw\x1b"), "crontab")[
        3:
    ] == [
        "-0 0 * * * export https_proxy=****@proxy:3128; old",
        "+0 0 * * * export https_proxy=****@proxy:3128; n\\xffw\\x1b",
    ]
    often = b"# mine\n" * 200  # a line that a long text has often
    assert diff(machine, often * 2, often + b"new\n" + often, "crontab")[3:] == ["+new"]


def test_the_other_changes_in_words(machine: Machine) -> None:
    path = machine.home / ".ocarina-tokens"
    aside = Change(Action.SET_ASIDE, path, "tokens", b"x")
    changes = [
        Change(Action.CHMOD, path, mode=0o644),
        aside,
        aside._replace(after=b"{}"),
        Change(Action.REFRESH),
    ]
    assert difference(changes, machine).splitlines() == [
        "chmod 600 ~/.ocarina-tokens  (was 644)",
        "set aside ~/.ocarina-tokens: a backup is made, and nothing is left in its"
        " place",
        "set aside ~/.ocarina-tokens: a backup is made, and what can be read of it is"
        " left in its place",
    ]


def test_what_changed_meanwhile_is_left_alone(machine: Machine) -> None:
    path = machine.home / ".ocarina"
    path.write_bytes(b"theirs")
    for change in (
        Change(Action.WRITE, path, "config", b"old", b"new"),
        Change(Action.WRITE, path, "config", None, b"new"),
        Change(Action.SET_ASIDE, path, "config", b"old", b""),
        Change(Action.CHMOD, path, mode=0o777),
        Change(Action.WRITE, machine.home, "config", None, b""),
    ):
        with pytest.raises(KitError) as caught:
            apply_to_file(machine, change)
        assert caught.value.problem.id == "FIX001"
    assert path.read_bytes() == b"theirs"
    assert not backups_folder(machine).exists()


def test_only_an_interrupt_stops_the_other_fixes(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = KitError(Problem(message="no", id="RFR001"))
    monkeypatch.setattr(fix, "_refresh", Mock(side_effect=error))
    path, world = (
        machine.home / "f",
        World(machine, SetupLocation(machine.home / ".ocarina")),
    )
    changes = [Change(Action.REFRESH), Change(Action.WRITE, path, "config", None, b"1")]
    done = fix.carry_out(machine, world, changes, print)
    assert [applied.problem for applied in done] == [error.problem, None]
    assert path.read_bytes() == b"1"
    error.problem = error.problem._replace(exit=Exit.INTERRUPTED)
    with pytest.raises(KitError):
        fix.carry_out(machine, world, changes, print)
