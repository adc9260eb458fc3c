"""alibabacloud-oss-v2: the newer Python SDK."""

import datetime
import hashlib
import io
import json

import alibabacloud_oss_v2 as oss
import alibabacloud_oss_v2.models as models
import requests

from judge import *  # noqa: F403 (the judges' vocabulary)


def connect(provider=None, endpoint=ENDPOINT):
    config = oss.config.load_default()
    config.credentials_provider = provider or oss.credentials.StaticCredentialsProvider(KEY_ID, KEY_SECRET)
    config.region, config.endpoint, config.signature_version = REGION, endpoint, SIGNATURE
    return oss.Client(config)


client = connect()
SET, VER, RING = BUCKET + "-set", BUCKET + "-ver", BUCKET + "-set2"


def call(method, bucket=BUCKET, client=client, **fields):
    """client.put_object(PutObjectRequest(bucket=..., ...)), for every method."""
    request = getattr(models, "".join(word.title() for word in method.split("_")) + "Request")
    if bucket is not None:
        fields["bucket"] = bucket
    try:
        return getattr(client, method)(request(**fields))
    except oss.exceptions.OperationError as error:
        raise error.unwrap() from None


def put(key, body=b"", **more):
    return call("put_object", key=key, body=body, **more)


def read(key, **more):
    return call("get_object", key=key, **more).body.content


def head(key, **more):
    return call("head_object", key=key, **more)


@operation("PutBucket")
def _():
    equal(call("put_bucket").status_code, 200)


@operation("PutBucket with storage class and ACL")
def _():
    call("put_bucket", BUCKET + "-ia", acl="public-read", create_bucket_configuration=oss.CreateBucketConfiguration(
        storage_class="IA", data_redundancy_type="ZRS"))
    info = call("get_bucket_info", BUCKET + "-ia").bucket_info
    equal((info.storage_class, info.acl, info.data_redundancy_type), ("IA", "public-read", "ZRS"))
    call("delete_bucket", BUCKET + "-ia")


@operation("bucket exists")
def _():
    equal((client.is_bucket_exist(BUCKET), client.is_bucket_exist(BUCKET + "-no")), (True, False))


@operation("ListBuckets")
def _():
    equal([one.name for one in call("list_buckets", None, prefix=BUCKET).buckets], [BUCKET])


@operation("ListBuckets in pages")
def _():
    names = [BUCKET + f"-page{i}" for i in range(3)]
    for name in names:
        call("put_bucket", name)
    pages = list(client.list_buckets_paginator(limit=2).iter_page(oss.ListBucketsRequest(prefix=BUCKET + "-page")))
    equal((len(pages), [one.name for page in pages for one in page.buckets]), (2, names))
    for name in names:
        call("delete_bucket", name)


@operation("DescribeRegions")
def _():
    regions = call("describe_regions", None).region_info
    assert any(one.region == "oss-" + REGION for one in regions), regions


@operation("GetBucketInfo")
def _():
    info = call("get_bucket_info").bucket_info
    equal((info.name, info.location, info.storage_class), (BUCKET, "oss-" + REGION, "Standard"))


@operation("GetBucketLocation")
def _():
    equal(call("get_bucket_location").location, "oss-" + REGION)


@operation("GetBucketStat")
def _():
    before = call("get_bucket_stat")
    put("stat", b"12345")
    after = call("get_bucket_stat")
    equal((after.object_count - before.object_count, after.storage - before.storage), (1, 5))
    call("delete_object", key="stat")


@operation("PutBucketAcl")
def _():
    call("put_bucket_acl", acl="public-read")
    equal(call("get_bucket_acl").acl, "public-read")
    call("put_bucket_acl", acl="private")


@operation("GetBucketAcl")
def _():
    equal(call("get_bucket_acl").acl, "private")


@operation("DeleteBucket")
def _():
    call("put_bucket", BUCKET + "-gone")
    equal(call("delete_bucket", BUCKET + "-gone").status_code, 204)
    fails(lambda: call("delete_bucket", BUCKET + "-gone"), 404, "NoSuchBucket")


@operation("DeleteBucket refused while not empty")
def _():
    put("k")
    fails(lambda: call("delete_bucket"), 409, "BucketNotEmpty")
    call("delete_object", key="k")


# Bucket settings

call("put_bucket", SET)
call("put_bucket", RING)


@operation("PutBucketLifecycle")
def _():
    call("put_bucket_lifecycle", SET, lifecycle_configuration=models.LifecycleConfiguration(rules=[
        models.LifecycleRule(id="r1", prefix="logs/", status="Enabled",
                             expiration=models.LifecycleRuleExpiration(days=7),
                             abort_multipart_upload=models.LifecycleRuleAbortMultipartUpload(days=1)),
        models.LifecycleRule(id="r2", prefix="data/", status="Enabled", transitions=[
            models.LifecycleRuleTransition(days=30, storage_class="IA")])]))


@operation("GetBucketLifecycle")
def _():
    rules = call("get_bucket_lifecycle", SET).lifecycle_configuration.rules
    equal([(rule.id, rule.prefix, rule.status) for rule in rules],
          [("r1", "logs/", "Enabled"), ("r2", "data/", "Enabled")])
    equal((rules[0].expiration.days, rules[1].transitions[0].storage_class), (7, "IA"))


