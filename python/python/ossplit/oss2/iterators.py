"""All of a listing, page by page."""

from __future__ import annotations

from typing import Any, Iterator, List, Tuple

from . import defaults, http
from .exceptions import ServerError
from .models import MultipartUploadInfo, SimplifiedObjectInfo


class _BaseIterator:
    def __init__(self, marker: Any, max_retries: Any) -> None:
        self.is_truncated = True
        self.next_marker = marker
        self.max_retries = max(defaults.get(max_retries, defaults.request_retries), 1)
        self.entries: List[Any] = []

    def _fetch(self) -> Tuple[bool, Any]:
        """Sets `entries`; gives whether there is more, and from where."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        while not self.entries:
            if not self.is_truncated:
                raise StopIteration
            self.fetch_with_retry()
        return self.entries.pop(0)

    def next(self) -> Any:
        return self.__next__()

    def fetch_with_retry(self) -> None:
        """One page, asked for again when the service failed."""
        for left in reversed(range(self.max_retries)):
            try:
                self.is_truncated, self.next_marker = self._fetch()
                return
            except ServerError as error:
                if error.status // 100 != 5 or not left:
                    raise


class BucketIterator(_BaseIterator):
    """Buckets of an account."""

    def __init__(self, service: Any, prefix: str = "", marker: str = "", max_keys: int = 100,
                 max_retries: Any = None) -> None:
        super().__init__(marker, max_retries)
        self.service = service
        self.prefix = prefix
        self.max_keys = max_keys

    def _fetch(self) -> Tuple[bool, Any]:
        page = self.service.list_buckets(prefix=self.prefix, marker=self.next_marker, max_keys=self.max_keys)
        self.entries = page.buckets
        return page.is_truncated, page.next_marker


def _with_prefixes(page: Any) -> List[Any]:
    groups = [SimplifiedObjectInfo(prefix, None, None, None, None, None) for prefix in page.prefix_list]
    return sorted(page.object_list + groups, key=lambda one: one.key)


class ObjectIterator(_BaseIterator):
    """Objects and, with a delimiter, common prefixes, by name."""

    def __init__(self, bucket: Any, prefix: str = "", delimiter: str = "", marker: str = "", max_keys: int = 100,
                 max_retries: Any = None, headers: Any = None) -> None:
        super().__init__(marker, max_retries)
        self.bucket = bucket
        self.prefix = prefix
        self.delimiter = delimiter
        self.max_keys = max_keys
        self.headers = http.CaseInsensitiveDict(headers)

    def _fetch(self) -> Tuple[bool, Any]:
        page = self.bucket.list_objects(prefix=self.prefix, delimiter=self.delimiter, marker=self.next_marker,
                                        max_keys=self.max_keys, headers=self.headers)
        self.entries = _with_prefixes(page)
        return page.is_truncated, page.next_marker


class ObjectIteratorV2(_BaseIterator):
    """The same by ListObjectsV2."""

    def __init__(self, bucket: Any, prefix: str = "", delimiter: str = "", continuation_token: str = "",
                 start_after: str = "", fetch_owner: bool = False, encoding_type: str = "url", max_keys: int = 100,
                 max_retries: Any = None, headers: Any = None) -> None:
        super().__init__(continuation_token, max_retries)
        self.bucket = bucket
        self.prefix = prefix
        self.delimiter = delimiter
        self.start_after = start_after
        self.fetch_owner = fetch_owner
        self.encoding_type = encoding_type
        self.max_keys = max_keys
        self.headers = http.CaseInsensitiveDict(headers)

    def _fetch(self) -> Tuple[bool, Any]:
        page = self.bucket.list_objects_v2(
            prefix=self.prefix, delimiter=self.delimiter, continuation_token=self.next_marker,
            start_after=self.start_after, fetch_owner=self.fetch_owner, encoding_type=self.encoding_type,
            max_keys=self.max_keys, headers=self.headers)
        self.entries = _with_prefixes(page)
        return page.is_truncated, page.next_continuation_token


class MultipartUploadIterator(_BaseIterator):
    """Unfinished uploads."""

    def __init__(self, bucket: Any, prefix: str = "", delimiter: str = "", key_marker: str = "",
                 upload_id_marker: str = "", max_uploads: int = 1000, max_retries: Any = None,
                 headers: Any = None) -> None:
        super().__init__(key_marker, max_retries)
        self.bucket = bucket
        self.prefix = prefix
        self.delimiter = delimiter
        self.next_upload_id_marker = upload_id_marker
        self.max_uploads = max_uploads
        self.headers = http.CaseInsensitiveDict(headers)

    def _fetch(self) -> Tuple[bool, Any]:
        page = self.bucket.list_multipart_uploads(
            prefix=self.prefix, delimiter=self.delimiter, key_marker=self.next_marker,
            upload_id_marker=self.next_upload_id_marker, max_uploads=self.max_uploads, headers=self.headers)
        groups = [MultipartUploadInfo(prefix, None, None) for prefix in page.prefix_list]
        self.entries = sorted(page.upload_list + groups, key=lambda one: one.key)
        self.next_upload_id_marker = page.next_upload_id_marker
        return page.is_truncated, page.next_key_marker


class ObjectUploadIterator(_BaseIterator):
    """Unfinished uploads of one key."""

    def __init__(self, bucket: Any, key: str, max_uploads: int = 1000, max_retries: Any = None,
                 headers: Any = None) -> None:
        super().__init__("", max_retries)
        self.bucket = bucket
        self.key = key
        self.next_upload_id_marker = ""
        self.max_uploads = max_uploads
        self.headers = http.CaseInsensitiveDict(headers)

    def _fetch(self) -> Tuple[bool, Any]:
        page = self.bucket.list_multipart_uploads(
            prefix=self.key, key_marker=self.next_marker, upload_id_marker=self.next_upload_id_marker,
            max_uploads=self.max_uploads, headers=self.headers)
        self.entries = [one for one in page.upload_list if one.key == self.key]
        self.next_upload_id_marker = page.next_upload_id_marker
        # The key comes before all others that begin with it.
        more = page.is_truncated and bool(self.entries) and page.next_key_marker <= self.key
        return more, page.next_key_marker


class PartIterator(_BaseIterator):
    """Parts of an unfinished upload."""

    def __init__(self, bucket: Any, key: str, upload_id: str, marker: str = "0", max_parts: int = 1000,
                 max_retries: Any = None, headers: Any = None) -> None:
        super().__init__(marker, max_retries)
        self.bucket = bucket
        self.key = key
        self.upload_id = upload_id
        self.max_parts = max_parts
        self.headers = http.CaseInsensitiveDict(headers)

    def _fetch(self) -> Tuple[bool, Any]:
        page = self.bucket.list_parts(self.key, self.upload_id, marker=self.next_marker, max_parts=self.max_parts,
                                      headers=self.headers)
        self.entries = page.parts
        return page.is_truncated, page.next_marker


class LiveChannelIterator(_BaseIterator):
    """Live channels."""

    def __init__(self, bucket: Any, prefix: str = "", marker: str = "", max_keys: int = 100,
                 max_retries: Any = None) -> None:
        super().__init__(marker, max_retries)
        self.bucket = bucket
        self.prefix = prefix
        self.max_keys = max_keys

    def _fetch(self) -> Tuple[bool, Any]:
        page = self.bucket.list_live_channel(prefix=self.prefix, marker=self.next_marker, max_keys=self.max_keys)
        self.entries = page.channels
        return page.is_truncated, page.next_marker
