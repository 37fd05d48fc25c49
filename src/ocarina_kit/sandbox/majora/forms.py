"""The forms that a person fills in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from oauth2_provider.models import get_application_model

from ocarina_kit.sandbox import totp
from ocarina_kit.sandbox.clock import SERVER_CLOCK

Application = get_application_model()

_NO_CHOICE = ("", "---------")


class PasswordForm(forms.Form):
    username = forms.CharField(label="Username", widget=forms.TextInput(attrs={"autofocus": True}))
    password = forms.CharField(label="Password", strip=False, widget=forms.PasswordInput)
    user: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)

    def clean(self) -> dict[str, Any] | None:
        fields = self.cleaned_data
        self.user = authenticate(username=fields.get("username"), password=fields.get("password"))
        if self.user is None:
            raise ValidationError("Please enter a correct username and password.")
        return fields


class CodeForm(forms.Form):
    code = forms.CharField(
        label="Token",
        widget=forms.TextInput(
            attrs={"autofocus": True, "inputmode": "numeric", "autocomplete": "one-time-code"}
        ),
    )

    def __init__(self, *args: Any, secret: str, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self._secret = secret

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if not totp.is_valid(self._secret, code, SERVER_CLOCK.time()):
            raise ValidationError("Entered token is not valid.")
        return code


class ApplicationForm(forms.ModelForm):
    """The six fields of Majora's form, with its labels (FACTS.md, step 2)."""

    client_type = forms.ChoiceField(label="Client type", choices=[_NO_CHOICE, *Application.CLIENT_TYPES])
    authorization_grant_type = forms.ChoiceField(
        label="Authorization grant type",
        # Majora offers no other.
        choices=[_NO_CHOICE, (Application.GRANT_AUTHORIZATION_CODE, "Authorization code")],
    )

    class Meta:
        model = Application
        fields = (
            "name",
            "client_id",
            "client_secret",
            "client_type",
            "authorization_grant_type",
            "redirect_uris",
        )
        labels = {  # noqa: RUF012  # Django reads a plain dict here
            "name": "Name",
            "client_id": "Client id",
            "client_secret": "Client secret",
            "redirect_uris": "Redirect uris",
        }
        help_texts = {"client_secret": ""}  # noqa: RUF012

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)

    def clean_redirect_uris(self) -> str:
        uris: str = self.cleaned_data["redirect_uris"]
        for uri in uris.split():
            scheme, _, rest = uri.partition("://")
            host = rest.split("/", 1)[0].rsplit(":", 1)[0]
            if scheme == "http" and host not in {"127.0.0.1", "localhost", "[::1]"}:
                raise ValidationError("Redirect URIs must use https.")
        return uris
