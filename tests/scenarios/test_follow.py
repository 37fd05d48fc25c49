"""Following the advice leads out.

The last line's command, again, with Enter at each question.
"""

import re
import shlex
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.scenarios.world import Scenario, Stage, World, scenarios
from tests.terminal import ENTER, WAIT, Screen

INTERRUPTED = 130
STEPS = 5
"""doctor, and four commands that it leads to."""
LINK = re.compile(r"https?://\S+/o/(?:authorize/\?|applications/register/)")
PERSON = re.compile(
    r"(?i)\b(?:write to|ask|tell) (?:the lead|whoever|Majora's administrators)"
)
TIMES = 3
"""Whoever is asked the same so often has to type what only a person knows."""
QUESTION = re.compile(r"(?:\[[Yy]/[Nn]\]|[:>]) *\Z")
STEP = re.compile(r"^ *(?:Next step|Try): (.*?)(?: {2,}\(.*\))?$", re.MULTILINE)


def first_forms() -> Iterator[Any]:
    """One form of each fault; all of them with `-m soak`.

    What is checked offline would ask a public Majora.
    """
    seen = Counter[str]()
    for family in ("env", "cfg", "srv", "crd", "tok", "api", "crn"):
        for scenario in scenarios(family):
            if "--offline" in scenario.get("doctor", []):
                continue
            check = scenario.name.partition("_")[0]
            seen[check] += 1
            marks = [pytest.mark.soak] if seen[check] > 1 else []
            yield pytest.param(scenario, id=scenario.name, marks=marks)


def run_with_enter(world: World, command: str) -> tuple[int, str]:
    """Run it at a terminal, with Enter at each question, until a link is shown."""
    program, *words = shlex.split(command)
    assert program == "ocarina-kit"
    with Screen.of(world.kit, *words, columns=200) as screen:
        deadline = time.monotonic() + WAIT
        answered = ""
        questions = Counter[str]()
        while not screen._has_ended():
            assert time.monotonic() < deadline, screen.text
            screen._read(0.05)
            text = screen.text
            if not QUESTION.search(text) or text == answered:
                continue
            if "(hidden)" in text.splitlines()[-1] and screen.echoes:
                continue
            questions[text.splitlines()[-1]] += 1
            if LINK.search(text) or max(questions.values()) == TIMES:
                screen.signal(signal.SIGINT)
            screen.send(ENTER)
            answered = text
        code = screen.wait()
        return code, screen.text


def follow(world: World, options: list[str]) -> list[tuple[str, int, str]]:
    """Commands, exit codes and what was shown, until something leads out."""
    command = shlex.join(["ocarina-kit", "doctor", *world.args, *options])
    walk = []
    for _ in range(STEPS):
        code, text = run_with_enter(world, command)
        walk.append((command, code, text))
        steps = STEP.findall(text)
        if code == INTERRUPTED or LINK.search(text) or PERSON.search(text):
            break
        if not steps:
            break
        command = steps[-1]
        if not command.startswith("ocarina-kit "):
            break
    return walk


@pytest.mark.parametrize("scenario", list(first_forms()))
def test_the_advice_leads_out(scenario: Scenario, stage: Stage, tmp_path: Path) -> None:
    with stage.world(scenario, tmp_path / "home") as world:
        walk = follow(world, scenario.get("doctor", []))
        told = "\n".join(f"$ {command}\n{text}[{code}]" for command, code, text in walk)
        lasts = Counter((command, text.splitlines()[-1]) for command, _, text in walk)
        assert max(lasts.values()) == 1, f"in a circle:\n{told}"
        _, code, text = walk[-1]
        steps = STEP.findall(text)
        for_a_person = LINK.search(text) or PERSON.search(text) or code == INTERRUPTED
        for_a_shell = bool(steps) and not steps[-1].startswith("ocarina-kit ")
        if not for_a_person and not for_a_shell:
            assert code == 0, f"no way out:\n{told}"
        if code == 0 and not for_a_shell:
            args = [*world.args, *scenario.get("doctor", [])]
            healthy = world.kit.run("doctor", *args)
            assert healthy.code == 0, f"{told}\n{healthy}"
