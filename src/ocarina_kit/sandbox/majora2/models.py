"""What Majora stores beside what Django and the toolkit do.

These are second factors and API keys.
"""

from __future__ import annotations

import datetime
import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from ocarina_kit.sandbox.majora2.settings import SCOPES


class SecondFactor(models.Model):
    """The second factor of an account."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="second_factor"
    )
    secret = models.CharField(max_length=64)

    class Meta:
        """The permissions of Majora."""

        # Of Majora itself, in fact; Django keeps permissions with a model.
        default_permissions = ()
        permissions = tuple(
            (scope.partition(".")[2], words) for scope, words in SCOPES.items()
        )


class LegacyKey(models.Model):
    """An API key from before OAuth: it belongs to one user, and lasts for 3 days."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="legacy_keys"
    )
    key = models.CharField(max_length=128, unique=True)
    ends = models.DateTimeField()

    @classmethod
    def issue(cls, user: object, age: float = 0.0) -> LegacyKey:
        """Issue a key that is `age` seconds old."""
        ends = timezone.now() + datetime.timedelta(days=3, seconds=-age)
        return cls.objects.create(user=user, key=str(uuid.uuid4()), ends=ends)

    @property
    def is_usable(self) -> bool:
        """Whether the key has not expired yet."""
        return timezone.now() < self.ends
