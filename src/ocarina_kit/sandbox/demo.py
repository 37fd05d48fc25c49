"""``ocarina-kit demo``: the whole way with real commands, what breaks on it, and how that is found and mended.

A step runs commands as a person would, and then looks for itself whether they did what it claims: at the files, at the
crontab and at the server, not at the commands' own words.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ocarina_kit.core.errors import Exit, KitError, Remedy
from ocarina_kit.sandbox.records import SandboxError
from ocarina_kit.sandbox.stage import SAMPLE, NotSoError, Stage, Teller, claim, mode_of

SCOPE = "majora2.view_biosampleartifact"
BROKEN = {"CFG003", "CFG007", "TOK004", "CRN004"}
"""What doctor must find of the four faults: no more and no less (CHECKS.md)."""
NO_DAEMON = "CRN006"
"""The demo's crontab is a file that no cron daemon reads, so whether one runs on this machine is not asked."""
_OVER = 24 * 3600
"""Seconds for which the token has been expired."""
_DONE = {True: "done", False: "failed", None: "not run"}


class DemoTeller(Teller, Protocol):
    def heading(self, text: str) -> None: ...
    def good(self, text: str) -> None: ...
    def bad(self, text: str) -> None: ...


@dataclass(frozen=True)
class Step:
    name: str
    title: str
    says: str
    play: Callable[[Stage], str]
    """Does it, and answers in words what was seen to be so. Raises :class:`NotSoError`."""


@dataclass(frozen=True)
class Played:
    """What came of a step. ``ok`` is None where it was not reached."""

    step: Step
    ok: bool | None
    seen: str = ""
    commands: tuple[str, ...] = ()
    ms: int = 0

    def members(self) -> dict[str, Any]:
        return {
            "name": self.step.name,
            "title": self.step.title,
            "status": _DONE[self.ok],
            "detail": self.seen,
            "commands": list(self.commands),
            "ms": self.ms,
        }


@dataclass(frozen=True)
class Demo:
    """A demo that came to its end, well or not."""

    played: tuple[Played, ...]
    left_behind: str
    """A folder that is still there; blank, as it should be."""
    seconds: float

    @property
    def error(self) -> KitError | None:
        """Why its exit code is 1; None where every step did what it claims and nothing is left."""
        for number, played in enumerate(self.played, 1):
            if played.ok is False:
                return KitError(
                    f"Step {number} of {len(self.played)}, {played.step.title!r}, did not do what it claims.",
                    id="DEM001",
                    why=played.seen[:1].upper() + played.seen[1:] + ".",
                    remedy=Remedy(
                        "This is a fault of ocarina-kit, not yours. Please report it with the output above."
                    ),
                    exit=Exit.PROBLEM,
                )
        if self.left_behind:
            return KitError(
                "Every step did what it claims, but the demo's folder could not be removed.",
                id="DEM002",
                why=f"It is still at {self.left_behind}.",
                remedy=Remedy("Nothing in it is of use: remove it.", (f"rm -rf {self.left_behind}",)),
            )
        return None


