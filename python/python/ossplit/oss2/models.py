"""What calls take and answer: oss2's models."""

from __future__ import annotations

import json
import types as _types
import xml.etree.ElementTree as ElementTree
from typing import Any, Dict, Iterator, List, Optional, Tuple

from . import _schema
from ._schema import model, result
from .compat import to_string, urlquote, urlunquote
from .exceptions import ClientError
from .headers import OSS_HASH_CRC64_ECMA, OSS_NEXT_APPEND_POSITION, OSS_OBJECT_TYPE, OSS_SYMLINK_TARGET
from .select_response import SelectResponseAdapter
from .utils import Crc64, http_to_unixtime

OBJECT_ACL_DEFAULT = "default"
OBJECT_ACL_PRIVATE = BUCKET_ACL_PRIVATE = "private"
OBJECT_ACL_PUBLIC_READ = BUCKET_ACL_PUBLIC_READ = "public-read"
OBJECT_ACL_PUBLIC_READ_WRITE = BUCKET_ACL_PUBLIC_READ_WRITE = "public-read-write"
BUCKET_STORAGE_CLASS_STANDARD = "Standard"
BUCKET_STORAGE_CLASS_IA = "IA"
BUCKET_STORAGE_CLASS_ARCHIVE = "Archive"
BUCKET_STORAGE_CLASS_COLD_ARCHIVE = "ColdArchive"
BUCKET_STORAGE_CLASS_DEEP_COLD_ARCHIVE = "DeepColdArchive"
BUCKET_DATA_REDUNDANCY_TYPE_LRS = "LRS"
BUCKET_DATA_REDUNDANCY_TYPE_ZRS = "ZRS"
BUCKET_VERSIONING_ENABLE = "Enabled"
BUCKET_VERSIONING_SUSPEND = "Suspended"
REDIRECT_TYPE_MIRROR = "Mirror"
REDIRECT_TYPE_EXTERNAL = "External"
REDIRECT_TYPE_INTERNAL = "Internal"
REDIRECT_TYPE_ALICDN = "AliCDN"
PAYER_BUCKETOWNER = "BucketOwner"
PAYER_REQUESTER = "Requester"
SERVER_SIDE_ENCRYPTION_AES256 = "AES256"
SERVER_SIDE_ENCRYPTION_KMS = "KMS"
SERVER_SIDE_ENCRYPTION_SM4 = KMS_DATA_ENCRYPTION_SM4 = "SM4"
ASYNC_FETCH_TASK_STATE_RUNNING = "Running"
ASYNC_FETCH_TASK_STATE_RETRY = "Retry"
ASYNC_FETCH_TASK_STATE_FETCH_SUCCESS_CALLBACK_FAILED = "FetchSuccessCallbackFailed"
ASYNC_FETCH_TASK_STATE_FAILED = "Failed"
ASYNC_FETCH_TASK_STATE_SUCCESS = "Success"
INVENTORY_INCLUDED_OBJECT_VERSIONS_CURRENT = "Current"
INVENTORY_INCLUDED_OBJECT_VERSIONS_ALL = "All"
INVENTORY_FREQUENCY_DAILY = "Daily"
INVENTORY_FREQUENCY_WEEKLY = "Weekly"
INVENTORY_FORMAT_CSV = "CSV"
FIELD_SIZE = "Size"
FIELD_LAST_MODIFIED_DATE = "LastModifiedDate"
FIELD_STORAG_CLASS = "StorageClass"
FIELD_ETAG = "ETag"
FIELD_IS_MULTIPART_UPLOADED = "IsMultipartUploaded"
FIELD_ENCRYPTION_STATUS = "EncryptionStatus"
RESTORE_TIER_EXPEDITED = "Expedited"
RESTORE_TIER_STANDARD = "Standard"
RESTORE_TIER_BULK = "Bulk"


def _hget(headers: Any, key: str, converter: Any = str) -> Any:
    return converter(headers[key]) if key in headers else None


class RequestResult:
    """What every call answers."""

    def __init__(self, resp: Any) -> None:
        #: The answer; its body is read already, but for objects.
        self.resp = resp
        self.status = resp.status
        self.headers = resp.headers
        self.request_id = resp.request_id
        self.versionid: Optional[str] = _hget(self.headers, "x-oss-version-id")
        self.delete_marker: Optional[bool] = _hget(self.headers, "x-oss-delete-marker", bool)


class PutObjectResult(RequestResult):
    """What was stored."""

    def __init__(self, resp: Any) -> None:
        super().__init__(resp)
        self.etag: Optional[str] = _hget(self.headers, "etag", lambda text: text.strip('"'))
        self.crc: Optional[int] = _hget(self.headers, OSS_HASH_CRC64_ECMA, int)


class AppendObjectResult(PutObjectResult):
    """What was stored, and where the next append begins."""

    def __init__(self, resp: Any) -> None:
        super().__init__(resp)
        self.next_position: Optional[int] = _hget(self.headers, OSS_NEXT_APPEND_POSITION, int)


class GetObjectMetaResult(RequestResult):
    """Size, ETag and time of an object."""

    def __init__(self, resp: Any) -> None:
        super().__init__(resp)
        self.last_modified: Optional[int] = _hget(self.headers, "last-modified", http_to_unixtime)
        self.content_length: Optional[int] = _hget(self.headers, "content-length", int)
        self.etag: Optional[str] = _hget(self.headers, "etag", lambda text: text.strip('"'))


class HeadObjectResult(GetObjectMetaResult):
    """What is known of an object."""

    def __init__(self, resp: Any) -> None:
        super().__init__(resp)
        self.object_type: Optional[str] = _hget(self.headers, OSS_OBJECT_TYPE)
        self.content_type: Optional[str] = _hget(self.headers, "content-type")
        self._server_crc: Optional[int] = _hget(self.headers, OSS_HASH_CRC64_ECMA, int)

    @property
    def server_crc(self) -> Optional[int]:
        return self._server_crc


class GetObjectResult(HeadObjectResult):
    """An object whose bytes come as they are read: read it to its end, or close it."""

    def __init__(self, resp: Any, progress_callback: Any = None, crc_enabled: bool = False, crypto_provider: Any = None,
                 discard: int = 0) -> None:
        super().__init__(resp)
        if crypto_provider is not None or discard:
            raise ClientError("Client-side encryption is not supported by ossplit.oss2.")
        self.content_range: Optional[str] = _hget(self.headers, "content-range")
        self.stream = resp
        self._crc = Crc64() if crc_enabled and resp._packed else None
        self._crc_enabled = crc_enabled
        self._progress = progress_callback
        self._done = 0

    def read(self, amt: Optional[int] = None) -> bytes:
        """Up to `amt` bytes, the rest when it is None; empty at the end."""
        if self._progress is None:
            piece: bytes = self.resp.read(amt)
        else:
            pieces: List[bytes] = []
            left = amt
            while left is None or left > 0:
                self._progress(self._done, self.content_length)
                some = self.resp.read(_PROGRESS_STEP if left is None else min(left, _PROGRESS_STEP))
                if not some:
                    break
                self._done += len(some)
                pieces.append(some)
                left = None if left is None else left - len(some)
            if pieces:
                self._progress(self._done, self.content_length)
            piece = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if self._crc is not None:
            self._crc.update(piece)
        return piece

    def readinto(self, buffer: Any) -> int:
        """Fills a buffer; how many bytes that were, 0 at the end."""
        if self.resp._packed or self._progress is not None:
            piece = self.read(len(memoryview(buffer).cast("B")))
            memoryview(buffer).cast("B")[: len(piece)] = piece
            return len(piece)
        n: int = self.resp._answer.readinto(buffer)
        return n

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.read(_CHUNK), b"")

    def close(self) -> None:
        self.resp.close()

    def __enter__(self) -> GetObjectResult:
        return self

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        self.close()

    @property
    def client_crc(self) -> Optional[int]:
        """CRC64 of what was read, unless the bucket was made with ``enable_crc=False``."""
        if not self._crc_enabled:
            return None
        crc: int = self.resp._answer.crc if self._crc is None else self._crc.crc
        return crc


