package main

import (
	"strings"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	. "ossplit.example/judges/judge"
)

func tagging(pairs ...string) *oss.Tagging {
	tags := []oss.Tag{}
	for i := 0; i < len(pairs); i += 2 {
		tags = append(tags, oss.Tag{Key: p(pairs[i]), Value: p(pairs[i+1])})
	}
	return &oss.Tagging{TagSet: &oss.TagSet{Tags: tags}}
}

// pairs gives tags as the text k=v,k=v.
func pairs(tags []oss.Tag) string {
	return strings.Join(Each(tags, func(tag oss.Tag) string { return s(tag.Key) + "=" + s(tag.Value) }), ",")
}

func settings() {
	putBucket(set)
	Operation("PutBucketLifecycle", func() {
		Must(client.PutBucketLifecycle(ctx, &oss.PutBucketLifecycleRequest{Bucket: set,
			LifecycleConfiguration: &oss.LifecycleConfiguration{Rules: []oss.LifecycleRule{
				{ID: p("r1"), Prefix: p("logs/"), Status: p("Enabled"),
					Expiration:           &oss.LifecycleRuleExpiration{Days: p(int32(7))},
					AbortMultipartUpload: &oss.LifecycleRuleAbortMultipartUpload{Days: p(int32(1))}},
				{ID: p("r2"), Prefix: p("data/"), Status: p("Enabled"), Transitions: []oss.LifecycleRuleTransition{
					{Days: p(int32(30)), StorageClass: oss.StorageClassIA}}},
			}}}))
	})
	getLifecycle := func() (*oss.GetBucketLifecycleResult, error) {
		return client.GetBucketLifecycle(ctx, &oss.GetBucketLifecycleRequest{Bucket: set})
	}
	Operation("GetBucketLifecycle", func() {
		rules := Must(getLifecycle()).LifecycleConfiguration.Rules
		Equal(Each(rules, func(rule oss.LifecycleRule) string { return s(rule.ID) + " " + s(rule.Prefix) }),
			[]string{"r1 logs/", "r2 data/"})
		Equal(Values{s(rules[0].Status), *rules[0].Expiration.Days, *rules[0].AbortMultipartUpload.Days},
			Values{"Enabled", int32(7), int32(1)})
		Equal(Values{s(rules[1].Status), rules[1].Transitions[0].StorageClass}, Values{"Enabled", oss.StorageClassIA})
	})
	Operation("DeleteBucketLifecycle", func() {
		Must(client.DeleteBucketLifecycle(ctx, &oss.DeleteBucketLifecycleRequest{Bucket: set}))
		Refused(getLifecycle()).As(404, "NoSuchLifecycle")
	})
	Operation("PutBucketCors", func() {
		Must(client.PutBucketCors(ctx, &oss.PutBucketCorsRequest{Bucket: set,
			CORSConfiguration: &oss.CORSConfiguration{CORSRules: []oss.CORSRule{{
				AllowedOrigins: []string{"http://example.com"}, AllowedMethods: []string{"GET", "PUT"},
				AllowedHeaders: []string{"*"}, ExposeHeaders: []string{"x-oss-request-id"}, MaxAgeSeconds: p(int64(60))}}}}))
	})
	getCors := func() (*oss.GetBucketCorsResult, error) {
		return client.GetBucketCors(ctx, &oss.GetBucketCorsRequest{Bucket: set})
	}
	Operation("GetBucketCors", func() {
		rule := Must(getCors()).CORSConfiguration.CORSRules[0]
		Equal(Values{rule.AllowedOrigins, rule.AllowedMethods, *rule.MaxAgeSeconds},
			Values{[]string{"http://example.com"}, []string{"GET", "PUT"}, int64(60)})
	})
	Operation("OptionObject", func() {
		ask := func(origin string) (*oss.OptionObjectResult, error) {
			return client.OptionObject(ctx, &oss.OptionObjectRequest{Bucket: set, Key: p("k"), Origin: p(origin),
				AccessControlRequestMethod: p("PUT"), AccessControlRequestHeaders: p("x-a")})
		}
		got := Must(ask("http://example.com"))
		Equal(s(got.AccessControlAllowOrigin), "http://example.com")
		True(strings.Contains(s(got.AccessControlAllowMethods), "PUT"), s(got.AccessControlAllowMethods))
		Equal(Refused(ask("http://other.example")).Status, 403)
	})
	Operation("DeleteBucketCors", func() {
		Must(client.DeleteBucketCors(ctx, &oss.DeleteBucketCorsRequest{Bucket: set}))
		Refused(getCors()).As(404, "NoSuchCORSConfiguration")
	})
	Operation("PutBucketWebsite", func() {
		Must(client.PutBucketWebsite(ctx, &oss.PutBucketWebsiteRequest{Bucket: set,
			WebsiteConfiguration: &oss.WebsiteConfiguration{IndexDocument: &oss.IndexDocument{Suffix: p("index.html")},
				ErrorDocument: &oss.ErrorDocument{Key: p("error.html")}}}))
	})
	getWebsite := func() (*oss.GetBucketWebsiteResult, error) {
		return client.GetBucketWebsite(ctx, &oss.GetBucketWebsiteRequest{Bucket: set})
	}
	Operation("GetBucketWebsite", func() {
		got := Must(getWebsite()).WebsiteConfiguration
		Equal(Values{s(got.IndexDocument.Suffix), s(got.ErrorDocument.Key)}, Values{"index.html", "error.html"})
	})
	Operation("DeleteBucketWebsite", func() {
		Must(client.DeleteBucketWebsite(ctx, &oss.DeleteBucketWebsiteRequest{Bucket: set}))
		Refused(getWebsite()).As(404, "NoSuchWebsiteConfiguration")
	})
	Operation("PutBucketLogging", func() {
		Must(client.PutBucketLogging(ctx, &oss.PutBucketLoggingRequest{Bucket: set,
			BucketLoggingStatus: &oss.BucketLoggingStatus{LoggingEnabled: &oss.LoggingEnabled{
				TargetBucket: bucket, TargetPrefix: p("logs/")}}}))
	})
	getLogging := func() *oss.LoggingEnabled {
		got := Must(client.GetBucketLogging(ctx, &oss.GetBucketLoggingRequest{Bucket: set}))
		return got.BucketLoggingStatus.LoggingEnabled
	}
	Operation("GetBucketLogging", func() {
		Equal(Values{s(getLogging().TargetBucket), s(getLogging().TargetPrefix)}, Values{Bucket, "logs/"})
	})
	Operation("DeleteBucketLogging", func() {
		Must(client.DeleteBucketLogging(ctx, &oss.DeleteBucketLoggingRequest{Bucket: set}))
		True(getLogging() == nil, "logging is off")
	})
	Operation("PutUserDefinedLogFieldsConfig", func() {
		Must(client.PutUserDefinedLogFieldsConfig(ctx, &oss.PutUserDefinedLogFieldsConfigRequest{Bucket: set,
			UserDefinedLogFieldsConfiguration: &oss.UserDefinedLogFieldsConfiguration{
				HeaderSet: &oss.LoggingHeaderSet{Headers: []string{"h1"}},
				ParamSet:  &oss.LoggingParamSet{Parameters: []string{"p1"}}}}))
	})
	getLogFields := func() (*oss.GetUserDefinedLogFieldsConfigResult, error) {
		return client.GetUserDefinedLogFieldsConfig(ctx, &oss.GetUserDefinedLogFieldsConfigRequest{Bucket: set})
	}
	Operation("GetUserDefinedLogFieldsConfig", func() {
		got := Must(getLogFields()).UserDefinedLogFieldsConfiguration
		Equal(Values{got.HeaderSet.Headers, got.ParamSet.Parameters}, Values{[]string{"h1"}, []string{"p1"}})
	})
	Operation("DeleteUserDefinedLogFieldsConfig", func() {
		Must(client.DeleteUserDefinedLogFieldsConfig(ctx, &oss.DeleteUserDefinedLogFieldsConfigRequest{Bucket: set}))
		Equal(Refused(getLogFields()).Status, 404)
	})
	Operation("PutBucketReferer", func() {
		Must(client.PutBucketReferer(ctx, &oss.PutBucketRefererRequest{Bucket: set,
			RefererConfiguration: &oss.RefererConfiguration{AllowEmptyReferer: p(true),
				RefererList: &oss.RefererList{Referers: []string{"http://a.example"}}}}))
	})
	Operation("GetBucketReferer", func() {
		got := Must(client.GetBucketReferer(ctx, &oss.GetBucketRefererRequest{Bucket: set})).RefererConfiguration
		Equal(Values{*got.AllowEmptyReferer, got.RefererList.Referers}, Values{true, []string{"http://a.example"}})
	})
	Operation("PutBucketEncryption", func() {
		Must(client.PutBucketEncryption(ctx, &oss.PutBucketEncryptionRequest{Bucket: set,
			ServerSideEncryptionRule: &oss.ServerSideEncryptionRule{
				ApplyServerSideEncryptionByDefault: &oss.ApplyServerSideEncryptionByDefault{SSEAlgorithm: p("AES256")}}}))
	})
	getEncryption := func() (*oss.GetBucketEncryptionResult, error) {
		return client.GetBucketEncryption(ctx, &oss.GetBucketEncryptionRequest{Bucket: set})
	}
	Operation("GetBucketEncryption", func() {
		got := Must(getEncryption()).ServerSideEncryptionRule
		Equal(s(got.ApplyServerSideEncryptionByDefault.SSEAlgorithm), "AES256")
	})
	Operation("DeleteBucketEncryption", func() {
		Must(client.DeleteBucketEncryption(ctx, &oss.DeleteBucketEncryptionRequest{Bucket: set}))
		Refused(getEncryption()).As(404, "NoSuchServerSideEncryptionRule")
	})
	policy := Policy(*set)
	Operation("PutBucketPolicy", func() {
		Must(client.PutBucketPolicy(ctx, &oss.PutBucketPolicyRequest{Bucket: set, Body: strings.NewReader(JSON(policy))}))
	})
	getPolicy := func() (*oss.GetBucketPolicyResult, error) {
		return client.GetBucketPolicy(ctx, &oss.GetBucketPolicyRequest{Bucket: set})
	}
	Operation("GetBucketPolicy", func() { Equal(FromJSON(Must(getPolicy()).Body), policy) })
	Operation("GetBucketPolicyStatus", func() {
		got := Must(client.GetBucketPolicyStatus(ctx, &oss.GetBucketPolicyStatusRequest{Bucket: set}))
		Equal(*got.PolicyStatus.IsPublic, true)
	})
	Operation("DeleteBucketPolicy", func() {
		Must(client.DeleteBucketPolicy(ctx, &oss.DeleteBucketPolicyRequest{Bucket: set}))
		Refused(getPolicy()).As(404, "NoSuchBucketPolicy")
	})
	Operation("PutBucketTags", func() {
		Must(client.PutBucketTags(ctx, &oss.PutBucketTagsRequest{Bucket: set, Tagging: tagging("a", "1", "b", "2")}))
	})
	getTags := func() string {
		got := Must(client.GetBucketTags(ctx, &oss.GetBucketTagsRequest{Bucket: set})).Tagging
		if got.TagSet == nil {
			return ""
		}
		return pairs(got.TagSet.Tags)
	}
	Operation("GetBucketTags", func() { Equal(getTags(), "a=1,b=2") })
	Operation("DeleteBucketTags", func() {
		Must(client.DeleteBucketTags(ctx, &oss.DeleteBucketTagsRequest{Bucket: set}))
		Equal(getTags(), "")
	})
	Operation("PutBucketRequestPayment", func() {
		Must(client.PutBucketRequestPayment(ctx, &oss.PutBucketRequestPaymentRequest{Bucket: set,
			PaymentConfiguration: &oss.RequestPaymentConfiguration{Payer: oss.Requester}}))
	})
	Operation("GetBucketRequestPayment", func() {
		got := Must(client.GetBucketRequestPayment(ctx, &oss.GetBucketRequestPaymentRequest{Bucket: set}))
		Equal(s(got.Payer), "Requester")
	})
	Operation("PutBucketTransferAcceleration", func() {
		Must(client.PutBucketTransferAcceleration(ctx, &oss.PutBucketTransferAccelerationRequest{Bucket: set,
			TransferAccelerationConfiguration: &oss.TransferAccelerationConfiguration{Enabled: p(true)}}))
	})
	Operation("GetBucketTransferAcceleration", func() {
		got := Must(client.GetBucketTransferAcceleration(ctx, &oss.GetBucketTransferAccelerationRequest{Bucket: set}))
		Equal(*got.TransferAccelerationConfiguration.Enabled, true)
	})
	inventory()
	worm()
}

