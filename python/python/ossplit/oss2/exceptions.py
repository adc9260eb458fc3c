"""What calls raise: oss2's classes, with its fields, chosen by status and code."""

from __future__ import annotations

import base64
import binascii
import re
import xml.etree.ElementTree as ElementTree
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple, Type

from .. import errors as _errors

OSS_CLIENT_ERROR_STATUS = -1
OSS_REQUEST_ERROR_STATUS = -2
OSS_INCONSISTENT_ERROR_STATUS = -3
OSS_FORMAT_ERROR_STATUS = -4
OSS_SELECT_CLIENT_ERROR_STATUS = -5

# A document that says why a signature is wrong quotes what was signed, tokens among it: they are not shown.
_SECRET = frozenset(["StringToSign", "StringToSignBytes", "CanonicalRequest", "CanonicalRequestBytes"])


class OssError(Exception):
    """A call failed."""

    def __init__(self, status: int, headers: Mapping[str, str], body: Any, details: Dict[str, Any]) -> None:
        super().__init__(status, headers, body, details)
        self.status = status
        self.request_id = headers.get("x-oss-request-id", "")
        self.body = body
        #: Elements of the error document.
        self.details = details
        self.code = details.get("Code", "")
        self.message = details.get("Message", "")
        self.ec = details.get("EC", "")
        self.headers = headers

    def __str__(self) -> str:
        shown = {name: "(hidden)" if name in _SECRET else value for name, value in self.details.items()}
        return str({"status": self.status, "x-oss-request-id": self.request_id, "details": shown})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"

    def _str_with_body(self) -> str:
        return str({"status": self.status, "x-oss-request-id": self.request_id, "details": self.body})

    def __reduce__(self) -> Any:
        return _again, (type(self), self.__dict__)


def _again(kind: Type[OssError], fields: Dict[str, Any]) -> OssError:
    error = kind.__new__(kind)
    error.__dict__.update(fields)
    return error


class ClientError(OssError):
    """The call can't be made as it is."""

    def __init__(self, message: str) -> None:
        super().__init__(OSS_CLIENT_ERROR_STATUS, {}, "ClientError: " + message, {})

    __str__ = OssError._str_with_body


class RequestError(OssError):
    """The service can't be reached, or did not answer in time; `exception` says more."""

    def __init__(self, e: BaseException) -> None:
        super().__init__(OSS_REQUEST_ERROR_STATUS, {}, "RequestError: " + str(e), {})
        self.exception = e

    __str__ = OssError._str_with_body


class InconsistentError(OssError):
    """Bytes are not what was sent or stored."""

    def __init__(self, message: str, request_id: str = "") -> None:
        super().__init__(OSS_INCONSISTENT_ERROR_STATUS, {"x-oss-request-id": request_id},
                         "InconsistentError: " + message, {})

    __str__ = OssError._str_with_body


class OpenApiFormatError(OssError):
    """A document of another service of Alibaba Cloud's is none."""

    def __init__(self, message: str) -> None:
        super().__init__(OSS_FORMAT_ERROR_STATUS, {}, message, {})

    __str__ = OssError._str_with_body


class OpenApiServerError(OssError):
    """Another service of Alibaba Cloud's refused."""

    def __init__(self, status: int, request_id: str, message: str, error_code: str) -> None:
        super().__init__(status, {"x-oss-request-id": request_id}, "", {"Code": error_code, "Message": message})


class ServerError(OssError):
    """OSS refused, or failed."""


class InvalidArgument(ServerError):
    """OSS answered 400 InvalidArgument."""

    status = 400
    code = "InvalidArgument"

    def __init__(self, status: int, headers: Mapping[str, str], body: Any, details: Dict[str, Any]) -> None:
        super().__init__(status, headers, body, details)
        self.name = details.get("ArgumentName")
        self.value = details.get("ArgumentValue")


class NotFound(ServerError):
    """OSS answered 404."""

    status = 404
    code = ""


class MalformedXml(ServerError):
    """OSS answered 400 MalformedXML."""

    status = 400
    code = "MalformedXML"


class InvalidRequest(ServerError):
    """OSS answered 400 InvalidRequest."""

    status = 400
    code = "InvalidRequest"