_CHUNK = 8 * 1024
_PROGRESS_STEP = 256 * 1024


class SelectObjectResult(HeadObjectResult):
    """Rows, as they come."""

    def __init__(self, resp: Any, progress_callback: Any = None, crc_enabled: bool = False) -> None:
        super().__init__(resp)
        self.select_resp = SelectResponseAdapter(resp, progress_callback, None, crc_enabled)

    def read(self) -> bytes:
        return self.select_resp.read()

    def close(self) -> None:
        self.resp.close()

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.select_resp)

    def __next__(self) -> bytes:
        return next(self.select_resp)

    def __enter__(self) -> SelectObjectResult:
        return self

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        self.close()


class GetSelectObjectMetaResult(HeadObjectResult):
    """How many rows and splits an object has."""

    def __init__(self, resp: Any) -> None:
        super().__init__(resp)
        self.select_resp = SelectResponseAdapter(resp)
        for _ in self.select_resp:
            pass
        self.csv_rows = self.rows = self.select_resp.rows
        self.csv_splits = self.splits = self.select_resp.splits


class GetSymlinkResult(RequestResult):
    """Where a symbolic link leads."""

    def __init__(self, resp: Any) -> None:
        super().__init__(resp)
        self.target_key = urlunquote(self.headers.get(OSS_SYMLINK_TARGET, ""))


class _Text(RequestResult):
    def __init__(self, resp: Any) -> None:
        super().__init__(resp)
        self._text: str = to_string(resp.read())


class GetVodPlaylistResult(_Text):
    """A playlist."""

    def __init__(self, resp: Any) -> None:
        super().__init__(resp)
        self.playlist = self._text


class GetBucketPolicyResult(_Text):
    """A policy, in JSON."""

    def __init__(self, resp: Any) -> None:
        super().__init__(resp)
        self.policy = self._text


class GetAccessPointPolicyResult(_Text):
    """A policy, in JSON."""

    def __init__(self, resp: Any) -> None:
        super().__init__(resp)
        self.policy = self._text


class ProcessObjectResult(_Text):
    """What was made of an object."""

    def __init__(self, resp: Any) -> None:
        super().__init__(resp)
        found = json.loads(self._text)
        self.bucket = found.get("bucket", "")
        self.fileSize = found.get("fileSize", 0)  # noqa: N815 (oss2's name)
        self.object = found.get("object", "")
        self.process_status = found.get("status", "")


class AsyncProcessObject(RequestResult):
    """A task that was begun."""

    def __init__(self, resp: Any) -> None:
        super().__init__(resp)
        body = resp.read()
        found = json.loads(body) if body else {}
        self.event_id = found.get("EventId")
        self.async_request_id = found.get("RequestId")
        self.task_id = found.get("TaskId")


# Objects

PartInfo = model("PartInfo", """
    part_number PartNumber:int
    etag ETag:etag
    size=None Size:int
    last_modified=None LastModified:time
    part_crc=None
""")
Owner = model("Owner", """
    display_name DisplayName
    owner_id ID
""", members={"id": property(lambda self: self.owner_id, lambda self, value: setattr(self, "owner_id", value))})
SimplifiedObjectInfo = model("SimplifiedObjectInfo", """
    key Key:key
    last_modified LastModified:time
    etag ETag:etag
    type Type
    size Size:int
    storage_class StorageClass
    owner=None Owner:Owner
    restore_info=None RestoreInfo
""", members={"is_prefix": lambda self: self.last_modified is None})
ListObjectsResult = result("ListObjectsResult", RequestResult, table="""
    is_truncated=False IsTruncated:bool
    next_marker='' NextMarker:key
    object_list=[] Contents*:SimplifiedObjectInfo
    prefix_list=[] CommonPrefixes/Prefix*:key
""")
ListObjectsV2Result = result("ListObjectsV2Result", RequestResult, table="""
    is_truncated=False IsTruncated:bool
    next_continuation_token='' NextContinuationToken
    object_list=[] Contents*:SimplifiedObjectInfo
    prefix_list=[] CommonPrefixes/Prefix*:key
""")
InitMultipartUploadResult = result("InitMultipartUploadResult", RequestResult, table="upload_id=None UploadId")
MultipartUploadInfo = model("MultipartUploadInfo", """
    key Key:key
    upload_id UploadId
    initiation_date Initiated:time
""", members={"is_prefix": lambda self: self.upload_id is None})
ListMultipartUploadsResult = result("ListMultipartUploadsResult", RequestResult, table="""
    is_truncated=False IsTruncated:bool
    next_key_marker='' NextKeyMarker:key
    next_upload_id_marker='' NextUploadIdMarker
    upload_list=[] Upload*:MultipartUploadInfo
    prefix_list=[] CommonPrefixes/Prefix*:key
""")
ListPartsResult = result("ListPartsResult", RequestResult, table="""
    is_truncated=False IsTruncated:bool
    next_marker='' NextPartNumberMarker
    parts=[] Part*:PartInfo
""")
GetObjectAclResult = result("GetObjectAclResult", RequestResult, table="acl='' AccessControlList/Grant")


class BatchDeleteObjectVersion:
    """One version to delete."""

    def __init__(self, key: Optional[str] = None, versionid: Optional[str] = None) -> None:
        self.key = key or ""
        self.versionid = versionid or ""


class BatchDeleteObjectVersionList:
    """Versions to delete."""

    def __init__(self, object_version_list: Optional[List[BatchDeleteObjectVersion]] = None) -> None:
        self.object_version_list = object_version_list or []

    def append(self, object_version: BatchDeleteObjectVersion) -> None:
        self.object_version_list.append(object_version)

    def len(self) -> int:
        return len(self.object_version_list)


BatchDeleteObjectVersionResult = model("BatchDeleteObjectVersionResult", """
    key Key:key
    versionid='' VersionId
    delete_marker=False DeleteMarker:bool
    delete_marker_versionid='' DeleteMarkerVersionId
""")
BatchDeleteObjectsResult = result("BatchDeleteObjectsResult", RequestResult, table="""
    delete_versions=[] Deleted*:BatchDeleteObjectVersionResult
    deleted_keys=[] Deleted/Key*:key
""")
DeleteMarkerInfo = model("DeleteMarkerInfo", """
    key='' Key:key
    versionid='' VersionId
    is_latest=False IsLatest:bool
    last_modified='' LastModified:time
    owner=None Owner:Owner
""", members={"__init__": lambda self: _start(self)})
ObjectVersionInfo = model("ObjectVersionInfo", """
    key='' Key:key
    versionid='' VersionId
    is_latest=False IsLatest:bool
    last_modified='' LastModified:time
    owner=None Owner:Owner
    type='' Type
    storage_class='' StorageClass
    size='' Size:int
    etag='' ETag:etag
    restore_info='' RestoreInfo
""", members={"__init__": lambda self: _start(self)})


