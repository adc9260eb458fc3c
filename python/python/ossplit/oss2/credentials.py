"""Where keys come from."""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.request
from typing import Optional

from .exceptions import ClientError
from .utils import to_unixtime

DEFAULT_ECS_SESSION_TOKEN_DURATION_SECONDS = 3600 * 6
DEFAULT_ECS_SESSION_EXPIRED_FACTOR = 0.85


class Credentials:
    """A key. `repr` shows its id alone."""

    def __init__(self, access_key_id: str = "", access_key_secret: str = "", security_token: Optional[str] = "") -> None:
        self.access_key_id = access_key_id
        self.access_key_secret = access_key_secret
        self.security_token = security_token

    def get_access_key_id(self) -> str:
        return self.access_key_id

    def get_access_key_secret(self) -> str:
        return self.access_key_secret

    def get_security_token(self) -> Optional[str]:
        return self.security_token

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.access_key_id!r})"


class EcsRamRoleCredential(Credentials):
    """A key of an ECS instance's role, which ends."""

    def __init__(self, access_key_id: str, access_key_secret: str, security_token: str, expiration: int, duration: float,
                 expired_factor: Optional[float] = None) -> None:
        super().__init__(access_key_id, access_key_secret, security_token)
        self.expiration = expiration
        self.duration = duration
        self.expired_factor = expired_factor or DEFAULT_ECS_SESSION_EXPIRED_FACTOR

    def will_soon_expire(self) -> bool:
        """Whether less of its time is left than should be."""
        return self.duration * (1.0 - self.expired_factor) > self.expiration - int(time.time())


class CredentialsProvider:
    """Gives a key for each request; make your own by overriding `get_credentials`."""

    def get_credentials(self) -> Optional[Credentials]:
        return None


class StaticCredentialsProvider(CredentialsProvider):
    """Always the same key."""

    def __init__(self, access_key_id: str = "", access_key_secret: str = "", security_token: Optional[str] = "") -> None:
        self.credentials = Credentials(access_key_id, access_key_secret, security_token)

    def get_credentials(self) -> Credentials:
        return self.credentials


class EnvironmentVariableCredentialsProvider(CredentialsProvider):
    """``OSS_ACCESS_KEY_ID``, ``OSS_ACCESS_KEY_SECRET`` and ``OSS_SESSION_TOKEN``, as they are now."""

    def __init__(self) -> None:
        self.access_key_id = ""
        self.access_key_secret = ""
        self.security_token = ""

    def get_credentials(self) -> Credentials:
        key, secret = os.getenv("OSS_ACCESS_KEY_ID"), os.getenv("OSS_ACCESS_KEY_SECRET")
        if not key:
            raise ClientError("Access key id should not be null or empty: set OSS_ACCESS_KEY_ID.")
        if not secret:
            raise ClientError("Secret access key should not be null or empty: set OSS_ACCESS_KEY_SECRET.")
        return Credentials(key, secret, os.getenv("OSS_SESSION_TOKEN"))


class EcsRamRoleCredentialsProvider(CredentialsProvider):
    """The key of an ECS instance's role, renewed before it ends.

    :param auth_host: URL of the metadata service with the role's name.
    """

    def __init__(self, auth_host: str, max_retries: int = 3, timeout: float = 10) -> None:
        self.fetcher = EcsRamRoleCredentialsFetcher(auth_host)
        self.max_retries = max_retries
        self.timeout = timeout
        self.credentials: Optional[EcsRamRoleCredential] = None
        self._lock = threading.Lock()

    def get_credentials(self) -> Optional[EcsRamRoleCredential]:
        if self.credentials is None or self.credentials.will_soon_expire():
            with self._lock:
                if self.credentials is None or self.credentials.will_soon_expire():
                    try:
                        self.credentials = self.fetcher.fetch(self.max_retries, self.timeout)
                    except ClientError:
                        # One that ends soon is still good.
                        if self.credentials is None:
                            raise
        return self.credentials


class EcsRamRoleCredentialsFetcher:
    """Asks the metadata service of an ECS instance."""

    def __init__(self, auth_host: str) -> None:
        self.auth_host = auth_host

    def fetch(self, retry_times: int = 3, timeout: float = 10) -> EcsRamRoleCredential:
        error: Exception = ClientError("retry_times should be more than 0")
        for _ in range(retry_times):
            try:
                return self._fetch(timeout)
            except Exception as failed:  # noqa: BLE001 (whatever it is, it is told below)
                error = failed
        raise ClientError(f"Failed to get credentials from ECS metadata service. {error}")

    def _fetch(self, timeout: float) -> EcsRamRoleCredential:
        with urllib.request.urlopen(self.auth_host, timeout=timeout) as answer:
            found = json.load(answer)
        if found.get("Code") != "Success":
            raise ClientError(f"Get credentials from ECS metadata service error, code: {found.get('Code')}")
        form = "%Y-%m-%dT%H:%M:%SZ"
        end = to_unixtime(found["Expiration"], form)
        began = found.get("LastUpdated")
        duration = end - to_unixtime(began, form) if began else DEFAULT_ECS_SESSION_TOKEN_DURATION_SECONDS
        return EcsRamRoleCredential(found["AccessKeyId"], found["AccessKeySecret"], found["SecurityToken"], end, duration)
