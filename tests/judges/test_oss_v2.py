"""alibabacloud-oss-v2 1.4, the newer Python SDK, in V1 and V4."""

import datetime
import hashlib
import io

import alibabacloud_oss_v2 as oss
import pytest
import requests

from conftest import KEY_ID, KEY_SECRET, REGION

MIB = 1024 * 1024


def make_client(server, version, key_id=KEY_ID, secret=KEY_SECRET):
    config = oss.config.load_default()
    config.credentials_provider = oss.credentials.StaticCredentialsProvider(key_id, secret)
    config.region, config.endpoint, config.signature_version = REGION, server.endpoint, version
    config.retry_max_attempts = 1
    return oss.Client(config)


@pytest.fixture(params=["v1", "v4"])
def client(server, request):
    return make_client(server, request.param)


@pytest.fixture
def bucket(client, bucket_name):
    client.put_bucket(oss.PutBucketRequest(bucket=bucket_name))
    yield bucket_name
    for page in client.list_objects_v2_paginator().iter_page(
            oss.ListObjectsV2Request(bucket=bucket_name)):
        for one in page.contents or []:
            client.delete_object(oss.DeleteObjectRequest(bucket=bucket_name, key=one.key))
    client.delete_bucket(oss.DeleteBucketRequest(bucket=bucket_name))


def put(client, bucket, key, body, **more):
    return client.put_object(oss.PutObjectRequest(bucket=bucket, key=key, body=body, **more))


def get(client, bucket, key, **more):
    return client.get_object(oss.GetObjectRequest(bucket=bucket, key=key, **more))


def failing(call):
    with pytest.raises(oss.exceptions.OperationError) as e:
        call()
    return e.value.unwrap()


def test_put_get_head_delete(client, bucket):
    key = "dir/a b+c%中文.txt"
    result = put(client, bucket, key, b"hello", content_type="text/plain", metadata={"a": "1"})
    assert result.status_code == 200 and result.hash_crc64 == "11177612005948864433"
    assert result.etag == f'"{hashlib.md5(b"hello").hexdigest().upper()}"'
    got = get(client, bucket, key)
    assert got.body.content == b"hello" and got.content_type == "text/plain"
    head = client.head_object(oss.HeadObjectRequest(bucket=bucket, key=key))
    assert head.content_length == 5 and head.metadata["a"] == "1" and head.object_type == "Normal"
    meta = client.get_object_meta(oss.GetObjectMetaRequest(bucket=bucket, key=key))
    assert meta.content_length == 5 and meta.etag == result.etag
    deleted = client.delete_object(oss.DeleteObjectRequest(bucket=bucket, key=key))
    assert deleted.status_code == 204
    error = failing(lambda: get(client, bucket, key))
    assert (error.status_code, error.code, error.ec) == (404, "NoSuchKey", "0026-00000001")
    error = failing(lambda: client.head_object(oss.HeadObjectRequest(bucket=bucket, key=key)))
    assert (error.status_code, error.code) == (404, "NoSuchKey")


def test_ranges(client, bucket):
    body = bytes(range(256)) * 4
    put(client, bucket, "r", body)
    got = get(client, bucket, "r", range_header="bytes=10-19")
    assert got.status_code == 206 and got.body.content == body[10:20]
    assert got.content_range == "bytes 10-19/1024"
    assert get(client, bucket, "r", range_header="bytes=0-2000").status_code == 200
    error = failing(lambda: get(client, bucket, "r", range_header="bytes=2000-3000",
                                range_behavior="standard").body.content)
    assert (error.status_code, error.code) == (416, "InvalidRange")
    error = failing(lambda: get(client, bucket, "r", if_match='"no"'))
    assert error.status_code == 412


def test_listing_v1_and_v2(client, bucket):
    for i in range(25):
        put(client, bucket, f"l/d{i % 3}/f {i:02}", b"x")
    pages = list(client.list_objects_v2_paginator(limit=7).iter_page(
        oss.ListObjectsV2Request(bucket=bucket, prefix="l/")))
    keys = [one.key for page in pages for one in page.contents]
    assert len(pages) == 4 and len(keys) == 25 and keys == sorted(keys)
    pages = list(client.list_objects_paginator(limit=2).iter_page(
        oss.ListObjectsRequest(bucket=bucket, prefix="l/", delimiter="/")))
    groups = [one.prefix for page in pages for one in page.common_prefixes or []]
    assert groups == ["l/d0/", "l/d1/", "l/d2/"]
    error = failing(lambda: client.list_objects_v2(
        oss.ListObjectsV2Request(bucket=bucket, continuation_token="forged")))
    assert (error.status_code, error.code) == (400, "InvalidArgument")


