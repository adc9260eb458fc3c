package judge;

import com.aliyun.oss.ClientBuilderConfiguration;
import com.aliyun.oss.OSS;
import com.aliyun.oss.OSSClientBuilder;
import com.aliyun.oss.OSSException;
import com.aliyun.oss.common.auth.Credentials;
import com.aliyun.oss.common.auth.CredentialsProvider;
import com.aliyun.oss.common.auth.DefaultCredentialProvider;
import com.aliyun.oss.common.comm.RequestMessage;
import com.aliyun.oss.common.comm.ResponseMessage;
import com.aliyun.oss.common.comm.RetryStrategy;
import com.aliyun.oss.common.comm.SignVersion;
import com.aliyun.oss.model.GetObjectRequest;
import com.aliyun.oss.model.ListObjectsV2Request;
import com.aliyun.oss.model.OSSObject;
import com.aliyun.oss.model.ObjectMetadata;
import com.aliyun.oss.model.PutObjectResult;
import java.io.ByteArrayInputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.net.URLDecoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.codehaus.jettison.json.JSONObject;

/** What the groups share: the client, and `operation`, which runs its body at once and prints one line. */
final class Judge {
    static final String ENDPOINT = System.getenv("OSS_ENDPOINT");
    static final String KEY_ID = System.getenv("OSS_ACCESS_KEY_ID");
    static final String KEY_SECRET = System.getenv("OSS_ACCESS_KEY_SECRET");
    static final String REGION = System.getenv("OSS_REGION");
    static final boolean V4 = System.getenv("JUDGE_SIGNATURE").equals("v4");
    static final String BUCKET = System.getenv("JUDGE_BUCKET");
    static final String SCRATCH = System.getenv("JUDGE_SCRATCH");
    static final String STS_ENDPOINT = System.getenv("JUDGE_STS_ENDPOINT");
    static final String STS_TOKEN = System.getenv("JUDGE_STS_TOKEN");
    static final String CALLBACK_URL = System.getenv("JUDGE_CALLBACK_URL");

    static final int MIB = 1024 * 1024;
    static final OSS client = connect(new DefaultCredentialProvider(KEY_ID, KEY_SECRET), ENDPOINT);

    private static final PrintStream OUT =
            new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
    private static final HttpClient HTTP = HttpClient.newHttpClient();

    /** The status of the latest refusal: the SDK's exceptions do not tell it. */
    private static int refusedWith;

    interface Body {
        void run() throws Throwable;
    }

    /** Never tries again, so that nothing hides a failure, and keeps the status. */
    private static final class Once extends RetryStrategy {
        @Override
        public boolean shouldRetry(Exception error, RequestMessage request, ResponseMessage response, int retries) {
            refusedWith = response == null ? 0 : response.getStatusCode();
            return false;
        }
    }

    static OSS connect(CredentialsProvider credentials, String endpoint) {
        var configuration = new ClientBuilderConfiguration();
        configuration.setSignatureVersion(V4 ? SignVersion.V4 : SignVersion.V1);
        configuration.setRetryStrategy(new Once());
        return OSSClientBuilder.create().endpoint(endpoint).region(REGION).credentialsProvider(credentials)
                .clientConfiguration(configuration).build();
    }

    /** The SDK signs nothing if the key is empty, and has no provider of its own for that. */
    static CredentialsProvider anonymous() {
        var nobody = new Credentials() {
            public String getAccessKeyId() {
                return "";
            }

            public String getSecretAccessKey() {
                return "";
            }

            public String getSecurityToken() {
                return null;
            }

            public boolean useSecurityToken() {
                return false;
            }
        };
        return new CredentialsProvider() {
            public void setCredentials(Credentials credentials) {
            }

            public Credentials getCredentials() {
                return nobody;
            }
        };
    }