@operation("DeleteBucketLifecycle")
def _():
    call("delete_bucket_lifecycle", SET)
    fails(lambda: call("get_bucket_lifecycle", SET), 404, "NoSuchLifecycle")


@operation("PutBucketCors")
def _():
    call("put_bucket_cors", SET, cors_configuration=models.CORSConfiguration(cors_rules=[models.CORSRule(
        allowed_origins=["http://example.com"], allowed_methods=["GET", "PUT"], allowed_headers=["*"],
        expose_headers=["x-oss-request-id"], max_age_seconds=60)]))


@operation("GetBucketCors")
def _():
    rule = call("get_bucket_cors", SET).cors_configuration.cors_rules[0]
    equal((rule.allowed_origins, rule.allowed_methods, rule.max_age_seconds),
          (["http://example.com"], ["GET", "PUT"], 60))


@operation("OptionObject")
def _():
    got = call("option_object", SET, key="k", origin="http://example.com", access_control_request_method="PUT",
               access_control_request_headers="x-a")
    equal(got.access_control_allow_origin, "http://example.com")
    assert "PUT" in got.access_control_allow_methods
    fails(lambda: call("option_object", SET, key="k", origin="http://other.example",
                       access_control_request_method="PUT"), 403)


@operation("DeleteBucketCors")
def _():
    call("delete_bucket_cors", SET)
    fails(lambda: call("get_bucket_cors", SET), 404, "NoSuchCORSConfiguration")


@operation("PutBucketWebsite")
def _():
    call("put_bucket_website", SET, website_configuration=models.WebsiteConfiguration(
        index_document=models.IndexDocument(suffix="index.html"), error_document=models.ErrorDocument(key="error.html")))


@operation("GetBucketWebsite")
def _():
    got = call("get_bucket_website", SET).website_configuration
    equal((got.index_document.suffix, got.error_document.key), ("index.html", "error.html"))


@operation("DeleteBucketWebsite")
def _():
    call("delete_bucket_website", SET)
    fails(lambda: call("get_bucket_website", SET), 404, "NoSuchWebsiteConfiguration")


@operation("PutBucketLogging")
def _():
    call("put_bucket_logging", SET, bucket_logging_status=models.BucketLoggingStatus(
        logging_enabled=models.LoggingEnabled(target_bucket=BUCKET, target_prefix="logs/")))


@operation("GetBucketLogging")
def _():
    got = call("get_bucket_logging", SET).bucket_logging_status.logging_enabled
    equal((got.target_bucket, got.target_prefix), (BUCKET, "logs/"))


@operation("DeleteBucketLogging")
def _():
    call("delete_bucket_logging", SET)
    equal(call("get_bucket_logging", SET).bucket_logging_status.logging_enabled, None)


@operation("PutUserDefinedLogFieldsConfig")
def _():
    call("put_user_defined_log_fields_config", SET,
         user_defined_log_fields_configuration=models.UserDefinedLogFieldsConfiguration(
             header_set=models.LoggingHeaderSet(headers=["h1"]), param_set=models.LoggingParamSet(parameters=["p1"])))


@operation("GetUserDefinedLogFieldsConfig")
def _():
    got = call("get_user_defined_log_fields_config", SET).user_defined_log_fields_configuration
    equal((got.header_set.headers, got.param_set.parameters), (["h1"], ["p1"]))


@operation("DeleteUserDefinedLogFieldsConfig")
def _():
    call("delete_user_defined_log_fields_config", SET)


@operation("PutBucketReferer")
def _():
    call("put_bucket_referer", SET, referer_configuration=models.RefererConfiguration(
        allow_empty_referer=True, referer_list=models.RefererList(referers=["http://a.example"])))


@operation("GetBucketReferer")
def _():
    got = call("get_bucket_referer", SET).referer_configuration
    equal((got.allow_empty_referer, got.referer_list.referers), (True, ["http://a.example"]))


@operation("PutBucketEncryption")
def _():
    call("put_bucket_encryption", SET, server_side_encryption_rule=models.ServerSideEncryptionRule(
        apply_server_side_encryption_by_default=models.ApplyServerSideEncryptionByDefault(sse_algorithm="AES256")))


@operation("GetBucketEncryption")
def _():
    got = call("get_bucket_encryption", SET).server_side_encryption_rule
    equal(got.apply_server_side_encryption_by_default.sse_algorithm, "AES256")


@operation("DeleteBucketEncryption")
def _():
    call("delete_bucket_encryption", SET)
    fails(lambda: call("get_bucket_encryption", SET), 404, "NoSuchServerSideEncryptionRule")


POLICY = {"Version": "1", "Statement": [{
    "Effect": "Allow", "Action": ["oss:GetObject"], "Principal": ["*"],
    "Resource": [f"acs:oss:*:*:{SET}/public/*"]}]}


@operation("PutBucketPolicy")
def _():
    call("put_bucket_policy", SET, body=json.dumps(POLICY))


@operation("GetBucketPolicy")
def _():
    equal(json.loads(call("get_bucket_policy", SET).body), POLICY)


@operation("GetBucketPolicyStatus")
def _():
    equal(call("get_bucket_policy_status", SET).policy_status.is_public, True)


@operation("DeleteBucketPolicy")
def _():
    call("delete_bucket_policy", SET)
    fails(lambda: call("get_bucket_policy", SET), 404, "NoSuchBucketPolicy")


