"""Every sentence of `client` about what is wrong.

The first part is phrases about one program: lower case, no full stop. They follow the
name of the program.
"""

from __future__ import annotations

# --- one program

NO_FILE = "no such file"
DANGLING_LINK = "its link leads nowhere"
NOT_EXECUTABLE = "it is not a file with permission to run (no x bit)"
NO_ANSWER = "it gave no answer in time"
NOT_UNDER_CRON = "it runs in this shell, but not in cron's environment"
UNRELATED_PACKAGE = (
    "the unrelated package of that name from PyPI, which tests web sites"
)


def others_can_replace(path: object) -> str:
    """Say that other users can put another program in the place of this one."""
    return f"other users can replace {path}"


def not_run(path: object) -> str:
    """Say that a program was not run because everyone could have put it there."""
    return f"not run: everyone can write to {path}"


def refused_version(client: str) -> str:
    """Say that Majora refuses a client. `client` is its name and version."""
    return f"{client}, which Majora refuses"


def ended_by_signal(number: int) -> str:
    """Say that a signal ended the program."""
    return f"it was ended by signal {number}"


def interpreter_gone(path: str) -> str:
    """Say that the Python of a script does not exist any more."""
    return f"its interpreter {path} is gone"


def ended_with_code(code: int | None) -> str:
    """Say that a program failed without any message."""
    return f"it ends with code {code}"


def another_program(first_line: str) -> str:
    """Say what a program printed that is not the client."""
    return f"another program; it says: {first_line or 'nothing'}"


# --- the choice of a client

NO_CLIENT_RUNS = "No Majora client that runs was found."
NAMED_BY_OPTION = "It was named with --ocarina."


def found_in(place: str) -> str:
    """Say where the chosen client was found."""
    return f"Found in: {place}."


def drawback_of_choice(drawback: str) -> str:
    """Say what is wrong with the client that was chosen."""
    return f"But {drawback}."


def passed_over(reasons: list[str]) -> str:
    """Say which clients were not chosen. Each reason starts with the client's path."""
    return f"Passed over: {'; '.join(reasons)}."
