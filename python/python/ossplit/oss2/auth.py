"""Who signs, and in which version. The signing itself is ossplit's."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any, Dict, Optional, Tuple

from .compat import to_bytes, urlquote
from .credentials import StaticCredentialsProvider
from .exceptions import ClientError

AUTH_VERSION_1 = "v1"
AUTH_VERSION_2 = "v2"
AUTH_VERSION_4 = "v4"
DEFAULT_SIGNED_HEADERS = ["content-type", "content-md5"]


def make_auth(access_key_id: str, access_key_secret: str, auth_version: str = AUTH_VERSION_1) -> AuthBase:
    """An `Auth`, `AuthV2` or `AuthV4`."""
    kinds: Dict[str, Any] = {AUTH_VERSION_2: AuthV2, AUTH_VERSION_4: AuthV4}
    made: AuthBase = kinds.get(auth_version, Auth)(access_key_id.strip(), access_key_secret.strip())
    return made


class AuthBase:
    """Signs with what a provider gives."""

    _version = ""

    def __init__(self, credentials_provider: Any) -> None:
        self.credentials_provider = credentials_provider

    def auth_version(self) -> str:
        return self._version

    def _key(self) -> Tuple[str, str, Optional[str]]:
        credentials = self.credentials_provider.get_credentials()
        if credentials is None:
            raise ClientError("The credentials provider gave no credentials.")
        return (credentials.get_access_key_id(), credentials.get_access_key_secret(),
                credentials.get_security_token() or None)

    def _sign_rtmp_url(self, url: str, bucket_name: str, channel_name: str, expires: int,
                       params: Dict[str, Any]) -> str:
        key, secret, token = self._key()
        if token:
            params["security-token"] = token
        until = str(int(time.time()) + expires)
        lines = "".join(f"{name}:{value}\n" for name, value in sorted(params.items()))
        signed = f"{until}\n{lines}/{bucket_name}/{channel_name}"
        made = hmac.new(to_bytes(secret), signed.encode(), hashlib.sha1).digest()
        params.update(OSSAccessKeyId=key, Expires=until, Signature=base64.b64encode(made).decode())
        return url + "?" + "&".join(f"{urlquote(k, '')}={urlquote(str(v), '')}" for k, v in params.items())


class ProviderAuth(AuthBase):
    """Signature V1."""

    _version = AUTH_VERSION_1


class ProviderAuthV2(AuthBase):
    """Signature V2."""

    _version = AUTH_VERSION_2


class ProviderAuthV4(AuthBase):
    """Signature V4; needs the bucket's region."""

    _version = AUTH_VERSION_4


class Auth(ProviderAuth):
    """Signature V1 with one key."""

    def __init__(self, access_key_id: str, access_key_secret: str) -> None:
        super().__init__(StaticCredentialsProvider(access_key_id.strip(), access_key_secret.strip()))


class AuthV2(ProviderAuthV2):
    """Signature V2 with one key."""

    def __init__(self, access_key_id: str, access_key_secret: str) -> None:
        super().__init__(StaticCredentialsProvider(access_key_id.strip(), access_key_secret.strip()))


class AuthV4(ProviderAuthV4):
    """Signature V4 with one key; needs the bucket's region."""

    def __init__(self, access_key_id: str, access_key_secret: str) -> None:
        super().__init__(StaticCredentialsProvider(access_key_id.strip(), access_key_secret.strip()))


class StsAuth(AuthBase):
    """A temporary key with its token."""

    def __init__(self, access_key_id: str, access_key_secret: str, security_token: str,
                 auth_version: str = AUTH_VERSION_1) -> None:
        super().__init__(StaticCredentialsProvider(access_key_id, access_key_secret, security_token))
        self._version = auth_version if auth_version in (AUTH_VERSION_2, AUTH_VERSION_4) else AUTH_VERSION_1


class AnonymousAuth:
    """Signs nothing: for objects that everybody may read."""

    def auth_version(self) -> str:
        return ""

    def _key(self) -> None:
        return None

    def _sign_rtmp_url(self, url: str, bucket_name: str, channel_name: str, expires: int,
                       params: Dict[str, Any]) -> str:
        return url + "?" + "&".join(f"{urlquote(k, '')}={urlquote(str(v), '')}" for k, v in params.items())
