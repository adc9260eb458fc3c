package judge;

import static judge.Judge.*;

import com.aliyun.oss.HttpMethod;
import com.aliyun.oss.OSS;
import com.aliyun.oss.common.auth.DefaultCredentialProvider;
import com.aliyun.oss.model.CannedAccessControlList;
import com.aliyun.oss.model.GeneratePresignedUrlRequest;
import com.aliyun.oss.model.ResponseHeaderOverrides;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpRequest;
import java.time.Instant;
import java.util.Date;
import java.util.Map;

/** Access, and errors. */
final class Access {
    private static final byte[] HELLO = utf8("hello");

    private static Date soon() {
        return Date.from(Instant.now().plusSeconds(60));
    }

    private static HttpRequest.Builder to(URL url) {
        return HttpRequest.newBuilder(URI.create(url.toString()));
    }

    static void run() throws Exception {
        presigned();
        tokens();
        refusals();
    }

    private static void presigned() {
        operation("presigned GET", () -> {
            var url = client.generatePresignedUrl(BUCKET, ObjectCalls.SOURCE, soon());
            equal(http(to(url)).body(), utf8("copy me"));
            equal(content(client.getObject(url, Map.of())), utf8("copy me"));
        });

        operation("presigned PUT", () -> {
            var key = "signed dir/中 +";
            var request = new GeneratePresignedUrlRequest(BUCKET, key, HttpMethod.PUT);
            request.setExpiration(soon());
            request.setContentType("text/plain");
            var url = client.generatePresignedUrl(request);
            var put = to(url).PUT(HttpRequest.BodyPublishers.ofString("body"));
            equal(http(put.copy().header("Content-Type", "text/other")).statusCode(), 403);
            equal(http(put.header("Content-Type", "text/plain")).statusCode(), 200);
            equal(read(key), utf8("body"));
        });

        operation("presigned GET with response overrides", () -> {
            var overrides = new ResponseHeaderOverrides();
            overrides.setContentType("x/y");
            var request = new GeneratePresignedUrlRequest(BUCKET, "k");
            request.setExpiration(soon());
            request.setResponseHeaders(overrides);
            equal(http(to(client.generatePresignedUrl(request))).headers().firstValue("Content-Type").orElse(null),
                    "x/y");
        });

        operation("presigned GET of a wrong key", () -> {
            var url = client.generatePresignedUrl(BUCKET, "k", soon()).toString().replace("/k?", "/r?");
            var answer = http(HttpRequest.newBuilder(URI.create(url)));
            equal(answer.statusCode(), 403);
            check(latin1(answer.body()).contains("<Code>SignatureDoesNotMatch</Code>"), latin1(answer.body()));
        });
    }

    private static void tokens() {
        OSS sts = connect(new DefaultCredentialProvider(KEY_ID, KEY_SECRET, STS_TOKEN), STS_ENDPOINT);

        operation("STS token", () -> {
            sts.createBucket(BUCKET);
            sts.putObject(BUCKET, "k", stream("x"));
            equal(content(sts.getObject(BUCKET, "k")), utf8("x"));
            var without = connect(new DefaultCredentialProvider(KEY_ID, KEY_SECRET), STS_ENDPOINT);
            fails(403, null, () -> without.getObject(BUCKET, "k"));
            without.shutdown();
        });

        operation("presigned GET with STS token", () -> {
            equal(http(to(sts.generatePresignedUrl(BUCKET, "k", soon()))).body(), utf8("x"));
            sts.deleteObject(BUCKET, "k");
            sts.deleteBucket(BUCKET);
        });
        sts.shutdown();
    }

    private static void refusals() {
        OSS anonymous = connect(anonymous(), ENDPOINT);

        operation("AccessDenied when anonymous", () -> fails(403, "AccessDenied",
                () -> anonymous.getObject(BUCKET, "k")));

        operation("anonymous GET of a public bucket", () -> {
            client.setBucketAcl(BUCKET, CannedAccessControlList.PublicRead);
            equal(content(anonymous.getObject(BUCKET, "k")), HELLO);
            fails(403, "AccessDenied", () -> anonymous.putObject(BUCKET, "k", stream("y")));
            client.setBucketAcl(BUCKET, CannedAccessControlList.Private);
        });
        anonymous.shutdown();

        operation("NoSuchKey", () -> {
            var error = fails(404, "NoSuchKey", () -> read("absent"));
            equal(all(error.getEC(), error.getRequestId().length()), all("0026-00000001", 24));
            fails(404, "NoSuchKey", () -> head("absent"));
        });

        operation("NoSuchBucket", () -> fails(404, "NoSuchBucket", () -> client.listObjectsV2(BUCKET + "-no")));

        operation("SignatureDoesNotMatch", () -> {
            var wrong = connect(new DefaultCredentialProvider(KEY_ID, "wrong"), ENDPOINT);
            fails(403, "SignatureDoesNotMatch", () -> wrong.getObject(BUCKET, "k"));
            wrong.shutdown();
        });

        operation("InvalidAccessKeyId", () -> {
            var nobody = connect(new DefaultCredentialProvider("nobody", KEY_SECRET), ENDPOINT);
            fails(403, "InvalidAccessKeyId", () -> nobody.getObject(BUCKET, "k"));
            nobody.shutdown();
        });
    }
}
