"""Where a set-up's server is, as far as it is beyond doubt: what the doctor asks at. Pure."""

from __future__ import annotations

from ocarina_kit.core.config.credentials import Member, is_placeholder
from ocarina_kit.core.config.domain import DomainOk, mend_domain
from ocarina_kit.core.config.layers import Layer
from ocarina_kit.core.facts import ConfigFacts


def base_url(config: ConfigFacts) -> str | None:
    """MAJORA_DOMAIN as it is meant; None where there is none that could be asked: built in, a placeholder, unusable."""
    setting = config.settings.get("MAJORA_DOMAIN")
    if setting is None or setting.layer is Layer.BUILT_IN or is_placeholder(setting.text, Member.DOMAIN):
        return None
    mended = mend_domain(setting.text)
    return mended.url if isinstance(mended, DomainOk) else None