func inventory() {
	Operation("PutBucketInventory", func() {
		Must(client.PutBucketInventory(ctx, &oss.PutBucketInventoryRequest{Bucket: set, InventoryId: p("i1"),
			InventoryConfiguration: &oss.InventoryConfiguration{Id: p("i1"), IsEnabled: p(true),
				IncludedObjectVersions: p("All"), Filter: &oss.InventoryFilter{Prefix: p("p/")},
				OptionalFields: &oss.OptionalFields{Fields: []oss.InventoryOptionalFieldType{"Size", "ETag"}},
				Schedule:       &oss.InventorySchedule{Frequency: oss.InventoryFrequencyDaily},
				Destination: &oss.InventoryDestination{OSSBucketDestination: &oss.InventoryOSSBucketDestination{
					Format: oss.InventoryFormatCSV, AccountId: p("1"), RoleArn: p("acs:ram::1:role/r"),
					Bucket: p("acs:oss:::" + Bucket), Prefix: p("inv/")}}}}))
	})
	get := func() (*oss.GetBucketInventoryResult, error) {
		return client.GetBucketInventory(ctx, &oss.GetBucketInventoryRequest{Bucket: set, InventoryId: p("i1")})
	}
	Operation("GetBucketInventory", func() {
		got := Must(get()).InventoryConfiguration
		Equal(Values{s(got.Id), got.Schedule.Frequency, got.OptionalFields.Fields},
			Values{"i1", oss.InventoryFrequencyDaily, []oss.InventoryOptionalFieldType{"Size", "ETag"}})
	})
	Operation("ListBucketInventory", func() {
		got := Must(client.ListBucketInventory(ctx, &oss.ListBucketInventoryRequest{Bucket: set}))
		list := got.ListInventoryConfigurationsResult.InventoryConfigurations
		Equal(Each(list, func(one oss.InventoryConfiguration) string { return s(one.Id) }), []string{"i1"})
	})
	Operation("DeleteBucketInventory", func() {
		Must(client.DeleteBucketInventory(ctx, &oss.DeleteBucketInventoryRequest{Bucket: set, InventoryId: p("i1")}))
		Refused(get()).As(404, "NoSuchInventory")
	})
}