def _start(version: Any) -> None:
    for field in _schema.fields_of(type(version)):
        setattr(version, field.name, field.value())
    version.owner = Owner("", "")


ListObjectVersionsResult = result("ListObjectVersionsResult", RequestResult, table="""
    is_truncated=False IsTruncated:bool
    key_marker='' KeyMarker:key
    next_key_marker='' NextKeyMarker:key
    versionid_marker='' VersionIdMarker
    next_versionid_marker='' NextVersionIdMarker
    name='' Name
    owner=''
    prefix='' Prefix:key
    max_keys='' MaxKeys:int
    delimiter='' Delimiter:key
    delete_marker=[] DeleteMarker*:DeleteMarkerInfo
    versions=[] Version*:ObjectVersionInfo
    common_prefix=[] CommonPrefixes/Prefix*:key
""")
RestoreJobParameters = model("RestoreJobParameters", "tier Tier")
#: As oss2 misspells it, too.
ResotreJobParameters = RestoreJobParameters
RestoreConfiguration = model("RestoreConfiguration", """
    days Days:int
    job_parameters=None JobParameters:RestoreJobParameters
""", root="RestoreRequest")
AsyncFetchTaskConfiguration = model("AsyncFetchTaskConfiguration", """
    url Url
    object_name Object
    host=None Host
    content_md5=None ContentMD5
    callback=None Callback
    ignore_same_key=None IgnoreSameKey:bool
    callback_when_failed=None CallbackWhenFailed:bool
""", root="AsyncFetchTaskConfiguration")


class PutAsyncFetchTaskResult(RequestResult):
    """A task that was begun."""

    _fields = [_schema.Field("task_id=None TaskId")]

    def __init__(self, resp: Any, task_id: Optional[str] = None) -> None:
        super().__init__(resp)
        self.task_id = task_id


class GetAsyncFetchTaskResult(RequestResult):
    """How a task stands."""

    _fields = [_schema.Field(line) for line in (
        "task_id=None TaskId", "task_state=None State", "error_msg=None ErrorMsg",
        "task_config=None TaskInfo:AsyncFetchTaskConfiguration")]

    def __init__(self, resp: Any, task_id: Optional[str] = None, task_state: Optional[str] = None,
                 error_msg: Optional[str] = None, task_config: Any = None) -> None:
        super().__init__(resp)
        self.task_id = task_id
        self.task_state = task_state
        self.error_msg = error_msg
        self.task_config = task_config


# Tags


class TaggingRule:
    """Tags."""

    def __init__(self) -> None:
        self.tagging_rule: Dict[str, str] = {}

    def add(self, key: str, value: str) -> None:
        if not key:
            raise ClientError("Tagging key should not be empty")
        if len(key) > 128:
            raise ClientError("Tagging key is too long")
        if len(value) > 256:
            raise ClientError("Tagging value is too long")
        self.tagging_rule[key] = value

    def delete(self, key: str) -> None:
        del self.tagging_rule[key]

    def len(self) -> int:
        return len(self.tagging_rule)

    def to_query_string(self) -> str:
        """For the header x-oss-tagging."""
        return "&".join(f"{urlquote(key)}={urlquote(value)}" for key, value in self.tagging_rule.items())


class Tagging:
    """A set of tags."""

    _root = "Tagging"

    def __init__(self, tagging_rules: Optional[TaggingRule] = None) -> None:
        self.tag_set = tagging_rules or TaggingRule()

    def __str__(self) -> str:
        return "".join(f"{key}#{value} " for key, value in self.tag_set.tagging_rule.items())

    @staticmethod
    def _write(value: Tagging, node: ElementTree.Element, tag_set: bool = True) -> None:
        parent = ElementTree.SubElement(node, "TagSet") if tag_set else node
        for key, text in value.tag_set.tagging_rule.items():
            tag = ElementTree.SubElement(parent, "Tag")
            ElementTree.SubElement(tag, "Key").text = key
            ElementTree.SubElement(tag, "Value").text = text

    def _after_read(self, node: ElementTree.Element) -> None:
        self.tag_set = TaggingRule()
        for tag in node.findall("TagSet/Tag"):
            self.tag_set.add(tag.findtext("Key") or "", tag.findtext("Value") or "")


class GetTaggingResult(RequestResult, Tagging):
    """The tags of an object or a bucket."""

    def __init__(self, resp: Any) -> None:
        RequestResult.__init__(self, resp)
        Tagging.__init__(self)


# Buckets

SimplifiedBucketInfo = model("SimplifiedBucketInfo", """
    name Name
    location Location
    creation_date CreationDate:time
    extranet_endpoint ExtranetEndpoint
    intranet_endpoint IntranetEndpoint
    storage_class StorageClass
    region=None Region
    resource_group_id=None ResourceGroupId
""")


class ListBucketsResult(RequestResult):
    """Buckets."""

    _fields = [_schema.Field(line) for line in (
        "is_truncated=False IsTruncated:bool", "next_marker='' NextMarker",
        "buckets=[] Buckets/Bucket*:SimplifiedBucketInfo", "owner=None Owner:Owner")]

    def __init__(self, resp: Any) -> None:
        super().__init__(resp)
        self.is_truncated = False
        self.next_marker = ""
        self.buckets: List[Any] = []
        self.owner = Owner("", "")