def tags(**pairs):
    return models.Tagging(tag_set=models.TagSet(tags=[models.Tag(key=k, value=v) for k, v in pairs.items()]))


def pairs(tagging):
    return {tag.key: tag.value for tag in (tagging.tag_set and tagging.tag_set.tags) or []}


@operation("PutBucketTags")
def _():
    call("put_bucket_tags", SET, tagging=tags(a="1", b="2"))


@operation("GetBucketTags")
def _():
    equal(pairs(call("get_bucket_tags", SET).tagging), {"a": "1", "b": "2"})


@operation("DeleteBucketTags")
def _():
    call("delete_bucket_tags", SET)
    equal(pairs(call("get_bucket_tags", SET).tagging), {})


@operation("PutBucketRequestPayment")
def _():
    call("put_bucket_request_payment", SET,
         request_payment_configuration=models.RequestPaymentConfiguration(payer="Requester"))


@operation("GetBucketRequestPayment")
def _():
    equal(call("get_bucket_request_payment", SET).request_payment_configuration.payer, "Requester")


@operation("PutBucketTransferAcceleration")
def _():
    call("put_bucket_transfer_acceleration", SET,
         transfer_acceleration_configuration=models.TransferAccelerationConfiguration(enabled=True))


@operation("GetBucketTransferAcceleration")
def _():
    equal(call("get_bucket_transfer_acceleration", SET).transfer_acceleration_configuration.enabled, True)


@operation("PutBucketInventory")
def _():
    call("put_bucket_inventory", SET, inventory_id="i1", inventory_configuration=models.InventoryConfiguration(
        id="i1", is_enabled=True, included_object_versions="All", filter=models.InventoryFilter(prefix="p/"),
        optional_fields=models.OptionalFields(fields=["Size", "ETag"]),
        schedule=models.InventorySchedule(frequency="Daily"),
        destination=models.InventoryDestination(oss_bucket_destination=models.InventoryOSSBucketDestination(
            format="CSV", account_id="1", role_arn="acs:ram::1:role/r", bucket="acs:oss:::" + BUCKET, prefix="inv/"))))


@operation("GetBucketInventory")
def _():
    got = call("get_bucket_inventory", SET, inventory_id="i1").inventory_configuration
    equal((got.id, got.schedule.frequency, got.optional_fields.fields), ("i1", "Daily", ["Size", "ETag"]))


@operation("ListBucketInventory")
def _():
    got = call("list_bucket_inventory", SET).list_inventory_configurations_result
    equal([one.id for one in got.inventory_configurations], ["i1"])


@operation("DeleteBucketInventory")
def _():
    call("delete_bucket_inventory", SET, inventory_id="i1")
    fails(lambda: call("get_bucket_inventory", SET, inventory_id="i1"), 404, "NoSuchInventory")


def worm_of_a_day():
    return call("initiate_bucket_worm", SET,
                initiate_worm_configuration=models.InitiateWormConfiguration(retention_period_in_days=1)).worm_id


@operation("InitiateBucketWorm")
def _():
    assert worm_of_a_day()


@operation("GetBucketWorm")
def _():
    got = call("get_bucket_worm", SET).worm_configuration
    equal((got.state, got.retention_period_in_days), ("InProgress", 1))


@operation("AbortBucketWorm")
def _():
    call("abort_bucket_worm", SET)
    fails(lambda: call("get_bucket_worm", SET), 404)


@operation("CompleteBucketWorm")
def _():
    call("complete_bucket_worm", SET, worm_id=worm_of_a_day())
    equal(call("get_bucket_worm", SET).worm_configuration.state, "Locked")


@operation("ExtendBucketWorm")
def _():
    worm = call("get_bucket_worm", SET).worm_configuration.worm_id
    call("extend_bucket_worm", SET, worm_id=worm,
         extend_worm_configuration=models.ExtendWormConfiguration(retention_period_in_days=2))
    equal(call("get_bucket_worm", SET).worm_configuration.retention_period_in_days, 2)


@operation("PutBucketReplication")
def _():
    call("put_bucket_replication", RING, replication_configuration=models.ReplicationConfiguration(rules=[
        models.ReplicationRule(id="rule1", action="ALL", historical_object_replication="enabled",
                               destination=models.ReplicationDestination(bucket=BUCKET, location="oss-" + REGION))]))


@operation("GetBucketReplication")
def _():
    rules = call("get_bucket_replication", RING).replication_configuration.rules
    equal([rule.destination.bucket for rule in rules], [BUCKET])


@operation("GetBucketReplicationLocation")
def _():
    call("get_bucket_replication_location", RING)


@operation("GetBucketReplicationProgress")
def _():
    rule = call("get_bucket_replication", RING).replication_configuration.rules[0].id
    call("get_bucket_replication_progress", RING, rule_id=rule)


@operation("DeleteBucketReplication")
def _():
    rule = call("get_bucket_replication", RING).replication_configuration.rules[0].id
    call("delete_bucket_replication", RING, replication_rules=models.ReplicationRules(ids=[rule]))


@operation("PutBucketAccessMonitor")
def _():
    call("put_bucket_access_monitor", RING,
         access_monitor_configuration=models.AccessMonitorConfiguration(status="Enabled"))


@operation("GetBucketAccessMonitor")
def _():
    equal(call("get_bucket_access_monitor", RING).access_monitor_configuration.status, "Enabled")


