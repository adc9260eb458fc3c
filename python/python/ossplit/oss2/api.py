"""`Service` and `Bucket`."""

from __future__ import annotations

from typing import Any, Dict, Optional

from . import _select, http, models, utils
from ._base import Base
from ._objects import BucketObjects
from ._schema import document
from ._settings import BucketSettings, _block, _needed
from .compat import to_string, urlquote
from .exceptions import ClientError
from .models import RequestResult


class Service(Base):
    """What is about all buckets of an account."""

    QOS_INFO = "qosInfo"
    REGIONS = "regions"
    WRITE_GET_OBJECT_RESPONSE = "x-oss-write-get-object-response"
    PUBLIC_ACCESS_BLOCK = "publicAccessBlock"
    REQUESTER_QOS_INFO = "requesterQosInfo"
    QOS_REQUESTER = "qosRequester"
    RESOURCE_POOL_INFO = "resourcePoolInfo"
    RESOURCE_POOL = "resourcePool"
    RESOURCE_POOL_BUCKETS = "resourcePoolBuckets"

    def __init__(self, auth: Any, endpoint: str, session: Optional[http.Session] = None, connect_timeout: Any = None,
                 app_name: str = "", proxies: Optional[Dict[str, str]] = None, region: Optional[str] = None,
                 cloudbox_id: Optional[str] = None, is_path_style: bool = False) -> None:
        super().__init__(auth, endpoint, False, session, connect_timeout, app_name=app_name, proxies=proxies,
                         region=region, cloudbox_id=cloudbox_id, is_path_style=is_path_style)

    def _ask(self, method: str, kind: Any, **params: Any) -> Any:
        resp = self._do(method, "", "", params={name.replace("_", "-"): value for name, value in params.items()})
        return RequestResult(resp) if kind is None else self._parse(resp, kind)

    def list_buckets(self, prefix: str = "", marker: str = "", max_keys: int = 100,
                     params: Optional[Dict[str, Any]] = None, headers: Any = None) -> Any:
        params = {"prefix": prefix, "marker": marker, "max-keys": max_keys, **(params or {})}
        return self._parse(self._do("GET", "", "", params=params, headers=headers), models.ListBucketsResult)

    def get_user_qos_info(self) -> Any:
        return self._ask("GET", models.GetUserQosInfoResult, qosInfo="")

    def describe_regions(self, regions: str = "") -> Any:
        return self._ask("GET", models.DescribeRegionsResult, regions=regions)

    def write_get_object_response(self, route: str, token: str, fwd_status: str, data: Any,
                                  headers: Any = None) -> RequestResult:
        headers = http.CaseInsensitiveDict(headers)
        for name, value in (("route", route), ("token", token)):
            if value:
                headers[f"x-oss-request-{name}"] = value
        if fwd_status:
            headers["x-oss-fwd-status"] = fwd_status
        return RequestResult(self._do("POST", "", "", params={Service.WRITE_GET_OBJECT_RESPONSE: ""}, headers=headers,
                                      data=data))

    def list_user_data_redundancy_transition(self, continuation_token: str = "", max_keys: int = 100) -> Any:
        return self._ask("GET", models.ListUserDataRedundancyTransitionResult, redundancyTransition="",
                         continuation_token=continuation_token, max_keys=max_keys)

    def list_access_points(self, max_keys: int = 100, continuation_token: str = "") -> Any:
        return self._ask("GET", models.ListAccessPointResult, accessPoint="", max_keys=max_keys,
                         continuation_token=continuation_token)

    def put_public_access_block(self, block_public_access: bool = False) -> RequestResult:
        return RequestResult(self._do("PUT", "", "", data=_block(block_public_access),
                                      params={"publicAccessBlock": ""}))

    def get_public_access_block(self) -> Any:
        return self._ask("GET", models.GetPublicAccessBlockResult, publicAccessBlock="")

    def delete_public_access_block(self) -> RequestResult:
        done: RequestResult = self._ask("DELETE", None, publicAccessBlock="")
        return done

    def list_resource_pools(self, continuation_token: str = "", max_keys: int = 100) -> Any:
        return self._ask("GET", models.ListResourcePoolsResult, resourcePool="",
                         continuation_token=continuation_token, max_keys=max_keys)

    def get_resource_pool_info(self, resource_pool_name: str) -> Any:
        return self._ask("GET", models.ResourcePoolInfoResult, resourcePoolInfo="",
                         resourcePool=_needed("resource_pool_name", resource_pool_name))

    def list_resource_pool_buckets(self, resource_pool_name: str, continuation_token: str = "",
                                   max_keys: int = 100) -> Any:
        return self._ask("GET", models.ListResourcePoolBucketsResult, resourcePoolBuckets="",
                         resourcePool=_needed("resource_pool_name", resource_pool_name),
                         continuation_token=continuation_token, max_keys=max_keys)

    def put_resource_pool_requester_qos_info(self, uid: str, resource_pool_name: str,
                                             qos_configuration: Any) -> RequestResult:
        params = {"requesterQosInfo": "", "qosRequester": _needed("uid", uid),
                  "resourcePool": _needed("resource_pool_name", resource_pool_name)}
        return RequestResult(self._do("PUT", "", "", params=params,
                                      data=document(qos_configuration, models.QoSConfiguration)))

    def get_resource_pool_requester_qos_info(self, uid: str, resource_pool_name: str) -> Any:
        return self._ask("GET", models.RequesterQoSInfoResult, requesterQosInfo="", qosRequester=_needed("uid", uid),
                         resourcePool=_needed("resource_pool_name", resource_pool_name))

    def list_resource_pool_requester_qos_infos(self, resource_pool_name: str, continuation_token: str = "",
                                               max_keys: int = 100) -> Any:
        return self._ask("GET", models.ListResourcePoolRequesterQoSInfosResult, requesterQosInfo="",
                         resourcePool=_needed("resource_pool_name", resource_pool_name),
                         continuation_token=continuation_token, max_keys=max_keys)

    def delete_resource_pool_requester_qos_info(self, uid: str, resource_pool_name: str) -> RequestResult:
        done: RequestResult = self._ask("DELETE", None, requesterQosInfo="", qosRequester=_needed("uid", uid),
                                        resourcePool=_needed("resource_pool_name", resource_pool_name))
        return done


