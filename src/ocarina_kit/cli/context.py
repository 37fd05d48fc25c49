"""What each command starts from: the machine, the person at the terminal, and the set-up that was named."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from ocarina_kit.cli.ui import Ui
from ocarina_kit.config.location import NO_TOKENS, Setup, SetupLocation
from ocarina_kit.system.machine import Machine, this_machine
from ocarina_kit.system.problem import KitError, Problem, Remedy, usage_error

if TYPE_CHECKING:
    from ocarina_kit.doctor.world import World


class Context(NamedTuple):
    """One run of a command."""

    machine: Machine
    ui: Ui
    location: SetupLocation

    def world(self, **known: Any) -> World:
        """The facts that the doctor's checks judge. ``known``: as `World` has it."""
        from ocarina_kit.doctor.world import World

        return World(self.machine, self.location, **known)

    def setup(self, world: World | None = None) -> Setup:
        """The set-up, repaired in memory, as it is in ``world`` or now. Raises KitError with the id of the first check
        that cannot be repaired.

        Says what was repaired: ocarina itself still fails on it.
        """
        from ocarina_kit.doctor.setup import usable

        found = usable(world or self.world(seconds=0.0))
        for note in found.notes:
            self.ui.warn(note)
        return found

    def oauth_setup(self) -> Setup:
        """As `setup`. Raises KitError (CFG008) too if there are no tokens, but a legacy API key."""
        found = self.setup()
        if found.legacy_key is not None:
            remedy = Remedy(
                "To use OAuth instead, set it up.", (self.location.command("init"),)
            )
            raise KitError(Problem(message=NO_TOKENS, id="CFG008", remedy=remedy))
        return found

    def agreed(self, question: str, *, yes: bool, default: bool = True) -> bool:
        """Whether the person agrees to the changes. Raises KitError (usage) without a terminal: to add --yes to all."""
        if not yes and not self.ui.interactive:
            again = [
                "ocarina-kit",
                *(word for word in sys.argv[1:] if word != "--json"),
                "--yes",
            ]
            raise usage_error(
                "There is no terminal to ask in; add --yes.",
                why="Nothing was changed.",
                remedy=Remedy("Agree to the changes.", (shlex.join(again),)),
            )
        help = "y makes the changes that are shown above. n leaves all as it is."
        return yes or self.ui.confirm(question, default=default, help=help)

    def read(self, option: str, name: str, most: int) -> str:
        """The text of the file ``name``, or of standard input (``-``), of fewer than ``most`` bytes.

        Raises KitError (usage), which repeats nothing: what was typed here may be the secret itself.
        """
        try:
            if name == "-":
                data = sys.stdin.buffer.read(most)
            else:
                with self.machine.expand(name).open("rb") as file:
                    data = file.read(most)
            if len(data) < most:
                return data.decode("utf-8-sig")
            said = "it is too large"
        except (OSError, ValueError) as problem:
            said = getattr(problem, "strerror", None) or "it is not text"
        raise usage_error(
            f"{option} names no file that can be read ({said}).",
            why="If the secret itself was given in its place, remove it from your shell's history.",
            remedy=Remedy("Name a file that holds it, or - for standard input."),
        )


def start(ctx: Any, *, quiet: bool = False) -> Context:
    """The first line of a command. ``quiet``: says nothing but errors (``refresh --cron``).

    Warns that ``--profile`` is ignored with ``--env``, as the client does.
    """
    from ocarina_kit.config.setup import location_of

    machine = this_machine()
    ui: Ui = ctx.obj
    if quiet:
        ui.hush()
    config, profile, env = (ctx.meta.get(name) for name in ("config", "profile", "env"))
    if env and profile:
        ui.warn(
            f"--profile {profile} is ignored: with --env the settings come from the environment."
        )
    return Context(
        machine, ui, location_of(machine, config=config, profile=profile, env=bool(env))
    )
