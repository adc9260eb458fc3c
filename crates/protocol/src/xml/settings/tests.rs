use super::*;
use crate::xml::{Tag, read, write};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;

/// Reads a document as the API page shows it; written again, it is the same but for blanks.
fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(text: &str) -> T {
    let document: T = read(text.as_bytes()).unwrap();
    let written = write(&document);
    let plain: String = text.split('\n').map(str::trim).collect();
    assert!(written.ends_with(&plain), "{written}\n{plain}");
    assert_eq!(read::<T>(written.as_bytes()).unwrap(), document);
    document
}

#[test]
fn documents_are_written_as_they_were_read() {
    let cors: CorsConfiguration = same(
        "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin>
         <AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET</AllowedMethod>
         <AllowedHeader>Authorization</AllowedHeader><MaxAgeSeconds>100</MaxAgeSeconds></CORSRule>
         <ResponseVary>false</ResponseVary></CORSConfiguration>",
    );
    assert_eq!(cors.cors_rule[0].allowed_method, ["PUT", "GET"]);
    let lifecycle: LifecycleConfiguration = same(
        "<LifecycleConfiguration><Rule><ID>r</ID><Prefix>logs/</Prefix><Status>Enabled</Status>
         <Tag><Key>k</Key><Value>v</Value></Tag>
         <Filter><ObjectSizeGreaterThan>500</ObjectSizeGreaterThan><Not><Prefix>logs/keep</Prefix></Not></Filter>
         <Expiration><Days>30</Days></Expiration>
         <Transition><Days>10</Days><StorageClass>IA</StorageClass><IsAccessTime>false</IsAccessTime></Transition>
         <AbortMultipartUpload><Days>1</Days></AbortMultipartUpload>
         <NoncurrentVersionExpiration><NoncurrentDays>5</NoncurrentDays></NoncurrentVersionExpiration>
         </Rule></LifecycleConfiguration>",
    );
    let tag = Tag {
        key: "k".into(),
        value: "v".into(),
    };
    assert_eq!(lifecycle.rule[0].tag, [tag]);
    same::<BucketLoggingStatus>(
        "<BucketLoggingStatus><LoggingEnabled><TargetBucket>b</TargetBucket>
        <TargetPrefix>p+</TargetPrefix></LoggingEnabled></BucketLoggingStatus>",
    );
    same::<BucketLoggingStatus>("<BucketLoggingStatus/>");
    same::<UserDefinedLogFieldsConfiguration>("<UserDefinedLogFieldsConfiguration><HeaderSet>
        <header>h1</header><header>h2</header></HeaderSet><ParamSet><parameter>p</parameter></ParamSet>
        </UserDefinedLogFieldsConfiguration>");
    same::<RefererConfiguration>("<RefererConfiguration><AllowEmptyReferer>false</AllowEmptyReferer>
        <RefererList><Referer>http://a</Referer><Referer>http://*.b</Referer></RefererList></RefererConfiguration>");
    let site: WebsiteConfiguration = same("<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix>
        <SupportSubDir>true</SupportSubDir><Type>0</Type></IndexDocument>
        <ErrorDocument><Key>error.html</Key><HttpStatus>404</HttpStatus></ErrorDocument>
        <RoutingRules><RoutingRule><RuleNumber>1</RuleNumber><Condition><KeyPrefixEquals>abc/</KeyPrefixEquals>
        <HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals></Condition>
        <Redirect><RedirectType>Mirror</RedirectType><PassQueryString>true</PassQueryString>
        <MirrorURL>http://example.com/</MirrorURL><MirrorHeaders><PassAll>true</PassAll>
        <Set><Key>k</Key><Value>v</Value></Set></MirrorHeaders></Redirect></RoutingRule></RoutingRules>
        </WebsiteConfiguration>");
    assert_eq!(site.routing_rules.unwrap().routing_rule.len(), 1);
    same::<InventoryConfiguration>("<InventoryConfiguration><Id>i</Id><IsEnabled>true</IsEnabled>
        <Destination><OSSBucketDestination><Format>CSV</Format><AccountId>1</AccountId>
        <RoleArn>acs:ram::1:role/r</RoleArn><Bucket>acs:oss:::b</Bucket><Prefix>p</Prefix>
        <Encryption><SSE-KMS><KeyId>k</KeyId></SSE-KMS></Encryption></OSSBucketDestination></Destination>
        <Schedule><Frequency>Daily</Frequency></Schedule><Filter><Prefix>f/</Prefix></Filter>
        <IncludedObjectVersions>All</IncludedObjectVersions>
        <OptionalFields><Field>Size</Field><Field>ETag</Field></OptionalFields></InventoryConfiguration>");
    same::<ReplicationConfiguration>("<ReplicationConfiguration><Rule><RTC><Status>enabled</Status></RTC>
        <PrefixSet><Prefix>a</Prefix><Prefix>b</Prefix></PrefixSet><Action>ALL,PUT</Action>
        <Destination><Bucket>t</Bucket><Location>oss-cn-beijing</Location></Destination>
        <HistoricalObjectReplication>enabled</HistoricalObjectReplication></Rule></ReplicationConfiguration>");
    same::<EncryptionConfiguration>("<ServerSideEncryptionRule><ApplyServerSideEncryptionByDefault>
        <SSEAlgorithm>KMS</SSEAlgorithm><KMSMasterKeyID>id</KMSMasterKeyID></ApplyServerSideEncryptionByDefault>
        </ServerSideEncryptionRule>");
    same::<WormConfiguration>("<WormConfiguration><WormId>W</WormId><State>Locked</State>
        <RetentionPeriodInDays>1</RetentionPeriodInDays><CreationDate>2026-11-23T10:00:00.000Z</CreationDate>
        </WormConfiguration>");
    same::<HttpsConfiguration>(
        "<HttpsConfiguration><TLS><Enable>true</Enable><TLSVersion>TLSv1.2</TLSVersion>
        <TLSVersion>TLSv1.3</TLSVersion></TLS></HttpsConfiguration>",
    );
    same::<OverwriteConfiguration>("<OverwriteConfiguration><Rule><ID>1</ID><Action>forbid</Action>
        <Prefix>p</Prefix><Principals><Principal>1</Principal></Principals></Rule></OverwriteConfiguration>");
}

#[test]
fn oss2_writes_true_with_a_capital() {
    let text = b"<TransferAccelerationConfiguration><Enabled>True</Enabled></TransferAccelerationConfiguration>";
    assert!(
        read::<TransferAccelerationConfiguration>(text)
            .unwrap()
            .enabled
    );
    let text = b"<TransferAccelerationConfiguration><Enabled>yes</Enabled></TransferAccelerationConfiguration>";
    assert!(read::<TransferAccelerationConfiguration>(text).is_err());
}
