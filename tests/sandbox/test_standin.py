"""The stand-in client: what the kit and its tests need of it, faults of the real one included."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ocarina_kit.sandbox import break_interpreter, install_standin

from .conftest import VIEW, Client

GET = ("--oauth", "get", "biosample", "--central-sample-id", "S-1")


@pytest.fixture(scope="session")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_standin(tmp_path_factory.mktemp("new"))


def run(
    home: Path, script: Path, *args: str, env: Mapping[str, str] = {}
) -> subprocess.CompletedProcess[str]:
    environ = {"HOME": str(home), "PATH": "/usr/bin:/bin", **env}
    return subprocess.run([script, *args], input="", capture_output=True, text=True, check=False, env=environ)


def configure(home: Path, client: Client, **more: Any) -> dict[str, Any]:
    where = {"MAJORA_DOMAIN": client.majora.url, "MAJORA_USER": client.user.name, "MAJORA_TOKEN": "OAUTH"}
    who = {"CLIENT_ID": client.app.client_id, "CLIENT_SECRET": client.app.client_secret}
    config = {**where, **who, **more}
    (home / ".ocarina").write_text(json.dumps(config))
    return config


def store(home: Path, *tokens: Mapping[str, Any]) -> Path:
    path = home / ".ocarina-tokens"
    path.write_text(json.dumps({" ".join(token["scope"]): token for token in tokens}))
    return path


@pytest.mark.parametrize("folder", ["with a blank", "d" * 130, "quo'te"])
def test_it_is_an_environment_with_its_own_interpreter(tmp_path: Path, folder: str) -> None:
    for version in ("0.36.1", "1.0.0"):
        script = install_standin(tmp_path / folder, version)
        assert run(tmp_path, script, "-v").stdout == f"ocarina v{version}\n"
        program = "import json, ocarina.client as c; print(json.dumps(c.ENDPOINTS))"
        out = run(tmp_path, script.parent / "python", "-c", program).stdout
        entry = json.loads(out)["api.artifact.biosample.get"]
        assert (entry if isinstance(entry, str) else entry["scope"]) == (
            VIEW if version == "1.0.0" else "/api/v2/artifact/biosample/get/"
        )
    assert not break_interpreter(script).exists()


def test_a_query_with_the_settings_of_a_profile_or_the_environment(
    client: Client, new: Path, tmp_path: Path
) -> None:
    client.majora.add_sample("S-1")
    store(tmp_path, client.grant())
    config = configure(tmp_path, client)
    ran = run(tmp_path, new, *GET)
    assert (ran.returncode, '"S-1"' in ran.stderr) == (0, True)
    assert run(tmp_path, new, "-q", *GET[1:]).returncode == 77  # without --oauth
    layers = {
        "MAJORA_DOMAIN": "https://root.invalid/",
        "default": config,
        "profile": {"p": {"CLIENT_ID": ""}},
    }
    (tmp_path / ".ocarina").write_text(json.dumps(layers))
    assert run(tmp_path, new, "-q", *GET).returncode == 0
    assert run(tmp_path, new, "--profile", "p", *GET).returncode == 78
    (tmp_path / ".ocarina").write_text("{'a': 1}")
    assert run(tmp_path, new, *GET).returncode == 78
    assert run(tmp_path, new, "-q", "--env", *GET, env=config).returncode == 0


def test_refresh_writes_in_place_and_stops_at_the_first_failure(
    client: Client, new: Path, tmp_path: Path
) -> None:
    configure(tmp_path, client)
    first, refused = client.grant(age=3600), client.grant("majora2.can_read_dataview_via_api")
    last = client.grant("majora2.view_majoraartifact_info")
    client.majora.revoke(refused)
    path = store(tmp_path, first, refused, last)
    inode = path.stat().st_ino
    ran = run(tmp_path, new, "-q", "oauth", "refresh")
    assert (ran.returncode, "invalid_grant" in ran.stderr) == (1, True)
    fresh, *others = json.loads(path.read_text()).values()
    assert (set(fresh), fresh["scope"], others) == (set(first), [VIEW], [refused, last])
    assert client.ask(fresh["access_token"]).json()["success"] is True
    assert path.stat().st_ino == inode