@operation("PutBucketArchiveDirectRead")
def _():
    call("put_bucket_archive_direct_read", RING,
         archive_direct_read_configuration=models.ArchiveDirectReadConfiguration(enabled=True))


@operation("GetBucketArchiveDirectRead")
def _():
    equal(call("get_bucket_archive_direct_read", RING).archive_direct_read_configuration.enabled, True)


@operation("PutBucketResourceGroup")
def _():
    call("put_bucket_resource_group", RING, bucket_resource_group_configuration=models.BucketResourceGroupConfiguration(
        resource_group_id="rg-abcdef0123456789"))


@operation("GetBucketResourceGroup")
def _():
    got = call("get_bucket_resource_group", RING).bucket_resource_group_configuration
    equal(got.resource_group_id, "rg-abcdef0123456789")


@operation("PutBucketHttpsConfig")
def _():
    call("put_bucket_https_config", RING, https_configuration=models.HttpsConfiguration(
        tls=models.TLS(enable=True, tls_versions=["TLSv1.2", "TLSv1.3"])))


@operation("GetBucketHttpsConfig")
def _():
    equal(call("get_bucket_https_config", RING).https_configuration.tls.tls_versions, ["TLSv1.2", "TLSv1.3"])


@operation("PutBucketPublicAccessBlock")
def _():
    call("put_bucket_public_access_block", RING,
         public_access_block_configuration=models.PublicAccessBlockConfiguration(block_public_access=True))


@operation("GetBucketPublicAccessBlock")
def _():
    got = call("get_bucket_public_access_block", RING).public_access_block_configuration
    equal(got.block_public_access, True)


@operation("DeleteBucketPublicAccessBlock")
def _():
    call("delete_bucket_public_access_block", RING)


@operation("PutStyle")
def _():
    call("put_style", RING, style_name="small", style=models.StyleContent(content="image/resize,p_50"))


@operation("GetStyle")
def _():
    equal(call("get_style", RING, style_name="small").style.content, "image/resize,p_50")


@operation("ListStyle")
def _():
    equal([one.name for one in call("list_style", RING).style_list.styles], ["small"])


@operation("DeleteStyle")
def _():
    call("delete_style", RING, style_name="small")
    fails(lambda: call("get_style", RING, style_name="small"), 404)


@operation("ListCname")
def _():
    equal(call("list_cname", RING).bucket, RING)


# Objects

@operation("PutObject")
def _():
    done = put("k", b"hello", content_type="text/x", cache_control="no-cache")
    equal((done.status_code, done.etag, len(done.request_id)),
          (200, f'"{hashlib.md5(b"hello").hexdigest().upper()}"', 24))


@operation("PutObject of nothing")
def _():
    put("nothing")
    equal((read("nothing"), head("nothing").content_length), (b"", 0))


@operation("PutObject from a file")
def _():
    client.put_object_from_file(oss.PutObjectRequest(bucket=BUCKET, key="from-file"), path("put", b"file" * 1000))
    equal(read("from-file"), b"file" * 1000)


@operation("PutObject of a stream without length")
def _():
    put("stream", (piece for piece in [b"ab", b"cd" * 50000]))
    equal(read("stream"), b"ab" + b"cd" * 50000)


@operation("PutObject with Content-MD5")
def _():
    put("md5", b"right", content_md5=md5(b"right"))


@operation("PutObject with a wrong Content-MD5")
def _():
    fails(lambda: put("md5", b"wrong", content_md5=md5(b"right")), 400, "InvalidDigest")
    equal(read("md5"), b"right")


@operation("PutObject with user metadata in UTF-8")
def _():
    put("meta", metadata={"name": "中文", "A": "b"})
    equal((head("meta").metadata["name"], head("meta").metadata["a"]), ("中文", "b"))


@operation("PutObject with storage class")
def _():
    put("ia", b"x", storage_class="IA")
    equal(head("ia").storage_class, "IA")


@operation("PutObject with ACL")
def _():
    put("acl", b"x", acl="public-read")
    equal(call("get_object_acl", key="acl").acl, "public-read")


@operation("PutObject with tags")
def _():
    put("tagged", b"x", tagging="a=1&b=2")
    equal(head("tagged").tagging_count, 2)


@operation("PutObject with server-side encryption")
def _():
    put("sse", b"x", server_side_encryption="AES256")
    equal(head("sse").server_side_encryption, "AES256")


@operation("PutObject that may not overwrite")
def _():
    put("once", b"1", forbid_overwrite=True)
    fails(lambda: put("once", b"2", forbid_overwrite=True), 409, "FileAlreadyExists")


@operation("PutObject with a callback")
def _():
    done = put("called", b"abc", callback=base64_json({
        "callbackUrl": CALLBACK_URL, "callbackBody": "b=${bucket}&o=${object}&s=${size}&m=${x:mine}"}),
        callback_var=base64_json({"x:mine": "yes"}))
    equal(json.loads(done.callback_result)["got"], f"b={BUCKET}&o=called&s=3&m=yes")


@operation("PutObject with a traffic limit")
def _():
    put("limited", b"x" * 1000, traffic_limit=819200)
    fails(lambda: put("limited", b"x", traffic_limit=1), 400, "InvalidArgument")


@operation("PutObject with progress")
def _():
    seen = []
    put("progress", b"x" * MIB, progress_fn=lambda n, done, whole: seen.append((done, whole)))
    equal(seen[-1], (MIB, MIB))


