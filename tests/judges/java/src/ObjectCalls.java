package judge;

import static judge.Judge.*;

import com.aliyun.oss.common.utils.IOUtils;
import com.aliyun.oss.event.ProgressEventType;
import com.aliyun.oss.event.ProgressListener;
import com.aliyun.oss.model.AppendObjectRequest;
import com.aliyun.oss.model.Callback;
import com.aliyun.oss.model.CannedAccessControlList;
import com.aliyun.oss.model.CopyObjectRequest;
import com.aliyun.oss.model.DeleteObjectsRequest;
import com.aliyun.oss.model.GetObjectRequest;
import com.aliyun.oss.model.MatchMode;
import com.aliyun.oss.model.ObjectMetadata;
import com.aliyun.oss.model.ObjectPermission;
import com.aliyun.oss.model.PolicyConditions;
import com.aliyun.oss.model.PutObjectRequest;
import com.aliyun.oss.model.ResponseHeaderOverrides;
import com.aliyun.oss.model.RestoreConfiguration;
import com.aliyun.oss.model.StorageClass;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.net.URI;
import java.net.http.HttpRequest;
import java.nio.file.Files;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicLong;
import org.codehaus.jettison.json.JSONObject;

/** Objects. */
final class ObjectCalls {
    static final String SOURCE = "源 +%&";

    private static final List<String> SIGNS = List.of("a b", "a+b", "a%b", "a%20b", "a&b<c>\"'", "a?b#c", "a=b;c",
            "a:b@c!$(d)*,~[e]", "\u0001ctl", " blank ", "k".repeat(1023));
    private static final List<String> UTF8 = List.of("中文/文件.txt", "💾", "é", "日本語 テスト");
    private static final List<String> DOTS = List.of("a//b", "../up", "./here", "x/../y", "x/./y", "trailing/", "a///");
    private static final List<String> MANY = List.of("d/1", "d/ 2", "d/中", "d/\u0001", "d/&<");
    private static final byte[] HELLO = utf8("hello");
    private static final Long CRC = Long.parseUnsignedLong("11177612005948864433");
    private static final byte[] BODY = new byte[1024];

    static {
        for (int i = 0; i < BODY.length; i++) {
            BODY[i] = (byte) i;
        }
    }

    static void run() {
        putting();
        posting();
        getting();
        deleting();
        copying();
        appending();
        labels();
        operation("keys with spaces and signs", () -> roundTrip(SIGNS));
        operation("keys in UTF-8", () -> roundTrip(UTF8));
        operation("keys with // and ..", () -> roundTrip(DOTS));
    }

    private static byte[] slice(int from, int to) {
        return java.util.Arrays.copyOfRange(BODY, from, to);
    }

