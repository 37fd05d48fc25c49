"""``run_sandbox``: what it says is enough to use it, and nothing stays."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ocarina_kit.core.errors import Exit, KitError
from ocarina_kit.sandbox import Sandbox, User
from ocarina_kit.sandbox.command import run_sandbox
from ocarina_kit.sandbox.person import Person

from .test_handle import eventually, get


def test_what_it_says_is_enough_to_log_in() -> None:
    said: list[str] = []
    folders: list[Path] = []

    def use_it(majora: Sandbox) -> None:
        text = "\n".join(said)
        folders.append(majora.folder)
        password = re.search(r"Password +(\S+)", text)
        home = re.search(r"export HOME=(\S+)", text)
        assert password is not None
        assert home is not None
        assert Path(home.group(1)).is_dir()
        shown = re.search(r'second-factor">(\d+)<', get(majora.url).text)
        assert shown is not None
        code = shown.group(1)
        person = Person(majora.url, None, lambda user: code)
        person.log_in(User("sandbox", password.group(1), None))
        assert "Log out sandbox" in person.session.get(majora.url, timeout=10).text
        client = majora.folder / "client" / "bin" / "ocarina"
        out = subprocess.run([client, "-v"], capture_output=True, text=True, check=True)
        assert out.stdout.startswith("ocarina v")

    assert run_sandbox(say=said.append, wait=use_it) is Exit.OK
    assert not folders[0].exists()


def test_an_interrupt_is_the_way_to_end_it() -> None:
    folders: list[Path] = []

    def interrupted(majora: Sandbox) -> None:
        folders.append(majora.folder)
        raise KeyboardInterrupt

    said: list[str] = []
    assert run_sandbox(say=said.append, wait=interrupted) is Exit.OK
    assert not folders[0].exists()
    assert "has ended" in said[-1]


@pytest.mark.parametrize("tls", [False, True])
def test_the_json_line_holds_all_that_a_script_needs(tls: bool) -> None:
    said: list[str] = []

    def use_it(majora: Sandbox) -> None:
        ready = json.loads(said[0])
        assert ready["schema"] == 1
        assert (ready["command"], ready["ok"], ready["exit"]) == ("sandbox", True, 0)
        assert get(ready["url"], verify=ready["ca_file"] or True).status_code == 200
        assert bool(ready["ca_file"]) is tls
        assert ready["user"] == "alice"
        assert ready["client"] is None
        assert Path(ready["home"]).is_dir()

    assert run_sandbox(say=said.append, wait=use_it, as_json=True, tls=tls, user="alice", client=False) == 0
    assert len(said) == 1


def test_over_tls_it_names_the_bundle_to_export() -> None:
    said: list[str] = []
    run_sandbox(say=said.append, wait=lambda majora: None, tls=True, client=False)
    assert any(line.strip().startswith("export REQUESTS_CA_BUNDLE=/") for line in said)


def test_without_two_factor_it_says_what_follows() -> None:
    said: list[str] = []
    run_sandbox(say=said.append, wait=lambda majora: None, two_factor=False, client=False)
    assert any("refuse to hand out tokens" in line for line in said)


def test_a_taken_port_is_an_error_with_a_way_out() -> None:
    with Sandbox.start() as other:
        port = int(other.url.rsplit(":", 1)[1].strip("/"))
        with pytest.raises(KitError) as caught:
            run_sandbox(say=lambda line: None, port=port)
    assert caught.value.id == "SBX002"
    assert caught.value.remedy.text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_as_a_process_it_ends_at_once_on_a_signal(number: signal.Signals) -> None:
    program = (
        "import sys\nfrom ocarina_kit.sandbox.command import run_sandbox\n"
        "sys.exit(run_sandbox(say=lambda line: print(line, flush=True), as_json=True, client=False))"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    process.send_signal(number)
    assert process.wait(10) == 0
    process.stdout.close()
    assert eventually(lambda: not Path(ready["home"]).exists())
