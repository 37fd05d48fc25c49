"""The stand-in client.

What the kit and its tests need of it, faults of the real one included.
"""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.cli.conftest import LOOKUP as VIEW
from tests.cli.conftest import Lab
from tests.conftest import Kit

from ocarina_kit.sandbox import break_interpreter, install_standin

GET = ("--oauth", "get", "biosample", "--central-sample-id", "S-1")


def run(
    kit: Kit, script: Path, *args: str, env: Mapping[str, str] = {}
) -> subprocess.CompletedProcess[str]:
    environ = {"HOME": str(kit.home), "PATH": "/usr/bin:/bin", **env}
    return subprocess.run(
        [script, *args],
        input="",
        capture_output=True,
        text=True,
        check=False,
        env=environ,
    )


@pytest.mark.parametrize("folder", ["with a blank", "d" * 130, "quo'te"])
def test_it_is_an_environment_with_its_own_interpreter(kit: Kit, folder: str) -> None:
    old = {"0.36.1": "/api/v2/artifact/biosample/get/"}  # no scope of its own
    for version in ("0.36.1", "1.0.0"):
        script = install_standin(kit.home / folder, version)
        assert run(kit, script, "-v").stdout == f"ocarina v{version}\n"
        program = "import json, ocarina.client as c; print(json.dumps(c.ENDPOINTS))"
        table = json.loads(run(kit, script.parent / "python", "-c", program).stdout)
        entry = table["api.artifact.biosample.get"]
        assert entry == old.get(version) or entry["scope"] == VIEW
    assert not break_interpreter(script).exists()


def test_a_query_with_the_settings_of_a_profile_or_the_environment(
    lab: Lab, client: Path
) -> None:
    kit, config = lab.kit, lab.config
    lab.majora.add_sample("S-1")
    lab.give(VIEW)
    ran = run(kit, client, *GET)
    assert (ran.returncode, '"S-1"' in ran.stderr) == (0, True)
    assert run(kit, client, "-q", *GET[1:]).returncode == 77  # without --oauth
    profile = {"p": {"CLIENT_ID": ""}}
    kit.write_config(
        {
            "MAJORA_DOMAIN": "https://root.invalid/",
            "default": config,
            "profile": profile,
        }
    )
    assert run(kit, client, "-q", *GET).returncode == 0
    assert run(kit, client, "--profile", "p", *GET).returncode == 78
    kit.config.write_text("{'a': 1}")
    assert run(kit, client, *GET).returncode == 78
    assert run(kit, client, "-q", "--env", *GET, env=config).returncode == 0


def test_refresh_writes_in_place_and_stops_at_the_first_failure(
    lab: Lab, client: Path
) -> None:
    kit = lab.kit
    given = lab.give(
        VIEW,
        "majora2.can_read_dataview_via_api",
        "majora2.view_majoraartifact_info",
        age=3600,
    )
    first, refused, last = given.values()
    lab.majora.revoke(refused)
    inode = kit.tokens.stat().st_ino
    ran = run(kit, client, "-q", "oauth", "refresh")
    assert (ran.returncode, "invalid_grant" in ran.stderr) == (1, True)
    fresh, *others = kit.read_tokens().values()
    assert (set(fresh), fresh["scope"], others) == (set(first), [VIEW], [refused, last])
    assert lab.state(VIEW) == "live"
    assert kit.tokens.stat().st_ino == inode