    private static void putting() {
        operation("PutObject", () -> {
            var metadata = new ObjectMetadata();
            metadata.setContentType("text/x");
            metadata.setCacheControl("no-cache");
            var done = put("k", HELLO, metadata);
            equal(all(done.getETag(), done.getRequestId().length()), all(etag(HELLO), 24));
        });

        operation("PutObject of nothing", () -> {
            put("nothing", new byte[0]);
            equal(all(read("nothing").length, head("nothing").getContentLength()), all(0, 0L));
        });

        operation("PutObject from a file", () -> {
            client.putObject(BUCKET, "from-file", file("put", repeat("file", 1000)).toFile());
            equal(read("from-file"), repeat("file", 1000));
        });

        operation("PutObject of a stream without length", () -> {
            // Two streams in a row have no length that could be known beforehand: it goes in chunks.
            client.putObject(BUCKET, "stream", new SequenceInputStream(stream("ab"), stream(repeat("cd", 50000))));
            equal(read("stream"), utf8("ab" + "cd".repeat(50000)));
        });

        operation("PutObject with Content-MD5", () -> {
            var metadata = new ObjectMetadata();
            metadata.setContentMD5(md5(utf8("right")));
            put("md5", utf8("right"), metadata);
        });

        operation("PutObject with a wrong Content-MD5", () -> {
            var metadata = new ObjectMetadata();
            metadata.setContentMD5(md5(utf8("right")));
            fails(400, "InvalidDigest", () -> put("md5", utf8("wrong"), metadata));
            equal(read("md5"), utf8("right"));
        });

        operation("PutObject with user metadata in UTF-8", () -> {
            var metadata = new ObjectMetadata();
            metadata.addUserMetadata("name", "中文");
            metadata.addUserMetadata("A", "b");
            put("meta", new byte[0], metadata);
            var got = head("meta").getUserMetadata();
            equal(all(got.get("name"), got.get("a")), all("中文", "b"));
        });

        operation("PutObject with storage class", () -> {
            put("ia", utf8("x"), header("x-oss-storage-class", "IA"));
            equal(head("ia").getObjectStorageClass(), StorageClass.IA);
        });

        operation("PutObject with ACL", () -> {
            var metadata = new ObjectMetadata();
            metadata.setObjectAcl(CannedAccessControlList.PublicRead);
            put("acl", utf8("x"), metadata);
            equal(client.getObjectAcl(BUCKET, "acl").getPermission(), ObjectPermission.PublicRead);
        });

        operation("PutObject with tags", () -> {
            var metadata = new ObjectMetadata();
            metadata.setObjectTagging(Map.of("a", "1", "b", "2 x"));
            put("tagged", utf8("x"), metadata);
            equal(String.valueOf(head("tagged").getRawMetadata().get("x-oss-tagging-count")), "2");
            equal(client.getObjectTagging(BUCKET, "tagged").getAllTags(), Map.of("a", "1", "b", "2 x"));
        });

        operation("PutObject with server-side encryption", () -> {
            var metadata = new ObjectMetadata();
            metadata.setServerSideEncryption(ObjectMetadata.AES_256_SERVER_SIDE_ENCRYPTION);
            put("sse", utf8("x"), metadata);
            equal(head("sse").getServerSideEncryption(), "AES256");
        });

        operation("PutObject that may not overwrite", () -> {
            put("once", utf8("1"), header("x-oss-forbid-overwrite", "true"));
            fails(409, "FileAlreadyExists",
                    () -> put("once", utf8("2"), header("x-oss-forbid-overwrite", "true")));
            equal(read("once"), utf8("1"));
        });

        operation("PutObject with a callback", () -> {
            var callback = new Callback();
            callback.setCallbackUrl(CALLBACK_URL);
            callback.setCallbackBody("b=${bucket}&o=${object}&s=${size}&m=${x:mine}");
            callback.setCalbackBodyType(Callback.CalbackBodyType.URL);
            callback.addCallbackVar("x:mine", "yes");
            var request = new PutObjectRequest(BUCKET, "called", stream("abc"));
            request.setCallback(callback);
            try (InputStream answer = client.putObject(request).getCallbackResponseBody()) {
                equal(new JSONObject(latin1(answer.readAllBytes())).getString("got"),
                        "b=" + BUCKET + "&o=called&s=3&m=yes");
            }
        });

        operation("PutObject with a traffic limit", () -> {
            var request = new PutObjectRequest(BUCKET, "limited", stream(repeat("x", 1000)));
            request.setTrafficLimit(819200);
            client.putObject(request);
            equal(head("limited").getContentLength(), 1000L);
            var slow = new PutObjectRequest(BUCKET, "limited", stream("x"));
            slow.setTrafficLimit(1);
            fails(400, "InvalidArgument", () -> client.putObject(slow));
        });

        operation("PutObject with progress", () -> {
            var sent = new AtomicLong();
            ProgressListener listener = event -> {
                if (event.getEventType() == ProgressEventType.REQUEST_BYTE_TRANSFER_EVENT) {
                    sent.addAndGet(event.getBytes());
                }
            };
            client.putObject(new PutObjectRequest(BUCKET, "progress", stream(repeat("x", MIB)))
                    .withProgressListener(listener));
            equal(all(sent.get(), head("progress").getContentLength()), all((long) MIB, (long) MIB));
        });

        operation("PutObject with CRC-64 checked", () -> {
            var done = put("crc", HELLO);
            equal(all(done.getClientCRC(), done.getServerCRC()), all(CRC, CRC));
        });
    }

