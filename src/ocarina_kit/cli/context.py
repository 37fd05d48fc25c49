"""What each command starts from: the effects, the person, the place that was named, and the set-up there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ocarina_kit.cli import options
from ocarina_kit.cli.render import Ui
from ocarina_kit.core.setup import Place, Setup
from ocarina_kit.edges.look.gather_config import config_facts, place_of, tokens_path
from ocarina_kit.edges.system import System
from ocarina_kit.edges.this_process import real_system


@dataclass(frozen=True)
class Run:
    """One run of a command."""

    system: System
    ui: Ui
    place: Place

    def setup(self) -> Setup:
        """The set-up, usable. Raises KitError with the id of the configuration check that it fails on."""
        from ocarina_kit.checks.usable import usable_setup

        facts = config_facts(self.system, self.place)
        found = usable_setup(facts, lambda settings: tokens_path(self.system, settings))
        for note in found.notes:
            self.ui.note(note)
        return found


def start(context: Any, *, json: bool = False, quiet: bool = False) -> Run:
    """A command's first line. Says where ``--profile`` is ignored, as the client does.

    ``quiet``: says nothing but errors.
    """
    given = options.shared(context)
    system = real_system()
    ui = Ui.for_process(json=json)
    ui.quiet = quiet
    if given.env and given.profile:
        ui.warn(f"--profile {given.profile} is ignored: with --env the set-up comes from the environment.")
    place = place_of(system, config=given.config, profile=given.profile, env=given.env)
    return Run(system, ui, place)
