"""oss2 2.19, the Python SDK of most existing programs, in V1, V2 and V4."""

import hashlib
import base64

import oss2
import pytest
import requests

from conftest import KEY_ID, KEY_SECRET, REGION

MIB = 1024 * 1024


def make_auth(version):
    return {
        "v1": lambda: oss2.Auth(KEY_ID, KEY_SECRET),
        "v2": lambda: oss2.AuthV2(KEY_ID, KEY_SECRET),
        "v4": lambda: oss2.AuthV4(KEY_ID, KEY_SECRET),
    }[version]()


@pytest.fixture(params=["v1", "v2", "v4"])
def auth(request):
    return make_auth(request.param)


@pytest.fixture
def bucket(server, auth, bucket_name):
    bucket = oss2.Bucket(auth, server.endpoint, bucket_name, region=REGION)
    bucket.create_bucket()
    yield bucket
    for upload in oss2.MultipartUploadIterator(bucket):
        bucket.abort_multipart_upload(upload.key, upload.upload_id)
    for one in oss2.ObjectIterator(bucket):
        bucket.delete_object(one.key)
    bucket.delete_bucket()


def test_put_get_head_delete(bucket):
    put = bucket.put_object("dir/a b+c%中文.txt", b"hello", headers={
        "Content-Type": "text/plain", "x-oss-meta-author": "alice"})
    assert put.status == 200
    assert put.etag == hashlib.md5(b"hello").hexdigest().upper()
    assert put.crc == 11177612005948864433
    assert len(put.request_id) == 24
    got = bucket.get_object("dir/a b+c%中文.txt")
    assert got.read() == b"hello"
    assert got.client_crc == got.server_crc
    assert got.content_type == "text/plain"
    head = bucket.head_object("dir/a b+c%中文.txt")
    assert head.content_length == 5 and head.headers["x-oss-meta-author"] == "alice"
    assert head.object_type == "Normal"
    meta = bucket.get_object_meta("dir/a b+c%中文.txt")
    assert meta.content_length == 5
    assert bucket.object_exists("dir/a b+c%中文.txt")
    assert bucket.delete_object("dir/a b+c%中文.txt").status == 204
    assert bucket.delete_object("dir/a b+c%中文.txt").status == 204
    assert not bucket.object_exists("dir/a b+c%中文.txt")


def test_empty_object_and_unsized_body(bucket):
    assert bucket.put_object("empty", b"").crc == 0
    assert bucket.get_object("empty").read() == b""
    bucket.put_object("chunked", (piece for piece in [b"ab", b"", b"cd"]))
    assert bucket.get_object("chunked").read() == b"abcd"


def test_keys_that_are_odd(bucket):
    keys = ["a//b", "../up", "./x", "trailing/", "\u0001ctl", " blank ", "k" * 1023, "a&b<c>",
            "%2F", "+", "a?b#c", "💾"]
    for key in keys:
        bucket.put_object(key, key.encode())
    assert sorted(one.key for one in oss2.ObjectIterator(bucket)) == sorted(
        keys, key=lambda key: key.encode())
    for key in keys:
        assert bucket.get_object(key).read() == key.encode(), key
    deleted = bucket.batch_delete_objects(keys)
    assert sorted(deleted.deleted_keys) == sorted(keys)
    assert list(oss2.ObjectIterator(bucket)) == []


def test_ranges_and_conditions(bucket):
    body = bytes(range(256)) * 4
    bucket.put_object("r", body)
    assert bucket.get_object("r", byte_range=(10, 19)).read() == body[10:20]
    assert bucket.get_object("r", byte_range=(1000, None)).read() == body[1000:]
    assert bucket.get_object("r", byte_range=(None, 24)).read() == body[-24:]
    whole = bucket.get_object("r", byte_range=(1000, 5000))
    assert whole.status == 200 and whole.read() == body
    standard = {"x-oss-range-behavior": "standard"}
    assert bucket.get_object("r", byte_range=(1000, 5000), headers=standard).read() == body[1000:]
    with pytest.raises(oss2.exceptions.ServerError) as e:
        bucket.get_object("r", byte_range=(2000, 3000), headers=standard)
    assert (e.value.status, e.value.code) == (416, "InvalidRange")
    etag = bucket.head_object("r").etag
    assert bucket.get_object("r", headers={"If-Match": etag}).read() == body
    with pytest.raises(oss2.exceptions.PreconditionFailed):
        bucket.get_object("r", headers={"If-Match": "nope"})
    with pytest.raises(oss2.exceptions.NotModified):
        bucket.get_object("r", headers={"If-None-Match": etag})


