package judge;

import static judge.Judge.*;

import com.aliyun.oss.model.BucketVersioningConfiguration;
import com.aliyun.oss.model.CopyObjectRequest;
import com.aliyun.oss.model.DeleteVersionsRequest;
import com.aliyun.oss.model.DeleteVersionsResult;
import com.aliyun.oss.model.GetObjectRequest;
import com.aliyun.oss.model.HeadObjectRequest;
import com.aliyun.oss.model.ListVersionsRequest;
import com.aliyun.oss.model.OSSVersionSummary;
import com.aliyun.oss.model.SetBucketVersioningRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/** Versions. */
final class Versions {
    private static final String VER = BUCKET + "-ver";
    private static List<String> ids;
    private static String marker;

    private static void versioning(String status) {
        client.setBucketVersioning(new SetBucketVersioningRequest(VER, new BucketVersioningConfiguration(status)));
    }

    private static String put(String key, String body) {
        return client.putObject(VER, key, stream(body)).getVersionId();
    }

    private static String read(String key) throws Exception {
        return latin1(content(client.getObject(VER, key)));
    }

    private static String read(String key, String version) throws Exception {
        return latin1(content(client.getObject(new GetObjectRequest(VER, key, version))));
    }

    static void run() {
        client.createBucket(VER);

        operation("PutBucketVersioning", () -> versioning(BucketVersioningConfiguration.ENABLED));

        operation("GetBucketVersioning", () -> equal(
                all(client.getBucketVersioning(VER).getStatus(), client.getBucketVersioning(BUCKET).getStatus()),
                all("Enabled", null)));

        operation("PutObject with version id", () -> {
            ids = List.of(put("k", "one"), put("k", "two"), put("k", "three"));
            equal(new TreeSet<>(ids).size(), 3);
        });

        operation("GetObject of a version", () -> equal(all(read("k", ids.get(0)), read("k")), all("one", "three")));

        operation("HeadObject of a version", () -> {
            var got = client.headObject(new HeadObjectRequest(VER, "k", ids.get(1)));
            equal(all(got.getContentLength(), got.getVersionId()), all(3L, ids.get(1)));
        });

        operation("CopyObject of a version", () -> {
            var done = client.copyObject(new CopyObjectRequest(VER, "k", ids.get(0), VER, "copy"));
            equal(all(read("copy"), read("copy", done.getVersionId())), all("one", "one"));
        });

        operation("DeleteObject leaves a delete marker", () -> {
            var headers = client.deleteObject(VER, "k").getResponse().getHeaders();
            equal(headers.get("x-oss-delete-marker"), "true");
            marker = headers.get("x-oss-version-id");
            fails(404, "NoSuchKey", () -> read("k"));
        });

        operation("ListObjectVersions", () -> {
            var seen = client.listVersions(VER, "k").getVersionSummaries();
            // The SDK puts delete markers after all versions.
            equal(seen.stream().map(one -> all(one.getVersionId(), one.isDeleteMarker(), one.isLatest())).toList(),
                    all(all(ids.get(2), false, false), all(ids.get(1), false, false), all(ids.get(0), false, false),
                            all(marker, true, true)));
        });

        operation("ListObjectVersions in pages", () -> {
            var seen = new ArrayList<String>();
            var request = new ListVersionsRequest().withBucketName(VER).withPrefix("k").withMaxResults(1);
            for (int i = 0; i < 4; i++) {
                var page = client.listVersions(request);
                page.getVersionSummaries().stream().map(OSSVersionSummary::getVersionId).forEach(seen::add);
                equal(page.isTruncated(), i < 3);
                request.setKeyMarker(page.getNextKeyMarker());
                request.setVersionIdMarker(page.getNextVersionIdMarker());
            }
            equal(seen, List.of(marker, ids.get(2), ids.get(1), ids.get(0)));
        });

        operation("DeleteObject of a version", () -> {
            client.deleteVersion(VER, "k", marker);
            equal(read("k"), "three");
            client.deleteVersion(VER, "k", ids.get(2));
            equal(read("k"), "two");
        });

        operation("DeleteMultipleObjects of versions", () -> {
            var gone = client.deleteVersions(new DeleteVersionsRequest(VER).withKeys(ids.subList(0, 2).stream()
                    .map(id -> new DeleteVersionsRequest.KeyVersion("k", id)).toList()));
            equal(new TreeSet<>(gone.getDeletedVersions().stream()
                    .map(DeleteVersionsResult.DeletedVersion::getVersionId).toList()),
                    new TreeSet<>(ids.subList(0, 2)));
            fails(404, "NoSuchKey", () -> read("k"));
        });

        operation("versioning suspended", () -> {
            versioning(BucketVersioningConfiguration.SUSPENDED);
            equal(put("s", "1"), "null");
            put("s", "2");
            equal(client.listVersions(VER, "s").getVersionSummaries().stream()
                    .map(OSSVersionSummary::getVersionId).toList(), List.of("null"));
            equal(read("s"), "2");
        });
    }
}
