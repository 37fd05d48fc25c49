"""The real client beside the kit, over TLS, on one tokens file."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import LOOKUP, UPLOAD, Lab
from tests.client.stub import machine_at
from tests.conftest import Kit

from ocarina_kit.client.find import examine, read_table
from ocarina_kit.client.scopes import scopes_for
from ocarina_kit.sandbox import Sandbox

pytestmark = pytest.mark.real_client


CLIENT = Path(os.environ.get("OCARINA_KIT_REAL_CLIENT", ""))


@pytest.fixture
def real(kit: Kit) -> Iterator[Lab]:
    with Sandbox.start(tls=True) as majora:
        kit.extra["REQUESTS_CA_BUNDLE"] = str(majora.ca_file)
        yield Lab(kit, majora, CLIENT)


def ocarina(lab: Lab, *args: str) -> str:
    env = {"HOME": str(lab.kit.home), "PATH": "/usr/bin:/bin", **lab.kit.extra}
    done = subprocess.run(
        [CLIENT, "-q", *args],
        env=env,
        capture_output=True,
        text=True,
        input="",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_client_and_kit_refresh_in_turn(real: Lab) -> None:
    real.give(LOOKUP, *UPLOAD)
    for _ in range(2):
        assert ocarina(real, "oauth", "refresh").count(
            "refreshed successfully"
        ) == 1 + len(UPLOAD)
        assert real.kit.run("refresh").code == 0
    assert list(real.kit.read_tokens()) == [LOOKUP, *UPLOAD]
    assert {real.state(scope) for scope in (LOOKUP, *UPLOAD)} == {"live"}


def test_the_client_reads_what_login_wrote(real: Lab) -> None:
    names = ("lookup", "add-samples")
    links = real.kit.run(
        "login", "--print-url", "--for", "lookup", "--for", "add-samples"
    ).out.split()
    for link in links:
        assert (
            real.kit.run(
                "login", "--callback", "-", stdin=real.authorize(link) + "\n"
            ).code
            == 0
        )
    this = machine_at(real.kit.home)
    table = read_table(this, examine(this, CLIENT))
    assert set(real.kit.read_tokens()) == set(scopes_for(names, table))
    real.majora.add_sample("HOOT-0001")
    ocarina(real, "--oauth", "get", "biosample", "--central-sample-id", "HOOT-0001")
    assert [seen.status for seen in real.majora.requests if seen.scheme == "Bearer"][
        -1
    ] == 200


def test_doctor_finds_the_client_healthy(real: Lab) -> None:
    real.give(LOOKUP)
    ran = real.kit.run("doctor", "--skip", "CRN")
    assert ran.code == 0, repr(ran)
    assert len(ran.out.splitlines()) <= 2, repr(ran)