@operation("PutObject with CRC-64 checked")
def _():
    equal(put("crc", b"hello").hash_crc64, "11177612005948864433")


@operation("GetObject")
def _():
    got = call("get_object", key="k")
    equal((got.body.content, got.content_type, got.cache_control), (b"hello", "text/x", "no-cache"))


@operation("GetObject to a file")
def _():
    client.get_object_to_file(oss.GetObjectRequest(bucket=BUCKET, key="from-file"), path("got"))
    equal(content(path("got")), b"file" * 1000)


BODY = bytes(range(256)) * 4
put("r", BODY)


@operation("GetObject of a range")
def _():
    got = call("get_object", key="r", range_header="bytes=10-19")
    equal((got.status_code, got.body.content, got.content_range), (206, BODY[10:20], "bytes 10-19/1024"))
    equal(read("r", range_header="bytes=-24"), BODY[-24:])
    with client.open_file(BUCKET, "r") as file:
        file.seek(1000)
        equal(file.read(), BODY[1000:])


@operation("GetObject of a range past the end")
def _():
    got = call("get_object", key="r", range_header="bytes=1000-5000")
    equal((got.status_code, got.body.content), (200, BODY))
    equal(read("r", range_header="bytes=1000-5000", range_behavior="standard"), BODY[1000:])
    fails(lambda: read("r", range_header="bytes=2000-3000", range_behavior="standard"), 416, "InvalidRange")


@operation("GetObject with conditions")
def _():
    etag = head("r").etag
    equal(read("r", if_match=etag), BODY)
    fails(lambda: read("r", if_match='"no"'), 412)
    fails(lambda: read("r", if_none_match=etag), 304)


@operation("GetObject with response overrides")
def _():
    got = call("get_object", key="r", response_content_type="x/y", response_cache_control="private",
               response_content_disposition='attachment; filename="a b"', response_content_language="de",
               response_expires="0")
    equal([got.headers[name] for name in ["Content-Type", "Cache-Control", "Content-Disposition",
                                          "Content-Language", "Expires"]],
          ["x/y", "private", 'attachment; filename="a b"', "de", "0"])


@operation("GetObject with CRC-64 checked")
def _():
    equal(call("get_object", key="k").hash_crc64, "11177612005948864433")


@operation("GetObject with a process refused")
def _():
    fails(lambda: read("r", process="image/resize,w_10"), 400, "NotImplemented")


@operation("HeadObject")
def _():
    got = head("k")
    equal((got.content_length, got.content_type, got.object_type, got.hash_crc64),
          (5, "text/x", "Normal", "11177612005948864433"))


@operation("GetObjectMeta")
def _():
    got = call("get_object_meta", key="k")
    equal((got.content_length, got.etag), (5, f'"{hashlib.md5(b"hello").hexdigest().upper()}"'))


@operation("object exists")
def _():
    equal((client.is_object_exist(BUCKET, "k"), client.is_object_exist(BUCKET, "absent")), (True, False))


@operation("DeleteObject")
def _():
    equal([call("delete_object", key="nothing").status_code for _ in range(2)], [204, 204])
    equal(client.is_object_exist(BUCKET, "nothing"), False)


def delete_all(keys, **more):
    return call("delete_multiple_objects", encoding_type="url",
                objects=[oss.DeleteObject(key=key) for key in keys], **more)


def listed(prefix, **more):
    pages = client.list_objects_v2_paginator(**more).iter_page(oss.ListObjectsV2Request(bucket=BUCKET, prefix=prefix))
    return [one.key for page in pages for one in page.contents or []]


MANY = ["d/1", "d/ 2", "d/中", "d/\u0001", "d/&<"]


@operation("DeleteMultipleObjects")
def _():
    for key in MANY:
        put(key)
    done = delete_all(MANY + ["d/absent"])
    equal(sorted(one.key for one in done.deleted_objects), sorted(MANY + ["d/absent"]))
    equal(listed("d/"), [])


@operation("DeleteMultipleObjects quietly")
def _():
    for key in MANY:
        put(key)
    equal(delete_all(MANY, quiet=True).deleted_objects, None)
    equal(listed("d/"), [])


SOURCE = "源 +%&"


@operation("CopyObject")
def _():
    put(SOURCE, io.BytesIO(b"copy me"), metadata={"a": "1"}, content_type="text/y")
    done = call("copy_object", key="copied", source_bucket=BUCKET, source_key=SOURCE)
    equal(done.etag, f'"{hashlib.md5(b"copy me").hexdigest().upper()}"')
    equal((head("copied").metadata["a"], head("copied").content_type), ("1", "text/y"))
    equal(read("copied"), b"copy me")


@operation("CopyObject with new metadata")
def _():
    call("copy_object", key="copied", source_bucket=BUCKET, source_key=SOURCE, metadata_directive="REPLACE",
         metadata={"b": "2"})
    equal((head("copied").metadata.get("a"), head("copied").metadata["b"]), (None, "2"))


@operation("CopyObject onto itself")
def _():
    call("copy_object", key="copied", source_bucket=BUCKET, source_key="copied", metadata_directive="REPLACE",
         metadata={"c": "3"})
    equal((head("copied").metadata["c"], read("copied")), ("3", b"copy me"))


