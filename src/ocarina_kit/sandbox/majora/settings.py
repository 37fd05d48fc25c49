"""Django's settings for one sandbox, as plain data."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from django.contrib.auth.hashers import PBKDF2PasswordHasher

_APPS = (
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "oauth2_provider",
    "ocarina_kit.sandbox.majora.apps.MajoraConfig",
)


class QuickHasher(PBKDF2PasswordHasher):
    """Django's own takes a third of a second a log-in; these accounts live for minutes, on loopback."""

    iterations = 1_000


def settings(folder: Path, *, port: int, tls: bool) -> dict[str, Any]:
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "DEBUG": False,
        "ALLOWED_HOSTS": ["127.0.0.1", "localhost", "[::1]"],
        "INSTALLED_APPS": list(_APPS),
        # Tables straight from the models: the history of migrations takes seconds and ends in the same place.
        "MIGRATION_MODULES": dict.fromkeys(
            ("contenttypes", "auth", "sessions", "oauth2_provider", "majora2")
        ),
        "MIDDLEWARE": [
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        "ROOT_URLCONF": "ocarina_kit.sandbox.majora.urls",
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [Path(__file__).parent / "templates"],
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                    ]
                },
            }
        ],
        "DATABASES": {
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": folder / "majora.sqlite3",
                # With the defaults, 17 of 20 concurrent refreshes end in "database is locked".
                "OPTIONS": {
                    "transaction_mode": "IMMEDIATE",
                    "timeout": 20,
                    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;",
                },
            }
        },
        "PASSWORD_HASHERS": ["ocarina_kit.sandbox.majora.settings.QuickHasher"],
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "USE_I18N": False,
        "LOGIN_URL": "/account/login/",
        "LOGIN_REDIRECT_URL": "/",
        # Cookies know no port: two sandboxes in one browser must not log each other out.
        "SESSION_COOKIE_NAME": f"sandbox{port}_session",
        "CSRF_COOKIE_NAME": f"sandbox{port}_csrf",
        "SESSION_COOKIE_SECURE": tls,
        "CSRF_COOKIE_SECURE": tls,
        "OAUTH2_PROVIDER": _oauth(tls=tls),
        "LOGGING_CONFIG": None,
    }


def _oauth(*, tls: bool) -> dict[str, Any]:
    return {
        "OAUTH2_VALIDATOR_CLASS": "ocarina_kit.sandbox.majora.oauth.Validator",
        "OAUTH2_BACKEND_CLASS": "ocarina_kit.sandbox.majora.oauth.Backend",
        "SCOPES_BACKEND_CLASS": "ocarina_kit.sandbox.majora.oauth.PermissionScopes",
        # FACTS.md: https alone. http is for the sandbox's own loopback address; majora/forms.py sees to that.
        "ALLOWED_REDIRECT_URI_SCHEMES": ["https"] if tls else ["https", "http"],
        "REQUEST_APPROVAL_PROMPT": "auto",
        "PKCE_REQUIRED": False,
        "AUTHORIZATION_CODE_EXPIRE_SECONDS": 60,
        "ACCESS_TOKEN_EXPIRE_SECONDS": 36_000,
        "ROTATE_REFRESH_TOKEN": True,
        "REFRESH_TOKEN_GRACE_PERIOD_SECONDS": 0,
        "REFRESH_TOKEN_REUSE_PROTECTION": False,
    }