GetBucketAclResult = result("GetBucketAclResult", RequestResult, table="acl='' AccessControlList/Grant")
GetBucketLocationResult = result("GetBucketLocationResult", RequestResult, table="location='' .")
BucketCreateConfig = model("BucketCreateConfig", """
    storage_class StorageClass
    data_redundancy_type=None DataRedundancyType
""", root="CreateBucketConfiguration")
BucketLogging = model("BucketLogging", """
    target_bucket='' LoggingEnabled/TargetBucket
    target_prefix='' LoggingEnabled/TargetPrefix
""", root="BucketLoggingStatus")
GetBucketLoggingResult = result("GetBucketLoggingResult", RequestResult, BucketLogging)
BucketStat = model("BucketStat", """
    storage_size_in_bytes Storage:int
    object_count ObjectCount:int
    multi_part_upload_count MultipartUploadCount:int
    live_channel_count=None LiveChannelCount:int
    last_modified_time=None LastModifiedTime:int
    standard_storage=None StandardStorage:int
    standard_object_count=None StandardObjectCount:int
    infrequent_access_storage=None InfrequentAccessStorage:int
    infrequent_access_real_storage=None InfrequentAccessRealStorage:int
    infrequent_access_object_count=None InfrequentAccessObjectCount:int
    archive_storage=None ArchiveStorage:int
    archive_real_storage=None ArchiveRealStorage:int
    archive_object_count=None ArchiveObjectCount:int
    cold_archive_storage=None ColdArchiveStorage:int
    cold_archive_real_storage=None ColdArchiveRealStorage:int
    cold_archive_object_count=None ColdArchiveObjectCount:int
    multipart_part_count=None MultipartPartCount:int
    delete_marker_count=None DeleteMarkerCount:int
    deep_cold_archive_storage=None DeepColdArchiveStorage:int
    deep_cold_archive_real_storage=None DeepColdArchiveRealStorage:int
    deep_cold_archive_object_count=None DeepColdArchiveObjectCount:int
""")
GetBucketStatResult = result("GetBucketStatResult", RequestResult, BucketStat)
AccessControlList = model("AccessControlList", "grant Grant")
ServerSideEncryptionRule = model("ServerSideEncryptionRule", """
    sse_algorithm=None ApplyServerSideEncryptionByDefault/SSEAlgorithm
    kms_master_keyid=None ApplyServerSideEncryptionByDefault/KMSMasterKeyID
    kms_data_encryption=None ApplyServerSideEncryptionByDefault/KMSDataEncryption
""", root="ServerSideEncryptionRule")
GetServerSideEncryptionResult = result("GetServerSideEncryptionResult", RequestResult, ServerSideEncryptionRule)
BucketInfo = model("BucketInfo", """
    name=None Bucket/Name
    owner=None Bucket/Owner:Owner
    location=None Bucket/Location
    storage_class=None Bucket/StorageClass
    intranet_endpoint=None Bucket/IntranetEndpoint
    extranet_endpoint=None Bucket/ExtranetEndpoint
    creation_date=None Bucket/CreationDate
    acl=None Bucket/AccessControlList:AccessControlList
    data_redundancy_type=None Bucket/DataRedundancyType
    comment=None Bucket/Comment
    bucket_encryption_rule=None
    versioning_status=None Bucket/Versioning
    access_monitor=None Bucket/AccessMonitor
    transfer_acceleration=None Bucket/TransferAcceleration
    cross_region_replication=None Bucket/CrossRegionReplication
    resource_group_id=None Bucket/ResourceGroupId
""")


class GetBucketInfoResult(RequestResult, BucketInfo):  # type: ignore[misc, valid-type]
    """What is known of a bucket."""

    def __init__(self, resp: Any) -> None:
        RequestResult.__init__(self, resp)
        BucketInfo.__init__(self)

    def _after_read(self, node: ElementTree.Element) -> None:
        # Here the elements stand by themselves, and a bucket without encryption says None.
        rule = node.find("Bucket/ServerSideEncryptionRule")
        if rule is not None:
            names = [rule.findtext(tag) or None for tag in ("SSEAlgorithm", "KMSMasterKeyID", "KMSDataEncryption")]
            none = names[0] == "None"
            self.bucket_encryption_rule = ServerSideEncryptionRule(*([None] * 3 if none else names))


BucketReferer = model("BucketReferer", """
    allow_empty_referer AllowEmptyReferer:bool
    referers RefererList/Referer*
    allow_truncate_query_string=None AllowTruncateQueryString:bool
    black_referers=None RefererBlacklist/Referer*
""", root="RefererConfiguration")
GetBucketRefererResult = result("GetBucketRefererResult", RequestResult, BucketReferer)


def _write_referer(value: Any, node: ElementTree.Element) -> None:
    # The list is there even if it is empty.
    ElementTree.SubElement(node, "AllowEmptyReferer").text = str(value.allow_empty_referer).lower()
    wanted: List[Tuple[str, Any]] = [("RefererList", value.referers or [])]
    if value.allow_truncate_query_string is not None:
        ElementTree.SubElement(node, "AllowTruncateQueryString").text = str(value.allow_truncate_query_string).lower()
    if value.black_referers:
        wanted.append(("RefererBlacklist", value.black_referers))
    for tag, all_of_them in wanted:
        listed = ElementTree.SubElement(node, tag)
        for one in all_of_them:
            ElementTree.SubElement(listed, "Referer").text = to_string(one)


BucketReferer._write = staticmethod(_write_referer)

# Websites

ConditionInlcudeHeader = model("ConditionInlcudeHeader", """
    key=None Key
    equals=None Equals
""")


def _list_of(given: Dict[str, Any], name: str, most: int) -> None:
    value = given[name]
    if value is not None and not isinstance(value, list):
        raise ClientError(f"{name} should be a list")
    if value is not None and len(value) > most:
        raise ClientError(f"{name} should have at most {most} entries")


Condition = model("Condition", """
    key_prefix_equals=None KeyPrefixEquals
    http_err_code_return_equals=None HttpErrorCodeReturnedEquals:int
    include_header_list=[] IncludeHeader*:ConditionInlcudeHeader
""", check=lambda given: _list_of(given, "include_header_list", 5))
MirrorHeadersSet = model("MirrorHeadersSet", """
    key=None Key
    value=None Value
""")


def _check_mirror_headers(given: Dict[str, Any]) -> None:
    for name in ("pass_list", "remove_list", "set_list"):
        _list_of(given, name, 10)


RedirectMirrorHeaders = model("RedirectMirrorHeaders", """
    pass_all=None PassAll:flag
    pass_list=[] Pass*
    remove_list=[] Remove*
    set_list=[] Set*:MirrorHeadersSet
""", check=_check_mirror_headers)


def _check_redirect(given: Dict[str, Any]) -> None:
    g = _types.SimpleNamespace(**given)
    mirror = g.redirect_type == REDIRECT_TYPE_MIRROR
    if not mirror and g.redirect_type not in (REDIRECT_TYPE_EXTERNAL, REDIRECT_TYPE_INTERNAL, REDIRECT_TYPE_ALICDN):
        raise ClientError("redirect_type must be Internal, External, Mirror or AliCDN.")
    if g.redirect_type == REDIRECT_TYPE_INTERNAL and any((g.host_name, g.proto, g.http_redirect_code)):
        raise ClientError("host_name, proto, http_redirect_code must be empty when redirect_type is Internal.")
    if not mirror:
        if g.http_redirect_code is not None and not 300 <= g.http_redirect_code <= 399:
            raise ClientError("http_redirect_code must be a valid HTTP 3xx status code.")
        if g.replace_key_with and g.replace_key_prefix_with:
            raise ClientError("replace_key_with or replace_key_prefix_with only choose one.")
        return
    if any((g.proto, g.host_name, g.replace_key_with, g.replace_key_prefix_with, g.http_redirect_code)):
        raise ClientError("host_name, replace_key_with, replace_key_prefix_with, http_redirect_code and proto must be "
                          "empty when redirect_type is Mirror.")
    if g.mirror_url_slave is not None and g.mirror_url_probe is None:
        raise ClientError("mirror_url_probe should not be none when mirror_url_slave is indicated")
    for name, url in (("mirror_url", g.mirror_url), ("mirror_url_slave", g.mirror_url_slave or g.mirror_url)):
        if url is None or not url.startswith(("http://", "https://")) or not url.endswith("/"):
            raise ClientError(f'{name} is invalid, it should start with "http://" or "https://", and end with "/"')


