"""oss2 2.19 on what buckets and objects have besides bytes: settings, versions, tags, links, restores, forms, callbacks."""

import base64
import hashlib
import hmac
import http.server
import json
import threading
import time

import oss2
import pytest
import requests
from oss2 import models

from conftest import KEY_ID, KEY_SECRET, REGION
from test_oss2 import make_auth


@pytest.fixture(params=["v1", "v4"])
def bucket(request, server, bucket_name):
    bucket = oss2.Bucket(make_auth(request.param), server.endpoint, bucket_name, region=REGION)
    bucket.create_bucket()
    yield bucket
    for upload in oss2.MultipartUploadIterator(bucket):
        bucket.abort_multipart_upload(upload.key, upload.upload_id)
    listed = bucket.list_object_versions(max_keys=1000)
    for one in listed.versions + listed.delete_marker:
        bucket.delete_object(one.key, params={"versionId": one.versionid})
    bucket.delete_bucket()


def refused(code, call, *args, **options):
    with pytest.raises(oss2.exceptions.ServerError) as error:
        call(*args, **options)
    assert error.value.code == code, error.value
    return error.value


def test_lifecycle(bucket):
    refused("NoSuchLifecycle", bucket.get_bucket_lifecycle)
    tagging = models.Tagging(models.TaggingRule())
    tagging.tag_set.add("k", "v")
    rule = models.LifecycleRule(
        "rule1", "logs/", status=models.LifecycleRule.ENABLED,
        expiration=models.LifecycleExpiration(days=357),
        abort_multipart_upload=models.AbortMultipartUpload(days=3),
        storage_transitions=[models.StorageTransition(days=356, storage_class=oss2.BUCKET_STORAGE_CLASS_IA)],
        tagging=tagging)
    bucket.put_bucket_lifecycle(models.BucketLifecycle([rule]))
    read = bucket.get_bucket_lifecycle().rules[0]
    assert (read.id, read.prefix, read.status) == ("rule1", "logs/", "Enabled")
    assert read.expiration.days == 357 and read.abort_multipart_upload.days == 3
    assert read.storage_transitions[0].storage_class == "IA"
    assert read.tagging.tag_set.tagging_rule == {"k": "v"}
    bucket.delete_bucket_lifecycle()
    refused("NoSuchLifecycle", bucket.get_bucket_lifecycle)


def test_cors_and_preflight(bucket):
    refused("NoSuchCORSConfiguration", bucket.get_bucket_cors)
    rule = models.CorsRule(allowed_origins=["*"], allowed_methods=["GET", "HEAD"], allowed_headers=["*"],
                           max_age_seconds=1000)
    bucket.put_bucket_cors(models.BucketCors([rule]))
    read = bucket.get_bucket_cors().rules[0]
    assert read.allowed_origins == ["*"] and read.max_age_seconds == 1000
    url = bucket.sign_url("GET", "k", 60).split("?")[0]
    answer = requests.options(url, headers={"Origin": "http://site", "Access-Control-Request-Method": "GET"})
    assert answer.status_code == 200 and answer.headers["Access-Control-Allow-Origin"] == "*"
    bucket.delete_bucket_cors()
    refused("NoSuchCORSConfiguration", bucket.get_bucket_cors)


def test_website_logging_referer(bucket):
    refused("NoSuchWebsiteConfiguration", bucket.get_bucket_website)
    bucket.put_bucket_website(models.BucketWebsite("index.html", "error.html"))
    site = bucket.get_bucket_website()
    assert (site.index_file, site.error_file) == ("index.html", "error.html")
    bucket.delete_bucket_website()
    bucket.put_bucket_logging(models.BucketLogging(bucket.bucket_name, "日志+/"))
    assert bucket.get_bucket_logging().target_prefix == "日志+/"
    bucket.delete_bucket_logging()
    bucket.delete_bucket_logging()
    assert bucket.get_bucket_logging().target_bucket == ""
    bucket.put_bucket_referer(models.BucketReferer(False, ["http://hello.com", "mibrowser:home"]))
    referer = bucket.get_bucket_referer()
    assert not referer.allow_empty_referer
    assert sorted(referer.referers) == ["http://hello.com", "mibrowser:home"]


def test_encryption(bucket):
    refused("NoSuchServerSideEncryptionRule", bucket.get_bucket_encryption)
    rule = models.ServerSideEncryptionRule()
    rule.sse_algorithm, rule.kms_master_keyid = oss2.SERVER_SIDE_ENCRYPTION_KMS, "my-key"
    bucket.put_bucket_encryption(rule)
    read = bucket.get_bucket_encryption()
    assert (read.sse_algorithm, read.kms_master_keyid) == ("KMS", "my-key")
    put = bucket.put_object("k", b"x")
    assert put.headers["x-oss-server-side-encryption"] == "KMS"
    assert bucket.get_bucket_info().bucket_encryption_rule.sse_algorithm == "KMS"
    bucket.delete_bucket_encryption()
    assert bucket.get_bucket_info().bucket_encryption_rule.sse_algorithm is None
    own = bucket.put_object("k", b"x", headers={"x-oss-server-side-encryption": "AES256"})
    assert own.headers["x-oss-server-side-encryption"] == "AES256"


