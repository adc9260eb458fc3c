"""Calls about objects."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any, Dict, List, Optional, Tuple

from . import _schema, exceptions, http, models, utils
from ._base import Base, _range
from .compat import to_string, urlquote
from .exceptions import ClientError
from .headers import (
    OSS_COPY_OBJECT_SOURCE,
    OSS_COPY_OBJECT_SOURCE_RANGE,
    OSS_METADATA_DIRECTIVE,
    OSS_OBJECT_ACL,
    OSS_SYMLINK_TARGET,
)
from .models import AppendObjectResult, GetObjectResult, PutObjectResult, RequestResult

_COPIED = 256 * 1024


class BucketObjects(Base):
    """Objects of a bucket, uploads in parts, listings."""

    bucket_name: str

    def _object(self, method: str, key: Any, **more: Any) -> http.Response:
        """One request about an object."""
        if not self.bucket_name:
            raise ClientError("Bucket name should not be null or empty.")
        if not key:
            raise ClientError("key should not be null or empty.")
        return self._do(method, self.bucket_name, key, **more)

    def _list(self, kind: Any, params: Dict[str, Any], headers: Any) -> Any:
        return self._parse(self._do("GET", self.bucket_name, "", params=params, headers=headers), kind)

    # Listings

    def list_objects(self, prefix: str = "", delimiter: str = "", marker: str = "", max_keys: int = 100,
                     headers: Any = None) -> Any:
        return self._list(models.ListObjectsResult, {
            "prefix": prefix, "delimiter": delimiter, "marker": marker, "max-keys": max_keys, "encoding-type": "url",
        }, headers)

    def list_objects_v2(self, prefix: str = "", delimiter: str = "", continuation_token: str = "",
                        start_after: str = "", fetch_owner: bool = False, encoding_type: str = "url",
                        max_keys: int = 100, headers: Any = None) -> Any:
        return self._list(models.ListObjectsV2Result, {
            "list-type": "2", "prefix": prefix, "delimiter": delimiter, "continuation-token": continuation_token,
            "start-after": start_after, "fetch-owner": str(fetch_owner).lower(), "max-keys": max_keys,
            "encoding-type": encoding_type,
        }, headers)

    def list_object_versions(self, prefix: str = "", delimiter: str = "", key_marker: str = "", max_keys: int = 100,
                             versionid_marker: str = "", headers: Any = None) -> Any:
        return self._list(models.ListObjectVersionsResult, {
            "versions": "", "prefix": prefix, "delimiter": delimiter, "key-marker": key_marker,
            "version-id-marker": versionid_marker, "max-keys": max_keys, "encoding-type": "url",
        }, headers)

    def list_multipart_uploads(self, prefix: str = "", delimiter: str = "", key_marker: str = "",
                               upload_id_marker: str = "", max_uploads: int = 1000, headers: Any = None) -> Any:
        return self._list(models.ListMultipartUploadsResult, {
            "uploads": "", "prefix": prefix, "delimiter": delimiter, "key-marker": key_marker,
            "upload-id-marker": upload_id_marker, "max-uploads": max_uploads, "encoding-type": "url",
        }, headers)

    # Writing

    def put_object(self, key: str, data: Any, headers: Any = None, progress_callback: Any = None) -> PutObjectResult:
        """Writes an object.

        :param data: bytes, a string (in UTF-8), a file object from where it stands, or an iterable of bytes.
        """
        headers = utils.set_content_type(http.CaseInsensitiveDict(headers), to_string(key))
        resp = self._object("PUT", key, data=data, headers=headers, progress=progress_callback, crc=self.enable_crc,
                            once="x-oss-forbid-overwrite" in headers)
        return PutObjectResult(resp)

    def put_object_from_file(self, key: str, filename: Any, headers: Any = None,
                             progress_callback: Any = None) -> PutObjectResult:
        headers = utils.set_content_type(http.CaseInsensitiveDict(headers), str(to_string(filename)))
        with open(to_string(filename), "rb") as file:
            return self.put_object(key, file, headers=headers, progress_callback=progress_callback)

    def put_object_with_url(self, sign_url: str, data: Any, headers: Any = None,
                            progress_callback: Any = None) -> PutObjectResult:
        return PutObjectResult(self._do_url("PUT", sign_url, data=data, headers=headers, progress=progress_callback,
                                            crc=self.enable_crc))

    def put_object_with_url_from_file(self, sign_url: str, filename: Any, headers: Any = None,
                                      progress_callback: Any = None) -> PutObjectResult:
        with open(to_string(filename), "rb") as file:
            return self.put_object_with_url(sign_url, file, headers=headers, progress_callback=progress_callback)

    def append_object(self, key: str, position: int, data: Any, headers: Any = None, progress_callback: Any = None,
                      init_crc: Optional[int] = None) -> AppendObjectResult:
        """Adds bytes at the end of an appendable object that has `position` bytes.

        :param init_crc: CRC64 of what the object has; lets the whole be checked.
        """
        headers = utils.set_content_type(http.CaseInsensitiveDict(headers), to_string(key))
        check = self.enable_crc and init_crc is not None
        summed = utils.make_crc_adapter(data, init_crc or 0) if check else None
        resp = self._object("POST", key, data=summed or data, headers=headers, progress=progress_callback, once=True,
                            params={"append": "", "position": position})
        done = AppendObjectResult(resp)
        if summed is not None:
            utils.check_crc("append object", summed.crc, done.crc, done.request_id)
        return done

    def update_object_meta(self, key: str, headers: Any) -> PutObjectResult:
        headers = http.CaseInsensitiveDict(headers)
        headers[OSS_METADATA_DIRECTIVE] = "REPLACE"
        return self.copy_object(self.bucket_name, key, key, headers=headers)

    def copy_object(self, source_bucket_name: str, source_key: str, target_key: str, headers: Any = None,
                    params: Optional[Dict[str, Any]] = None) -> PutObjectResult:
        headers = http.CaseInsensitiveDict(headers)
        headers[OSS_COPY_OBJECT_SOURCE] = _source(source_bucket_name, source_key, params)
        return PutObjectResult(self._object("PUT", target_key, headers=headers))

    def put_symlink(self, target_key: str, symlink_key: str, headers: Any = None) -> RequestResult:
        headers = http.CaseInsensitiveDict(headers)
        headers[OSS_SYMLINK_TARGET] = urlquote(target_key, "")
        return RequestResult(self._object("PUT", symlink_key, headers=headers, params={"symlink": ""}))

    # Reading

    def get_object(self, key: str, byte_range: Optional[Tuple[Optional[int], Optional[int]]] = None, headers: Any = None,
                   progress_callback: Any = None, process: Optional[str] = None,
                   params: Optional[Dict[str, Any]] = None) -> GetObjectResult:
        """Reads an object.

        :param byte_range: (first, last), both included; None for "to the end" or, as the first, for the last bytes.
        """
        headers = http.CaseInsensitiveDict(headers)
        if _range(byte_range):
            headers["range"] = _range(byte_range)
        params = dict(params or {})
        if process:
            params["x-oss-process"] = process
        return GetObjectResult(self._object("GET", key, headers=headers, params=params), progress_callback,
                               self.enable_crc)

    def get_object_with_url(self, sign_url: str, byte_range: Any = None, headers: Any = None,
                            progress_callback: Any = None) -> GetObjectResult:
        headers = http.CaseInsensitiveDict(headers)
        if _range(byte_range):
            headers["range"] = _range(byte_range)
        return GetObjectResult(self._do_url("GET", sign_url, headers=headers), progress_callback, self.enable_crc)

    def get_object_to_file(self, key: str, filename: Any, byte_range: Any = None, headers: Any = None,
                           progress_callback: Any = None, process: Optional[str] = None,
                           params: Optional[Dict[str, Any]] = None) -> GetObjectResult:
        with open(to_string(filename), "wb") as file:
            got = self.get_object(key, byte_range, headers, progress_callback, process, params)
            _copy(got, file)
            if self.enable_crc and byte_range is None and not got.resp._packed:
                utils.check_crc("get", got.client_crc, got.server_crc, got.request_id)
            return got

    def get_object_with_url_to_file(self, sign_url: str, filename: Any, byte_range: Any = None, headers: Any = None,
                                    progress_callback: Any = None) -> GetObjectResult:
        with open(to_string(filename), "wb") as file:
            got = self.get_object_with_url(sign_url, byte_range, headers, progress_callback)
            _copy(got, file)
            return got

    def head_object(self, key: str, headers: Any = None, params: Optional[Dict[str, Any]] = None) -> Any:
        return models.HeadObjectResult(self._object("HEAD", key, headers=headers, params=params))

    def get_object_meta(self, key: str, params: Optional[Dict[str, Any]] = None, headers: Any = None) -> Any:
        params = {"objectMeta": "", **(params or {})}
        return models.GetObjectMetaResult(self._object("HEAD", key, headers=headers, params=params))

    def object_exists(self, key: str, headers: Any = None) -> bool:
        try:
            self.get_object_meta(key, headers=headers)
        except exceptions.NoSuchBucket:
            raise
        except exceptions.NotFound:
            return False
        return True

    def get_symlink(self, symlink_key: str, params: Optional[Dict[str, Any]] = None, headers: Any = None) -> Any:
        params = {"symlink": "", **(params or {})}
        return models.GetSymlinkResult(self._object("GET", symlink_key, params=params, headers=headers))

    # Deleting, restoring, access, tags

    def delete_object(self, key: str, params: Optional[Dict[str, Any]] = None, headers: Any = None) -> RequestResult:
        return RequestResult(self._object("DELETE", key, params=params, headers=headers))

    def batch_delete_objects(self, key_list: List[str], headers: Any = None) -> Any:
        """Deletes up to 1,000 objects."""
        if not key_list:
            raise ClientError("key_list should not be empty")
        return self._delete([(key, "") for key in key_list], headers)

    def delete_object_versions(self, keylist_versions: Any, headers: Any = None) -> Any:
        if not keylist_versions:
            raise ClientError("keylist_versions should not be empty")
        return self._delete([(one.key, one.versionid) for one in keylist_versions.object_version_list], headers)

    def _delete(self, wanted: List[Tuple[str, str]], headers: Any) -> Any:
        root = ElementTree.Element("Delete")
        ElementTree.SubElement(root, "Quiet").text = "false"
        for key, version in wanted:
            node = ElementTree.SubElement(root, "Object")
            ElementTree.SubElement(node, "Key").text = to_string(key)
            if version:
                ElementTree.SubElement(node, "VersionId").text = version
        document = _schema.to_document(root)
        headers = http.CaseInsensitiveDict(headers)
        headers["Content-MD5"] = utils.content_md5(document)
        return self._parse(self._do("POST", self.bucket_name, "", data=document, headers=headers,
                                    params={"delete": "", "encoding-type": "url"}), models.BatchDeleteObjectsResult)

    def restore_object(self, key: str, params: Optional[Dict[str, Any]] = None, headers: Any = None,
                       input: Any = None) -> RequestResult:
        document = _schema.document(input) if isinstance(input, models.RestoreConfiguration) else input
        return RequestResult(self._object("POST", key, params={"restore": "", **(params or {})}, headers=headers,
                                          data=document))

    def put_object_acl(self, key: str, permission: str, params: Optional[Dict[str, Any]] = None,
                       headers: Any = None) -> RequestResult:
        headers = http.CaseInsensitiveDict(headers)
        headers[OSS_OBJECT_ACL] = permission
        return RequestResult(self._object("PUT", key, params={"acl": "", **(params or {})}, headers=headers))

    def get_object_acl(self, key: str, params: Optional[Dict[str, Any]] = None, headers: Any = None) -> Any:
        return self._parse(self._object("GET", key, params={"acl": "", **(params or {})}, headers=headers),
                           models.GetObjectAclResult)

    def put_object_tagging(self, key: str, tagging: Any, headers: Any = None,
                           params: Optional[Dict[str, Any]] = None) -> RequestResult:
        document = _schema.document(tagging) if isinstance(tagging, models.Tagging) else tagging
        return RequestResult(self._object("PUT", key, params={**(params or {}), "tagging": ""}, headers=headers,
                                          data=document))

    def get_object_tagging(self, key: str, params: Optional[Dict[str, Any]] = None, headers: Any = None) -> Any:
        return self._parse(self._object("GET", key, params={**(params or {}), "tagging": ""}, headers=headers),
                           models.GetTaggingResult)

    def delete_object_tagging(self, key: str, params: Optional[Dict[str, Any]] = None,
                              headers: Any = None) -> RequestResult:
        return RequestResult(self._object("DELETE", key, params={**(params or {}), "tagging": ""}, headers=headers))

    def process_object(self, key: str, process: str, headers: Any = None) -> Any:
        return models.ProcessObjectResult(self._object("POST", key, params={"x-oss-process": ""}, headers=headers,
                                                       data=f"x-oss-process={process}"))

    def async_process_object(self, key: str, process: str, headers: Any = None) -> Any:
        return models.AsyncProcessObject(self._object("POST", key, params={"x-oss-async-process": ""}, headers=headers,
                                                      data=f"x-oss-async-process={process}"))

    # Uploads in parts

    def init_multipart_upload(self, key: str, headers: Any = None, params: Optional[Dict[str, Any]] = None) -> Any:
        headers = utils.set_content_type(http.CaseInsensitiveDict(headers), to_string(key))
        return self._parse(self._object("POST", key, params={**(params or {}), "uploads": ""}, headers=headers),
                           models.InitMultipartUploadResult)

    def upload_part(self, key: str, upload_id: str, part_number: int, data: Any, progress_callback: Any = None,
                    headers: Any = None) -> PutObjectResult:
        return PutObjectResult(self._object(
            "PUT", key, params={"uploadId": upload_id, "partNumber": part_number}, headers=headers, data=data,
            progress=progress_callback, crc=self.enable_crc))

    def upload_part_copy(self, source_bucket_name: str, source_key: str, byte_range: Any, target_key: str,
                         target_upload_id: str, target_part_number: int, headers: Any = None,
                         params: Optional[Dict[str, Any]] = None) -> PutObjectResult:
        headers = http.CaseInsensitiveDict(headers)
        headers[OSS_COPY_OBJECT_SOURCE] = _source(source_bucket_name, source_key, params)
        if _range(byte_range):
            headers[OSS_COPY_OBJECT_SOURCE_RANGE] = _range(byte_range)
        params = {**(params or {}), "uploadId": target_upload_id, "partNumber": target_part_number}
        return PutObjectResult(self._object("PUT", target_key, params=params, headers=headers))

    def complete_multipart_upload(self, key: str, upload_id: str, parts: Any, headers: Any = None) -> PutObjectResult:
        document = None
        if parts is not None:
            parts = sorted(parts, key=lambda part: part.part_number)
            root = ElementTree.Element("CompleteMultipartUpload")
            for part in parts:
                node = ElementTree.SubElement(root, "Part")
                ElementTree.SubElement(node, "PartNumber").text = str(part.part_number)
                ElementTree.SubElement(node, "ETag").text = f'"{part.etag}"'
            document = _schema.to_document(root)
        done = PutObjectResult(self._object("POST", key, params={"uploadId": upload_id}, data=document,
                                            headers=headers, once=True))
        if self.enable_crc and parts is not None:
            utils.check_crc("multipart upload", utils.calc_obj_crc_from_parts(parts), done.crc, done.request_id)
        return done

    def abort_multipart_upload(self, key: str, upload_id: str, headers: Any = None) -> RequestResult:
        return RequestResult(self._object("DELETE", key, params={"uploadId": upload_id}, headers=headers))

    def list_parts(self, key: str, upload_id: str, marker: Any = "", max_parts: int = 1000, headers: Any = None) -> Any:
        params = {"uploadId": upload_id, "part-number-marker": marker, "max-parts": max_parts}
        return self._parse(self._object("GET", key, params=params, headers=headers), models.ListPartsResult)

    # Live channels

    def create_live_channel(self, channel_name: str, input: Any) -> Any:
        document = _schema.document(input) if isinstance(input, models.LiveChannelInfo) else input
        return self._parse(self._object("PUT", channel_name, data=document, params={"live": ""}),
                           models.CreateLiveChannelResult)

    def delete_live_channel(self, channel_name: str) -> RequestResult:
        return RequestResult(self._object("DELETE", channel_name, params={"live": ""}))

    def get_live_channel(self, channel_name: str) -> Any:
        return self._parse(self._object("GET", channel_name, params={"live": ""}), models.GetLiveChannelResult)

    def list_live_channel(self, prefix: str = "", marker: str = "", max_keys: int = 100) -> Any:
        return self._list(models.ListLiveChannelResult,
                          {"live": "", "prefix": prefix, "marker": marker, "max-keys": max_keys}, None)

    def get_live_channel_stat(self, channel_name: str) -> Any:
        return self._parse(self._object("GET", channel_name, params={"live": "", "comp": "stat"}),
                           models.GetLiveChannelStatResult)

    def put_live_channel_status(self, channel_name: str, status: str) -> RequestResult:
        return RequestResult(self._object("PUT", channel_name, params={"live": "", "status": status}))

    def get_live_channel_history(self, channel_name: str) -> Any:
        return self._parse(self._object("GET", channel_name, params={"live": "", "comp": "history"}),
                           models.GetLiveChannelHistoryResult)

    def post_vod_playlist(self, channel_name: str, playlist_name: str, start_time: int = 0,
                          end_time: int = 0) -> RequestResult:
        return RequestResult(self._object("POST", f"{channel_name}/{playlist_name}", params={
            "vod": "", "startTime": start_time, "endTime": end_time}))

    def get_vod_playlist(self, channel_name: str, start_time: int, end_time: int) -> Any:
        return models.GetVodPlaylistResult(self._object("GET", channel_name, params={
            "vod": "", "startTime": start_time, "endTime": end_time}))


def _source(bucket: str, key: str, params: Optional[Dict[str, Any]]) -> str:
    """Of the header x-oss-copy-source."""
    version = (params or {}).get("versionId")
    return f"/{bucket}/{urlquote(key, '')}" + (f"?versionId={version}" if version else "")


def _copy(got: GetObjectResult, file: Any) -> None:
    """Writes an object's bytes to a file, through one buffer."""
    buffer = memoryview(bytearray(_COPIED))
    copied = 0
    while True:
        n = got.readinto(buffer)
        if not n:
            break
        file.write(buffer[:n])
        copied += n
    if got.content_length is not None and not got.resp._packed and copied != got.content_length:
        raise exceptions.InconsistentError("IncompleteRead from source", got.request_id)
