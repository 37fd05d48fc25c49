"""``doctor --report``: Markdown that can be pasted where others read it, built from what is known to be safe.

Redaction is by an allow-list: a word of a finding is shown where the kit's own texts hold it, or where it is a
number, a version or a check's id. Everything else is ``…``, and so is every word that names this user, host, home
or set-up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ocarina_kit.checks.model import Check, Finding, Status
from ocarina_kit.core.config.domain import instance_of, is_loopback_host, server_of
from ocarina_kit.core.config.domain_rules import RULES
from ocarina_kit.core.config.json_causes import WORDS
from ocarina_kit.core.config.lenient_json import KNOWN_WORDS

HIDDEN = "…"


@dataclass(frozen=True)
class About:
    """What a report says of the machine and the set-up, and what it must not say.

    ``names`` are words that tell who or where this is: user and host names, the home, and the set-up's own.
    """

    kit: str
    python: str
    system: str
    client: str
    domain: str
    client_id: str
    host: str
    names: tuple[str, ...] = ()


def report(about: About, findings: Sequence[Finding], config_path: str) -> str:
    """The report, as Markdown."""
    counts = {status: sum(finding.status is status for finding in findings) for status in Status}
    said = ", ".join(f"{number} {status.value}" for status, number in counts.items())
    hide = Redactor([finding.check for finding in findings], about.names, config_path)
    rows = [
        "# ocarina-kit doctor",
        "",
        f"- ocarina-kit {about.kit}, Python {about.python}, {about.system}",
        f"- client: {about.client}",
        f"- instance: {instance_words(about.domain)}",
        f"- client id ends in: {tail_of_id(about.client_id)}",
        f"- host: {host_mark(about.host)}",
        f"- {said}",
        "",
        "| check | status | what it looks at | what was seen |",
        "| --- | --- | --- | --- |",
    ]
    for finding in findings:
        status = f"{finding.status.value}, mended" if finding.fixed else finding.status.value
        title = finding.check.title.replace("|", "/")
        rows.append(f"| {finding.check.id} | {status} | {title} | {hide(finding.outcome.detail)} |")
    return "\n".join(rows) + "\n"


def instance_words(domain: str) -> str:
    """Which instance, without naming a host that is not one of the consortium's."""
    known = instance_of(domain)
    if known is not None:
        return {"prod": "production", "test": "test (MAGENTA)"}[known]
    server = server_of(domain)
    if server is None:
        return "none (MAJORA_DOMAIN cannot be used)" if domain else "none (no MAJORA_DOMAIN)"
    return "a server on this machine" if is_loopback_host(server[1]) else "another server"


def tail_of_id(client_id: str) -> str:
    """The last 4 characters, where it is a client id to look at; not of what may be a secret in its place."""
    return client_id[-4:] if re.fullmatch(r"[A-Za-z0-9]{40}", client_id) else HIDDEN


def host_mark(host: str) -> str:
    """A short stable hash of the host's name: tells two hosts apart, and names neither."""
    import hashlib

    return hashlib.sha256(f"ocarina-kit host {host}".encode("utf-8", "surrogatepass")).hexdigest()[:8]


_WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")
_SAFE = re.compile(
    r"(?:/|[A-Z]{3}[0-9]{3}|0[0-7]{3}|[0-9]{1,6}|[0-9]{1,4}\.[0-9]{1,4}(?:\.[0-9]{1,4})?|[0-9]{1,2}:[0-9]{2})",
    re.ASCII,
)
_WORDS = """
    ocarina ocarina-kit majora client clients version package pypi interpreter python import error path shell cron
    crontab conda environment found runs run finds none refuses refused wants newer expired expires token tokens
    scope scopes server answers answer time timed out connection connections certificate issuer unknown host proxy
    dns tls https http redirect html json status code hours minutes days seconds line column file folder mode group
    the everybody uid entry entries lines daemon failed missing blank null string integer object profile member members
    given times last first counts name names set variable longest gap every never h min s d ago at least most less
    than takes took agrees agree disagree ahead behind address addresses accepted accepts allowed argument array
    authorization backslashes became because become been begins being below between both broken brought byte bytes
    call came candidate caret case changed character characters checked chosen commented compares complete confirmed
    container content correct damaged dead deadline depth device different directory does done double down drops due
    duplicate during each edited elsewhere empty ended ends endpoint exists exit expand expire fetched finite fit fixes
    form forms full future gave generated get go goes gone got grant granted grants handshake happen headers held
    helps here hour how incomplete inside installed interval intervals kind knew knows larger later leads left length
    lets lifetime like limit listed lives locks looked lookup made makes marked matches means mended milliseconds
    mind minute misspelt more moves named neither network no non nor nothing now number numbers odd offline old older
    once one only open order other others otherwise outcome own owner packed parsed part parts pass passed per
    perhaps permission person pipe place point printed probe process processes program programs purpose purposes
    rare read readable reads reason recorded refresh refreshed refreshing relative removed replacement request
    requests rest rests returned rule running said same saved second seen sent serves several shape shared short
    shut sign signal silent since socket sort spelt starts stood stopped stops stored such switched system talk tell
    text that their them there these they this those though three too tried truncated two typed under unless
    unusable unusual until used user usual uses utf valid value values verified wait waited was way weeks were what
    when where whether which who whole why will with within without word words working would write writes written
    wrong year yet yours
"""


class Redactor:
    """Shows of a text what the allow-list holds."""

    def __init__(self, checks: Iterable[Check], names: Iterable[str], config_path: str) -> None:
        texts = [_WORDS, *RULES_TEXTS, *KNOWN_WORDS]
        for check in checks:
            texts += [check.title, check.consequence, check.explain, check.remedy.text]
        self._allowed = {word.lower() for text in texts for word in _WORD.findall(text)} | {
            word.lower() for word in KNOWN_WORDS
        }
        hidden = {
            part.lower() for name in names for part in (name, *re.split(r"[^A-Za-z0-9]+", name)) if part
        }
        self._allowed -= {word for word in hidden if word not in _NEVER_A_NAME}
        self._place = re.compile(re.escape(config_path) + r"(?![\w-])(?::(\d+):(\d+))?(:?)")

    def __call__(self, text: str) -> str:
        shown: list[str] = []
        for word in self._place.sub(_place_words, text).split():
            safe = self._word(word)
            if not (safe == HIDDEN and shown and shown[-1] == HIDDEN):
                shown.append(safe)
        return " ".join(shown)

    def _word(self, word: str) -> str:
        bare = word.strip(".,;:()'\"!?")
        start = word.find(bare) if bare else 0
        head, tail = word[:start], word[start + len(bare) :]
        if not bare or bare.lower() in self._allowed or _SAFE.fullmatch(bare):
            return f"{head}{bare}{tail}".replace("|", "/")
        if all(part.lower() in self._allowed for part in re.split(r"[-/']", bare)):
            return f"{head}{bare}{tail}".replace("|", "/")
        return HIDDEN


def _place_words(match: re.Match[str]) -> str:
    place = f", line {match[1]}, column {match[2]}" if match[1] else ""
    return f"the configuration{place}{match[3]}"


_NEVER_A_NAME = frozenset({"ocarina", "majora", "configuration", "home"})
"""Words that stand in many paths and tell nothing of anybody."""

RULES_TEXTS = (*(rule.words for rule in RULES.values()), *WORDS.values())