    private static void posting() {
        operation("PostObject", () -> {
            var now = new Date();
            var stamp = DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC)
                    .format(now.toInstant());
            var conditions = new PolicyConditions();
            conditions.addConditionItem("bucket", BUCKET);
            conditions.addConditionItem(MatchMode.StartWith, PolicyConditions.COND_KEY, "post/");
            conditions.addConditionItem(PolicyConditions.COND_CONTENT_LENGTH_RANGE, 1, 100);
            var form = new LinkedHashMap<String, String>();
            form.put("key", "post/${filename}");
            form.put("success_action_status", "201");
            form.put("x-oss-meta-a", "b");
            if (V4) {
                form.put("x-oss-signature-version", "OSS4-HMAC-SHA256");
                form.put("x-oss-credential",
                        KEY_ID + "/" + stamp.substring(0, 8) + "/" + REGION + "/oss/aliyun_v4_request");
                form.put("x-oss-date", stamp);
                for (var name : List.of("x-oss-signature-version", "x-oss-credential", "x-oss-date")) {
                    conditions.addConditionItem(name, form.get(name));
                }
            }
            var policy = client.generatePostPolicy(Date.from(Instant.now().plusSeconds(3600)), conditions);
            if (V4) {
                form.put("x-oss-signature", client.calculatePostSignature(policy, now));
            } else {
                form.put("OSSAccessKeyId", KEY_ID);
                form.put("Signature", client.calculatePostSignature(policy));
            }
            form.put("policy", java.util.Base64.getEncoder().encodeToString(utf8(policy)));

            var answer = http(HttpRequest.newBuilder(URI.create(ENDPOINT + "/" + BUCKET))
                    .header("Content-Type", "multipart/form-data; boundary=edge")
                    .POST(HttpRequest.BodyPublishers.ofByteArray(multipart(form, "名 a.txt", utf8("posted")))));
            equal(answer.statusCode() + (answer.statusCode() == 201 ? "" : latin1(answer.body())), "201");
            equal(read("post/名 a.txt"), utf8("posted"));
            equal(head("post/名 a.txt").getUserMetadata().get("a"), "b");
        });
    }

    private static byte[] multipart(Map<String, String> form, String name, byte[] content) throws Exception {
        var body = new ByteArrayOutputStream();
        for (var field : form.entrySet()) {
            body.write(utf8("--edge\r\nContent-Disposition: form-data; name=\"" + field.getKey() + "\"\r\n\r\n"
                    + field.getValue() + "\r\n"));
        }
        body.write(utf8("--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + name
                + "\"\r\nContent-Type: text/plain\r\n\r\n"));
        body.write(content);
        body.write(utf8("\r\n--edge--\r\n"));
        return body.toByteArray();
    }

    private static GetObjectRequest get(String key) {
        return new GetObjectRequest(BUCKET, key);
    }

    private static void getting() {
        operation("GetObject", () -> {
            var got = client.getObject(BUCKET, "k");
            equal(all(latin1(content(got)), got.getObjectMetadata().getContentType(),
                    got.getObjectMetadata().getCacheControl()), all("hello", "text/x", "no-cache"));
        });

        operation("GetObject to a file", () -> {
            client.getObject(get("from-file"), file("got").toFile());
            equal(Files.readAllBytes(file("got")), repeat("file", 1000));
        });

        put("r", BODY);

        operation("GetObject of a range", () -> {
            var got = client.getObject(get("r").withRange(10, 19));
            equal(content(got), slice(10, 20));
            equal(all(got.getResponse().getStatusCode(), got.getObjectMetadata().getRawMetadata().get("Content-Range"),
                    got.getObjectMetadata().getContentLength()), all(206, "bytes 10-19/1024", 10L));
            equal(read(get("r").withRange(1000, -1)), slice(1000, 1024));
            equal(read(get("r").withRange(-1, 24)), slice(1000, 1024));
        });

        operation("GetObject of a range past the end", () -> {
            var got = client.getObject(get("r").withRange(1000, 5000));
            equal(content(got), BODY);
            equal(got.getResponse().getStatusCode(), 200);
            var standard = get("r").withRange(1000, 5000);
            standard.addHeader("x-oss-range-behavior", "standard");
            equal(read(standard), slice(1000, 1024));
            var beyond = get("r").withRange(2000, 3000);
            beyond.addHeader("x-oss-range-behavior", "standard");
            fails(416, "InvalidRange", () -> read(beyond));
        });

        operation("GetObject with conditions", () -> {
            var tag = head("r").getETag();
            var same = get("r");
            same.setMatchingETagConstraints(List.of(tag));
            equal(read(same), BODY);
            var other = get("r");
            other.setMatchingETagConstraints(List.of("no"));
            fails(412, "PreconditionFailed", () -> read(other));
            var known = get("r");
            known.setNonmatchingETagConstraints(List.of(tag));
            fails(304, "NotModified", () -> read(known));
            var future = Date.from(Instant.now().plusSeconds(60));
            var newer = get("r");
            newer.setModifiedSinceConstraint(future);
            fails(304, "NotModified", () -> read(newer));
            var older = get("r");
            older.setUnmodifiedSinceConstraint(future);
            equal(read(older), BODY);
        });

        operation("GetObject with response overrides", () -> {
            var wanted = new ResponseHeaderOverrides();
            wanted.setContentType("x/y");
            wanted.setCacheControl("private");
            wanted.setContentDisposition("attachment; filename=\"a b\"");
            wanted.setContentEncoding("identity");
            wanted.setContentLangauge("de");
            wanted.setExpires("0");
            var request = get("r");
            request.setResponseHeaders(wanted);
            var got = client.getObject(request);
            equal(content(got), BODY);
            var raw = got.getObjectMetadata().getRawMetadata();
            equal(List.of("Content-Type", "Cache-Control", "Content-Disposition", "Content-Encoding",
                    "Content-Language", "Expires").stream().map(raw::get).toList(),
                    all("x/y", "private", "attachment; filename=\"a b\"", "identity", "de", "0"));
        });

        operation("GetObject with CRC-64 checked", () -> {
            var got = client.getObject(BUCKET, "k");
            equal(content(got), HELLO);
            equal(all(IOUtils.getCRCValue(got.getObjectContent()), got.getServerCRC()), all(CRC, CRC));
        });

        operation("GetObject with a process refused", () -> {
            var request = get("r");
            request.setProcess("image/resize,w_10");
            fails(400, "NotImplemented", () -> read(request));
        });

        operation("HeadObject", () -> {
            var got = head("k");
            equal(all(got.getContentLength(), got.getContentType(), got.getObjectType(), got.getServerCRC(),
                    got.getETag()), all(5L, "text/x", "Normal", CRC, etag(HELLO)));
        });

        operation("GetObjectMeta", () -> {
            var got = client.getSimplifiedObjectMeta(BUCKET, "k");
            equal(all(got.getSize(), got.getETag()), all(5L, etag(HELLO)));
        });

        operation("object exists", () -> equal(
                all(client.doesObjectExist(BUCKET, "k"), client.doesObjectExist(BUCKET, "absent")), all(true, false)));
    }

    private static void deleting() {
        operation("DeleteObject", () -> {
            for (int i = 0; i < 2; i++) {
                equal(client.deleteObject(BUCKET, "nothing").getResponse().getStatusCode(), 204);
            }
            equal(client.doesObjectExist(BUCKET, "nothing"), false);
        });

        operation("DeleteMultipleObjects", () -> {
            MANY.forEach(key -> put(key, new byte[0]));
            var keys = new ArrayList<>(MANY);
            keys.add("d/absent");
            var done = client.deleteObjects(
                    new DeleteObjectsRequest(BUCKET).withKeys(keys).withEncodingType("url"));
            equal(done.getEncodingType(), "url");
            equal(new TreeSet<>(done.getDeletedObjects().stream().map(Judge::decode).toList()), new TreeSet<>(keys));
            equal(listed("d/", 100), List.of());
        });

        operation("DeleteMultipleObjects quietly", () -> {
            MANY.forEach(key -> put(key, new byte[0]));
            var done = client.deleteObjects(
                    new DeleteObjectsRequest(BUCKET).withKeys(MANY).withEncodingType("url").withQuiet(true));
            equal(done.getDeletedObjects(), List.of());
            equal(listed("d/", 100), List.of());
        });
    }

    private static void copying() {
        operation("CopyObject", () -> {
            var metadata = new ObjectMetadata();
            metadata.addUserMetadata("a", "1");
            metadata.setContentType("text/y");
            put(SOURCE, utf8("copy me"), metadata);
            var done = client.copyObject(BUCKET, SOURCE, BUCKET, "copied");
            equal(done.getETag(), etag(utf8("copy me")));
            equal(all(head("copied").getUserMetadata().get("a"), head("copied").getContentType()), all("1", "text/y"));
            equal(read("copied"), utf8("copy me"));
        });

        operation("CopyObject with new metadata", () -> {
            var metadata = new ObjectMetadata();
            metadata.addUserMetadata("b", "2");
            var request = new CopyObjectRequest(BUCKET, SOURCE, BUCKET, "copied");
            request.setNewObjectMetadata(metadata);
            client.copyObject(request);
            equal(head("copied").getUserMetadata(), Map.of("b", "2"));
        });

        operation("CopyObject onto itself", () -> {
            var metadata = new ObjectMetadata();
            metadata.addUserMetadata("c", "3");
            var request = new CopyObjectRequest(BUCKET, "copied", BUCKET, "copied");
            request.setNewObjectMetadata(metadata);
            client.copyObject(request);
            equal(head("copied").getUserMetadata(), Map.of("c", "3"));
            equal(read("copied"), utf8("copy me"));
        });

        operation("CopyObject with conditions", () -> {
            var tag = head("k").getETag();
            var other = new CopyObjectRequest(BUCKET, "k", BUCKET, "c");
            other.setMatchingETagConstraints(List.of("no"));
            fails(412, "PreconditionFailed", () -> client.copyObject(other));
            var known = new CopyObjectRequest(BUCKET, "k", BUCKET, "c");
            known.setNonmatchingETagConstraints(List.of(tag));
            fails(304, "NotModified", () -> client.copyObject(known));
            var same = new CopyObjectRequest(BUCKET, "k", BUCKET, "c");
            same.setMatchingETagConstraints(List.of(tag));
            client.copyObject(same);
            equal(read("c"), HELLO);
        });
    }

    private static void appending() {
        operation("AppendObject", () -> {
            // With the checksum so far, the SDK checks that of the whole object.
            var first = client.appendObject(new AppendObjectRequest(BUCKET, "log", stream("hello "))
                    .withPosition(0L).withInitCRC(0L));
            var second = client.appendObject(new AppendObjectRequest(BUCKET, "log", stream("world"))
                    .withPosition(first.getNextPosition()).withInitCRC(first.getClientCRC()));
            equal(all(second.getNextPosition(), second.getObjectCRC()), all(11L, "5981764153023615706"));
            equal(all(latin1(read("log")), head("log").getObjectType()), all("hello world", "Appendable"));
        });

        operation("AppendObject at a wrong position", () -> fails(409, "PositionNotEqualToLength",
                () -> client.appendObject(new AppendObjectRequest(BUCKET, "log", stream("x")).withPosition(3L))));
    }

    private static void labels() {
        operation("PutObjectAcl", () -> {
            client.setObjectAcl(BUCKET, "k", CannedAccessControlList.PublicRead);
            equal(client.getObjectAcl(BUCKET, "k").getPermission(), ObjectPermission.PublicRead);
        });

        operation("GetObjectAcl", () -> {
            client.setObjectAcl(BUCKET, "k", CannedAccessControlList.Default);
            equal(client.getObjectAcl(BUCKET, "k").getPermission(), ObjectPermission.Default);
        });

        operation("PutObjectTagging", () -> client.setObjectTagging(BUCKET, "k", Map.of("a", "1", "b", "2 x")));

        operation("GetObjectTagging", () -> equal(
                client.getObjectTagging(BUCKET, "k").getAllTags(), Map.of("a", "1", "b", "2 x")));

        operation("DeleteObjectTagging", () -> {
            client.deleteObjectTagging(BUCKET, "k");
            equal(client.getObjectTagging(BUCKET, "k").getAllTags(), Map.of());
        });

        operation("PutSymlink", () -> {
            client.createSymlink(BUCKET, "链 link", "k");
            equal(read("链 link"), HELLO);
        });

        operation("GetSymlink", () -> {
            equal(client.getSymlink(BUCKET, "链 link").getTarget(), "k");
            fails(400, "NotSymlink", () -> client.getSymlink(BUCKET, "k"));
        });

        operation("RestoreObject", () -> {
            put("frozen", utf8("ice"), header("x-oss-storage-class", "Archive"));
            fails(403, "InvalidObjectState", () -> read("frozen"));
            equal(client.restoreObject(BUCKET, "frozen", new RestoreConfiguration(1)).getStatusCode(), 202);
            check(head("frozen").getObjectRawRestore().contains("ongoing-request"), head("frozen").getRawMetadata());
        });
    }

    private static void roundTrip(List<String> keys) throws Exception {
        for (var key : keys) {
            put(key, utf8(key));
        }
        for (var key : keys) {
            equal(read(key), utf8(key));
            equal(head(key).getContentLength(), (long) utf8(key).length);
        }
        var missing = new TreeSet<>(keys);
        missing.removeAll(listed("", 1000));
        equal(missing, new TreeSet<>());
        for (var key : keys) {
            client.deleteObject(BUCKET, key);
        }
    }
}
