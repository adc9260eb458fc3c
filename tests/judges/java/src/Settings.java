package judge;

import static judge.Judge.*;

import com.aliyun.oss.HttpMethod;
import com.aliyun.oss.model.AddBucketReplicationRequest;
import com.aliyun.oss.model.BucketReferer;
import com.aliyun.oss.model.InventoryConfiguration;
import com.aliyun.oss.model.InventoryDestination;
import com.aliyun.oss.model.InventoryFilter;
import com.aliyun.oss.model.InventoryFormat;
import com.aliyun.oss.model.InventoryFrequency;
import com.aliyun.oss.model.InventoryIncludedObjectVersions;
import com.aliyun.oss.model.InventoryOSSBucketDestination;
import com.aliyun.oss.model.InventorySchedule;
import com.aliyun.oss.model.LifecycleRule;
import com.aliyun.oss.model.OptionsRequest;
import com.aliyun.oss.model.Payer;
import com.aliyun.oss.model.PutBucketArchiveDirectReadRequest;
import com.aliyun.oss.model.PutBucketHttpsConfigRequest;
import com.aliyun.oss.model.PutBucketPublicAccessBlockRequest;
import com.aliyun.oss.model.PutImageStyleRequest;
import com.aliyun.oss.model.SSEAlgorithm;
import com.aliyun.oss.model.ServerSideEncryptionByDefault;
import com.aliyun.oss.model.ServerSideEncryptionConfiguration;
import com.aliyun.oss.model.SetBucketCORSRequest;
import com.aliyun.oss.model.SetBucketEncryptionRequest;
import com.aliyun.oss.model.SetBucketLifecycleRequest;
import com.aliyun.oss.model.SetBucketLoggingRequest;
import com.aliyun.oss.model.SetBucketResourceGroupRequest;
import com.aliyun.oss.model.SetBucketWebsiteRequest;
import com.aliyun.oss.model.StorageClass;
import com.aliyun.oss.model.Style;
import java.util.List;
import java.util.Map;
import org.codehaus.jettison.json.JSONObject;

/** Bucket settings. */
final class Settings {
    private static final String SET = BUCKET + "-set";
    /** A locked bucket may be kept from other settings: the rest goes to one of its own. */
    private static final String RING = BUCKET + "-set2";
    private static final String POLICY = """
            {"Version":"1","Statement":[{"Effect":"Allow","Action":["oss:GetObject"],"Principal":["*"],\
            "Resource":["acs:oss:*:*:%s/public/*"]}]}""".formatted(SET);

    static void run() {
        client.createBucket(SET);
        client.createBucket(RING);
        documents();
        switches();
        worm();
        replication();
        later();
    }