Redirect = model("Redirect", """
    redirect_type=None RedirectType
    pass_query_string=None PassQueryString:flag
    replace_key_with=None ReplaceKeyWith
    replace_key_prefix_with=None ReplaceKeyPrefixWith
    proto=None Protocol
    host_name=None HostName
    http_redirect_code=None HttpRedirectCode:int
    mirror_url=None MirrorURL
    mirror_url_slave=None MirrorURLSlave
    mirror_url_probe=None MirrorURLProbe
    mirror_pass_query_string=None MirrorPassQueryString:flag
    mirror_follow_redirect=None MirrorFollowRedirect:flag
    mirror_check_md5=None MirrorCheckMd5:flag
    mirror_headers=None MirrorHeaders:RedirectMirrorHeaders
""", check=_check_redirect)


def _check_routing(given: Dict[str, Any]) -> None:
    number, condition, redirect = given["rule_num"], given["condition"], given["redirect"]
    if not isinstance(number, int) or number <= 0:
        raise ClientError("rule_num should be positive integer.")
    if condition is None or redirect is None:
        raise ClientError("condition and redirect should be effective.")
    if redirect.redirect_type == REDIRECT_TYPE_MIRROR and condition.http_err_code_return_equals != 404:
        raise ClientError("http_err_code not match redirect_type, it should be 404!")


RoutingRule = model("RoutingRule", """
    rule_num=None RuleNumber:int
    condition=None Condition:Condition
    redirect=None Redirect:Redirect
""", check=_check_routing)
BucketWebsite = model("BucketWebsite", """
    index_file IndexDocument/Suffix
    error_file ErrorDocument/Key
    rules=[] RoutingRules/RoutingRule*:RoutingRule
""", root="WebsiteConfiguration", check=lambda given: _list_of(given, "rules", 5))
GetBucketWebsiteResult = result("GetBucketWebsiteResult", RequestResult, BucketWebsite)

# Lifecycle


def _one_of(*names: str) -> Any:
    def check(given: Dict[str, Any]) -> None:
        if sum(given[name] is not None for name in names) > 1:
            raise ClientError(f"More than one of {', '.join(names)} has been specified")
    return check


LifecycleExpiration = model("LifecycleExpiration", """
    days=None Days:int
    date=None Date:date
    created_before_date=None CreatedBeforeDate:date
    expired_detete_marker=None ExpiredObjectDeleteMarker:bool
""", check=_one_of("days", "date", "created_before_date", "expired_detete_marker"))
AbortMultipartUpload = model("AbortMultipartUpload", """
    days=None Days:int
    created_before_date=None CreatedBeforeDate:date
""", check=_one_of("days", "created_before_date"))
StorageTransition = model("StorageTransition", """
    days=None Days:int
    created_before_date=None CreatedBeforeDate:date
    storage_class=None StorageClass
    is_access_time=None IsAccessTime:bool
    return_to_std_when_visit=None ReturnToStdWhenVisit:bool
    allow_small_file=None AllowSmallFile:bool
""", check=_one_of("days", "created_before_date"))
NoncurrentVersionExpiration = model("NoncurrentVersionExpiration", "noncurrent_days NoncurrentDays:int")
NoncurrentVersionStorageTransition = model("NoncurrentVersionStorageTransition", """
    noncurrent_days NoncurrentDays:int
    storage_class StorageClass
    is_access_time=None IsAccessTime:bool
    return_to_std_when_visit=None ReturnToStdWhenVisit:bool
    allow_small_file=None AllowSmallFile:bool
""")
FilterNotTag = model("FilterNotTag", """
    key=None Key
    value=None Value
""")
FilterNot = model("FilterNot", """
    prefix=None Prefix
    tag=None Tag:FilterNotTag
""")
LifecycleFilter = model("LifecycleFilter", """
    filter_not=[] Not*:FilterNot
    object_size_greater_than=None ObjectSizeGreaterThan:int
    object_size_less_than=None ObjectSizeLessThan:int
""")


LifecycleRule = model("LifecycleRule", """
    id ID
    prefix Prefix
    status=Enabled Status
    expiration=None Expiration:LifecycleExpiration
    abort_multipart_upload=None AbortMultipartUpload:AbortMultipartUpload
    storage_transitions=None Transition*:StorageTransition
    tagging=None
    noncurrent_version_expiration=None NoncurrentVersionExpiration:NoncurrentVersionExpiration
    noncurrent_version_sotrage_transitions=None NoncurrentVersionTransition*:NoncurrentVersionStorageTransition
    atime_base=None AtimeBase:int
    filter=None Filter:LifecycleFilter
""", members={"ENABLED": "Enabled", "DISABLED": "Disabled"})


def _read_rule_tags(rule: Any, node: ElementTree.Element) -> None:
    tags = TaggingRule()
    for tag in node.findall("Tag"):
        tags.add(tag.findtext("Key") or "", tag.findtext("Value") or "")
    rule.tagging = Tagging(tags) if tags.len() else None


def _write_rule(rule: Any, node: ElementTree.Element) -> None:
    for field in _schema.fields_of(LifecycleRule):
        own = getattr(rule, field.name, None)
        if field.name == "tagging" and own is not None:
            Tagging._write(own, node, tag_set=False)
        elif own is not None and field.path and field.name != "atime_base":
            for one in own if field.many else [own]:
                field.write_one(node, field.path, one)


LifecycleRule._after_read = _read_rule_tags
LifecycleRule._write = staticmethod(_write_rule)
BucketLifecycle = model("BucketLifecycle", "rules=[] Rule*:LifecycleRule", root="LifecycleConfiguration")
GetBucketLifecycleResult = result("GetBucketLifecycleResult", RequestResult, BucketLifecycle)

# Other settings

CorsRule = model("CorsRule", """
    allowed_origins=[] AllowedOrigin*
    allowed_methods=[] AllowedMethod*
    allowed_headers=[] AllowedHeader*
    expose_headers=[] ExposeHeader*
    max_age_seconds=None MaxAgeSeconds:int
""")
BucketCors = model("BucketCors", """
    rules=[] CORSRule*:CorsRule
    response_vary=None ResponseVary:bool
""", root="CORSConfiguration")
GetBucketCorsResult = result("GetBucketCorsResult", RequestResult, BucketCors)
BucketVersioningConfig = model("BucketVersioningConfig", "status=None Status", root="VersioningConfiguration")
GetBucketVersioningResult = result("GetBucketVersioningResult", RequestResult, BucketVersioningConfig)
GetBucketRequestPaymentResult = result("GetBucketRequestPaymentResult", RequestResult, table="payer='' Payer")
_QOS = """
    total_upload_bw=None TotalUploadBandwidth:int
    intranet_upload_bw=None IntranetUploadBandwidth:int
    extranet_upload_bw=None ExtranetUploadBandwidth:int
    total_download_bw=None TotalDownloadBandwidth:int
    intranet_download_bw=None IntranetDownloadBandwidth:int
    extranet_download_bw=None ExtranetDownloadBandwidth:int
    total_qps=None TotalQps:int
    intranet_qps=None IntranetQps:int
    extranet_qps=None ExtranetQps:int
"""
BucketQosInfo = model("BucketQosInfo", _QOS, root="QoSConfiguration")
QoSConfiguration = model("QoSConfiguration", _QOS, root="QoSConfiguration")
UserQosInfo = model("UserQosInfo", "region=None Region" + _QOS)
GetUserQosInfoResult = result("GetUserQosInfoResult", RequestResult, UserQosInfo)
GetBucketQosInfoResult = result("GetBucketQosInfoResult", RequestResult, BucketQosInfo)
BucketUserQos = model("BucketUserQos", "storage_capacity=None StorageCapacity:int", root="BucketUserQos")
GetBucketUserQosResult = result("GetBucketUserQosResult", RequestResult, BucketUserQos)
RequesterQoSInfo = model("RequesterQoSInfo", """
    requester=None Requester
    qos_configuration=None QoSConfiguration:QoSConfiguration
""")
RequesterQoSInfoResult = result("RequesterQoSInfoResult", RequestResult, table="""
    requester=None Requester
    qos_configuration=None QoSConfiguration:QoSConfiguration
""")
InitBucketWormResult = result("InitBucketWormResult", RequestResult, table="worm_id=None")
GetBucketWormResult = result("GetBucketWormResult", RequestResult, table="""
    worm_id=None WormId
    state=None State
    worm_state=None State
    retention_period_days=None RetentionPeriodInDays:int
    creation_date=None CreationDate
""")
AccessMonitorInfo = model("AccessMonitorInfo", "status Status")
GetBucketAccessMonitorResult = result("GetBucketAccessMonitorResult", RequestResult,
                                      table="access_monitor=None .:AccessMonitorInfo")