def test_listing_v1_and_v2(bucket):
    for i in range(25):
        bucket.put_object(f"list/d{i % 3}/f{i:02}", b"x")
    bucket.put_object("list/top", b"x")
    page = bucket.list_objects("list/", delimiter="/", max_keys=2)
    assert page.is_truncated and page.prefix_list == ["list/d0/", "list/d1/"]
    page = bucket.list_objects("list/", delimiter="/", max_keys=2, marker=page.next_marker)
    assert page.prefix_list == ["list/d2/"] and [o.key for o in page.object_list] == ["list/top"]
    assert not page.is_truncated
    keys, token = [], ""
    while True:
        page = bucket.list_objects_v2("list/", max_keys=7, continuation_token=token)
        keys += [o.key for o in page.object_list]
        token = page.next_continuation_token
        if not page.is_truncated:
            break
    assert len(keys) == 26 and keys == sorted(keys)
    with pytest.raises(oss2.exceptions.ServerError) as e:
        bucket.list_objects(max_keys=1001)
    assert e.value.code == "InvalidArgument"
    everything = oss2.ObjectIteratorV2(bucket, prefix="list/", max_keys=5)
    assert [o.key for o in everything] == keys


def test_multipart(bucket):
    parts = [b"a" * MIB, b"b" * 102400, b"tail"]
    upload = bucket.init_multipart_upload("m", headers={"x-oss-meta-k": "v"}).upload_id
    done = []
    for number, part in enumerate(parts, 1):
        result = bucket.upload_part("m", upload, number, part)
        done.append(oss2.models.PartInfo(number, result.etag, size=len(part), part_crc=result.crc))
    listed = bucket.list_parts("m", upload)
    assert [(p.part_number, p.size) for p in listed.parts] == [
        (i, len(p)) for i, p in enumerate(parts, 1)]
    assert [u.upload_id for u in oss2.MultipartUploadIterator(bucket)] == [upload]
    result = bucket.complete_multipart_upload("m", upload, done)
    assert result.etag.endswith("-3")
    got = bucket.get_object("m")
    assert got.read() == b"".join(parts) and got.client_crc == got.server_crc
    head = bucket.head_object("m")
    assert head.object_type == "Multipart" and head.headers["x-oss-meta-k"] == "v"
    with pytest.raises(oss2.exceptions.NoSuchUpload):
        bucket.complete_multipart_upload("m", upload, done)


def test_multipart_refusals(bucket):
    upload = bucket.init_multipart_upload("m").upload_id
    one = bucket.upload_part("m", upload, 1, b"small")
    two = bucket.upload_part("m", upload, 2, b"small")
    info = [oss2.models.PartInfo(1, one.etag), oss2.models.PartInfo(2, two.etag)]
    for parts, code in [
        (info, "EntityTooSmall"),
        ([oss2.models.PartInfo(1, "0" * 32)], "InvalidPart"),
        ([oss2.models.PartInfo(9, one.etag)], "InvalidPart"),
    ]:
        with pytest.raises(oss2.exceptions.ServerError) as e:
            bucket.complete_multipart_upload("m", upload, parts)
        assert e.value.code == code
    with pytest.raises(oss2.exceptions.ServerError) as e:
        bucket.upload_part("m", upload, 10001, b"x")
    assert e.value.code == "InvalidArgument"
    assert bucket.abort_multipart_upload("m", upload).status == 204
    with pytest.raises(oss2.exceptions.NoSuchUpload):
        bucket.abort_multipart_upload("m", upload)


def test_part_copy_and_resumable_upload(bucket, tmp_path):
    body = bytes(i % 251 for i in range(3 * MIB))
    path = tmp_path / "body"
    path.write_bytes(body)
    store = oss2.ResumableStore(root=str(tmp_path))
    oss2.resumable_upload(bucket, "up", str(path), store=store, multipart_threshold=MIB,
                          part_size=MIB, num_threads=3)
    upload = bucket.init_multipart_upload("copied").upload_id
    parts = []
    for number, (start, end) in enumerate([(0, 2 * MIB - 1), (2 * MIB, 3 * MIB - 1)], 1):
        result = bucket.upload_part_copy(bucket.bucket_name, "up", (start, end), "copied", upload,
                                         number)
        parts.append(oss2.models.PartInfo(number, result.etag))
    bucket.complete_multipart_upload("copied", upload, parts)
    target = tmp_path / "down"
    oss2.resumable_download(bucket, "copied", str(target), store=oss2.ResumableDownloadStore(
        root=str(tmp_path)), multiget_threshold=MIB, part_size=MIB)
    assert target.read_bytes() == body


def test_copy(bucket):
    bucket.put_object("源 +%", b"hello", headers={"x-oss-meta-a": "1", "Content-Type": "text/x"})
    copied = bucket.copy_object(bucket.bucket_name, "源 +%", "copy")
    assert copied.etag == hashlib.md5(b"hello").hexdigest().upper()
    head = bucket.head_object("copy")
    assert head.headers["x-oss-meta-a"] == "1" and head.content_type == "text/x"
    bucket.copy_object(bucket.bucket_name, "copy", "copy", headers={
        "x-oss-metadata-directive": "REPLACE", "x-oss-meta-b": "2"})
    head = bucket.head_object("copy")
    assert "x-oss-meta-a" not in head.headers and head.headers["x-oss-meta-b"] == "2"
    bucket.update_object_meta("copy", {"x-oss-meta-c": "3"})
    assert bucket.head_object("copy").headers["x-oss-meta-c"] == "3"
    assert bucket.get_object("copy").read() == b"hello"
    with pytest.raises(oss2.exceptions.NoSuchKey):
        bucket.copy_object(bucket.bucket_name, "absent", "x")


