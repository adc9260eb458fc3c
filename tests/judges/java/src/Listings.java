package judge;

import static judge.Judge.*;

import com.aliyun.oss.model.ListObjectsRequest;
import com.aliyun.oss.model.ListObjectsV2Request;
import com.aliyun.oss.model.OSSObjectSummary;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/** Listing. */
final class Listings {
    private static final List<String> LISTED = new ArrayList<>();
    private static final List<String> ODD = List.of("o/ a+b%&<c>", "o/\u0001", "o/中文💾");
    private static final List<String> GROUPS = List.of("l/d0/", "l/d1/", "l/d2/");

    private static List<String> keys(List<OSSObjectSummary> page) {
        return page.stream().map(OSSObjectSummary::getKey).toList();
    }

    private static ListObjectsRequest first(String prefix) {
        return new ListObjectsRequest(BUCKET).withPrefix(prefix);
    }

    private static ListObjectsV2Request second(String prefix) {
        return new ListObjectsV2Request(BUCKET, prefix);
    }

    static void run() {
        var names = new TreeSet<String>(List.of("l/top"));
        for (int i = 0; i < 25; i++) {
            names.add("l/d%d/f%02d".formatted(i % 3, i));
        }
        LISTED.addAll(names);
        LISTED.forEach(key -> put(key, utf8("x")));
        ODD.forEach(key -> put(key, new byte[0]));

        operation("ListObjects", () -> {
            var page = client.listObjects(BUCKET, "l/");
            equal(keys(page.getObjectSummaries()), LISTED);
            var one = page.getObjectSummaries().get(0);
            equal(all(one.getSize(), one.getType(), one.getStorageClass(), one.getETag()),
                    all(1L, "Normal", "Standard", etag(utf8("x"))));
        });

        operation("ListObjects with delimiter", () -> {
            var page = client.listObjects(first("l/").withDelimiter("/"));
            equal(all(page.getCommonPrefixes(), keys(page.getObjectSummaries())), all(GROUPS, List.of("l/top")));
        });

        operation("ListObjects in pages", () -> {
            var seen = new ArrayList<String>();
            var request = first("l/").withMaxKeys(7);
            for (int i = 0; i < 4; i++) {
                var page = client.listObjects(request);
                seen.addAll(keys(page.getObjectSummaries()));
                equal(page.isTruncated(), i < 3);
                request.setMarker(page.getNextMarker());
            }
            equal(seen, LISTED);
        });

        operation("ListObjects of odd keys", () -> {
            var page = client.listObjects(first("o/").withEncodingType("url"));
            equal(page.getEncodingType(), "url");
            equal(new TreeSet<>(keys(page.getObjectSummaries()).stream().map(Judge::decode).toList()),
                    new TreeSet<>(ODD));
        });

        operation("ListObjectsV2", () -> {
            var page = client.listObjectsV2(BUCKET, "l/");
            equal(all(keys(page.getObjectSummaries()), page.getKeyCount()), all(LISTED, LISTED.size()));
        });

        operation("ListObjectsV2 with delimiter", () -> {
            var page = client.listObjectsV2(second("l/").withDelimiter("/"));
            equal(all(page.getCommonPrefixes(), keys(page.getObjectSummaries())), all(GROUPS, List.of("l/top")));
        });

        operation("ListObjectsV2 in pages", () -> equal(listed("l/", 7), LISTED));

        operation("ListObjectsV2 of odd keys", () -> {
            equal(new TreeSet<>(listed("o/", 1000)), new TreeSet<>(ODD));
            equal(listed("o/ a+b%", 1000), List.of("o/ a+b%&<c>"));
        });

        operation("ListObjectsV2 with start-after", () -> equal(
                keys(client.listObjectsV2(second("l/").withStartAfter(LISTED.get(20))).getObjectSummaries()),
                LISTED.subList(21, LISTED.size())));

        operation("ListObjectsV2 with owner", () -> {
            var with = client.listObjectsV2(second("l/").withMaxKeys(1).withFetchOwner(true));
            check(!with.getObjectSummaries().get(0).getOwner().getId().isEmpty(), "an owner");
            var without = client.listObjectsV2(second("l/").withMaxKeys(1));
            equal(without.getObjectSummaries().get(0).getOwner(), null);
        });
    }
}
