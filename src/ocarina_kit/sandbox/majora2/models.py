"""What Majora stores beside Django's and the toolkit's own: second factors and API keys."""

from __future__ import annotations

import datetime
import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from ocarina_kit.sandbox.majora2.settings import SCOPES


class SecondFactor(models.Model):
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="second_factor"
    )
    secret = models.CharField(max_length=64)

    class Meta:
        # Of Majora itself, in fact; Django keeps permissions with a model.
        default_permissions = ()
        permissions = tuple(
            (scope.partition(".")[2], words) for scope, words in SCOPES.items()
        )


class LegacyKey(models.Model):
    """An API key from before OAuth: belongs to one user, is valid for 3 days (FACTS.md, step 3b)."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="legacy_keys"
    )
    key = models.CharField(max_length=128, unique=True)
    ends = models.DateTimeField()

    @classmethod
    def issue(cls, user: object, age: float = 0.0) -> LegacyKey:
        """A new key, issued ``age`` seconds ago."""
        ends = timezone.now() + datetime.timedelta(days=3, seconds=-age)
        return cls.objects.create(user=user, key=str(uuid.uuid4()), ends=ends)

    @property
    def is_usable(self) -> bool:
        return timezone.now() < self.ends