    private static void documents() {
        operation("PutBucketLifecycle", () -> {
            var request = new SetBucketLifecycleRequest(SET);
            request.AddLifecycleRule(new LifecycleRule("r1", "logs/", LifecycleRule.RuleStatus.Enabled, 7,
                    new LifecycleRule.AbortMultipartUpload(1)));
            var second = new LifecycleRule("r2", "data/", LifecycleRule.RuleStatus.Enabled);
            second.setStorageTransition(List.of(new LifecycleRule.StorageTransition(30, StorageClass.IA)));
            request.AddLifecycleRule(second);
            client.setBucketLifecycle(request);
        });

        operation("GetBucketLifecycle", () -> {
            var rules = client.getBucketLifecycle(SET);
            equal(rules.stream().map(rule -> all(rule.getId(), rule.getPrefix(), rule.getStatus())).toList(),
                    all(all("r1", "logs/", LifecycleRule.RuleStatus.Enabled),
                            all("r2", "data/", LifecycleRule.RuleStatus.Enabled)));
            var transition = rules.get(1).getStorageTransition().get(0);
            equal(all(rules.get(0).getExpirationDays(), rules.get(0).getAbortMultipartUpload().getExpirationDays(),
                    transition.getExpirationDays(), transition.getStorageClass()), all(7, 1, 30, StorageClass.IA));
        });

        operation("DeleteBucketLifecycle", () -> {
            client.deleteBucketLifecycle(SET);
            fails(404, "NoSuchLifecycle", () -> client.getBucketLifecycle(SET));
        });

        operation("PutBucketCors", () -> {
            var rule = new SetBucketCORSRequest.CORSRule();
            rule.addAllowdOrigin("http://example.com");
            rule.setAllowedMethods(List.of("GET", "PUT"));
            rule.addAllowedHeader("*");
            rule.addExposeHeader("x-oss-request-id");
            rule.setMaxAgeSeconds(60);
            var request = new SetBucketCORSRequest(SET);
            request.addCorsRule(rule);
            client.setBucketCORS(request);
        });

        operation("GetBucketCors", () -> {
            var rule = client.getBucketCORSRules(SET).get(0);
            equal(all(rule.getAllowedOrigins(), rule.getAllowedMethods(), rule.getExposeHeaders(),
                    rule.getMaxAgeSeconds()),
                    all(List.of("http://example.com"), List.of("GET", "PUT"), List.of("x-oss-request-id"), 60));
        });

        operation("OptionObject", () -> {
            var asked = new OptionsRequest(SET, "k").withRequestMethod(HttpMethod.PUT).withRequestHeaders("x-a");
            var headers = client.optionsObject(asked.withOrigin("http://example.com")).getHeaders();
            equal(headers.get("Access-Control-Allow-Origin"), "http://example.com");
            check(headers.get("Access-Control-Allow-Methods").contains("PUT"), headers);
            fails(403, null, () -> client.optionsObject(asked.withOrigin("http://other.example")));
        });

        operation("DeleteBucketCors", () -> {
            client.deleteBucketCORSRules(SET);
            fails(404, "NoSuchCORSConfiguration", () -> client.getBucketCORSRules(SET));
        });

        operation("PutBucketWebsite", () -> {
            var request = new SetBucketWebsiteRequest(SET);
            request.setIndexDocument("index.html");
            request.setErrorDocument("error.html");
            client.setBucketWebsite(request);
        });

        operation("GetBucketWebsite", () -> {
            var got = client.getBucketWebsite(SET);
            equal(all(got.getIndexDocument(), got.getErrorDocument()), all("index.html", "error.html"));
        });

        operation("DeleteBucketWebsite", () -> {
            client.deleteBucketWebsite(SET);
            fails(404, "NoSuchWebsiteConfiguration", () -> client.getBucketWebsite(SET));
        });

        operation("PutBucketLogging", () -> client.setBucketLogging(
                new SetBucketLoggingRequest(SET).withTargetBucket(BUCKET).withTargetPrefix("logs/")));

        operation("GetBucketLogging", () -> {
            var got = client.getBucketLogging(SET);
            equal(all(got.getTargetBucket(), got.getTargetPrefix()), all(BUCKET, "logs/"));
        });

        operation("DeleteBucketLogging", () -> {
            client.deleteBucketLogging(SET);
            equal(client.getBucketLogging(SET).getTargetBucket(), null);
        });

        operation("PutBucketReferer", () -> client.setBucketReferer(SET,
                new BucketReferer(true, List.of("http://a.example", "http://*.b.example"))));

        operation("GetBucketReferer", () -> {
            var got = client.getBucketReferer(SET);
            equal(all(got.isAllowEmptyReferer(), got.getRefererList()),
                    all(true, List.of("http://a.example", "http://*.b.example")));
            client.setBucketReferer(SET, new BucketReferer(true, List.of()));
            equal(client.getBucketReferer(SET).getRefererList(), List.of());
        });

        operation("PutBucketEncryption", () -> client.setBucketEncryption(new SetBucketEncryptionRequest(SET,
                new ServerSideEncryptionConfiguration().withApplyServerSideEncryptionByDefault(
                        new ServerSideEncryptionByDefault(SSEAlgorithm.AES256)))));

        operation("GetBucketEncryption", () -> equal(
                client.getBucketEncryption(SET).getApplyServerSideEncryptionByDefault().getSSEAlgorithm(), "AES256"));

        operation("DeleteBucketEncryption", () -> {
            client.deleteBucketEncryption(SET);
            fails(404, "NoSuchServerSideEncryptionRule", () -> client.getBucketEncryption(SET));
        });

        operation("PutBucketPolicy", () -> client.setBucketPolicy(SET, POLICY));

        operation("GetBucketPolicy", () -> equal(
                new JSONObject(client.getBucketPolicy(SET).getPolicyText()).toString(),
                new JSONObject(POLICY).toString()));

        operation("GetBucketPolicyStatus", () -> equal(client.getBucketPolicyStatus(SET).isPublic(), true));

        operation("DeleteBucketPolicy", () -> {
            client.deleteBucketPolicy(SET);
            fails(404, "NoSuchBucketPolicy", () -> client.getBucketPolicy(SET));
        });

        operation("PutBucketTags", () -> client.setBucketTagging(SET, Map.of("a", "1", "b", "2")));

        operation("GetBucketTags", () -> equal(client.getBucketTagging(SET).getAllTags(), Map.of("a", "1", "b", "2")));

        operation("DeleteBucketTags", () -> {
            client.deleteBucketTagging(SET);
            equal(client.getBucketTagging(SET).getAllTags(), Map.of());
        });
    }

