"""What ``init`` makes of a config: answers in, the changed document out. Pure; all that is not answered is kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from ocarina_kit.core.config.credentials import (
    FILLER,
    ID_LENGTH,
    TokenKind,
    credential_faults,
    tidy_credential,
    token_kind,
)
from ocarina_kit.core.config.credentials import Member as ConfigMember
from ocarina_kit.core.config.document import ConfigDocument, NoSuchPlaceError
from ocarina_kit.core.config.init_answers import Answers
from ocarina_kit.core.config.layers import (
    MEMBERS,
    Layer,
    Setting,
    effective,
    near_misses,
    profile_object,
    where_to_set,
)
from ocarina_kit.core.secret import Secret
from ocarina_kit.core.text import strip_ends

_PROFILE_NAME = re.compile(
    r"[^\x00-\x1f\x7f/\\'\"`$%\s](?:[^\x00-\x1f\x7f/\\'\"`$%]{0,62}[^\x00-\x1f\x7f/\\'\"`$%\s])?"
)


def bad_profile_name(name: str) -> str | None:
    """Why a profile cannot have this name, or None: it becomes part of a file's name and of a crontab line."""
    if not strip_ends(name):
        return "it is blank"
    if name in (".", ".."):
        return "it would name a folder"
    if _PROFILE_NAME.fullmatch(name) is None:
        return (
            "it becomes part of a file's name and of a crontab line: 64 characters at most, with no slash, quote, "
            "backslash, $ or %, no line break, and no blank at its ends"
        )
    return None


def own_tokens_file(profile: str) -> str:
    """The tokens file that a profile is given (CONTRACT.md, init)."""
    return f"~/.ocarina-tokens-{profile}"


def inherited(document: ConfigDocument | None, profile: str | None) -> dict[str, Setting]:
    """What counts as the current values. For a profile that is not there yet that is the object ``default`` alone.

    The top level is another set-up then, mostly of another instance: its values are no defaults for the new one.
    """
    if document is None:
        return {}
    settings = effective(document.value, profile)
    if profile is None or profile_object(document.value, profile) is not None:
        return settings
    return {name: setting for name, setting in settings.items() if setting.layer is Layer.DEFAULT}


def planned(document: ConfigDocument | None, profile: str | None, answers: Answers) -> ConfigDocument:
    """The config with the answers in it; the same document where it says all of them already.

    ``document`` None: there is no file, or nothing of it can be kept. Raises NoSuchPlaceError where something that
    is no object stands in the way (``"profile": 3``).
    """
    values = _values(document, profile, answers)
    if document is None:
        return ConfigDocument.new(values if profile is None else {"profile": {profile: values}})
    if profile is not None and profile_object(document.value, profile) is None:
        table = document.value.get("profile", {})
        if isinstance(table, dict) and profile in table:
            raise NoSuchPlaceError(("profile", profile), "it is no object")
        return document.set(("profile", profile), values)
    settings = effective(document.value, profile)
    for name, value in values.items():
        setting = settings.get(name)
        its_own = setting is not None and (profile is None or setting.layer is Layer.PROFILE)
        # A profile may go on without a member that a layer below it has; its tokens file must be its own.
        may_inherit = name != "MAJORA_TOKENS_FILE" or its_own
        has_it = setting is not None and setting.layer is not Layer.BUILT_IN and setting.value == value
        if not (has_it and may_inherit):
            document = document.set(where_to_set(document.value, profile, name), value)
    return document


def _values(document: ConfigDocument | None, profile: str | None, answers: Answers) -> dict[str, str]:
    values = {
        "MAJORA_DOMAIN": answers.domain,
        "MAJORA_USER": answers.user,
        "MAJORA_TOKEN": "OAUTH" if answers.api_key is None else answers.api_key.reveal(),
        "CLIENT_ID": answers.client_id,
        "CLIENT_SECRET": answers.client_secret.reveal(),
    }
    if answers.api_key is not None:
        settings = inherited(document, profile)
        for name in ("CLIENT_ID", "CLIENT_SECRET"):
            now = settings[name].text if name in settings else ""
            values[name] = values[name] or (now if strip_ends(now) else FILLER)
    tokens = answers.tokens_file or _tokens_file(document, profile)
    if tokens:
        values["MAJORA_TOKENS_FILE"] = tokens
    return values


def _tokens_file(document: ConfigDocument | None, profile: str | None) -> str:
    if profile is None:
        return ""
    now = (
        None
        if document is None
        else (profile_object(document.value, profile) or {}).get("MAJORA_TOKENS_FILE")
    )
    return now if isinstance(now, str) and strip_ends(now) else own_tokens_file(profile)


# --- what a diff must not show ------------------------------------------------------------------------------

_OPEN = frozenset(MEMBERS) - {"CLIENT_SECRET", "MAJORA_TOKEN"}


def hidden_values(value: Mapping[str, object]) -> tuple[Secret, ...]:
    """Every text in a config that may be a secret: all but those of members that are known to hold none.

    CLIENT_ID is shown only where it looks as a generated id does: swapped, it is the secret.
    """
    hidden: set[str] = set()
    shown: set[str] = set()
    for name, text in _texts(value):
        is_open = name in _OPEN and not (name == "CLIENT_ID" and not _is_plain_id(text))
        if name == "MAJORA_TOKEN" and token_kind(text) in (TokenKind.OAUTH, TokenKind.OTHER_SPELLING):
            is_open = True
        (shown if is_open else hidden).add(text)
    # A short word of another member ("prod") must not black out half of the diff.
    kept = {t for t in hidden if len(t) >= 8 or (len(t) >= 4 and not any(t in other for other in shown))}
    # A diff shows them as JSON writes them.
    return tuple(Secret(text) for text in sorted(kept | {json.dumps(text)[1:-1] for text in kept}))


def _is_plain_id(text: str) -> bool:
    tidied = tidy_credential(text).text
    faults = credential_faults(text, ConfigMember.ID)
    return (
        not faults
        or tidied == FILLER
        or (len(tidied) <= ID_LENGTH and bool(re.search(r"[^A-Za-z0-9]", tidied)))
    )


def _texts(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        misses: dict[object, str] = {miss.written: miss.meant for miss in near_misses(value)}
        for inner_name, inner in value.items():
            yield from _texts(inner, misses.get(inner_name, str(inner_name)))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, name)
    elif isinstance(value, str) and value:
        yield name, value
