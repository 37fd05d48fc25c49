"""The server's process, the command that runs it, and the second factor's codes."""

import base64
import json
import socket
import subprocess
from pathlib import Path

import pytest
from tests.conftest import Kit, until

from ocarina_kit.sandbox import Sandbox, SandboxError, totp
from ocarina_kit.sandbox.command import run_sandbox
from ocarina_kit.sandbox.handle import require_extra
from ocarina_kit.system.problem import KitError


def test_two_know_nothing_of_each_other_and_leave_nothing(running: Sandbox) -> None:
    with Sandbox.start() as one:
        app = running.add_application(running.add_user("of another sandbox"))
        with pytest.raises(SandboxError, match="does not exist"):
            one.grant(one.add_user("alice"), app, "majora2.view_biosampleartifact")
        with pytest.raises(SandboxError, match=r"majora2\.nonsense"):
            one.add_user("carol", permissions=["majora2.nonsense"])
    assert not one.folder.exists()
    one.stop()
    with pytest.raises(SandboxError, match="has ended"):
        one.add_user("late")


def test_a_taken_port_and_a_missing_extra_are_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(KitError) as caught:
            Sandbox.start(port=port)
    assert (caught.value.problem.id, f"port {port}" in caught.value.problem.why) == (
        "SBX002",
        True,
    )
    with pytest.raises(KitError) as caught:
        require_extra(lambda name: None if name == "oauth2_provider" else object())
    assert (caught.value.problem.id, "oauth2_provider" in caught.value.problem.why) == (
        "SBX001",
        True,
    )


def test_what_the_command_says_is_enough() -> None:
    said: list[str] = []

    def use_it(majora: Sandbox) -> None:
        port = majora.url.rstrip("/").rpartition(":")[2]
        exports = ("  export HOME=/", "  export REQUESTS_CA_BUNDLE=/")
        for needed in (
            majora.url,
            f"ssh -N -L {port}:127.0.0.1:{port} ",
            "DEMO-0001",
            *exports,
        ):
            assert needed in "\n".join(said)
        raise KeyboardInterrupt

    assert run_sandbox(say=said.append, wait=use_it, tls=True, client=False) == 0
    assert said[-1] == "The sandbox has ended. Its folder was removed."


def test_the_command_prints_json_and_ends_on_a_signal(kit: Kit) -> None:
    words = kit.command("sandbox", "--json", "--no-client", "--user", "hoot")
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, env=kit.env
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        process.terminate()  # Ctrl-C is what the test above raises
    assert process.returncode == 0
    assert (ready["command"], ready["ok"], ready["exit"], ready["user"]) == (
        "sandbox",
        True,
        0,
        "hoot",
    )
    assert {"url", "ca_file", "password", "totp_secret", "home", "client"} <= set(ready)
    until(
        lambda: not Path(ready["home"]).exists(),
        "the sandbox's process removes its folder",
    )


def test_a_code_of_rfc_6238() -> None:
    """Appendix B, SHA-1; the last six of its eight digits."""
    secret, when, code = (
        base64.b32encode(b"12345678901234567890").decode(),
        1111111109,
        "081804",
    )
    assert totp.code_at(secret, when) == code
    valid = [totp.is_valid(secret, code, when + off) for off in (-90, -30, 0, 30, 90)]
    assert valid == [False, True, True, True, False]
