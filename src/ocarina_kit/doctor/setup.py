"""What a command can work with: the configuration without what has one meaning, by the doctor's checks."""

from __future__ import annotations

from ocarina_kit.config.location import Setup
from ocarina_kit.config.setup import setup_of
from ocarina_kit.doctor import config as _config  # noqa: F401  # it registers its checks
from ocarina_kit.doctor.check import REGISTRY, Choice, Outcome, examine
from ocarina_kit.doctor.world import World
from ocarina_kit.system.problem import KitError, Problem

NOT_BLOCKING = ("CFG003", "CFG012", "CFG013", "CFG014")
"""Checks whose failure leaves a command something to work with."""
_ALL = Choice()


def findings(world: World) -> tuple[Outcome, ...]:
    """What the checks say of the configuration."""
    return examine(
        world, _ALL, [each for each in REGISTRY.values() if each.family == "CFG"]
    )


def settled(world: World, choice: Choice = _ALL) -> tuple[World, list[Outcome]]:
    """The world with the configuration in memory once all that has one meaning is fixed, and the findings that were.

    One after another, each judged on what the ones before left. Only those of ``choice``.
    """
    done: list[Outcome] = []
    while len(done) < 20:
        found = (
            each
            for each in world.config_findings.values()
            if not choice.off(REGISTRY[each.id])
        )
        step = next((each for each in found if each.after is not None), None)
        if step is None or step.after is None:
            break
        done.append(step)
        world = world.about(step.after)
    return world, done


def usable(world: World) -> Setup:
    """The set-up that a command works with, repaired in memory if it has one meaning; ``notes`` say what was.

    Raises KitError with the id of the first check whose failure leaves nothing to work with.
    """
    world, done = settled(world)
    for each in world.config_findings.values():
        if each.status == "fail" and each.id not in NOT_BLOCKING:
            raise KitError(
                Problem(
                    message=f"{each.said}.",
                    id=each.id,
                    why=each.impact,
                    remedy=each.remedy,
                )
            )
    notes = []
    for each in done:
        command = (
            f" To fix it: {each.remedy.commands[0]}" if each.remedy.commands else ""
        )
        notes.append(f"[{each.id}] {each.said}. Corrected for this run only.{command}")
    return setup_of(world.config)._replace(notes=tuple(notes))
