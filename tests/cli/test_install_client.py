"""``ocarina-kit install-client``, offline.

From a wheel that is built here, into a virtual environment.
"""

import subprocess
from pathlib import Path

from tests.cli.conftest import talk
from tests.client.test_install import wheel
from tests.conftest import Kit
from tests.terminal import Screen


def test_it_says_what_it_fetches_asks_and_installs(kit: Kit, tmp_path: Path) -> None:
    # What would lead pip astray is not handed on.
    kit.extra |= {
        "PIP_NO_INDEX": "1",
        "PIP_TARGET": str(kit.home / "t"),
        "PIP_USER": "1",
    }
    source = str(wheel(tmp_path / "dist"))
    ran = kit.run("install-client", "--source", source, "--json")
    assert (ran.code, ran.json["error"]["what"]) == (
        2,
        "There is no terminal to ask in; add --yes.",
    )
    assert ran.json.keys() == {"schema", "command", "ok", "exit", "error"}
    ran = kit.run("install-client", "--name", "x", "--prefix", "y", "--yes")
    assert (ran.code, "See what its --help says." in ran.err) == (2, True)
    ran = kit.run("install-client", "--dry-run")
    for words in (
        "the client from git+https://github.com/climb-covid/ocarina2.git@",
        "PyPI",
        "venv",
    ):
        assert words in ran.out
    assert not (kit.home / ".local" / "share").exists()
    for answer, ending in (
        ("n", "Nothing was changed."),
        ("y", "Next step: ocarina-kit init"),
    ):
        with Screen.of(kit, "install-client", "--source", source) as screen:
            talk(screen, "install   ocarina in ~/.local/share/ocarina-kit/envs/ocarina")
            talk(
                screen,
                f"fetches the client from {source}",
                ("Apply these changes? [Y/n]", answer),
            )
            talk(screen, ending, ends=0)
    client = kit.home / ".local" / "bin" / "ocarina"
    assert (
        subprocess.run([client, "-v"], capture_output=True, check=True).stdout
        == b"ocarina v1.0.0\n"
    )
    assert not (kit.home / "t").exists()
    assert "is installed already" in kit.run("install-client").out