def test_policy_tags_payment(bucket):
    refused("NoSuchBucketPolicy", bucket.get_bucket_policy)
    policy = {"Version": "1", "Statement": [{"Action": ["oss:PutObject"], "Effect": "Deny", "Principal": ["1234"],
                                             "Resource": ["acs:oss:*:*:nothing/*"]}]}
    bucket.put_bucket_policy(json.dumps(policy))
    assert json.loads(bucket.get_bucket_policy().policy) == policy
    bucket.delete_bucket_policy()
    tags = models.Tagging(models.TaggingRule())
    tags.tag_set.add("%@abc", "++123%")
    bucket.put_bucket_tagging(tags)
    assert bucket.get_bucket_tagging().tag_set.tagging_rule == {"%@abc": "++123%"}
    bucket.delete_bucket_tagging()
    bucket.put_bucket_request_payment(models.PAYER_REQUESTER)
    assert bucket.get_bucket_request_payment().payer == "Requester"
    refused("NoSuchTransferAccelerationConfiguration", bucket.get_bucket_transfer_acceleration)
    bucket.put_bucket_transfer_acceleration("true")
    assert bucket.get_bucket_transfer_acceleration().enabled == "true"


def test_inventory(bucket):
    refused("NoSuchInventory", bucket.get_bucket_inventory_configuration, "i")
    configuration = models.InventoryConfiguration(
        inventory_id="i", is_enabled=True,
        inventory_schedule=models.InventorySchedule(frequency=models.INVENTORY_FREQUENCY_DAILY),
        included_object_versions=models.INVENTORY_INCLUDED_OBJECT_VERSIONS_CURRENT,
        inventory_filter=models.InventoryFilter(prefix="inv-prefix"),
        optional_fields=[models.FIELD_SIZE, models.FIELD_ETAG],
        inventory_destination=models.InventoryDestination(
            bucket_destination=models.InventoryBucketDestination(
                account_id="1", role_arn="acs:ram::1:role/r", bucket="dest",
                inventory_format=models.INVENTORY_FORMAT_CSV, prefix="d/")))
    bucket.put_bucket_inventory_configuration(configuration)
    read = bucket.get_bucket_inventory_configuration("i")
    assert read.inventory_filter.prefix == "inv-prefix" and sorted(read.optional_fields) == ["ETag", "Size"]
    assert read.inventory_destination.bucket_destination.bucket == "dest"
    listed = bucket.list_bucket_inventory_configurations()
    assert [one.inventory_id for one in listed.inventory_configurations] == ["i"]
    bucket.delete_bucket_inventory_configuration("i")
    refused("NoSuchInventory", bucket.list_bucket_inventory_configurations)


def test_worm_and_replication(bucket):
    refused("NoSuchWORMConfiguration", bucket.get_bucket_worm)
    worm = bucket.init_bucket_worm(1).worm_id
    assert bucket.get_bucket_worm().state == "InProgress"
    refused("InvalidWORMConfiguration", bucket.extend_bucket_worm, worm, 2)
    bucket.abort_bucket_worm()
    worm = bucket.init_bucket_worm(1).worm_id
    bucket.complete_bucket_worm(worm)
    bucket.extend_bucket_worm(worm, 2)
    read = bucket.get_bucket_worm()
    assert (read.worm_id, read.state, read.retention_period_days) == (worm, "Locked", 2)
    rule = models.ReplicationRule(prefix_list=["a", "b"], action_list=[models.ReplicationRule.PUT],
                                  target_bucket_name="target", target_bucket_location="oss-cn-beijing")
    bucket.put_bucket_replication(rule)
    read = bucket.get_bucket_replication().rule_list[0]
    assert sorted(read.prefix_list) == ["a", "b"] and read.target_bucket_name == "target"
    assert bucket.get_bucket_replication_progress(read.rule_id).progress.status == "starting"
    bucket.delete_bucket_replication(read.rule_id)


def test_versions(bucket):
    assert bucket.get_bucket_versioning().status is None
    bucket.put_object("k", b"null")
    configuration = models.BucketVersioningConfig()
    configuration.status = oss2.BUCKET_VERSIONING_ENABLE
    bucket.put_bucket_versioning(configuration)
    assert bucket.get_bucket_versioning().status == "Enabled"
    assert bucket.get_bucket_info().versioning_status == "Enabled"
    one = bucket.put_object("k", b"one").versionid
    two = bucket.put_object("k", b"two").versionid
    for version, body in [("null", b"null"), (one, b"one"), (two, b"two")]:
        assert bucket.get_object("k", params={"versionId": version}).read() == body
        assert bucket.head_object("k", params={"versionId": version}).versionid == version
    deleted = bucket.delete_object("k")
    assert deleted.delete_marker and deleted.versionid
    with pytest.raises(oss2.exceptions.NoSuchKey):
        bucket.get_object("k")
    listed = bucket.list_object_versions()
    assert [v.versionid for v in listed.versions] == [two, one, "null"]
    assert [m.versionid for m in listed.delete_marker] == [deleted.versionid]
    paged, marker, version_marker = [], "", ""
    while True:
        page = bucket.list_object_versions(max_keys=1, key_marker=marker, versionid_marker=version_marker)
        paged += [v.versionid for v in page.versions + page.delete_marker]
        if not page.is_truncated:
            break
        marker, version_marker = page.next_key_marker, page.next_versionid_marker
    assert paged == [deleted.versionid, two, one, "null"]
    batch = models.BatchDeleteObjectVersionList([models.BatchDeleteObjectVersion("k", deleted.versionid)])
    gone = bucket.delete_object_versions(batch)
    assert gone.delete_versions[0].delete_marker
    assert bucket.get_object("k").read() == b"two"
    bucket.copy_object(bucket.bucket_name, "k", "copy", params={"versionId": one})
    assert bucket.get_object("copy").read() == b"one"
    configuration.status = oss2.BUCKET_VERSIONING_SUSPEND
    bucket.put_bucket_versioning(configuration)
    assert bucket.put_object("k", b"again").versionid == "null"