func worm() {
	ofADay := func() *string {
		return Must(client.InitiateBucketWorm(ctx, &oss.InitiateBucketWormRequest{Bucket: set,
			InitiateWormConfiguration: &oss.InitiateWormConfiguration{RetentionPeriodInDays: p(int32(1))}})).WormId
	}
	get := func() (*oss.GetBucketWormResult, error) {
		return client.GetBucketWorm(ctx, &oss.GetBucketWormRequest{Bucket: set})
	}
	Operation("InitiateBucketWorm", func() { True(s(ofADay()) != "", "it has an id") })
	Operation("GetBucketWorm", func() {
		got := Must(get()).WormConfiguration
		Equal(Values{got.State, *got.RetentionPeriodInDays}, Values{oss.BucketWormStateInProgress, int32(1)})
	})
	Operation("AbortBucketWorm", func() {
		Must(client.AbortBucketWorm(ctx, &oss.AbortBucketWormRequest{Bucket: set}))
		Refused(get()).As(404, "NoSuchWORMConfiguration")
	})
	Operation("CompleteBucketWorm", func() {
		Must(client.CompleteBucketWorm(ctx, &oss.CompleteBucketWormRequest{Bucket: set, WormId: ofADay()}))
		Equal(Must(get()).WormConfiguration.State, oss.BucketWormStateLocked)
	})
	Operation("ExtendBucketWorm", func() {
		Must(client.ExtendBucketWorm(ctx, &oss.ExtendBucketWormRequest{Bucket: set,
			WormId:                  Must(get()).WormConfiguration.WormId,
			ExtendWormConfiguration: &oss.ExtendWormConfiguration{RetentionPeriodInDays: p(int32(2))}}))
		Equal(*Must(get()).WormConfiguration.RetentionPeriodInDays, int32(2))
	})
}