@operation("CopyObject with conditions")
def _():
    copy = lambda **more: call("copy_object", key="c", source_bucket=BUCKET, source_key="k", **more)  # noqa: E731
    fails(lambda: copy(if_match='"no"'), 412)
    fails(lambda: copy(if_none_match=head("k").etag), 304)
    copy(if_match=head("k").etag)


@operation("AppendObject")
def _():
    first = call("append_object", key="log", position=0, body=b"hello ")
    second = call("append_object", key="log", position=first.next_position, body=b"world")
    equal((second.next_position, second.hash_crc64, read("log")), (11, "5981764153023615706", b"hello world"))
    with client.append_file(BUCKET, "log") as file:
        file.write(b"!")
    equal((read("log"), head("log").object_type), (b"hello world!", "Appendable"))


@operation("AppendObject at a wrong position")
def _():
    fails(lambda: call("append_object", key="log", position=3, body=b"x"), 409, "PositionNotEqualToLength")


@operation("PutObjectAcl")
def _():
    call("put_object_acl", key="k", acl="public-read")
    equal(call("get_object_acl", key="k").acl, "public-read")


@operation("GetObjectAcl")
def _():
    call("put_object_acl", key="k", acl="default")
    equal(call("get_object_acl", key="k").acl, "default")


@operation("PutObjectTagging")
def _():
    call("put_object_tagging", key="k", tagging=tags(a="1", b="2 x"))


@operation("GetObjectTagging")
def _():
    got = call("get_object_tagging", key="k")
    equal({tag.key: tag.value for tag in got.tag_set.tags}, {"a": "1", "b": "2 x"})


@operation("DeleteObjectTagging")
def _():
    call("delete_object_tagging", key="k")
    got = call("get_object_tagging", key="k")
    equal((got.tag_set and got.tag_set.tags) or [], [])


@operation("PutSymlink")
def _():
    call("put_symlink", key="链 link", symlink_target="k")
    equal(read("链 link"), b"hello")


@operation("GetSymlink")
def _():
    equal(call("get_symlink", key="链 link").target, "k")
    fails(lambda: call("get_symlink", key="k"), 400, "NotSymlink")


@operation("RestoreObject")
def _():
    put("frozen", b"ice", storage_class="Archive")
    fails(lambda: read("frozen"), 403, "InvalidObjectState")
    equal(call("restore_object", key="frozen",
               restore_request=models.RestoreRequest(days=1)).status_code, 202)
    assert "ongoing-request" in head("frozen").restore


@operation("CleanRestoredObject")
def _():
    put("cold", b"ice", storage_class="ColdArchive")
    fails(lambda: call("clean_restored_object", key="cold"), 409)


def round_trip(keys):
    for key in keys:
        put(key, key.encode())
    for key in keys:
        equal((read(key), head(key).content_length), (key.encode(), len(key.encode())))
    equal(set(keys) - set(listed("")), set())
    for key in keys:
        call("delete_object", key=key)


@operation("keys with spaces and signs")
def _():
    round_trip(SIGNS + ["\u0001ctl", " blank ", "k" * 1023])


@operation("keys in UTF-8")
def _():
    round_trip(UTF8)


@operation("keys with // and ..")
def _():
    round_trip(DOTS)


# Listing

LISTED = sorted([f"l/d{i % 3}/f{i:02}" for i in range(25)] + ["l/top"])
for key in LISTED:
    put(key, b"x")
ODD = ["o/ a+b%&<c>", "o/\u0001", "o/中文💾"]
for key in ODD:
    put(key)
GROUPS = ["l/d0/", "l/d1/", "l/d2/"]


def groups(page):
    return [one.prefix for one in page.common_prefixes], [one.key for one in page.contents]


@operation("ListObjects")
def _():
    page = call("list_objects", prefix="l/")
    equal([one.key for one in page.contents], LISTED)
    one = page.contents[0]
    equal((one.size, one.object_type, one.storage_class), (1, "Normal", "Standard"))


@operation("ListObjects with delimiter")
def _():
    equal(groups(call("list_objects", prefix="l/", delimiter="/")), (GROUPS, ["l/top"]))


@operation("ListObjects in pages")
def _():
    pages = list(client.list_objects_paginator(limit=7).iter_page(oss.ListObjectsRequest(bucket=BUCKET, prefix="l/")))
    equal((len(pages), [one.key for page in pages for one in page.contents]), (4, LISTED))
    fails(lambda: call("list_objects", max_keys=1001), 400, "InvalidArgument")


@operation("ListObjects of odd keys")
def _():
    equal(sorted(one.key for one in call("list_objects", prefix="o/", encoding_type="url").contents), sorted(ODD))


@operation("ListObjectsV2")
def _():
    equal([one.key for one in call("list_objects_v2", prefix="l/").contents], LISTED)


@operation("ListObjectsV2 with delimiter")
def _():
    equal(groups(call("list_objects_v2", prefix="l/", delimiter="/")), (GROUPS, ["l/top"]))


@operation("ListObjectsV2 in pages")
def _():
    equal(listed("l/", limit=7), LISTED)


@operation("ListObjectsV2 of odd keys")
def _():
    equal(sorted(listed("o/")), sorted(ODD))
    equal(listed("o/ a+b%"), ["o/ a+b%&<c>"])


@operation("ListObjectsV2 with start-after")
def _():
    page = call("list_objects_v2", prefix="l/", start_after=LISTED[20])
    equal([one.key for one in page.contents], LISTED[21:])