def test_object_tags(bucket):
    bucket.put_object("k", b"x", headers={"x-oss-tagging": "a=1&b=%20c"})
    assert bucket.get_object_tagging("k").tag_set.tagging_rule == {"a": "1", "b": " c"}
    tags = models.Tagging(models.TaggingRule())
    tags.tag_set.add("new", "+-=._:/")
    bucket.put_object_tagging("k", tags)
    assert bucket.get_object_tagging("k").tag_set.tagging_rule == {"new": "+-=._:/"}
    assert bucket.head_object("k").headers["x-oss-tagging-count"] == "1"
    bucket.delete_object_tagging("k")
    assert bucket.get_object_tagging("k").tag_set.tagging_rule == {}


def test_symlinks(bucket):
    bucket.put_symlink("target", "link")
    assert bucket.get_symlink("link").target_key == "target"
    assert refused("SymlinkTargetNotExist", bucket.get_object, "link").status == 404
    bucket.put_object("target", b"bytes")
    assert bucket.get_object("link").read() == b"bytes"
    refused("NotSymlink", bucket.get_symlink, "target")


def test_restore(bucket):
    bucket.put_object("k", b"cold", headers={"x-oss-storage-class": oss2.BUCKET_STORAGE_CLASS_ARCHIVE})
    refused("InvalidObjectState", bucket.get_object, "k")
    assert bucket.restore_object("k").status == 202
    deadline = time.time() + 20
    while "ongoing-request=\"false\"" not in bucket.head_object("k").headers["x-oss-restore"]:
        assert time.time() < deadline
    assert bucket.get_object("k").read() == b"cold"
    bucket.put_object("std", b"x")
    refused("OperationNotSupported", bucket.restore_object, "std")


def test_post_form(bucket):
    policy = base64.b64encode(json.dumps({
        "expiration": "2099-01-01T00:00:00.000Z",
        "conditions": [["starts-with", "$key", "form/"], ["content-length-range", 0, 100]]}).encode()).decode()
    signature = base64.b64encode(hmac.new(KEY_SECRET.encode(), policy.encode(), hashlib.sha1).digest()).decode()
    fields = {"key": "form/${filename}", "OSSAccessKeyId": KEY_ID, "policy": policy, "Signature": signature,
              "success_action_status": "201"}
    url = bucket.sign_url("GET", "x", 60).rsplit("/", 1)[0] + "/"
    answer = requests.post(url, data=fields, files={"file": ("a.txt", b"from a form", "text/plain")})
    assert answer.status_code == 201, answer.text
    got = bucket.get_object("form/a.txt")
    assert got.read() == b"from a form" and got.content_type == "text/plain"
    answer = requests.post(url, data=dict(fields, key="other"), files={"file": b"x"})
    assert answer.status_code == 403


def test_callback(bucket):
    calls = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            calls.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "15")
            self.end_headers()
            self.wfile.write(b'{"Status":"OK"}')

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as callback_server:
        threading.Thread(target=callback_server.serve_forever, daemon=True).start()
        wanted = {"callbackUrl": f"http://127.0.0.1:{callback_server.server_port}/",
                  "callbackBody": "key=${object}&size=${size}&own=${x:own}"}
        encode = lambda value: base64.b64encode(json.dumps(value).encode()).decode()
        put = bucket.put_object("called", b"12345", headers={
            "x-oss-callback": encode(wanted), "x-oss-callback-var": encode({"x:own": "v"})})
        assert put.resp.read() == b'{"Status":"OK"}'
        callback_server.shutdown()
    assert calls == [b"key=called&size=5&own=v"]


def test_acls(bucket):
    bucket.put_object("k", b"x")
    assert bucket.get_object_acl("k").acl == "default"
    bucket.put_object_acl("k", oss2.OBJECT_ACL_PUBLIC_READ)
    assert bucket.get_object_acl("k").acl == "public-read"
    bucket.put_bucket_acl(oss2.BUCKET_ACL_PUBLIC_READ)
    assert bucket.get_bucket_acl().acl == "public-read"
    stat = bucket.get_bucket_stat()
    assert stat.object_count == 1 and stat.storage_size_in_bytes == 1