    static void operation(String name, Body body) {
        try {
            body.run();
            OUT.println("{\"operation\": " + JSONObject.quote(name) + ", \"ok\": true}");
        } catch (Throwable error) {
            var where = Arrays.stream(error.getStackTrace())
                    .filter(frame -> frame.getClassName().startsWith("judge.") && !frame.getClassName().equals("judge.Judge"))
                    .findFirst().map(frame -> frame.getFileName() + ":" + frame.getLineNumber()).orElse("?");
            var text = (where + ": " + error).replaceAll("\\s+", " ");
            text = text.length() > 500 ? text.substring(0, 500) : text;
            OUT.println("{\"operation\": " + JSONObject.quote(name) + ", \"ok\": false, \"error\": "
                    + JSONObject.quote(text) + "}");
        }
    }

    /** Several values as one, so that `equal` compares them together. */
    static List<Object> all(Object... values) {
        return Arrays.asList(values);
    }

    static void equal(Object left, Object right) {
        if (!Objects.deepEquals(left, right)) {
            throw new AssertionError(brief(left) + " is not " + brief(right));
        }
    }

    static void check(boolean holds, Object what) {
        if (!holds) {
            throw new AssertionError("not so: " + brief(what));
        }
    }

    private static String brief(Object value) {
        var text = value instanceof byte[] bytes ? bytes.length + " bytes " + latin1(bytes) : String.valueOf(value);
        return text.length() < 200 ? text : text.substring(0, 200) + "…";
    }

    /** The call must be refused, with this status and code (any, if null). */
    static OSSException fails(int status, String code, Callable<?> call) throws Exception {
        refusedWith = 0;
        try {
            call.call();
        } catch (OSSException error) {
            equal(all(refusedWith, code == null ? null : error.getErrorCode()), all(status, code));
            return error;
        }
        throw new AssertionError("it was not refused");
    }

    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static String latin1(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    static ByteArrayInputStream stream(byte[] body) {
        return new ByteArrayInputStream(body);
    }

    static ByteArrayInputStream stream(String body) {
        return stream(utf8(body));
    }

    static byte[] repeat(String text, int times) {
        return utf8(text.repeat(times));
    }

    static String md5(byte[] body) throws Exception {
        return Base64.getEncoder().encodeToString(MessageDigest.getInstance("MD5").digest(body));
    }

    static String etag(byte[] body) throws Exception {
        return HexFormat.of().withUpperCase().formatHex(MessageDigest.getInstance("MD5").digest(body));
    }

    static PutObjectResult put(String key, byte[] body) {
        return client.putObject(BUCKET, key, stream(body));
    }

    static PutObjectResult put(String key, byte[] body, ObjectMetadata metadata) {
        return client.putObject(BUCKET, key, stream(body), metadata);
    }

    static byte[] read(String key) throws Exception {
        return content(client.getObject(BUCKET, key));
    }

    static byte[] read(GetObjectRequest request) throws Exception {
        return content(client.getObject(request));
    }

    static byte[] content(OSSObject object) throws Exception {
        try (var body = object.getObjectContent()) {
            return body.readAllBytes();
        }
    }

    static ObjectMetadata head(String key) {
        return client.headObject(BUCKET, key);
    }

    static ObjectMetadata header(String name, String value) {
        var metadata = new ObjectMetadata();
        metadata.setHeader(name, value);
        return metadata;
    }

    /** A file in the scratch folder. */
    static Path file(String name) {
        return Path.of(SCRATCH, name);
    }

    static Path file(String name, byte[] body) throws Exception {
        return Files.write(file(name), body);
    }

    /** What a program without the SDK gets. */
    static HttpResponse<byte[]> http(HttpRequest.Builder request) throws Exception {
        return HTTP.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
    }

    /** A key of a listing with `encoding-type=url`, which the SDK leaves to its users to decode. */
    static String decode(String key) {
        return URLDecoder.decode(key, StandardCharsets.UTF_8);
    }

    /** All keys below the prefix, in as many pages as it takes. */
    static List<String> listed(String prefix, int limit) {
        var keys = new ArrayList<String>();
        String token = null;
        do {
            var page = client.listObjectsV2(new ListObjectsV2Request(BUCKET).withPrefix(prefix).withMaxKeys(limit)
                    .withContinuationToken(token).withEncodingType("url"));
            page.getObjectSummaries().forEach(one -> keys.add(decode(one.getKey())));
            token = page.getNextContinuationToken();
            equal(page.isTruncated(), token != null);
        } while (token != null);
        return keys;
    }
}