GetBucketResourceGroupResult = result("GetBucketResourceGroupResult", RequestResult,
                                      table="resource_group_id=None ResourceGroupId")
GetBucketTransferAccelerationResult = result("GetBucketTransferAccelerationResult", RequestResult,
                                             table="enabled=None Enabled")
GetBucketArchiveDirectReadResult = result("GetBucketArchiveDirectReadResult", RequestResult,
                                          table="enabled=None Enabled:bool")
BucketTlsVersion = model("BucketTlsVersion", """
    tls_enabled=False TLS/Enable:bool
    tls_version=None TLS/TLSVersion*
""", root="HttpsConfiguration")
HttpsConfigResult = result("HttpsConfigResult", RequestResult, table="""
    tls_enabled=None TLS/Enable:bool
    tls_version=[] TLS/TLSVersion*
""")
_BLOCK = "block_public_access=None BlockPublicAccess:bool"
GetPublicAccessBlockResult = result("GetPublicAccessBlockResult", RequestResult, table=_BLOCK)
GetBucketPublicAccessBlockResult = result("GetBucketPublicAccessBlockResult", RequestResult, table=_BLOCK)
GetAccessPointPublicAccessBlockResult = result("GetAccessPointPublicAccessBlockResult", RequestResult, table=_BLOCK)
_STYLE = """
    name=None Name
    content=None Content
    create_time=None CreateTime
    last_modify_time=None LastModifyTime
"""
BucketStyleInfo = model("BucketStyleInfo", _STYLE)
GetBucketStyleResult = result("GetBucketStyleResult", RequestResult, table=_STYLE)
ListBucketStyleResult = result("ListBucketStyleResult", RequestResult, table="styles=[] Style*:BucketStyleInfo")
RegionInfo = model("RegionInfo", """
    region=None Region
    internet_endpoint=None InternetEndpoint
    internal_endpoint=None InternalEndpoint
    accelerate_endpoint=None AccelerateEndpoint
""")
DescribeRegionsResult = result("DescribeRegionsResult", RequestResult, table="regions=[] RegionInfo*:RegionInfo")
CallbackPolicyInfo = model("CallbackPolicyInfo", """
    policy_name=None PolicyName
    callback=None Callback
    callback_var='' CallbackVar
""")
CallbackPolicy = model("CallbackPolicy", "callback_policies=[] PolicyItem*:CallbackPolicyInfo",
                       root="BucketCallbackPolicy")
CallbackPolicyResult = result("CallbackPolicyResult", RequestResult,
                              table="callback_policies=[] PolicyItem*:CallbackPolicyInfo")

# Inventories

InventoryFilter = model("InventoryFilter", """
    prefix=None Prefix
    last_modify_begin_time_stamp=None LastModifyBeginTimeStamp
    last_modify_end_time_stamp=None LastModifyEndTimeStamp
    lower_size_bound=None LowerSizeBound
    upper_size_bound=None UpperSizeBound
    storage_class=None StorageClass
""")
InventorySchedule = model("InventorySchedule", "frequency Frequency")
InventoryServerSideEncryptionKMS = model("InventoryServerSideEncryptionKMS", "key_id KeyId")
InventoryServerSideEncryptionOSS = model("InventoryServerSideEncryptionOSS", "")


def _check_destination(given: Dict[str, Any]) -> None:
    if given["sse_kms_encryption"] and given["sse_oss_encryption"]:
        raise ClientError("only one encryption method between sse_kms_encryption and sse_oss_encryption can be chosen.")


InventoryBucketDestination = model("InventoryBucketDestination", """
    account_id=None AccountId
    role_arn=None RoleArn
    bucket=None Bucket
    inventory_format=None Format
    prefix=None Prefix
    sse_kms_encryption=None Encryption/SSE-KMS:InventoryServerSideEncryptionKMS
    sse_oss_encryption=None Encryption/SSE-OSS:InventoryServerSideEncryptionOSS
""", check=_check_destination)
_ARN = "acs:oss:::"


def _read_destination(made: Any, node: ElementTree.Element) -> None:
    if made.bucket is not None and made.bucket.startswith(_ARN):
        made.bucket = made.bucket[len(_ARN):]


def _write_destination(value: Any, node: ElementTree.Element) -> None:
    named = _types.SimpleNamespace(**{**value.__dict__, "bucket": value.bucket and _ARN + value.bucket})
    _schema.write_into(node, named, _plain(InventoryBucketDestination))


def _plain(kind: Any) -> type:
    """The same table, without a writer of its own."""
    return type(kind.__name__, (), {"_fields": kind._fields})


InventoryBucketDestination._after_read = _read_destination
InventoryBucketDestination._write = staticmethod(_write_destination)
InventoryDestination = model("InventoryDestination",
                             "bucket_destination=None OSSBucketDestination:InventoryBucketDestination")
InventoryConfiguration = model("InventoryConfiguration", """
    inventory_id=None Id
    is_enabled=None IsEnabled:bool
    included_object_versions=None IncludedObjectVersions
    inventory_filter=None Filter:InventoryFilter
    inventory_destination=None Destination:InventoryDestination
    inventory_schedule=None Schedule:InventorySchedule
    optional_fields=[] OptionalFields/Field*
""", root="InventoryConfiguration")
GetInventoryConfigurationResult = result("GetInventoryConfigurationResult", RequestResult, InventoryConfiguration)
ListInventoryConfigurationsResult = result("ListInventoryConfigurationsResult", RequestResult, table="""
    inventory_configurations=[] InventoryConfiguration*:InventoryConfiguration
    is_truncated=None IsTruncated:bool
    continuaiton_token=None ContinuationToken
    next_continuation_token=None NextContinuationToken
""")

# Replication


def _check_replication(given: Dict[str, Any]) -> None:
    if not isinstance(given["is_enable_historical_object_replication"], (bool, type(None))):
        raise ClientError("is_enable_historical_object_replication should be instance of bool.")
    if given["sse_kms_encrypted_objects_status"] not in (None, "Enabled", "Disabled"):
        raise ClientError('sse_kms_encrypted_objects_status should be "Enabled" or "Disabled".')


