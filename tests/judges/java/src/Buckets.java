package judge;

import static judge.Judge.*;

import com.aliyun.oss.model.Bucket;
import com.aliyun.oss.model.BucketList;
import com.aliyun.oss.model.CannedAccessControlList;
import com.aliyun.oss.model.CreateBucketRequest;
import com.aliyun.oss.model.DataRedundancyType;
import com.aliyun.oss.model.DescribeRegionsRequest;
import com.aliyun.oss.model.ListBucketsRequest;
import com.aliyun.oss.model.StorageClass;
import java.util.ArrayList;
import java.util.List;

/** Service and buckets. */
final class Buckets {
    private static List<String> names(BucketList page) {
        return page.getBucketList().stream().map(Bucket::getName).toList();
    }

    static void run() {
        operation("PutBucket", () -> {
            client.createBucket(BUCKET);
            check(client.doesBucketExist(BUCKET), "made");
        });

        operation("PutBucket with storage class and ACL", () -> {
            var request = new CreateBucketRequest(BUCKET + "-ia");
            request.setStorageClass(StorageClass.IA);
            request.setCannedACL(CannedAccessControlList.PublicRead);
            request.setDataRedundancyType(DataRedundancyType.ZRS);
            client.createBucket(request);
            var info = client.getBucketInfo(BUCKET + "-ia");
            equal(all(info.getBucket().getStorageClass(), info.getCannedACL(), info.getDataRedundancyType()),
                    all(StorageClass.IA, CannedAccessControlList.PublicRead, DataRedundancyType.ZRS));
            client.deleteBucket(BUCKET + "-ia");
        });

        operation("bucket exists", () -> equal(
                all(client.doesBucketExist(BUCKET), client.doesBucketExist(BUCKET + "-no")), all(true, false)));

        operation("ListBuckets", () -> equal(names(client.listBuckets(BUCKET, null, null)), List.of(BUCKET)));

        operation("ListBuckets in pages", () -> {
            var wanted = List.of(BUCKET + "-page0", BUCKET + "-page1", BUCKET + "-page2");
            wanted.forEach(client::createBucket);
            var request = new ListBucketsRequest(BUCKET + "-page", null, 2);
            var first = client.listBuckets(request);
            equal(all(first.isTruncated(), first.getMaxKeys()), all(true, 2));
            var second = client.listBuckets(request.withMarker(first.getNextMarker()));
            equal(second.isTruncated(), false);
            var seen = new ArrayList<>(names(first));
            seen.addAll(names(second));
            equal(seen, wanted);
            wanted.forEach(client::deleteBucket);
        });

        operation("DescribeRegions", () -> {
            var regions = client.describeRegions(new DescribeRegionsRequest()).getRegionInfoList();
            check(regions.stream().anyMatch(one -> one.getRegion().equals("oss-" + REGION)), regions);
        });

        operation("GetBucketInfo", () -> {
            var bucket = client.getBucketInfo(BUCKET).getBucket();
            equal(all(bucket.getName(), bucket.getLocation(), bucket.getStorageClass()),
                    all(BUCKET, "oss-" + REGION, StorageClass.Standard));
        });

        operation("GetBucketLocation", () -> equal(client.getBucketLocation(BUCKET), "oss-" + REGION));

        operation("GetBucketStat", () -> {
            var before = client.getBucketStat(BUCKET);
            put("stat", utf8("12345"));
            var after = client.getBucketStat(BUCKET);
            equal(all(after.getObjectCount() - before.getObjectCount(),
                    after.getStorageSize() - before.getStorageSize()), all(1L, 5L));
            client.deleteObject(BUCKET, "stat");
        });

        operation("PutBucketAcl", () -> {
            client.setBucketAcl(BUCKET, CannedAccessControlList.PublicRead);
            equal(client.getBucketAcl(BUCKET).getCannedACL(), CannedAccessControlList.PublicRead);
            client.setBucketAcl(BUCKET, CannedAccessControlList.Private);
        });

        operation("GetBucketAcl", () -> {
            var acl = client.getBucketAcl(BUCKET);
            equal(acl.getCannedACL(), CannedAccessControlList.Private);
            check(!acl.getOwner().getId().isEmpty(), "an owner");
        });

        operation("DeleteBucket", () -> {
            client.createBucket(BUCKET + "-gone");
            equal(client.deleteBucket(BUCKET + "-gone").getResponse().getStatusCode(), 204);
            fails(404, "NoSuchBucket", () -> client.deleteBucket(BUCKET + "-gone"));
        });

        operation("DeleteBucket refused while not empty", () -> {
            put("k", new byte[0]);
            fails(409, "BucketNotEmpty", () -> client.deleteBucket(BUCKET));
            client.deleteObject(BUCKET, "k");
        });
    }
}
