"""Configurations as literals, and the facts that gathering would make of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from ocarina_kit.checks.config import CHECKS
from ocarina_kit.checks.model import Finding
from ocarina_kit.checks.runner import Choice, judge
from ocarina_kit.core.client.resolution import Candidate, Resolution, State, Version
from ocarina_kit.core.client.resolution import Place as Where
from ocarina_kit.core.config.layers import effective_environment
from ocarina_kit.core.facts import ClientFacts, ConfigFacts, Facts
from ocarina_kit.core.file_facts import FileFacts, FileKind, FolderFacts
from ocarina_kit.core.setup import Place

HOME = PurePosixPath("/home/lab")
PATH = HOME / ".ocarina"
ID = "Id" + "a1" * 19
SECRET = "Se" + "b2" * 63
KEY = "0f8fad5b-d9cb-469f-a165-70867728950e"
GOOD: Mapping[str, Any] = {
    "MAJORA_DOMAIN": "https://majora.lab.test/",
    "MAJORA_USER": "lab-user",
    "MAJORA_TOKEN": "OAUTH",
    "CLIENT_ID": ID,
    "CLIENT_SECRET": SECRET,
}


def text_of(members: Mapping[str, Any]) -> bytes:
    return (json.dumps(members, indent=4) + "\n").encode()


def config_of(
    content: bytes | Mapping[str, Any], profile: str | None = None, *, tokens_folder: bool = True
) -> ConfigFacts:
    data = content if isinstance(content, bytes) else text_of(content)
    file = FileFacts(PATH, FileKind.FILE, data, mode=0o600, owner=1000, ours=True, size=len(data))
    place = Place(PATH, profile=profile)
    folder = FolderFacts(
        HOME if tokens_folder else HOME / "gone", exists=tokens_folder, writable=tokens_folder
    )
    return ConfigFacts(place, file, tokens_folder=folder, home=HOME).with_content(data)


def with_file(**changes: Any) -> ConfigFacts:
    """A good configuration whose file is otherwise: its kind, mode, owner…"""
    config = config_of(GOOD)
    assert config.file is not None
    changed = replace(config, file=replace(config.file, **changes))
    return changed if changed.file and changed.file.readable else replace(changed, document=None, settings={})


def env_of(environ: Mapping[str, str]) -> ConfigFacts:
    return ConfigFacts(Place(PATH, from_env=True), settings=effective_environment(environ), home=HOME)


def client(version: str) -> ClientFacts:
    found = Candidate(
        "/opt/bin/ocarina",
        "/opt/bin/ocarina",
        Where.PATH,
        "PATH",
        State.MAJORA,
        Version(tuple(map(int, version.split(".")))),
    )
    return ClientFacts(Resolution(found, "", (found,), shell=found))


def judged(config: ConfigFacts, clients: ClientFacts | None = None) -> dict[str, Finding]:
    found = judge(CHECKS, Facts(config, clients), Choice(), stopwatch=lambda: 0.0)
    return {finding.check.id: finding for finding in found}


def wrong(config: ConfigFacts, clients: ClientFacts | None = None) -> dict[str, str]:
    """What is neither ok nor a skip: id to status."""
    return {
        id: finding.status.value
        for id, finding in judged(config, clients).items()
        if finding.status.value not in ("ok", "skip")
    }