def test_append(bucket):
    first = bucket.append_object("log", 0, b"hello ")
    assert first.next_position == 6
    second = bucket.append_object("log", 6, b"world", init_crc=first.crc)
    assert second.next_position == 11 and second.crc == 5981764153023615706
    assert bucket.get_object("log").read() == b"hello world"
    assert bucket.head_object("log").object_type == "Appendable"
    with pytest.raises(oss2.exceptions.PositionNotEqualToLength) as e:
        bucket.append_object("log", 3, b"x")
    assert e.value.next_position == 11
    bucket.put_object("normal", b"x")
    with pytest.raises(oss2.exceptions.ObjectNotAppendable):
        bucket.append_object("normal", 1, b"x")


def test_presigned_urls(bucket):
    url = bucket.sign_url("PUT", "signed dir/中 +", 60, headers={"Content-Type": "text/plain"})
    answer = requests.put(url, data=b"body", headers={"Content-Type": "text/plain"}, timeout=10)
    assert answer.status_code == 200, answer.text
    for safe in [False, True]:
        url = bucket.sign_url("GET", "signed dir/中 +", 60, slash_safe=safe,
                              params={"response-content-type": "text/x"})
        answer = requests.get(url, timeout=10)
        assert answer.content == b"body" and answer.headers["Content-Type"] == "text/x"
    answer = requests.get(url.replace("signed", "other"), timeout=10)
    assert answer.status_code == 403 and b"SignatureDoesNotMatch" in answer.content


def test_forbid_overwrite_md5_and_metadata(bucket):
    bucket.put_object("once", b"1", headers={"x-oss-forbid-overwrite": "true"})
    with pytest.raises(oss2.exceptions.ServerError) as e:
        bucket.put_object("once", b"2", headers={"x-oss-forbid-overwrite": "true"})
    assert (e.value.status, e.value.code) == (409, "FileAlreadyExists")
    md5 = base64.b64encode(hashlib.md5(b"right").digest()).decode()
    bucket.put_object("md5", b"right", headers={"Content-MD5": md5})
    with pytest.raises(oss2.exceptions.ServerError) as e:
        bucket.put_object("md5", b"wrong", headers={"Content-MD5": md5})
    assert e.value.code == "InvalidDigest"
    assert bucket.get_object("md5").read() == b"right"
    bucket.put_object("utf8", b"", headers={"x-oss-meta-name": "中文".encode()})
    value = bucket.head_object("utf8").headers["x-oss-meta-name"]
    assert value.encode("latin-1").decode() == "中文"


def test_buckets(server, auth, bucket):
    info = bucket.get_bucket_info()
    assert info.name == bucket.bucket_name and info.location == "oss-" + REGION
    assert bucket.get_bucket_location().location == "oss-" + REGION
    assert bucket.get_bucket_acl().acl == oss2.BUCKET_ACL_PRIVATE
    service = oss2.Service(auth, server.endpoint, region=REGION)
    assert bucket.bucket_name in [b.name for b in oss2.BucketIterator(service)]
    bucket.put_object("k", b"")
    with pytest.raises(oss2.exceptions.BucketNotEmpty):
        bucket.delete_bucket()
    absent = oss2.Bucket(auth, server.endpoint, "no-such-bucket-here", region=REGION)
    for call in [lambda: absent.get_object("k"), lambda: absent.head_object("k"),
                 lambda: absent.list_objects()]:
        with pytest.raises(oss2.exceptions.NoSuchBucket):
            call()
    with pytest.raises(oss2.exceptions.NoSuchKey):
        bucket.get_object("absent")
    with pytest.raises(oss2.exceptions.NotFound):
        bucket.head_object("absent")


@pytest.mark.parametrize("version", ["v1", "v2", "v4"])
def test_wrong_keys(server, version, bucket_name):
    kind = {"v1": oss2.Auth, "v2": oss2.AuthV2, "v4": oss2.AuthV4}[version]
    for pair, code in [((KEY_ID, "wrong"), "SignatureDoesNotMatch"),
                       (("nobody", KEY_SECRET), "InvalidAccessKeyId")]:
        with pytest.raises(oss2.exceptions.ServerError) as e:
            oss2.Bucket(kind(*pair), server.endpoint, bucket_name, region=REGION).list_objects()
        assert (e.value.status, e.value.code) == (403, code)
        assert e.value.ec.startswith("0002-")


def test_anonymous_reads_need_a_public_bucket(server, bucket_name):
    owner = oss2.Bucket(make_auth("v1"), server.endpoint, bucket_name)
    owner.create_bucket()
    owner.put_object("k", b"x")
    anonymous = oss2.Bucket(oss2.AnonymousAuth(), server.endpoint, bucket_name)
    with pytest.raises(oss2.exceptions.AccessDenied):
        anonymous.get_object("k")
    owner.put_bucket_acl(oss2.BUCKET_ACL_PUBLIC_READ)
    assert anonymous.get_object("k").read() == b"x"
    with pytest.raises(oss2.exceptions.AccessDenied):
        anonymous.put_object("k", b"y")
