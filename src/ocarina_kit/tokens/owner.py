"""Tell which server a token belongs to, so that it is sent to no other.

refresh.log knows a token by a short digest; one that it does not know belongs to the
server that its tokens file was last used with (docs/files.md, The log of refreshes).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ocarina_kit.config.location import Setup
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.problem import Problem
from ocarina_kit.tokens import problems
from ocarina_kit.tokens.file import Token, digest
from ocarina_kit.tokens.log import (
    VALID_RESULTS,
    Event,
    Line,
    append,
    make_line,
    path_mark,
    read_log,
)
from ocarina_kit.tokens.outcome import TokenResult

_MOST_NOTED = 1_000  # tokens of one file

_SENT = VALID_RESULTS | {
    TokenResult.REFUSED_TOKEN,
    TokenResult.REFUSED_CLIENT,
    TokenResult.REFUSED,
    TokenResult.IN_JOURNAL,
    TokenResult.LOST,
    TokenResult.MAYBE_LOST,
    TokenResult.UNANSWERED,
    TokenResult.NARROWED,
    TokenResult.NETWORK,
    Event.LOGGED_OUT,
}
"""Results after which the tokens file counts as used with the server of the line."""
_NOT_SENT = {TokenResult.UNREACHED, TokenResult.FAILED}


class TokenOwners:
    """What the log tells of where tokens come from.

    Attributes:
        maker_lines: The line about the refresh or login of each token, by its digests.
        last_server: The server that each tokens file (by its mark), and each token that
            no line made (by its digests), was last used with.
    """

    def __init__(self, log: Iterable[Line]) -> None:
        self.maker_lines: dict[str, Line] = {}
        self._sent_to: dict[str, str] = {}
        # A line with USED is written before anything is sent. It counts until a later
        # line tells what was sent, or that nothing was.
        self._about_to_use: dict[str, str] = {}
        for line in log:
            self._add_maker(line)
            self._add_use(line)
        self.last_server = self._sent_to | self._about_to_use

    def _add_maker(self, line: Line) -> None:
        if line.result not in VALID_RESULTS:
            return
        for name in filter(None, (line.access, line.refresh)):
            # Another process made what was adopted: its own line tells where.
            if line.result != TokenResult.ADOPTED or name not in self.maker_lines:
                self.maker_lines[name] = line

    def _add_use(self, line: Line) -> None:
        if line.result in _SENT:
            self._sent_to[line.tokens] = line.server
        for name in filter(None, (line.tokens, line.access, line.refresh)):
            if line.result == Event.USED:
                self._about_to_use[name] = line.server
            elif line.result in _SENT or line.result in _NOT_SENT:
                self._about_to_use.pop(name, None)

    def maker(self, token: Token) -> Line:
        """Return the line about the refresh or login that made a token.

        It is a blank one if no line knows the token.
        """
        lines = self.maker_lines
        by_access = lines.get(digest(token.access_token))
        return lines.get(token.digest) or by_access or Line("")

    def server(self, token: Token, mark: str = "") -> str:
        """Return the one domain that a token may be sent to; "" if any will do.

        Args:
            token: The token.
            mark: The tokens file that it is in. It decides where no line knows the token.
        """
        made_at = self.maker(token).server
        if made_at:
            return made_at
        for name in (token.digest, digest(token.access_token), mark):
            if name in self.last_server:
                return self.last_server[name]
        return ""


def owner_check(machine: Machine, setup: Setup) -> Callable[[Token], Problem | None]:
    """Return a function that tells why a token must not be sent to the set-up's server.

    Whatever sends a token asks it first.
    """
    owners = TokenOwners(read_log(machine))
    mark = path_mark(machine, setup.tokens_file)

    def check_owner(token: Token) -> Problem | None:
        owner = owners.server(token, mark)
        if owner in ("", setup.domain):
            return None
        return problems.of_another_server(setup, owner)

    return check_owner


def note_use(
    machine: Machine, setup: Setup, by: str, tokens: Iterable[Token] = ()
) -> None:
    """Note that the tokens file is used with the set-up's server, before anything is sent.

    Tokens that no line knows are noted with the server that the file was used with until
    now. They stay that server's, also when the file is used with another one later.

    Args:
        machine: Where it happens.
        setup: The set-up.
        by: The command's name.
        tokens: The tokens of the file.

    Raises:
        KitError: FIL001 to FIL008 or ENV008 if the log cannot be written. Nothing may be
            sent then.
    """
    owners = TokenOwners(read_log(machine))
    mark = path_mark(machine, setup.tokens_file)
    before = owners.last_server.get(mark, setup.domain)
    unknown = [token for token in tokens if not owners.server(token)]
    lines = []
    for token in unknown[:_MOST_NOTED]:
        line = make_line(machine, setup, by, Event.USED, token.key, token)
        lines.append(line._replace(server=before))
    append(machine, [*lines, make_line(machine, setup, by, Event.USED)])
