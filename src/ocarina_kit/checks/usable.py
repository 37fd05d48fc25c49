"""From configuration facts to a set-up that a command can work with, judged by the doctor's own checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import PurePath

from ocarina_kit.checks.config import CHECKS
from ocarina_kit.checks.model import Finding, Status
from ocarina_kit.checks.runner import Choice, judge
from ocarina_kit.core.config.credentials import Swapped, swapped, tidy_credential, tidy_user, token_kind
from ocarina_kit.core.config.domain import DomainOk, mend_domain
from ocarina_kit.core.config.layers import Setting
from ocarina_kit.core.errors import KitError
from ocarina_kit.core.facts import ClientFacts, ConfigFacts, Facts
from ocarina_kit.core.plan import WriteFile
from ocarina_kit.core.secret import Secret
from ocarina_kit.core.setup import Setup

_BLOCKING = (
    *("CFG001", "CFG002", "CFG011", "CFG004", "CFG005"),
    *("CFG006", "CFG007", "CFG008", "CFG009", "CFG010"),
)
"""Checks whose failure leaves nothing to work with, in the order in which they are said."""


def usable_setup(facts: ConfigFacts, locate: Callable[[Mapping[str, Setting]], PurePath]) -> Setup:
    """The set-up, with what has one meaning mended in memory and said in ``notes``.

    ``locate`` gives the tokens file's path for what the configuration says. Raises KitError with the id, detail and
    remedy of the first configuration check that leaves nothing to work with.
    """
    mended, mends = settle(facts)
    findings = {finding.check.id: finding for finding in _judge(mended)}
    for id in _BLOCKING:
        finding = findings[id]
        if finding.status is Status.FAIL:
            raise KitError(finding.outcome.detail, id=id, why=finding.consequence, remedy=finding.remedy)
    command = facts.place.command("doctor", "--fix")
    token = mended.text("MAJORA_TOKEN")
    return Setup(
        place=facts.place,
        domain=mended.text("MAJORA_DOMAIN"),
        user=tidy_user(mended.text("MAJORA_USER")).text,
        tokens_file=locate(mended.settings),
        client_id=mended.text("CLIENT_ID"),
        client_secret=Secret(mended.text("CLIENT_SECRET")),
        legacy_key=None if token_kind(token).is_oauth else Secret(token),
        notes=tuple(
            f"[{mend.check.id}] {mend.outcome.detail} Mended for this run alone; for good: {command}"
            for mend in mends
        ),
    )


def settle(
    facts: ConfigFacts, client: ClientFacts | None = None, choice: Choice | None = None
) -> tuple[ConfigFacts, tuple[Finding, ...]]:
    """The configuration as it is once all that has one meaning is mended, and the findings that were.

    Mends one finding after another, each on what the one before left, until nothing is left to mend: a file's by
    the checks' own fixes, a set-up from the environment value by value. ``client`` is the installed one, where it
    counts too; ``choice`` leaves checks out.
    """
    if facts.place.from_env:
        tidied = _tidied(facts.settings)
        mends = [f for f in _judge(facts) if f.status is Status.FAIL and f.check.id in _BLOCKING]
        after = replace(facts, settings=tidied)
        still = {f.check.id for f in _judge(after) if f.status is Status.FAIL}
        return after, tuple(mend for mend in mends if mend.check.id not in still)
    mended: list[Finding] = []
    for _ in CHECKS:
        step = next(
            (
                (finding, change)
                for finding in _judge(facts, client, choice)
                for change in finding.outcome.fix.changes
                if isinstance(change, WriteFile) and change.after != (facts.file and facts.file.content)
            ),
            None,
        )
        if step is None:
            break
        mended.append(step[0])
        facts = facts.with_content(step[1].after)
    return facts, tuple(mended)


def _judge(
    facts: ConfigFacts, client: ClientFacts | None = None, choice: Choice | None = None
) -> tuple[Finding, ...]:
    return judge(CHECKS, Facts(facts, client), choice or Choice(), stopwatch=lambda: 0.0)


def _tidied(settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """Each value as ``init`` would take it."""
    texts = {name: setting.text for name, setting in settings.items() if isinstance(setting.value, str)}
    domain = mend_domain(texts.get("MAJORA_DOMAIN", ""))
    if isinstance(domain, DomainOk):
        texts["MAJORA_DOMAIN"] = domain.url
    for name in ("CLIENT_ID", "CLIENT_SECRET", "MAJORA_TOKEN"):
        if name in texts:
            texts[name] = tidy_credential(texts[name]).text
    if token_kind(texts.get("MAJORA_TOKEN", "")).is_oauth:
        texts["MAJORA_TOKEN"] = "OAUTH"  # noqa: S105  # the word, not a secret
        pair = texts.get("CLIENT_ID", ""), texts.get("CLIENT_SECRET", "")
        if swapped(*pair) is Swapped.DEFINITELY:
            texts["CLIENT_SECRET"], texts["CLIENT_ID"] = pair
    return {
        name: replace(setting, value=texts[name]) if name in texts else setting
        for name, setting in settings.items()
    }
