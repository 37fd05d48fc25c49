"""What ``login`` asks at a terminal: what the person wants to do, and the address that a link leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocarina_kit.core.client.scopes import BUNDLES, DEFAULT_NAMES, PURPOSES, Purpose, has_endpoint, resolve
from ocarina_kit.core.errors import KitError, UsageError
from ocarina_kit.core.oauth.login_choice import chosen
from ocarina_kit.core.oauth.login_errors import stuck_in_the_browser
from ocarina_kit.core.oauth.login_report import titles

if TYPE_CHECKING:
    from ocarina_kit.cli.login_view import LoginView
    from ocarina_kit.cli.render import Ui
    from ocarina_kit.core.oauth.login_report import TokenOutcome
    from ocarina_kit.edges.client.installed_client import InstalledClient
    from ocarina_kit.flows.login import Login
    from ocarina_kit.flows.login_grant import Link


_SAID_BY_THE_HINT = ("LGN003", "LGN004", "LGN007", "LGN008")
"""Errors whose reason the hint repeats."""


def choose_purposes(ui: Ui, login: Login, client: InstalledClient) -> tuple[str, ...]:
    """Ask what the person wants to do; several may be chosen. Raises KeyboardInterrupt."""
    listed = [purpose for purpose in PURPOSES if has_endpoint(purpose, client.table)]
    bundles = [name for name in BUNDLES if all(_number(listed, member) for member in BUNDLES[name])]
    file = login.reader.look()
    ui.heading("What do you want to do with ocarina?")
    width = len(str(len(listed) + len(bundles)))
    for number, purpose in enumerate(listed, start=1):
        there = any(
            (entry := file.get(request.scope)) is not None and entry.can_refresh
            for request in resolve([purpose.name], client.table)
        )
        ui.raw(f"  {number:>{width}}  {purpose.title}" + (" (logged in)" if there else ""))
    for number, name in enumerate(bundles, start=len(listed) + 1):
        members = ", ".join(str(_number(listed, member)) for member in BUNDLES[name])
        ui.raw(f"  {number:>{width}}  {name}: {members} together")
    default = next((str(_number(listed, name)) for name in DEFAULT_NAMES if _number(listed, name)), "1")
    while True:
        answer = ui.ask("Numbers, such as 1 or 1,3 or 5-8", default)
        try:
            return chosen(answer, listed, bundles)
        except UsageError as error:
            ui.warn(error.what)


def _number(listed: list[Purpose], name: str) -> int:
    """Where a purpose stands in the list, 0 where it does not."""
    return next((number for number, each in enumerate(listed, start=1) if each.name == name), 0)


class AtTerminal:
    """The person at this terminal (:class:`~ocarina_kit.flows.login_person.Person`)."""

    def __init__(self, view: LoginView, browser: bool | None) -> None:
        self._view = view
        self._ui = view.ui
        self._browser = browser
        self._explained = False

    def paste(self, link: Link, *, number: int, count: int, fresh: bool) -> str:
        return self._ui.ask_paste("Paste the address here", lambda: self._show(link, number, count, fresh))

    def _show(self, link: Link, number: int, count: int, fresh: bool) -> None:
        ui = self._ui
        which = f"Link {number} of {count}, to" if count > 1 else "The link to"
        ui.heading(f"{'A fresh link to' if fresh else which} {titles(link.request)}:")
        ui.say()
        ui.raw_now(link.url)
        ui.say()
        opened = self._open(link.url)
        if self._explained:
            ui.say("As before: press Authorize, and paste the address of the page you come to.")
            return
        self._explained = True
        ui.say(
            ("It has been opened in your browser. " if opened else "Open it in a browser, on any machine. ")
            + "Log in to Majora and press Authorize. Then copy the whole address of the page you come to, and paste "
            "it here within 60 seconds. Nothing but its length will be shown."
        )

    def _open(self, url: str) -> bool:
        from ocarina_kit.edges.person.browser import can_be_seen, open_link

        wanted = self._browser
        if wanted is None:
            wanted = can_be_seen(self._view.login.system.environ)
        return wanted and open_link(url)

    def paste_again(self, error: KitError, hint: str) -> str:
        def show() -> None:
            self._ui.bad(f"[{error.id}] {error.what}")
            texts = [hint] if error.id in _SAID_BY_THE_HINT else [error.why, hint]
            if error.id == "LGN003":
                texts += stuck_in_the_browser(self._view.login.setup.domain)
            for text in filter(None, texts):
                self._ui.say(text)

        return self._ui.ask_paste("Paste the address here", show)

    def granted(self, outcome: TokenOutcome) -> None:
        self._view.show(outcome)

    def wants_fresh_link(self, error: KitError) -> bool:
        self._failed(error)
        return self._ui.confirm("Go on with a fresh link?")

    def fresh_link_follows(self, error: KitError) -> None:
        self._failed(error)

    def _failed(self, error: KitError) -> None:
        self._ui.bad(f"[{error.id}] {error.what}")
        if error.why:
            self._ui.say(error.why)
