"""``doctor --list`` and ``doctor --explain ID``: about the checks, with none of them run."""

from __future__ import annotations

from ocarina_kit.checks.registry import FAMILIES, REGISTRY
from ocarina_kit.checks.view import rests_words, row
from ocarina_kit.cli.render import Ui, remedy_members
from ocarina_kit.cli.result import Result
from ocarina_kit.core.errors import Remedy, UsageError
from ocarina_kit.core.explain import explain


def list_all(ui: Ui) -> Result:
    """All checks, by family."""
    for family, heading in FAMILIES.items():
        ui.heading(f"{heading} ({family})")
        for check in REGISTRY:
            if check.family == family:
                rests = f"  (rests on {rests_words(check)})" if check.rests_on else ""
                ui.raw(f"  {check.id}  {check.title}{rests}")
    return Result(data={"checks": [row(check) for check in REGISTRY]})


def explain_one(ui: Ui, id: str) -> Result:
    """All that is to be said of a check, or of an error's id. Raises UsageError for what is neither."""
    wanted = id.strip().strip("[]").upper()
    check = next((check for check in REGISTRY if check.id == wanted), None)
    if check is None:
        words = explain(wanted)
        if words is None:
            raise UsageError(
                f"There is no check and no error {wanted}.",
                why="Ids are a family and three digits, such as CFG001.",
                remedy=Remedy("See what there is.", ("ocarina-kit doctor --list",)),
            )
        ui.say(f"{wanted}: {words}")
        return Result(data={"id": wanted, "explain": words})
    ui.say(f"{check.id}: {check.title}", style="bold")
    ui.say()
    ui.say(check.explain)
    ui.say()
    ui.say(f"Where it fails: {check.consequence}")
    if check.rests_on:
        ui.say(f"It is judged only where these are in order: {rests_words(check)}.")
    if check.online:
        ui.say("It asks the server, so --offline leaves it out.")
    ui.say()
    ui.remedy(check.remedy)
    return Result(
        data={
            **row(check),
            "explain": check.explain,
            "consequence": check.consequence,
            "remedy": remedy_members(check.remedy),
        }
    )