_TARGET = """
    target_bucket_name=None Destination/Bucket
    target_bucket_location=None Destination/Location
    target_transfer_type=None Destination/TransferType
    prefix_list=[] PrefixSet/Prefix*
    action_list=[]
    is_enable_historical_object_replication=None
"""
ReplicationRule = model("ReplicationRule", "rule_id=None ID" + _TARGET + """
    sync_role_name=None SyncRole
    replica_kms_keyid=None EncryptionConfiguration/ReplicaKmsKeyID
    sse_kms_encrypted_objects_status=None SourceSelectionCriteria/SseKmsEncryptedObjects/Status
    status=None Status
    target_cloud=None Destination/Cloud
    target_cloud_location=None Destination/CloudLocation
""", check=_check_replication, members={
    "ENABLED": "Enabled", "DISABLED": "Disabled", "ALL": "ALL", "PUT": "PUT", "DELETE": "DELETE", "ABORT": "ABORT",
    "STARTING": "starting", "DOING": "doing", "CLOSING": "closing"}, root="ReplicationConfiguration")
BucketReplicationProgress = model("BucketReplicationProgress", "rule_id=None ID" + _TARGET + """
    status=None Status
    historical_object_progress=0 Progress/HistoricalObject:float
    new_object_progress=None Progress/NewObject
""")


def _read_replication(rule: Any, node: ElementTree.Element) -> None:
    rule.is_enable_historical_object_replication = node.findtext("HistoricalObjectReplication") == "enabled"
    rule.action_list = (node.findtext("Action") or "").split(",")


def _write_replication(value: Any, node: ElementTree.Element) -> None:
    rule = ElementTree.SubElement(node, "Rule")
    # What only an answer says, and what is written otherwise.
    wanted = _types.SimpleNamespace(**{**value.__dict__, "status": None, "target_cloud": None,
                                       "target_cloud_location": None})
    _schema.write_into(rule, wanted, _plain(ReplicationRule))
    history = value.is_enable_historical_object_replication is not False
    ElementTree.SubElement(rule, "HistoricalObjectReplication").text = "enabled" if history else "disabled"
    if value.action_list:
        ElementTree.SubElement(rule, "Action").text = ",".join(value.action_list)


ReplicationRule._after_read = BucketReplicationProgress._after_read = _read_replication
ReplicationRule._write = staticmethod(_write_replication)
LocationTransferType = model("LocationTransferType", """
    location=None Location
    transfer_type=None TransferTypes/Type
""")
GetBucketReplicationResult = result("GetBucketReplicationResult", RequestResult,
                                    table="rule_list=[] Rule*:ReplicationRule")
GetBucketReplicationLocationResult = result("GetBucketReplicationLocationResult", RequestResult, table="""
    location_list=[] Location*
    location_transfer_type_list=[] LocationTransferTypeConstraint/LocationTransferType*:LocationTransferType
""")
GetBucketReplicationProgressResult = result("GetBucketReplicationProgressResult", RequestResult,
                                            table="progress=None Rule:BucketReplicationProgress")

# Domain names

CertificateInfo = model("CertificateInfo", """
    type=None Type
    cert_id=None CertId
    status=None Status
    creation_date=None CreationDate
    fingerprint=None Fingerprint
    valid_start_date=None ValidStartDate
    valid_end_date=None ValidEndDate
""")
CnameInfo = model("CnameInfo", """
    domain=None Domain
    last_modified=None LastModified
    status=None Status
    is_purge_cdn_cache=None IsPurgeCdnCache
    certificate=None Certificate:CertificateInfo
""")
CertInfo = model("CertInfo", """
    cert_id=None CertId
    certificate=None Certificate
    private_key=None PrivateKey
    previous_cert_id=None PreviousCertId
    force=None Force:flag
    delete_certificate=None DeleteCertificate:flag
""", members={"__repr__": lambda self: f"CertInfo({self.cert_id!r})"})
PutBucketCnameRequest = model("PutBucketCnameRequest", """
    domain Cname/Domain
    cert=None Cname/CertificateConfiguration:CertInfo
""", root="BucketCnameConfiguration")
_TOKEN = """
    bucket=None Bucket
    cname=None Cname
    token=None Token
    expire_time=None ExpireTime
"""
CreateBucketCnameTokenResult = result("CreateBucketCnameTokenResult", RequestResult, table=_TOKEN)
GetBucketCnameTokenResult = result("GetBucketCnameTokenResult", RequestResult, table=_TOKEN)
ListBucketCnameResult = result("ListBucketCnameResult", RequestResult, table="""
    bucket=None Bucket
    owner=None Owner
    cname=[] Cname*:CnameInfo
""")

# Queries of metadata

AggregationsRequest = model("AggregationsRequest", """
    field=None Field
    operation=None Operation
""")
MetaQuery = model("MetaQuery", """
    next_token=None NextToken
    max_results=None MaxResults
    query=None Query
    sort=None Sort
    order=None Order
    aggregations=[] Aggregations/Aggregation*:AggregationsRequest
""", root="MetaQuery")
OSSTaggingInfo = model("OSSTaggingInfo", """
    key Key
    value Value
""")
OSSUserMetaInfo = model("OSSUserMetaInfo", """
    key Key
    value Value
""")
MetaQueryFile = model("MetaQueryFile", """
    file_name=None Filename
    size=None Size:int
    file_modified_time=None FileModifiedTime
    file_create_time=None FileCreateTime
    file_access_time=None FileAccessTime
    oss_object_type=None OSSObjectType
    oss_storage_class=None OSSStorageClass
    object_acl=None ObjectACL
    etag=None ETag
    oss_crc64=None OSSCRC64
    oss_tagging_count=None OSSTaggingCount:int
    oss_tagging=[] OSSTagging/Tagging*:OSSTaggingInfo
    oss_user_meta=[] OSSUserMeta/UserMeta*:OSSUserMetaInfo
""")
AggregationGroupInfo = model("AggregationGroupInfo", """
    value Value
    count Count:int
""")
AggregationsInfo = model("AggregationsInfo", """
    field=None Field
    operation=None Operation
    value=None Value:float
    groups=[] Groups/Group*:AggregationGroupInfo
""")
GetBucketMetaQueryResult = result("GetBucketMetaQueryResult", RequestResult, table="""
    state=None State
    phase=None Phase
    create_time=None CreateTime
    update_time=None UpdateTime
""")
DoBucketMetaQueryResult = result("DoBucketMetaQueryResult", RequestResult, table="""
    next_token=None NextToken
    files=[] Files/File*:MetaQueryFile
    aggregations=[] Aggregations/Aggregation*:AggregationsInfo
""")

# Live channels

LiveChannelInfoTarget = model("LiveChannelInfoTarget", """
    type=HLS Type
    frag_duration=5 FragDuration
    frag_count=3 FragCount
    playlist_name='' PlaylistName
""")
LiveChannelInfo = model("LiveChannelInfo", """
    status=enabled Status
    description='' Description
    target=None Target:LiveChannelInfoTarget
    last_modified=None LastModified:time
    name=None Name
    play_url=None PlayUrls/Url
    publish_url=None PublishUrls/Url
""", root="LiveChannelConfiguration")


