"""The server's process: starts fast, ends with its owner, leaves nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from ocarina_kit.core.errors import KitError
from ocarina_kit.sandbox import Sandbox, SandboxError
from ocarina_kit.sandbox.handle import require_extra


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if condition():
            return True
        time.sleep(0.05)
    return False


def get(url: str, verify: str | bool = True) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, timeout=10, verify=verify)


def test_it_starts_stops_and_leaves_nothing() -> None:
    with Sandbox.start() as majora:
        assert majora.url.startswith("http://127.0.0.1:")
        assert majora.url.endswith("/")
        assert majora.ca_file is None
        assert get(majora.url).status_code == 200
        assert majora.folder.is_dir()
    assert not majora.folder.exists()
    with pytest.raises(requests.exceptions.ConnectionError):
        get(majora.url)
    majora.stop()
    with pytest.raises(SandboxError, match="has ended"):
        majora.add_user("late")


def test_several_at_once_know_nothing_of_each_other() -> None:
    with Sandbox.start() as one, Sandbox.start() as other:
        user = one.add_user("alice")
        other.add_user("alice")
        app = one.add_application(user)
        with pytest.raises(SandboxError, match="does not exist"):
            other.grant(user, app, "majora2.view_biosampleartifact")
        one.shift_clock(1000)
        assert other.offset == 0


def test_it_ends_when_its_owner_is_killed(tmp_path: Path) -> None:
    program = (
        "import time\nfrom ocarina_kit.sandbox import Sandbox\nmajora = Sandbox.start()\n"
        "print(majora.url, majora.folder, flush=True)\ntime.sleep(60)"
    )
    owner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    url, folder = owner.stdout.readline().split()
    assert get(url).status_code == 200
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    assert eventually(lambda: not Path(folder).exists())


def test_a_port_can_be_chosen_and_a_taken_one_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(KitError) as caught:
            Sandbox.start(port=port)
    assert caught.value.id == "SBX002"
    assert f"port {port}" in caught.value.why
    with Sandbox.start(port=port) as majora:
        assert majora.url == f"http://127.0.0.1:{port}/"


def test_it_listens_on_loopback_alone(majora: Sandbox) -> None:
    port = int(majora.url.rsplit(":", 1)[1].strip("/"))
    # 127.0.0.2 stands for any other address of this machine: a socket on 0.0.0.0 would answer there.
    with socket.socket() as other:
        other.settimeout(2)
        assert other.connect_ex(("127.0.0.2", port)) != 0


def test_without_the_extra_the_command_that_installs_it_is_named() -> None:
    with pytest.raises(KitError) as caught:
        require_extra(lambda name: None if name == "oauth2_provider" else object())
    assert caught.value.id == "SBX001"
    assert "oauth2_provider" in caught.value.why
    assert "django" not in caught.value.why
    assert caught.value.remedy.commands == ("pip install 'ocarina-kit[sandbox]'",)


def test_importing_it_is_light() -> None:
    program = (
        "import sys, ocarina_kit.sandbox\n"
        "print([name for name in ('django', 'requests', 'subprocess', 'ssl') if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_warnings_as_errors_do_not_stop_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    with Sandbox.start() as majora:
        assert get(majora.url).status_code == 200


@pytest.mark.parametrize(
    ("certificate", "why"), [("expired", "expired"), ("other-host", "doesn't match|not valid for")]
)
def test_certificates_that_are_no_good(certificate: str, why: str) -> None:
    with (
        Sandbox.start(tls=True, certificate=certificate) as majora,
        pytest.raises(requests.exceptions.SSLError, match=why),
    ):
        get(majora.url, verify=str(majora.ca_file))


def test_tls_is_trusted_with_its_own_authority_alone(tls_majora: Sandbox) -> None:
    assert tls_majora.url.startswith("https://")
    assert get(tls_majora.url, verify=str(tls_majora.ca_file)).status_code == 200
    with pytest.raises(requests.exceptions.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        get(tls_majora.url)


def test_a_client_that_stalls_in_the_handshake_stops_nobody(tls_majora: Sandbox) -> None:
    port = int(tls_majora.url.rsplit(":", 1)[1].strip("/"))
    with socket.create_connection(("127.0.0.1", port)):
        assert get(tls_majora.url, verify=str(tls_majora.ca_file)).status_code == 200


def test_plain_http_to_the_tls_port_does_not_end_it(tls_majora: Sandbox) -> None:
    with pytest.raises(requests.exceptions.ConnectionError):
        get(tls_majora.url.replace("https", "http"))
    assert get(tls_majora.url, verify=str(tls_majora.ca_file)).status_code == 200


@pytest.mark.parametrize("garbage", [b"\r\n\r\n", b"\x00\xff\r\n\r\n", b"GET\r\n\r\n", b"A B C D\r\n\r\n"])
def test_garbage_does_not_end_it(majora: Sandbox, garbage: bytes) -> None:
    port = int(majora.url.rsplit(":", 1)[1].strip("/"))
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(garbage)
        connection.recv(1024)
    assert get(majora.url).status_code == 200


def test_unknown_permissions_and_people_are_named(majora: Sandbox) -> None:
    with pytest.raises(SandboxError, match=r"majora2\.nonsense"):
        majora.add_user("carol", permissions=["majora2.nonsense"])
    user = majora.add_user("dave", two_factor=False)
    with pytest.raises(SandboxError, match="no second factor"):
        majora.second_factor_code(user)


def test_no_secret_in_what_is_printed_of_people_and_applications(majora: Sandbox) -> None:
    user = majora.add_user("erin")
    app = majora.add_application(user)
    text = repr((user, app, majora))
    for secret in (user.password, user.totp_secret, app.client_secret):
        assert secret is not None
        assert secret not in text