@operation("ListObjectsV2 with owner")
def _():
    assert call("list_objects_v2", prefix="l/", fetch_owner=True, max_keys=1).contents[0].owner.id
    equal(call("list_objects_v2", prefix="l/", max_keys=1).contents[0].owner, None)


# Multipart

PARTS = [b"a" * MIB, b"b" * 102400, b"tail"]


@operation("InitiateMultipartUpload")
def _():
    global upload
    upload = call("initiate_multipart_upload", key="m p", metadata={"k": "v"}).upload_id
    assert upload


@operation("UploadPart")
def _():
    global done
    done = []
    for number, part in enumerate(PARTS, 1):
        result = call("upload_part", key="m p", upload_id=upload, part_number=number, body=part)
        done.append(oss.UploadPart(part_number=number, etag=result.etag))


@operation("ListParts")
def _():
    pages = client.list_parts_paginator(limit=1).iter_page(
        oss.ListPartsRequest(bucket=BUCKET, key="m p", upload_id=upload))
    equal([(one.part_number, one.size) for page in pages for one in page.parts],
          [(i, len(part)) for i, part in enumerate(PARTS, 1)])


@operation("ListMultipartUploads")
def _():
    equal([(one.key, one.upload_id) for one in call("list_multipart_uploads").uploads], [("m p", upload)])


def complete(key, upload, parts):
    return call("complete_multipart_upload", key=key, upload_id=upload,
                complete_multipart_upload=oss.CompleteMultipartUpload(parts=parts))


@operation("CompleteMultipartUpload")
def _():
    assert complete("m p", upload, done).etag.endswith('-3"')
    equal((read("m p"), head("m p").object_type, head("m p").metadata["k"]), (b"".join(PARTS), "Multipart", "v"))


@operation("UploadPartCopy")
def _():
    copy = call("initiate_multipart_upload", key="part copy").upload_id
    parts = []
    for number, span in enumerate([f"bytes=0-{MIB - 1}", f"bytes={MIB}-{MIB + 102403}"], 1):
        result = call("upload_part_copy", key="part copy", upload_id=copy, part_number=number, source_bucket=BUCKET,
                      source_key="m p", source_range=span)
        parts.append(oss.UploadPart(part_number=number, etag=result.etag))
    complete("part copy", copy, parts)
    equal(read("part copy"), b"".join(PARTS))


@operation("CompleteMultipartUpload of all parts")
def _():
    everything = call("initiate_multipart_upload", key="all").upload_id
    call("upload_part", key="all", upload_id=everything, part_number=1, body=b"x")
    call("complete_multipart_upload", key="all", upload_id=everything, complete_all="yes")
    equal(read("all"), b"x")


@operation("AbortMultipartUpload")
def _():
    gone = call("initiate_multipart_upload", key="gone").upload_id
    equal(call("abort_multipart_upload", key="gone", upload_id=gone).status_code, 204)
    equal(call("list_multipart_uploads").uploads, None)


BIG = bytes(i % 251 for i in range(3 * MIB + 7))


@operation("resumable upload")
def _():
    client.uploader(part_size=MIB, enable_checkpoint=True, checkpoint_dir=SCRATCH).upload_file(
        oss.PutObjectRequest(bucket=BUCKET, key="big"), filepath=path("big", BIG))
    equal(head("big").content_length, len(BIG))


@operation("resumable download")
def _():
    client.downloader(part_size=MIB, enable_checkpoint=True, checkpoint_dir=SCRATCH).download_file(
        oss.GetObjectRequest(bucket=BUCKET, key="big"), filepath=path("big.got"))
    equal(content(path("big.got")), BIG)


@operation("resumable copy")
def _():
    client.copier(part_size=MIB, multipart_copy_threshold=MIB).copy(
        oss.CopyObjectRequest(bucket=BUCKET, key="big copy", source_bucket=BUCKET, source_key="big"))
    equal(read("big copy"), BIG)


# Access

MINUTE = datetime.timedelta(seconds=60)


@operation("presigned GET")
def _():
    signed = client.presign(oss.GetObjectRequest(bucket=BUCKET, key=SOURCE), expires=MINUTE)
    equal(requests.get(signed.url, headers=signed.signed_headers, timeout=20).content, b"copy me")


@operation("presigned PUT")
def _():
    signed = client.presign(oss.PutObjectRequest(bucket=BUCKET, key="signed dir/中 +", content_type="text/plain"),
                            expires=MINUTE)
    answer = requests.request(signed.method, signed.url, data=b"body", headers=signed.signed_headers, timeout=20)
    equal((answer.status_code, read("signed dir/中 +")), (200, b"body"))


@operation("presigned GET with response overrides")
def _():
    signed = client.presign(oss.GetObjectRequest(bucket=BUCKET, key="k", response_content_type="x/y"), expires=MINUTE)
    equal(requests.get(signed.url, timeout=20).headers["Content-Type"], "x/y")


@operation("presigned GET of a wrong key")
def _():
    signed = client.presign(oss.GetObjectRequest(bucket=BUCKET, key="k"), expires=MINUTE)
    answer = requests.get(signed.url.replace("/k?", "/r?"), timeout=20)
    equal(answer.status_code, 403)
    assert "SignatureDoesNotMatch" in answer.text


sts = connect(oss.credentials.StaticCredentialsProvider(KEY_ID, KEY_SECRET, STS_TOKEN), STS_ENDPOINT)


