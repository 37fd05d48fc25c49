"""Where the client's settings come from: FACTS.md, The client."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

from .version import at_least

EX_CONFIG = 78
_DEFAULTS = {
    "MAJORA_DOMAIN": "https://example.org/",
    "MAJORA_USER": None,
    "MAJORA_TOKEN": None,
    "MAJORA_TOKENS_FILE": "~/.ocarina-tokens",
    "CLIENT_ID": None,
    "CLIENT_SECRET": None,
    "OCARINA_NO_BANNER": 0,
    "OCARINA_QUIET": 0,
}
_OLD_ENVIRONMENT = {
    "MAJORA_DOMAIN": "MAJORA_DOMAIN",
    "MAJORA_USER": "MAJORA_USER",
    "MAJORA_TOKEN": "MAJORA_TOKEN",
    "CLIENT_ID": "MAJORA_CLIENT_ID",
    "CLIENT_SECRET": "MAJORA_CLIENT_SECRET",
}

Config = dict[str, Any]


def load(*, env: bool, profile: str | None) -> Config:
    """The settings; a problem ends the program as it ends that version of the client."""
    return _load(env, profile) if at_least(0, 48) else _load_old(env)


def tokens_file(config: Config) -> Path:
    if not at_least(0, 48):
        return Path("~/.ocarina-tokens").expanduser()
    return Path(config["MAJORA_TOKENS_FILE"]).expanduser()


def warn_of_open_file(path: Path) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if at_least(1, 0) and mode & 0o066:
        sys.stderr.write(f"[WARN] {path} has permissions {mode:o}: others may read or write it\n")


def _load_old(env: bool) -> Config:
    """Before 0.48: one file, no profiles, nothing checked; a malformed file is a traceback."""
    if env:
        config = {name: os.environ.get(variable) for name, variable in _OLD_ENVIRONMENT.items()}
        if None in config.values():
            _fail("MAJORA_DOMAIN, MAJORA_USER and MAJORA_TOKEN are needed in the environment", code=1)
        return config
    path = Path("~/.ocarina").expanduser()
    if not path.exists():
        _fail(f"no configuration at {path}", code=1)
    with path.open() as file:
        old: Config = json.load(file)
    return old


def _load(env: bool, profile: str | None) -> Config:
    config = dict(_DEFAULTS)
    if env:
        if profile:
            sys.stderr.write("[WARN] --profile is ignored with --env\n")
        _from_environment(config)
    else:
        _from_file(config, profile)
    if any(config[name] in (None, "") for name in _DEFAULTS):
        _fail("Configuration not valid: a key is missing or blank, or the profile is not in the file")
    return config


def _from_environment(config: Config) -> None:
    for name in _DEFAULTS:
        if os.environ.get(name):
            _set(config, name, os.environ[name])
    if not config["CLIENT_ID"]:
        for name in ("CLIENT_ID", "CLIENT_SECRET"):
            if os.environ.get("MAJORA_" + name):
                _set(config, name, os.environ["MAJORA_" + name])


def _from_file(config: Config, profile: str | None) -> None:
    path = Path(os.environ.get("OCARINA_CONF_FILE") or Path("~/.ocarina").expanduser())
    if not path.exists():
        old_mask = os.umask(0o177)
        with path.open("w") as file:
            json.dump({name: value or "" for name, value in _DEFAULTS.items()}, file)
        os.umask(old_mask)
        _fail(f"no configuration; an empty one was made at {path}")
    sys.stderr.write(f"[CONF] {path}, profile {profile}\n")
    warn_of_open_file(path)
    try:
        with path.open() as file:
            found = json.load(file)
    except json.JSONDecodeError:
        _fail(f"{path} is not valid JSON")
    layers = [found, found.get("default", {})]
    if profile:
        layers.append(found.get("profile", {}).get(profile, {}))
    for layer in layers:
        for name in _DEFAULTS:
            if name in layer:
                _set(config, name, layer[name])


def _set(config: Config, name: str, value: Any) -> None:
    if value is None:
        raise TypeError(f"{name} cannot be None")
    try:
        config[name] = int(value) if name in {"OCARINA_NO_BANNER", "OCARINA_QUIET"} else str(value)
    except ValueError:
        raise TypeError(name) from None


def _fail(message: str, *, code: int = EX_CONFIG) -> None:
    sys.stderr.write(f"[FAIL] {message}\n")
    sys.exit(code)