def test_multipart_uploader_and_downloader(client, bucket, tmp_path):
    parts = [b"a" * MIB, b"tail"]
    upload = client.initiate_multipart_upload(
        oss.InitiateMultipartUploadRequest(bucket=bucket, key="m")).upload_id
    assert len(upload) == 32
    done = []
    for number, part in enumerate(parts, 1):
        result = client.upload_part(oss.UploadPartRequest(
            bucket=bucket, key="m", upload_id=upload, part_number=number, body=part))
        done.append(oss.UploadPart(part_number=number, etag=result.etag))
    listed = client.list_parts(oss.ListPartsRequest(bucket=bucket, key="m", upload_id=upload))
    assert [p.size for p in listed.parts] == [MIB, 4]
    uploads = client.list_multipart_uploads(oss.ListMultipartUploadsRequest(bucket=bucket))
    assert [u.upload_id for u in uploads.uploads] == [upload]
    client.complete_multipart_upload(oss.CompleteMultipartUploadRequest(
        bucket=bucket, key="m", upload_id=upload,
        complete_multipart_upload=oss.CompleteMultipartUpload(parts=done)))
    assert get(client, bucket, "m").body.content == b"".join(parts)

    copy = client.initiate_multipart_upload(
        oss.InitiateMultipartUploadRequest(bucket=bucket, key="c")).upload_id
    result = client.upload_part_copy(oss.UploadPartCopyRequest(
        bucket=bucket, key="c", upload_id=copy, part_number=1, source_bucket=bucket,
        source_key="m", source_range="bytes=0-9"))
    assert result.etag
    client.complete_multipart_upload(oss.CompleteMultipartUploadRequest(
        bucket=bucket, key="c", upload_id=copy, complete_all="yes"))
    assert get(client, bucket, "c").body.content == b"a" * 10

    gone = client.initiate_multipart_upload(
        oss.InitiateMultipartUploadRequest(bucket=bucket, key="g")).upload_id
    abort = oss.AbortMultipartUploadRequest(bucket=bucket, key="g", upload_id=gone)
    assert client.abort_multipart_upload(abort).status_code == 204
    error = failing(lambda: client.abort_multipart_upload(abort))
    assert (error.code, error.ec) == ("NoSuchUpload", "0042-00000002")

    body = bytes(i % 251 for i in range(5 * MIB))
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(body)
    client.uploader(part_size=MIB).upload_file(
        oss.PutObjectRequest(bucket=bucket, key="big"), filepath=str(source))
    client.downloader(part_size=MIB).download_file(
        oss.GetObjectRequest(bucket=bucket, key="big"), filepath=str(target))
    assert target.read_bytes() == body


def test_copy_append_delete_many(client, bucket):
    put(client, bucket, "源 +%", io.BytesIO(b"hello"), metadata={"a": "1"})
    client.copy_object(oss.CopyObjectRequest(
        bucket=bucket, key="copy", source_bucket=bucket, source_key="源 +%"))
    assert client.head_object(
        oss.HeadObjectRequest(bucket=bucket, key="copy")).metadata["a"] == "1"
    first = client.append_object(oss.AppendObjectRequest(
        bucket=bucket, key="log", position=0, body=b"hello "))
    second = client.append_object(oss.AppendObjectRequest(
        bucket=bucket, key="log", position=first.next_position, body=b"world"))
    assert second.next_position == 11 and second.hash_crc64 == "5981764153023615706"
    error = failing(lambda: client.append_object(oss.AppendObjectRequest(
        bucket=bucket, key="log", position=3, body=b"x")))
    assert (error.status_code, error.code) == (409, "PositionNotEqualToLength")
    keys = ["源 +%", "copy", "log", "absent", "\u0001"]
    result = client.delete_multiple_objects(oss.DeleteMultipleObjectsRequest(
        bucket=bucket, encoding_type="url", objects=[oss.DeleteObject(key=k) for k in keys]))
    assert sorted(d.key for d in result.deleted_objects) == sorted(keys)
    assert client.list_objects_v2(oss.ListObjectsV2Request(bucket=bucket)).contents is None


def test_presigned_urls(client, bucket):
    signed = client.presign(oss.PutObjectRequest(bucket=bucket, key="p q", content_type="text/x"),
                            expires=datetime.timedelta(seconds=60))
    answer = requests.request(signed.method, signed.url, data=b"body",
                              headers=signed.signed_headers, timeout=10)
    assert answer.status_code == 200, answer.text
    signed = client.presign(oss.GetObjectRequest(bucket=bucket, key="p q"))
    assert requests.get(signed.url, headers=signed.signed_headers, timeout=10).content == b"body"
    assert requests.get(signed.url.replace("p%20q", "other"), timeout=10).status_code == 403


def test_buckets(client, bucket):
    info = client.get_bucket_info(oss.GetBucketInfoRequest(bucket=bucket)).bucket_info
    assert info.name == bucket and info.location == "oss-" + REGION
    where = client.get_bucket_location(oss.GetBucketLocationRequest(bucket=bucket))
    assert where.location == "oss-" + REGION
    listed = client.list_buckets(oss.ListBucketsRequest(prefix=bucket))
    assert [one.name for one in listed.buckets] == [bucket]
    put(client, bucket, "k", b"")
    error = failing(lambda: client.delete_bucket(oss.DeleteBucketRequest(bucket=bucket)))
    assert (error.status_code, error.code, error.ec) == (409, "BucketNotEmpty", "0015-00000301")
    error = failing(lambda: get(client, "no-such-bucket-here", "k"))
    assert (error.status_code, error.code, error.ec) == (404, "NoSuchBucket", "0015-00000101")
    assert len(error.request_id) == 24


@pytest.mark.parametrize("version", ["v1", "v4"])
def test_wrong_keys(server, version, bucket_name):
    for pair, code in [((KEY_ID, "wrong"), "SignatureDoesNotMatch"),
                       (("nobody", KEY_SECRET), "InvalidAccessKeyId")]:
        other = make_client(server, version, *pair)
        error = failing(lambda: get(other, bucket_name, "k"))
        assert (error.status_code, error.code) == (403, code)
        if code == "InvalidAccessKeyId":
            assert error.ec == "0002-00000902"
