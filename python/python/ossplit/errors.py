"""What calls raise when OSS or the network refuses them, or bytes are not what they were: an `OssError` each, by what a caller can do
about it.

Errors of local files are Python's own (`FileNotFoundError` and so on), and so are those of wrong arguments (`TypeError`, `ValueError`).
"""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple


class OssError(Exception):
    """A call failed. `str()` is one sentence: operation, address, OSS's code, EC and request id, and the mend."""

    def __init__(
        self,
        message: str,
        operation: Optional[str] = None,
        bucket: Optional[str] = None,
        key: Optional[str] = None,
        status: Optional[int] = None,
        code: str = "",
        ec: str = "",
        request_id: str = "",
        tries: int = 0,
        next_position: Optional[int] = None,
        headers: Optional[List[Tuple[str, str]]] = None,
        document: Optional[bytes] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        #: The call of the API, such as ``"GetObject"``.
        self.operation = operation
        self.bucket = bucket
        self.key = key
        #: HTTP status; None if OSS did not answer.
        self.status = status
        #: OSS's code, such as ``"NoSuchKey"``; empty if it gave none.
        self.code = code
        #: OSS's EC, finer than the code; empty if it gave none.
        self.ec = ec
        self.request_id = request_id
        #: How often the request was sent.
        self.tries = tries
        #: Where the next append must begin, on an `AppendConflict`.
        self.next_position = next_position
        # The answer as it came, for `ossplit.oss2`. Its document may quote a token: it is not shown, and not pickled.
        self._headers = headers
        self._document = document

    def __reduce__(self) -> Tuple[object, ...]:
        return (
            type(self),
            (
                self.message, self.operation, self.bucket, self.key, self.status, self.code, self.ec,
                self.request_id, self.tries, self.next_position,
            ),
        )


class NoSuchKey(OssError, KeyError):
    """The object is not there."""

    def __str__(self) -> str:
        # KeyError would show the message in quotes.
        return self.message


class NoSuchBucket(OssError):
    """The bucket is not there."""


class NoSuchUpload(OssError):
    """The multipart upload is not there any more."""


class BucketNotEmpty(OssError):
    """The bucket still holds something."""


class AuthenticationError(OssError):
    """The signature is wrong, the key id unknown, or the token no good."""


class AccessDenied(OssError):
    """The key may not do this."""


class PreconditionFailed(OssError):
    """`if_match` or a like condition failed, or the object changed while it was read."""


class NotModified(OssError):
    """`if_none_match`: there is nothing new."""


class AlreadyExists(OssError):
    """`forbid_overwrite`, and the object is there."""


class InvalidRange(OssError):
    """The range begins past the object's end."""


class AppendConflict(OssError):
    """The position is not the object's length, or the object can't be appended to."""


class Archived(OssError):
    """The object is archived: restore it first."""


class Throttled(OssError):
    """Too many requests."""


class RequestTimeout(OssError, TimeoutError):
    """Nothing came in time."""

    def __str__(self) -> str:
        return self.message


class ConnectionFailed(OssError, ConnectionError):
    """The host has no address, or the connection or its TLS failed."""

    def __str__(self) -> str:
        return self.message


class ClockSkew(OssError):
    """This machine's clock is wrong by more than 15 minutes."""


class ChecksumMismatch(OssError):
    """Bytes differ from their CRC64."""


class InvalidInput(OssError, ValueError):
    """The request can't be sent as it is."""


class RequestRefused(OssError):
    """OSS refused the request for another reason of the caller's (4xx)."""


class ServiceError(OssError):
    """OSS failed (5xx), or answered what no OSS answers."""


class FileChanged(OssError):
    """The file was written to while it was sent. Nothing was stored."""


class Busy(OssError):
    """Another transfer writes the same file."""


class CheckpointError(OssError):
    """A checkpoint could not be saved or read. What could not be saved is not committed."""


class NoSuchCheckpoint(CheckpointError, KeyError):
    """No checkpoint of this step is committed."""

    __str__ = Exception.__str__


class CheckpointCorrupt(CheckpointError, ChecksumMismatch):
    """An object is not what was saved, or could not be brought over unspoilt."""


class CheckpointSkipped(CheckpointError):
    """The save before was still under way, and `when_busy` is ``"skip"``."""


class StagingError(CheckpointError):
    """What is to be saved does not fit into the staging disk, or the memory for staging."""


class MissingRanks(CheckpointError, TimeoutError):
    """Other ranks did not bring their part in time; nothing was committed."""

    __str__ = Exception.__str__

    def __init__(self, message: str, missing: Sequence[int] = (0,)) -> None:
        super().__init__(message)
        #: Which.
        self.missing = list(missing)

    def __reduce__(self) -> Tuple[object, ...]:
        return type(self), (self.message, self.missing)