@operation("STS token")
def _():
    call("put_bucket", client=sts)
    call("put_object", client=sts, key="k", body=b"x")
    equal(call("get_object", client=sts, key="k").body.content, b"x")
    fails(lambda: call("get_object", client=connect(endpoint=STS_ENDPOINT), key="k"), 403)


@operation("presigned GET with STS token")
def _():
    signed = sts.presign(oss.GetObjectRequest(bucket=BUCKET, key="k"), expires=MINUTE)
    equal(requests.get(signed.url, timeout=20).content, b"x")
    call("delete_object", client=sts, key="k")
    call("delete_bucket", client=sts)


anonymous = connect(oss.credentials.AnonymousCredentialsProvider())


@operation("AccessDenied when anonymous")
def _():
    fails(lambda: call("get_object", client=anonymous, key="k"), 403, "AccessDenied")


@operation("anonymous GET of a public bucket")
def _():
    call("put_bucket_acl", acl="public-read")
    equal(call("get_object", client=anonymous, key="k").body.content, b"hello")
    fails(lambda: call("put_object", client=anonymous, key="k", body=b"y"), 403, "AccessDenied")
    call("put_bucket_acl", acl="private")


@operation("NoSuchKey")
def _():
    error = fails(lambda: read("absent"), 404, "NoSuchKey")
    equal(error.ec, "0026-00000001")
    fails(lambda: head("absent"), 404, "NoSuchKey")


@operation("NoSuchBucket")
def _():
    fails(lambda: call("list_objects_v2", BUCKET + "-no"), 404, "NoSuchBucket")


@operation("NoSuchUpload")
def _():
    fails(lambda: complete("m p", upload, done), 404, "NoSuchUpload")


@operation("SignatureDoesNotMatch")
def _():
    wrong = connect(oss.credentials.StaticCredentialsProvider(KEY_ID, "wrong"))
    fails(lambda: call("get_object", client=wrong, key="k"), 403, "SignatureDoesNotMatch")


@operation("InvalidAccessKeyId")
def _():
    nobody = connect(oss.credentials.StaticCredentialsProvider("nobody", KEY_SECRET))
    fails(lambda: call("get_object", client=nobody, key="k"), 403, "InvalidAccessKeyId")


# Versions

call("put_bucket", VER)


def versioning(status):
    call("put_bucket_versioning", VER, versioning_configuration=models.VersioningConfiguration(status=status))


def put_version(key, body):
    return call("put_object", VER, key=key, body=body).version_id


def read_version(key, **more):
    return call("get_object", VER, key=key, **more).body.content


@operation("PutBucketVersioning")
def _():
    versioning("Enabled")


@operation("GetBucketVersioning")
def _():
    equal((call("get_bucket_versioning", VER).version_status, call("get_bucket_versioning").version_status),
          ("Enabled", None))


@operation("PutObject with version id")
def _():
    global ids
    ids = [put_version("k", body) for body in [b"one", b"two", b"three"]]
    equal(len(set(ids) - {None}), 3)


@operation("GetObject of a version")
def _():
    equal((read_version("k", version_id=ids[0]), read_version("k")), (b"one", b"three"))


@operation("HeadObject of a version")
def _():
    got = call("head_object", VER, key="k", version_id=ids[1])
    equal((got.content_length, got.version_id), (3, ids[1]))


@operation("CopyObject of a version")
def _():
    done = call("copy_object", VER, key="copy", source_bucket=VER, source_key="k", source_version_id=ids[0])
    equal((read_version("copy"), done.source_version_id), (b"one", ids[0]))


@operation("DeleteObject leaves a delete marker")
def _():
    global marker
    gone = call("delete_object", VER, key="k")
    equal(gone.delete_marker, True)
    marker = gone.version_id
    fails(lambda: read_version("k"), 404, "NoSuchKey")


@operation("ListObjectVersions")
def _():
    page = call("list_object_versions", VER, prefix="k")
    equal([one.version_id for one in page.version], ids[::-1])
    equal([(one.version_id, one.is_latest) for one in page.delete_marker], [(marker, True)])


@operation("ListObjectVersions in pages")
def _():
    pages = client.list_object_versions_paginator(limit=1).iter_page(
        oss.ListObjectVersionsRequest(bucket=VER, prefix="k"))
    seen = [one.version_id for page in pages for one in (page.version or []) + (page.delete_marker or [])]
    equal(seen, [marker] + ids[::-1])


@operation("DeleteObject of a version")
def _():
    call("delete_object", VER, key="k", version_id=marker)
    equal(read_version("k"), b"three")
    call("delete_object", VER, key="k", version_id=ids[2])
    equal(read_version("k"), b"two")


@operation("DeleteMultipleObjects of versions")
def _():
    gone = call("delete_multiple_objects", VER, encoding_type="url",
                objects=[oss.DeleteObject(key="k", version_id=one) for one in ids[:2]])
    equal(sorted(one.version_id for one in gone.deleted_objects), sorted(ids[:2]))
    fails(lambda: read_version("k"), 404, "NoSuchKey")


@operation("versioning suspended")
def _():
    versioning("Suspended")
    equal(put_version("s", b"1"), "null")
    put_version("s", b"2")
    equal([one.version_id for one in call("list_object_versions", VER, prefix="s").version], ["null"])
