"""What conda, pip and git are given to work with: this shell's environment without secrets and detours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ocarina_kit.core.client.install_plan import Source
from ocarina_kit.edges.system import System

_NOT_HANDED_ON = ("MAJORA_", "CLIENT_", "OCARINA_")
# Each of these would put packages, or find modules, somewhere else than in the new environment.
_MISLEADING = frozenset(
    {
        "PYTHONPATH",
        "PYTHONHOME",
        "PYTHONUSERBASE",
        "PYTHONWARNINGS",
        "PIP_TARGET",
        "PIP_PREFIX",
        "PIP_ROOT",
        "PIP_REQUIRE_VIRTUALENV",
        "PIP_PYTHON",
        "PIP_DRY_RUN",
        "VIRTUAL_ENV",
        "__PYVENV_LAUNCHER__",
    }
)


def program_environment(system: System) -> dict[str, str]:
    """This shell's environment (proxy, CA bundle and package index included) without credentials and detours."""
    kept = {
        name: value
        for name, value in system.environ.items()
        if not name.startswith(_NOT_HANDED_ON) and name not in _MISLEADING
    }
    kept |= {
        "PIP_USER": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_SSH_COMMAND": kept.get("GIT_SSH_COMMAND", "ssh -o BatchMode=yes"),
    }
    if bundle := kept.get("REQUESTS_CA_BUNDLE"):
        kept.setdefault("PIP_CERT", bundle)
        kept.setdefault("GIT_SSL_CAINFO", bundle)
    return kept


_ASKPASS = """#!/bin/sh
case "$1" in
Username*) printf '%s\\n' "$OCARINA_KIT_GIT_USER" ;;
*) printf '%s\\n' "$OCARINA_KIT_GIT_PASSWORD" ;;
esac
"""


@contextmanager
def git_credentials(system: System, source: Source) -> Iterator[dict[str, str]]:
    """What git needs to answer for a private repository: a program that answers its question, and the answer in the
    environment, which other users cannot read. In an argument, or in the URL that git hands to its helpers, they could.
    """
    if not (source.needs_git and source.secrets):
        yield {}
        return
    import tempfile

    with tempfile.TemporaryDirectory(dir=system.state_dir) as folder:
        program = Path(folder, "askpass")
        program.write_text(_ASKPASS)
        program.chmod(0o700)
        yield {
            "GIT_ASKPASS": str(program),
            "OCARINA_KIT_GIT_USER": source.user.reveal() if source.user else "",
            "OCARINA_KIT_GIT_PASSWORD": source.password.reveal() if source.password else "",
        }