class OperationNotSupported(ServerError):
    """OSS answered 400 OperationNotSupported."""

    status = 400
    code = "OperationNotSupported"


class RestoreAlreadyInProgress(ServerError):
    """OSS answered 409 RestoreAlreadyInProgress."""

    status = 409
    code = "RestoreAlreadyInProgress"


class InvalidDigest(ServerError):
    """OSS answered 400 InvalidDigest."""

    status = 400
    code = "InvalidDigest"


class InvalidObjectName(ServerError):
    """OSS answered 400 InvalidObjectName."""

    status = 400
    code = "InvalidObjectName"


class NotImplemented(ServerError):
    """OSS answered 400 NotImplemented."""

    status = 400
    code = "NotImplemented"


class InvalidEncryptionRequest(ServerError):
    """OSS answered 400 InvalidEncryptionRequest."""

    status = 400
    code = "InvalidEncryptionRequest"


class BucketReplicationAlreadyExist(ServerError):
    """OSS answered 400 BucketReplicationAlreadyExist."""

    status = 400
    code = "BucketReplicationAlreadyExist"


class NoSuchBucket(NotFound):
    """OSS answered 404 NoSuchBucket."""

    status = 404
    code = "NoSuchBucket"


class NoSuchKey(NotFound):
    """OSS answered 404 NoSuchKey."""

    status = 404
    code = "NoSuchKey"


class NoSuchUpload(NotFound):
    """OSS answered 404 NoSuchUpload."""

    status = 404
    code = "NoSuchUpload"


class NoSuchWebsite(NotFound):
    """OSS answered 404 NoSuchWebsiteConfiguration."""

    status = 404
    code = "NoSuchWebsiteConfiguration"


class NoSuchLifecycle(NotFound):
    """OSS answered 404 NoSuchLifecycle."""

    status = 404
    code = "NoSuchLifecycle"


class NoSuchCors(NotFound):
    """OSS answered 404 NoSuchCORSConfiguration."""

    status = 404
    code = "NoSuchCORSConfiguration"


class NoSuchLiveChannel(NotFound):
    """OSS answered 404 NoSuchLiveChannel."""

    status = 404
    code = "NoSuchLiveChannel"


class NoSuchBucketPolicy(NotFound):
    """OSS answered 404 NoSuchBucketPolicy."""

    status = 404
    code = "NoSuchBucketPolicy"


class NoSuchInventory(NotFound):
    """OSS answered 404 NoSuchInventory."""

    status = 404
    code = "NoSuchInventory"


class NoSuchReplicationRule(NotFound):
    """OSS answered 404 NoSuchReplicationRule."""

    status = 404
    code = "NoSuchReplicationRule"


class Conflict(ServerError):
    """OSS answered 409."""

    status = 409
    code = ""


class PositionNotEqualToLength(Conflict):
    """OSS answered 409 PositionNotEqualToLength; `next_position` is where an append may begin."""

    status = 409
    code = "PositionNotEqualToLength"

    def __init__(self, status: int, headers: Mapping[str, str], body: Any, details: Dict[str, Any]) -> None:
        super().__init__(status, headers, body, details)
        self.next_position = int(headers["x-oss-next-append-position"])


class BucketNotEmpty(Conflict):
    """OSS answered 409 BucketNotEmpty."""

    status = 409
    code = "BucketNotEmpty"


class ObjectNotAppendable(Conflict):
    """OSS answered 409 ObjectNotAppendable."""

    status = 409
    code = "ObjectNotAppendable"


class ChannelStillLive(Conflict):
    """OSS answered 409 ChannelStillLive."""

    status = 409
    code = "ChannelStillLive"


class LiveChannelDisabled(Conflict):
    """OSS answered 409 LiveChannelDisabled."""

    status = 409
    code = "LiveChannelDisabled"


class PreconditionFailed(ServerError):
    """OSS answered 412 PreconditionFailed."""

    status = 412
    code = "PreconditionFailed"


class NotModified(ServerError):
    """OSS answered 304."""

    status = 304
    code = ""


class AccessDenied(ServerError):
    """OSS answered 403 AccessDenied."""

    status = 403
    code = "AccessDenied"


