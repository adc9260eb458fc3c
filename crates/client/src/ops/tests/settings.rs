//! Settings of buckets.

use super::targets;
use crate::{
    settings::{CorsConfiguration, CorsRule, InventoryConfiguration, ReplicationRule},
    testing::{Answer, Script, answer, refusal},
};

fn ok() -> Answer {
    answer(200, &[], "")
}

#[tokio::test]
async fn a_document_is_put_got_and_deleted() {
    let document = CorsConfiguration {
        cors_rule: vec![CorsRule {
            allowed_origin: vec!["*".into()],
            allowed_method: vec!["GET".into()],
            ..CorsRule::default()
        }],
        response_vary: None,
    };
    let text = ossplit_protocol::xml::write(&document);
    let script = Script::new([
        ok(),
        answer(200, &[], text.clone()),
        answer(204, &[], ""),
        refusal(404, "NoSuchCORSConfiguration"),
    ]);
    let client = script.client();
    client.put_bucket_cors("bucket", &document).await.unwrap();
    assert_eq!(client.get_bucket_cors("bucket").await.unwrap(), document);
    client.delete_bucket_cors("bucket").await.unwrap();
    let absent = client.get_bucket_cors("bucket").await.unwrap_err();
    assert_eq!(absent.code(), "NoSuchCORSConfiguration");
    let seen = script.seen();
    assert_eq!(seen[0].body, text);
    assert_eq!(seen[0].header("content-md5").len(), 24);
    assert_eq!(targets(&script)[2], "DELETE /bucket/?cors");
}

#[tokio::test]
async fn a_policy_is_text() {
    let policy = "{\"Version\":\"1\",\"Statement\":[]}";
    let status = "<PolicyStatus><IsPublic>true</IsPublic></PolicyStatus>";
    let script = Script::new([
        ok(),
        answer(200, &[], policy),
        answer(200, &[], status),
        answer(204, &[], ""),
    ]);
    let client = script.client();
    client.put_bucket_policy("bucket", policy).await.unwrap();
    assert_eq!(client.get_bucket_policy("bucket").await.unwrap(), policy);
    assert!(client.is_bucket_policy_public("bucket").await.unwrap());
    client.delete_bucket_policy("bucket").await.unwrap();
    assert_eq!(script.seen()[0].body, policy);
}

#[tokio::test]
async fn tags_inventories_replication_and_retention() {
    let tagging = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>";
    let worm = "<WormConfiguration><WormId>W</WormId><State>Locked</State>\
        <RetentionPeriodInDays>2</RetentionPeriodInDays><CreationDate/></WormConfiguration>";
    let script = Script::new([
        ok(),
        answer(200, &[], tagging),
        ok(),
        answer(200, &[("x-oss-replication-rule-id", "R")], ""),
        answer(200, &[("x-oss-worm-id", "W")], ""),
        ok(),
        ok(),
        answer(200, &[], worm),
    ]);
    let client = script.client();
    let tags = vec![("a".to_owned(), "1".to_owned())];
    client.put_bucket_tags("bucket", &tags).await.unwrap();
    assert_eq!(client.get_bucket_tags("bucket").await.unwrap(), tags);
    let inventory = InventoryConfiguration {
        id: "i".into(),
        ..InventoryConfiguration::default()
    };
    let put = client.put_bucket_inventory("bucket", &inventory);
    put.await.unwrap();
    let rule = ReplicationRule::default();
    let id = client.put_bucket_replication("bucket", rule).await;
    assert_eq!(id.unwrap(), "R");
    let id = client.initiate_bucket_worm("bucket", 1).await.unwrap();
    client.complete_bucket_worm("bucket", &id).await.unwrap();
    client.extend_bucket_worm("bucket", &id, 2).await.unwrap();
    let policy = client.get_bucket_worm("bucket").await.unwrap();
    assert_eq!(
        (&*policy.state, policy.retention_period_in_days),
        ("Locked", 2)
    );
    let seen = targets(&script);
    assert_eq!(seen[2], "PUT /bucket/?inventory&inventoryId=i");
    assert_eq!(seen[3], "POST /bucket/?replication&comp=add");
    assert_eq!(seen[5], "POST /bucket/?wormId=W");
    assert_eq!(seen[6], "POST /bucket/?wormExtend&wormId=W");
}

#[tokio::test]
async fn sizes_and_regions() {
    let stat = "<BucketStat><Storage>7</Storage><ObjectCount>2</ObjectCount>\
        <ArchiveObjectCount>1</ArchiveObjectCount></BucketStat>";
    let regions =
        "<RegionInfoList><RegionInfo><Region>oss-cn-x</Region></RegionInfo></RegionInfoList>";
    let script = Script::new([answer(200, &[], stat), answer(200, &[], regions)]);
    let client = script.client();
    let stat = client.get_bucket_stat("bucket").await.unwrap();
    assert_eq!((stat.storage, stat.archive_object_count), (7, 1));
    let regions = client.describe_regions(Some("oss-cn-x")).await.unwrap();
    assert_eq!(regions.region_info[0].region, "oss-cn-x");
    assert_eq!(targets(&script)[1], "GET /?regions=oss-cn-x");
}