def _write_channel(value: Any, node: ElementTree.Element) -> None:
    ElementTree.SubElement(node, "Description").text = value.description
    ElementTree.SubElement(node, "Status").text = value.status
    _schema.write_into(ElementTree.SubElement(node, "Target"), value.target or LiveChannelInfoTarget())


LiveChannelInfo._write = staticmethod(_write_channel)
LiveChannelList = model("LiveChannelList", """
    prefix='' Prefix
    marker='' Marker
    max_keys=100 MaxKeys:int
    is_truncated=False IsTruncated:bool
    next_marker='' NextMarker
    channels=[] LiveChannel*:LiveChannelInfo
""")
LiveChannelVideoStat = model("LiveChannelVideoStat", """
    width=0 Width:int
    height=0 Height:int
    frame_rate=0 FrameRate:int
    codec='' Codec
    bandwidth=0 Bandwidth:int
""")
LiveChannelAudioStat = model("LiveChannelAudioStat", """
    codec='' Codec
    sample_rate=0 SampleRate:int
    bandwidth=0 Bandwidth:int
""")
LiveChannelStat = model("LiveChannelStat", """
    status='' Status
    remote_addr='' RemoteAddr
    connected_time='' ConnectedTime:time
    video=None Video:LiveChannelVideoStat
    audio=None Audio:LiveChannelAudioStat
""")
LiveRecord = model("LiveRecord", """
    start_time='' StartTime:time
    end_time='' EndTime:time
    remote_addr='' RemoteAddr
""")
LiveChannelHistory = model("LiveChannelHistory", "records=[] LiveRecord*:LiveRecord")
CreateLiveChannelResult = result("CreateLiveChannelResult", RequestResult, LiveChannelInfo)
GetLiveChannelResult = result("GetLiveChannelResult", RequestResult, LiveChannelInfo)
ListLiveChannelResult = result("ListLiveChannelResult", RequestResult, LiveChannelList)
GetLiveChannelStatResult = result("GetLiveChannelStatResult", RequestResult, LiveChannelStat)
GetLiveChannelHistoryResult = result("GetLiveChannelHistoryResult", RequestResult, LiveChannelHistory)

# Changes of redundancy

_TRANSITION = """
    bucket=None Bucket
    task_id=None TaskId
    create_time=None CreateTime
    start_time=None StartTime
    end_time=None EndTime
    transition_status=None Status
    estimated_remaining_time=None EstimatedRemainingTime:int
    process_percentage=None ProcessPercentage:int
"""
DataRedundancyTransitionInfo = model("DataRedundancyTransitionInfo", _TRANSITION)
DataRedundancyTransitionInfoResult = result("DataRedundancyTransitionInfoResult", RequestResult, table=_TRANSITION)
CreateDataRedundancyTransitionResult = result("CreateDataRedundancyTransitionResult", RequestResult,
                                              table="task_id=None TaskId")
ListUserDataRedundancyTransitionResult = result("ListUserDataRedundancyTransitionResult", RequestResult, table="""
    is_truncated=None IsTruncated:bool
    next_continuation_token=None NextContinuationToken
    data_redundancy_transitions=[] BucketDataRedundancyTransition*:DataRedundancyTransitionInfo
""")
ListBucketDataRedundancyTransitionResult = result(
    "ListBucketDataRedundancyTransitionResult", RequestResult,
    table="data_redundancy_transitions=[] BucketDataRedundancyTransition*:DataRedundancyTransitionInfo")

# Access points

AccessPointVpcConfiguration = model("AccessPointVpcConfiguration", "vpc_id=None VpcId")
PublicAccessBlockConfiguration = model("PublicAccessBlockConfiguration", _BLOCK)
AccessPointEndpoints = model("AccessPointEndpoints", """
    public_endpoint=None PublicEndpoint
    internal_endpoint=None InternalEndpoint
""")
CreateAccessPointRequest = model("CreateAccessPointRequest", """
    access_point_name=None AccessPointName
    network_origin=None NetworkOrigin
    vpc=None VpcConfiguration:AccessPointVpcConfiguration
""", root="CreateAccessPointConfiguration")
CreateAccessPointResult = result("CreateAccessPointResult", RequestResult, table="""
    access_point_arn=None AccessPointArn
    alias=None Alias
""")
GetAccessPointResult = result("GetAccessPointResult", RequestResult, table="""
    access_point_name=None AccessPointName
    bucket=None Bucket
    account_id=None AccountId
    network_origin=None NetworkOrigin
    vpc=None VpcConfiguration:AccessPointVpcConfiguration
    access_point_arn=None AccessPointArn
    creation_date=None CreationDate
    alias=None Alias
    access_point_status=None Status
    endpoints=None Endpoints:AccessPointEndpoints
    public_access_block_configuration=None PublicAccessBlockConfiguration:PublicAccessBlockConfiguration
""")
AccessPointInfo = model("AccessPointInfo", """
    access_point_name=None AccessPointName
    bucket=None Bucket
    network_origin=None NetworkOrigin
    vpc=None VpcConfiguration:AccessPointVpcConfiguration
    alias=None Alias
    status=None Status
""")
ListAccessPointResult = result("ListAccessPointResult", RequestResult, table="""
    account_id=None AccountId
    max_keys=None MaxKeys:int
    is_truncated=None IsTruncated:bool
    next_continuation_token=None NextContinuationToken
    marker=None Marker
    access_points=[] AccessPoints/AccessPoint*:AccessPointInfo
""")

# Resource pools

_PAGE = """
    continuation_token='' ContinuationToken
    next_continuation_token='' NextContinuationToken
    is_truncated=False IsTruncated:bool
"""
ResourcePoolInfo = model("ResourcePoolInfo", """
    name=None Name
    create_time=None CreateTime
""")
ResourcePoolBucketInfo = model("ResourcePoolBucketInfo", """
    name=None Name
    join_time=None JoinTime
""")
ResourcePoolInfoResult = result("ResourcePoolInfoResult", RequestResult, table="""
    region=None Region
    name=None Name
    owner=None Owner
    create_time=None CreateTime
    qos_configuration=None QoSConfiguration:QoSConfiguration
""")
ListResourcePoolsResult = result("ListResourcePoolsResult", RequestResult, table="""
    region=None Region
    owner=None Owner""" + _PAGE + "resource_pool=[] ResourcePool*:ResourcePoolInfo")
ListResourcePoolBucketsResult = result(
    "ListResourcePoolBucketsResult", RequestResult,
    table="resource_pool=None ResourcePool" + _PAGE +
          "resource_pool_buckets=[] ResourcePoolBucket*:ResourcePoolBucketInfo")
ListResourcePoolRequesterQoSInfosResult = result(
    "ListResourcePoolRequesterQoSInfosResult", RequestResult,
    table="resource_pool=None ResourcePool" + _PAGE + "requester_qos_info=[] RequesterQoSInfo*:RequesterQoSInfo")
ListBucketRequesterQoSInfosResult = result(
    "ListBucketRequesterQoSInfosResult", RequestResult,
    table="bucket=None Bucket" + _PAGE + "requester_qos_info=[] RequesterQoSInfo*:RequesterQoSInfo")
