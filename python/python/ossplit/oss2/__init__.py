"""The API of oss2 2.19 on ossplit's client: ``import ossplit.oss2 as oss2``.

Programs written for oss2 run as they are, faster: signing, sending, checksums and retries happen without the GIL. What is not
here is listed in docs/oss2.md; client-side encryption (`CryptoBucket`) is the one large part of it.
"""

from __future__ import annotations

import logging
from typing import Any, Optional

from . import defaults, exceptions, headers, models
from .api import Bucket, Service
from .auth import (
    AUTH_VERSION_1,
    AUTH_VERSION_2,
    AUTH_VERSION_4,
    AnonymousAuth,
    Auth,
    AuthV2,
    AuthV4,
    ProviderAuth,
    ProviderAuthV2,
    ProviderAuthV4,
    StsAuth,
    make_auth,
)
from .compat import to_bytes, to_string, to_unicode, urlparse, urlquote, urlunquote
from .credentials import (
    CredentialsProvider,
    EcsRamRoleCredential,
    EcsRamRoleCredentialsProvider,
    StaticCredentialsProvider,
)
from .http import CaseInsensitiveDict, Session
from .iterators import (
    BucketIterator,
    LiveChannelIterator,
    MultipartUploadIterator,
    ObjectIterator,
    ObjectIteratorV2,
    ObjectUploadIterator,
    PartIterator,
)
from .models import (
    BUCKET_ACL_PRIVATE,
    BUCKET_ACL_PUBLIC_READ,
    BUCKET_ACL_PUBLIC_READ_WRITE,
    BUCKET_DATA_REDUNDANCY_TYPE_LRS,
    BUCKET_DATA_REDUNDANCY_TYPE_ZRS,
    BUCKET_STORAGE_CLASS_ARCHIVE,
    BUCKET_STORAGE_CLASS_COLD_ARCHIVE,
    BUCKET_STORAGE_CLASS_DEEP_COLD_ARCHIVE,
    BUCKET_STORAGE_CLASS_IA,
    BUCKET_STORAGE_CLASS_STANDARD,
    BUCKET_VERSIONING_ENABLE,
    BUCKET_VERSIONING_SUSPEND,
    KMS_DATA_ENCRYPTION_SM4,
    OBJECT_ACL_DEFAULT,
    OBJECT_ACL_PRIVATE,
    OBJECT_ACL_PUBLIC_READ,
    OBJECT_ACL_PUBLIC_READ_WRITE,
    SERVER_SIDE_ENCRYPTION_AES256,
    SERVER_SIDE_ENCRYPTION_KMS,
    SERVER_SIDE_ENCRYPTION_SM4,
)
from .resumable import (
    ResumableDownloadStore,
    ResumableStore,
    determine_part_size,
    make_download_store,
    make_upload_store,
    resumable_download,
    resumable_upload,
)
from .utils import (
    SizedFileAdapter,
    content_type_by_name,
    date_to_iso8601,
    http_date,
    http_to_unixtime,
    is_valid_bucket_name,
    is_valid_endpoint,
    iso8601_to_date,
    iso8601_to_unixtime,
    make_progress_adapter,
)

#: The version of oss2 whose API this is.
__version__ = "2.19.1"

logger = logging.getLogger("oss2")

_FORMAT = "%(asctime)s %(name)s [%(levelname)s] %(thread)d : %(message)s"


def _log_to(handler: logging.Handler, name: str, level: int, format_string: Optional[str]) -> None:
    global logger
    logger = logging.getLogger(name)
    logger.setLevel(level)
    handler.setLevel(level)
    handler.setFormatter(logging.Formatter(format_string or _FORMAT))
    logger.addHandler(handler)


def set_file_logger(file_path: Any, name: str = "oss2", level: int = logging.INFO,
                    format_string: Optional[str] = None) -> None:
    """Logs to a file."""
    _log_to(logging.FileHandler(file_path), name, level, format_string)


def set_stream_logger(name: str = "oss2", level: int = logging.DEBUG, format_string: Optional[str] = None) -> None:
    """Logs to stderr."""
    _log_to(logging.StreamHandler(), name, level, format_string)