def run_demo(
    tell: DemoTeller,
    environ: Mapping[str, str],
    *,
    steps: tuple[Step, ...] | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> Demo:
    """Play every step until one fails, in a throwaway home; nothing of it is left, also after an interrupt.

    ``environ`` is the person's environment, of which the commands get what leads to nothing of theirs. Raises
    :class:`~ocarina_kit.core.errors.KitError` ``SBX001`` (extra missing) and ``SBX002`` (no server to be had).
    """
    steps = STEPS if steps is None else steps
    began = monotonic()
    tell.say(
        "All of ocarina-kit, on this machine alone: a practice Majora, a stand-in for the ocarina client, and a home"
        " folder and a crontab of their own. Your set-up and your crontab are not touched, and nothing is kept."
    )
    played: list[Played] = []
    with Stage.throwaway(tell, environ) as stage:
        folder = stage.majora.folder
        tell.say()
        tell.pairs([("Majora", stage.majora.url), ("Home", str(stage.home)), ("Account", stage.user.name)])
        for number, step in enumerate(steps, 1):
            if any(one.ok is False for one in played):
                played.append(Played(step, None))
                continue
            tell.heading(f"{number}. {step.title}")
            tell.say(step.says)
            tell.say()
            one = _play(stage, step, monotonic)
            tell.say()
            if one.ok:
                tell.good(one.seen)
            else:
                tell.bad(one.seen)
            played.append(one)
    return Demo(tuple(played), str(folder) if folder.exists() else "", monotonic() - began)


def _play(stage: Stage, step: Step, monotonic: Callable[[], float]) -> Played:
    stage.typed.clear()
    began = monotonic()
    try:
        seen, ok = step.play(stage), True
    except NotSoError as problem:
        seen, ok = str(problem), False
    except (OSError, ValueError, LookupError, TypeError, SandboxError) as problem:
        # A file that a step reads for itself is missing or is not what it should be.
        seen, ok = f"the demo could not look: {type(problem).__name__}: {problem}", False
    return Played(step, ok, seen, tuple(stage.typed), round((monotonic() - began) * 1000))


# --- the steps ------------------------------------------------------------------------------------------


def _init(stage: Stage) -> str:
    stage.kit(
        "init",
        "--domain",
        stage.majora.url.rstrip("/"),
        "--user",
        stage.user.name,
        "--client-id",
        stage.application.client_id,
        "--client-secret-file",
        "-",
        "--yes",
        stdin=stage.application.client_secret + "\n",
    )
    members = stage.read_config()
    claim(members["MAJORA_DOMAIN"] == stage.majora.url, "MAJORA_DOMAIN in ~/.ocarina is not the server's")
    claim(members["MAJORA_USER"] == stage.user.name, "MAJORA_USER in ~/.ocarina is not the account's")
    claim(members["CLIENT_SECRET"] == stage.application.client_secret, "CLIENT_SECRET is not the one given")
    claim(mode_of(stage.config) == 0o600, f"~/.ocarina has mode {mode_of(stage.config):04o}, not 0600")
    return (
        "~/.ocarina is there, for your eyes only, and the slash that was missing behind the address is in it."
    )


def _login(stage: Stage) -> str:
    printed = stage.kit("login", "--print-url")
    links = [line.strip() for line in printed.splitlines() if "/o/authorize/?" in line]
    claim(len(links) == 1, f"`login --print-url` printed {len(links)} links, not one")
    callback = stage.majora.authorize(stage.user, links[0])
    stage.tell.say()
    stage.tell.say(
        "That link is opened in a browser. Alice logs in with her second factor, presses Authorize, and copies the"
        " address that the browser ends at. She hands it over:"
    )
    stage.tell.say()
    stage.kit("login", "--callback", "-", stdin=callback + "\n")
    token = stage.read_tokens()[SCOPE]
    claim(mode_of(stage.tokens) == 0o600, f"~/.ocarina-tokens has mode {mode_of(stage.tokens):04o}, not 0600")
    state = stage.majora.token_state(token["access_token"])
    claim(state == "live", f"the server calls the token that was saved {state}, not live")
    return "A token is saved, and the server takes it."


def _schedule(stage: Stage) -> str:
    stage.kit("schedule", "--yes")
    line = stage.crontab_line()
    claim(str(stage.client) in line, "the crontab line does not name the client that is installed")
    return "One line was added; the lab's own lines are as they were."


def _healthy(stage: Stage) -> str:
    stage.kit("doctor", "--skip", NO_DAEMON)
    document = stage.document("doctor", "--skip", NO_DAEMON)
    bad = [check["id"] for check in document["checks"] if check["status"] in ("fail", "unknown")]
    claim(document["exit"] == 0 and not bad, f"doctor is not content with {', '.join(bad) or 'something'}")
    return "Everything is in order."


def _break(stage: Stage) -> str:
    members = stage.read_config()
    members["MAJORA_DOMAIN"] = stage.majora.url.rstrip("/")
    stage.config.write_text(json.dumps(members, indent=4) + "\n")
    stage.config.chmod(0o644)
    tokens = stage.read_tokens()
    tokens[SCOPE]["expires_at"] = time.time() - _OVER
    stage.tokens.write_text(json.dumps(tokens))
    stage.majora.expire_tokens()
    gone = stage.home / "envs" / "last-year" / "bin" / "ocarina"
    stage.crontab_file.write_text(stage.crontab_file.read_text().replace(str(stage.client), str(gone)))
    for what in (
        "Address: the last / of MAJORA_DOMAIN is gone from ~/.ocarina.",
        "File mode: ~/.ocarina is 0644. Others on this machine can read the secret.",
        "Token: it expired yesterday, as cron did not run in time.",
        "Crontab: the line names an environment that was deleted.",
    ):
        stage.tell.say(what)
    state = stage.majora.token_state(tokens[SCOPE]["access_token"])
    claim(state == "expired", f"the server calls the token {state}, not expired")
    claim(str(gone) in stage.crontab_line(), "the crontab line does not name the deleted environment")
    return "Four faults, and any one of them stops ocarina or gives a secret away."


def _find(stage: Stage) -> str:
    printed = stage.kit("doctor", "--skip", NO_DAEMON, code=int(Exit.PROBLEM))
    document = stage.document("doctor", "--skip", NO_DAEMON)
    failed = {check["id"] for check in document["checks"] if check["status"] == "fail"}
    claim(failed == BROKEN, f"doctor finds {_ids(failed)}, not {_ids(BROKEN)}")
    unsaid = {one for one in BROKEN if one not in printed}
    claim(not unsaid, f"doctor does not show {_ids(unsaid)}")
    return "All four are found, each with what mends it, and nothing else is blamed."


def _fix(stage: Stage) -> str:
    before, dead = stage.read_config(), stage.read_tokens()[SCOPE]
    stage.kit("doctor", "--fix", "--yes", "--skip", NO_DAEMON)
    claim(
        stage.read_config() == {**before, "MAJORA_DOMAIN": stage.majora.url},
        "~/.ocarina is not as it should be",
    )
    claim(mode_of(stage.config) == 0o600, f"~/.ocarina has mode {mode_of(stage.config):04o}, not 0600")
    token = stage.read_tokens()[SCOPE]
    state = stage.majora.token_state(token["access_token"])
    claim(state == "live", f"the server calls the new token {state}, not live")
    spent = stage.majora.token_state(dead["refresh_token"])
    claim(spent == "dead", f"the server calls the refresh token of before {spent}, not dead")
    claim(
        str(stage.client) in stage.crontab_line(),
        "the crontab line does not name the client that is installed",
    )
    kept = _backups(stage.home)
    claim(bool(kept), "no backup was kept")
    return "All four are mended, with no browser, and what was changed is kept as a backup."


def _use(stage: Stage) -> str:
    stage.majora.clear_requests()
    printed = stage.ocarina("--oauth", "get", "biosample", "--central-sample-id", SAMPLE)
    claim(SAMPLE in printed, f"the client did not print {SAMPLE}")
    answers = [seen.status for seen in stage.majora.requests if seen.scheme == "Bearer"]
    claim(answers == [200], f"the server answered {answers} to the token, not 200")
    return "The client reads what ocarina-kit wrote, and the server takes its token."


def _backups(home: Path) -> list[Path]:
    return sorted((home / ".local" / "state" / "ocarina-kit" / "backups").iterdir())


def _ids(ids: set[str]) -> str:
    return ", ".join(sorted(ids)) or "nothing"


STEPS: tuple[Step, ...] = (
    Step(
        "init",
        "Set up",
        "Alice has registered an application on Majora's page. Her script hands the secret over on standard input, so"
        " that no command line shows it. At a terminal, `ocarina-kit init` alone asks for all of this.",
        _init,
    ),
    Step(
        "login",
        "Log in",
        "At a terminal, `ocarina-kit login` does this in one go; here it is done in two steps, as a script does it.",
        _login,
    ),
    Step(
        "schedule",
        "Keep the token fresh",
        "A token lives 10 hours. One line in the crontab refreshes it, long before.",
        _schedule,
    ),
    Step(
        "healthy",
        "Look it over",
        "Doctor checks all of it and changes nothing. No cron daemon reads the demo's crontab, so the check for one"
        " (CRN006) is left out.",
        _healthy,
    ),
    Step("break", "Break it", "Now for what happens to people:", _break),
    Step("find", "Find out why", "Doctor says first what to do first.", _find),
    Step(
        "fix",
        "Mend it",
        "Doctor shows each change before it makes it. It would ask, too; --yes agrees beforehand.",
        _fix,
    ),
    Step("healthy-again", "Look it over again", "Has it all been mended?", _healthy),
    Step("use", "Use it", "What it was all for: the client asks Majora for a sample.", _use),
)