    private static void switches() {
        operation("PutBucketRequestPayment", () -> client.setBucketRequestPayment(SET, Payer.Requester));

        operation("GetBucketRequestPayment", () -> equal(
                all(client.getBucketRequestPayment(SET).getPayer(), client.getBucketRequestPayment(BUCKET).getPayer()),
                all(Payer.Requester, Payer.BucketOwner)));

        operation("PutBucketTransferAcceleration", () -> client.setBucketTransferAcceleration(SET, true));

        operation("GetBucketTransferAcceleration", () -> equal(
                client.getBucketTransferAcceleration(SET).isEnabled(), true));

        operation("PutBucketInventory", () -> client.setBucketInventoryConfiguration(SET, new InventoryConfiguration()
                .withInventoryId("i1").withEnabled(true)
                .withIncludedObjectVersions(InventoryIncludedObjectVersions.All)
                .withFilter(new InventoryFilter().withPrefix("p/"))
                .withOptionalFields(List.of("Size", "ETag"))
                .withSchedule(new InventorySchedule().withFrequency(InventoryFrequency.Daily))
                .withDestination(new InventoryDestination().withOSSBucketDestination(
                        new InventoryOSSBucketDestination().withFormat(InventoryFormat.CSV).withAccountId("1")
                                .withRoleArn("acs:ram::1:role/r").withBucket(BUCKET).withPrefix("inv/")))));

        operation("GetBucketInventory", () -> {
            var got = client.getBucketInventoryConfiguration(SET, "i1").getInventoryConfiguration();
            equal(all(got.getInventoryId(), got.getSchedule().getFrequency(), got.getOptionalFields(),
                    got.getDestination().getOssBucketDestination().getBucket()),
                    all("i1", "Daily", List.of("Size", "ETag"), BUCKET));
        });

        operation("ListBucketInventory", () -> equal(
                client.listBucketInventoryConfigurations(SET).getInventoryConfigurationList().stream()
                        .map(InventoryConfiguration::getInventoryId).toList(), List.of("i1")));

        operation("DeleteBucketInventory", () -> {
            client.deleteBucketInventoryConfiguration(SET, "i1");
            fails(404, "NoSuchInventory", () -> client.getBucketInventoryConfiguration(SET, "i1"));
        });
    }

    private static void worm() {
        operation("InitiateBucketWorm", () -> check(
                !client.initiateBucketWorm(SET, 1).getWormId().isEmpty(), "an identifier"));

        operation("GetBucketWorm", () -> {
            var got = client.getBucketWorm(SET);
            equal(all(got.getWormState(), got.getRetentionPeriodInDays()), all("InProgress", 1));
        });

        operation("AbortBucketWorm", () -> {
            client.abortBucketWorm(SET);
            fails(404, null, () -> client.getBucketWorm(SET));
        });

        operation("CompleteBucketWorm", () -> {
            client.completeBucketWorm(SET, client.initiateBucketWorm(SET, 1).getWormId());
            equal(client.getBucketWorm(SET).getWormState(), "Locked");
        });

        operation("ExtendBucketWorm", () -> {
            client.extendBucketWorm(SET, client.getBucketWorm(SET).getWormId(), 2);
            equal(client.getBucketWorm(SET).getRetentionPeriodInDays(), 2);
        });
    }

