"""What was seen, once, and frozen: the facts that the checks judge. Gathered by edges/gather*.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from ocarina_kit.core.client.resolution import Candidate, Resolution, Version
from ocarina_kit.core.config.credentials import TokenKind, token_kind
from ocarina_kit.core.config.document import ConfigDocument
from ocarina_kit.core.config.layers import Setting, effective
from ocarina_kit.core.config.lenient_json import Broken
from ocarina_kit.core.environment_facts import EnvironmentFacts
from ocarina_kit.core.file_facts import FileFacts, FolderFacts
from ocarina_kit.core.setup import Place

if TYPE_CHECKING:  # most commands need the configuration alone, and start the quicker for it
    from ocarina_kit.core.cron.schedule_facts import ScheduleFacts
    from ocarina_kit.core.oauth.network_facts import ApiFacts, CredentialFacts, NetworkFacts
    from ocarina_kit.core.tokens.token_facts import TokenFacts


@dataclass(frozen=True)
class ConfigFacts:
    """The configuration that a run is about.

    ``file`` and ``document`` are None where the set-up comes from the environment (``place.from_env``), and
    ``document`` also where there is nothing to read. ``settings`` is what the client makes of it, member by member;
    empty where it can't be read. ``tokens_folder`` is where the set-up's tokens file is to be.
    """

    place: Place
    file: FileFacts | None = None
    document: ConfigDocument | Broken | None = None
    settings: Mapping[str, Setting] = field(default_factory=dict)
    tokens_folder: FolderFacts | None = None
    home: PurePath | None = None
    """What ``~`` means."""

    @property
    def readable(self) -> ConfigDocument | None:
        """The document where it has a meaning, mended or not."""
        return self.document if isinstance(self.document, ConfigDocument) else None

    def text(self, name: str) -> str:
        """A member's value where it is a string, else ""."""
        setting = self.settings.get(name)
        return setting.text if setting is not None else ""

    def with_content(self, content: bytes) -> ConfigFacts:
        """The same facts, had the file held ``content``: for judging a mend before it is made."""
        document = ConfigDocument.parse(content)
        return replace(
            self,
            file=None if self.file is None else replace(self.file, content=content, size=len(content)),
            document=document,
            settings=(
                effective(document.value, self.place.profile) if isinstance(document, ConfigDocument) else {}
            ),
        )

    @property
    def uses_api_key(self) -> bool:
        """Whether MAJORA_TOKEN holds a legacy key: OAuth is then not used at all."""
        return token_kind(self.text("MAJORA_TOKEN")) in (TokenKind.LEGACY_KEY, TokenKind.UNUSUAL_KEY)


@dataclass(frozen=True)
class ClientFacts:
    """The ocarina clients on this machine, each run once, and which of them is meant."""

    resolution: Resolution


@dataclass(frozen=True)
class Facts:
    """All that was seen. A group is None where no chosen check needs it, or where it came too late.

    ``milliseconds`` holds, by check id, what it took to gather a check's own facts. ``late`` names the groups (by
    the value of their Need) that were not there when time ran out: what needs them is ``unknown``.
    """

    config: ConfigFacts
    client: ClientFacts | None = None
    environment: EnvironmentFacts | None = None
    network: NetworkFacts | None = None
    credentials: CredentialFacts | None = None
    api: ApiFacts | None = None
    tokens: TokenFacts | None = None
    schedule: ScheduleFacts | None = None
    table: Mapping[str, str | None] | None = None
    """The installed client's own table of scope strings (core/client/scopes.py); None also where it cannot be read."""
    named: Mapping[str, Candidate] | None = None
    """By path: the clients that the crontab's entry names and no search found, each run once."""
    late: frozenset[str] = frozenset()
    milliseconds: Mapping[str, int] = field(default_factory=dict)

    @property
    def uses_api_key(self) -> bool:
        return self.config.uses_api_key

    @property
    def client_version(self) -> Version | None:
        """The version of the ocarina that a person here gets; None where none works, or none was looked for."""
        judged = self.client.resolution.judged if self.client is not None else None
        return judged.version if judged is not None and judged.works else None