class Bucket(BucketObjects, BucketSettings):
    """One bucket: its objects and its settings. Threads may share one."""

    ACL = "acl"
    CORS = "cors"
    LIFECYCLE = "lifecycle"
    LOCATION = "location"
    LOGGING = "logging"
    REFERER = "referer"
    WEBSITE = "website"
    LIVE = "live"
    COMP = "comp"
    STATUS = "status"
    VOD = "vod"
    SYMLINK = "symlink"
    STAT = "stat"
    BUCKET_INFO = "bucketInfo"
    PROCESS = "x-oss-process"
    TAGGING = "tagging"
    ENCRYPTION = "encryption"
    VERSIONS = "versions"
    VERSIONING = "versioning"
    VERSIONID = "versionId"
    RESTORE = "restore"
    OBJECTMETA = "objectMeta"
    POLICY = "policy"
    REQUESTPAYMENT = "requestPayment"
    QOS_INFO = "qosInfo"
    USER_QOS = "qos"
    ASYNC_FETCH = "asyncFetch"
    SEQUENTIAL = "sequential"
    INVENTORY = "inventory"
    INVENTORY_CONFIG_ID = "inventoryId"
    CONTINUATION_TOKEN = "continuation-token"
    WORM = "worm"
    WORM_ID = "wormId"
    WORM_EXTEND = "wormExtend"
    REPLICATION = "replication"
    REPLICATION_LOCATION = "replicationLocation"
    REPLICATION_PROGRESS = "replicationProgress"
    TRANSFER_ACCELERATION = "transferAcceleration"
    CNAME = "cname"
    META_QUERY = "metaQuery"
    ACCESS_MONITOR = "accessmonitor"
    RESOURCE_GROUP = "resourceGroup"
    STYLE = "style"
    STYLE_NAME = "styleName"
    ASYNC_PROCESS = "x-oss-async-process"
    CALLBACK = "callback"
    ARCHIVE_DIRECT_READ = "bucketArchiveDirectRead"
    HTTPS_CONFIG = "httpsConfig"
    REDUNDANCY_TRANSITION = "redundancyTransition"
    TARGET_REDUNDANCY_TYPE = "x-oss-target-redundancy-type"
    REDUNDANCY_TRANSITION_TASK_ID = "x-oss-redundancy-transition-taskid"
    ACCESS_POINT = "accessPoint"
    ACCESS_POINT_POLICY = "accessPointPolicy"
    OSS_ACCESS_POINT_NAME = "x-oss-access-point-name"
    PUBLIC_ACCESS_BLOCK = "publicAccessBlock"
    REQUESTER_QOS_INFO = "requesterQosInfo"
    QOS_REQUESTER = "qosRequester"
    RESOURCE_POOL_INFO = "resourcePoolInfo"
    RESOURCE_POOL = "resourcePool"

    def __init__(self, auth: Any, endpoint: str, bucket_name: str, is_cname: bool = False,
                 session: Optional[http.Session] = None, connect_timeout: Any = None, app_name: str = "",
                 enable_crc: bool = True, proxies: Optional[Dict[str, str]] = None, region: Optional[str] = None,
                 cloudbox_id: Optional[str] = None, is_path_style: bool = False,
                 is_verify_object_strict: bool = True) -> None:
        super().__init__(auth, endpoint, is_cname, session, connect_timeout, app_name=app_name, enable_crc=enable_crc,
                         proxies=proxies, region=region, cloudbox_id=cloudbox_id, is_path_style=is_path_style,
                         is_verify_object_strict=is_verify_object_strict)
        self.bucket_name = bucket_name.strip()
        if not utils.is_valid_bucket_name(self.bucket_name):
            raise ClientError("The bucket_name is invalid, please check it.")

    def sign_url(self, method: str, key: str, expires: float, headers: Any = None,
                 params: Optional[Dict[str, Any]] = None, slash_safe: bool = False,
                 additional_headers: Any = None) -> str:
        """A URL that whoever has it may use for `expires` seconds.

        :param slash_safe: leaves the slashes of the key as they are.
        :param additional_headers: names of further headers to sign (V4).
        """
        if key is None or not key.strip():
            raise ClientError("The key is invalid, please check it.")
        key = to_string(key)
        if self.is_verify_object_strict and key.startswith("?"):
            raise ClientError("The key cannot start with `?`, please check it.")
        query = [(name, "" if value is None else str(value)) for name, value in (params or {}).items()]
        base = self._address()
        if self.auth.auth_version() == "":
            parts = [urlquote(k, "") + ("=" + urlquote(v, "") if v else "") for k, v in query]
            return f"{base}/{urlquote(key, '/' if slash_safe else '')}?" + "&".join(parts)
        wanted = {name.lower() for name in additional_headers or ()} | {"content-type", "content-md5"}
        signed = [(name, str(value)) for name, value in (headers or {}).items()
                  if name.lower() in wanted or name.lower().startswith("x-oss-")]
        url: str = self._client().presign(method, self.bucket_name, key, float(expires), query, signed)[0]
        place, _, rest = url.partition("?")
        if not slash_safe:
            place = base + "/" + place[len(base) + 1:].replace("/", "%2F")
        return place + "?" + rest

    def _address(self) -> str:
        """Scheme, host and what of the path names the bucket."""
        scheme, _, host = self.endpoint.partition("://")
        if self.is_path_style or utils.is_ip_or_localhost(host):
            return f"{self.endpoint}/{self.bucket_name}"
        return self.endpoint if self.is_cname else f"{scheme}://{self.bucket_name}.{host}"

    def sign_rtmp_url(self, channel_name: str, playlist_name: str, expires: int) -> str:
        scheme, _, rest = self._address().partition("://")
        params = {"playlistName": playlist_name} if playlist_name else {}
        url: str = self.auth._sign_rtmp_url(f"rtmp://{rest}/live/{channel_name}", self.bucket_name, channel_name,
                                            expires, params)
        return url

    def select_object(self, key: str, sql: str, progress_callback: Any = None,
                      select_params: Optional[Dict[str, Any]] = None, byte_range: Any = None,
                      headers: Any = None) -> Any:
        """Rows of a CSV or JSON object."""
        return _select.select_object(self, key, sql, progress_callback, select_params, byte_range, headers)

    def select_object_to_file(self, key: str, filename: Any, sql: str, progress_callback: Any = None,
                              select_params: Optional[Dict[str, Any]] = None, headers: Any = None) -> Any:
        with open(to_string(filename), "wb") as file:
            rows = self.select_object(key, sql, progress_callback, select_params, headers=headers)
            for piece in rows:
                file.write(piece)
            return rows

    def create_select_object_meta(self, key: str, select_meta_params: Optional[Dict[str, Any]] = None,
                                  headers: Any = None) -> Any:
        """Counts the rows of an object."""
        return _select.create_select_object_meta(self, key, select_meta_params, headers)