    private static void replication() {
        operation("PutBucketReplication", () -> {
            var request = new AddBucketReplicationRequest(RING);
            request.setReplicationRuleID("rule1");
            request.setTargetBucketName(BUCKET);
            request.setTargetBucketLocation("oss-" + REGION);
            client.addBucketReplication(request);
        });

        operation("GetBucketReplication", () -> equal(client.getBucketReplication(RING).stream()
                .map(rule -> all(rule.getReplicationRuleID(), rule.getTargetBucketName())).toList(),
                all(all("rule1", BUCKET))));

        operation("GetBucketReplicationLocation", () -> client.getBucketReplicationLocation(RING));

        operation("GetBucketReplicationProgress", () -> equal(
                client.getBucketReplicationProgress(RING, "rule1").getReplicationRuleID(), "rule1"));

        operation("DeleteBucketReplication", () -> client.deleteBucketReplication(RING, "rule1"));
    }

    private static void later() {
        operation("PutBucketAccessMonitor", () -> client.putBucketAccessMonitor(RING, "Enabled"));

        operation("GetBucketAccessMonitor", () -> equal(client.getBucketAccessMonitor(RING).getStatus(), "Enabled"));

        operation("PutBucketArchiveDirectRead", () -> client.putBucketArchiveDirectRead(
                new PutBucketArchiveDirectReadRequest(RING, true)));

        operation("GetBucketArchiveDirectRead", () -> equal(
                client.getBucketArchiveDirectRead(RING).getEnabled(), true));

        operation("PutBucketResourceGroup", () -> client.setBucketResourceGroup(
                new SetBucketResourceGroupRequest(RING, "rg-abcdef0123456789")));

        operation("GetBucketResourceGroup", () -> equal(
                client.getBucketResourceGroup(RING).getResourceGroupId(), "rg-abcdef0123456789"));

        // The constructor that takes all three forgets `true`.
        operation("PutBucketHttpsConfig", () -> client.putBucketHttpsConfig(new PutBucketHttpsConfigRequest(RING)
                .withEnabled(true).withTlsVersion(List.of("TLSv1.2", "TLSv1.3"))));

        operation("GetBucketHttpsConfig", () -> {
            var got = client.getBucketHttpsConfig(RING);
            equal(all(got.isEnable(), got.getTlsVersion()), all(true, List.of("TLSv1.2", "TLSv1.3")));
        });

        operation("PutBucketPublicAccessBlock", () -> client.putBucketPublicAccessBlock(
                new PutBucketPublicAccessBlockRequest(RING, true)));

        operation("GetBucketPublicAccessBlock", () -> equal(
                client.getBucketPublicAccessBlock(RING).getBlockPublicAccess(), true));

        operation("DeleteBucketPublicAccessBlock", () -> client.deleteBucketPublicAccessBlock(RING));

        operation("PutStyle", () -> {
            var request = new PutImageStyleRequest();
            request.SetBucketName(RING);
            request.SetStyleName("small");
            request.SetStyle("image/resize,p_50");
            client.putImageStyle(request);
        });

        operation("GetStyle", () -> equal(client.getImageStyle(RING, "small").GetStyle(), "image/resize,p_50"));

        operation("ListStyle", () -> equal(
                client.listImageStyle(RING).stream().map(Style::GetStyleName).toList(), List.of("small")));

        operation("DeleteStyle", () -> {
            client.deleteImageStyle(RING, "small");
            fails(404, null, () -> client.getImageStyle(RING, "small"));
        });

        operation("ListCname", () -> equal(client.getBucketCname(RING).size(), 0));
    }
}
