from __future__ import annotations

from django.apps import AppConfig


class MajoraConfig(AppConfig):
    """Labelled as in Majora, so that its permissions, and so the OAuth scopes, start with ``majora2.``."""

    name = "ocarina_kit.sandbox.majora"
    label = "majora2"
    verbose_name = "Sandbox Majora"
