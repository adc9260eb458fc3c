"""``oss://bucket/key``, and a client where none was given."""

from __future__ import annotations

import os
from typing import Optional, Tuple

from ._client import Client


def split(address: str) -> Tuple[str, str]:
    """(bucket, key) of ``oss://bucket/key`` (``ossplit://`` too); ValueError with what is wrong."""
    for scheme in ("oss://", "ossplit://"):
        if address.startswith(scheme):
            bucket, _, key = address[len(scheme):].partition("/")
            if bucket:
                return bucket, key
    raise ValueError(f"{address!r} is no address of OSS: give oss://BUCKET/KEY")


def client_or_default(client: Optional[Client]) -> Client:
    """A client from the environment if none is given: OSS_ENDPOINT (or URL), OSS_REGION, OSS_ACCESS_KEY_ID and so on."""
    if client is not None:
        return client
    endpoint = os.environ.get("OSS_ENDPOINT") or os.environ.get("URL")
    region = os.environ.get("OSS_REGION")
    if endpoint and not region:
        # OSS's own hosts tell: oss-cn-beijing-internal.aliyuncs.com
        first = endpoint.rpartition("//")[2].partition(".")[0]
        if first.startswith("oss-") and ".aliyuncs.com" in endpoint:
            region = first[len("oss-"):].replace("-internal", "")
    return Client(endpoint, region)
