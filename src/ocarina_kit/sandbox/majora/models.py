from __future__ import annotations

import datetime
import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from ocarina_kit.sandbox.majora.permissions import PERMISSIONS

KEY_LIFETIME = datetime.timedelta(days=3)
"""FACTS.md, step 3b: a legacy API key expires every 3 days."""


class Site(models.Model):
    """Holds the permissions, and is never stored."""

    class Meta:
        default_permissions = ()
        permissions = tuple(PERMISSIONS.items())


class SecondFactor(models.Model):
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="second_factor"
    )
    secret = models.CharField(max_length=64)


class LegacyKey(models.Model):
    """An API key from before OAuth: belongs to one user, lives three days."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="legacy_keys")
    key = models.CharField(max_length=128, unique=True)
    starts = models.DateTimeField()
    ends = models.DateTimeField()
    revoked = models.BooleanField(default=False)

    @classmethod
    def issue(cls, user: object, age: float = 0.0) -> LegacyKey:
        """A new key, issued ``age`` seconds ago."""
        starts = timezone.now() - datetime.timedelta(seconds=age)
        return cls.objects.create(user=user, key=str(uuid.uuid4()), starts=starts, ends=starts + KEY_LIFETIME)

    @property
    def is_usable(self) -> bool:
        return not self.revoked and self.starts <= timezone.now() < self.ends


class Sample(models.Model):
    """A biosample that the queries find."""

    central_sample_id = models.CharField(max_length=64, unique=True)