class NoSuchServerSideEncryptionRule(NotFound):
    """OSS answered 404 NoSuchServerSideEncryptionRule."""

    status = 404
    code = "NoSuchServerSideEncryptionRule"


class InvalidEncryptionAlgorithmError(ServerError):
    """OSS answered 400 InvalidEncryptionAlgorithmError."""

    status = 400
    code = "InvalidEncryptionAlgorithmError"


class SignatureDoesNotMatch(ServerError):
    """OSS answered 403 SignatureDoesNotMatch."""

    status = 403
    code = "SignatureDoesNotMatch"


class ObjectAlreadyExists(ServerError):
    """OSS answered 400 ObjectAlreadyExists."""

    status = 400
    code = "ObjectAlreadyExists"


class PartNotSequential(ServerError):
    """OSS answered 400 PartNotSequential."""

    status = 400
    code = "PartNotSequential"


class NoSuchWORMConfiguration(ServerError):
    """OSS answered 404 NoSuchWORMConfiguration."""

    status = 404
    code = "NoSuchWORMConfiguration"


class WORMConfigurationLocked(ServerError):
    """OSS answered 403 WORMConfigurationLocked."""

    status = 403
    code = "WORMConfigurationLocked"


class InvalidWORMConfiguration(ServerError):
    """OSS answered 400 InvalidWORMConfiguration."""

    status = 400
    code = "InvalidWORMConfiguration"


class NoSuchTransferAccelerationConfiguration(ServerError):
    """OSS answered 404 NoSuchTransferAccelerationConfiguration."""

    status = 404
    code = "NoSuchTransferAccelerationConfiguration"


class SelectOperationFailed(ServerError):
    """A select broke off; `message` says why."""

    code = "SelectOperationFailed"

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, {}, message, {"Code": code, "Message": message})

    def __str__(self) -> str:
        return str({"status": self.status, "code": self.code, "details": self.message})


class SelectOperationClientError(OssError):
    """A select can't be sent as it is, or its answer is none."""

    def __init__(self, message: str, request_id: str) -> None:
        super().__init__(OSS_SELECT_CLIENT_ERROR_STATUS, {"x-oss-request-id": request_id},
                         "SelectOperationClientError: " + message, {})
        self.message = message

    def __str__(self) -> str:
        return str({"x-oss-request-id": self.request_id, "message": self.message})


def _below(kind: Type[Any]) -> Iterator[Type[Any]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


_BY_ANSWER: Dict[Tuple[int, str], Type[ServerError]] = {
    (kind.status, kind.code): kind for kind in _below(ServerError) if hasattr(kind, "status") and hasattr(kind, "code")
}


def make_exception(resp: Any) -> ServerError:
    """The exception of an answer whose status is not 2xx."""
    return of_answer(resp.status, resp.headers, resp.read(4096))


def of_answer(status: int, headers: Mapping[str, str], body: bytes) -> ServerError:
    """The exception of a status, headers and an error document, which for a HEAD stands in a header."""
    document = body
    if not body and headers.get("x-oss-err"):
        try:
            document = base64.b64decode(headers["x-oss-err"])
        except (ValueError, binascii.Error):
            document = body
    details = _details(document)
    kind = _BY_ANSWER.get((status, details.get("Code", "")), ServerError)
    return kind(status, headers, body, details)


def _details(document: bytes) -> Dict[str, Any]:
    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError:
        # Cut short: what is whole in it still counts.
        text = document.decode("utf-8", "replace")
        found = {name: re.search(f"<{name}>(.*?)</{name}>", text) for name in ("Code", "Message")}
        return {name: match.group(1) for name, match in found.items() if match and "<Error>" in text}
    return {child.tag: child.text for child in root} if root.tag == "Error" else {}


def of_native(error: _errors.OssError, headers: Optional[Mapping[str, str]]) -> OssError:
    """oss2's exception for one of ossplit's."""
    if error.status is not None:
        return of_answer(error.status, headers or {}, error._document or b"")
    if isinstance(error, _errors.ChecksumMismatch):
        return InconsistentError(error.message, error.request_id)
    if isinstance(error, _errors.InvalidInput):
        return ClientError(error.message)
    return RequestError(error)
