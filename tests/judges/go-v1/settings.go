package main

import (
	"encoding/xml"
	"strings"

	"github.com/aliyun/aliyun-oss-go-sdk/oss"
	. "ossplit.example/judges/judge"
)

// pairs gives tags as the text k=v,k=v.
func pairs(tags []oss.Tag) string {
	return strings.Join(Each(tags, func(tag oss.Tag) string { return tag.Key + "=" + tag.Value }), ",")
}

func tagging(pairs ...string) (tagging oss.Tagging) {
	for i := 0; i < len(pairs); i += 2 {
		tagging.Tags = append(tagging.Tags, oss.Tag{Key: pairs[i], Value: pairs[i+1]})
	}
	return tagging
}

func settings() {
	Ok(client.CreateBucket(set))
	Operation("PutBucketLifecycle", func() {
		Ok(client.SetBucketLifecycle(set, []oss.LifecycleRule{
			{ID: "r1", Prefix: "logs/", Status: "Enabled", Expiration: &oss.LifecycleExpiration{Days: 7},
				AbortMultipartUpload: &oss.LifecycleAbortMultipartUpload{Days: 1}},
			{ID: "r2", Prefix: "data/", Status: "Enabled",
				Transitions: []oss.LifecycleTransition{{Days: 30, StorageClass: oss.StorageIA}}}}))
	})
	Operation("GetBucketLifecycle", func() {
		rules := Must(client.GetBucketLifecycle(set)).Rules
		Equal(Each(rules, func(rule oss.LifecycleRule) string { return rule.ID + " " + rule.Prefix + " " + rule.Status }),
			[]string{"r1 logs/ Enabled", "r2 data/ Enabled"})
		Equal(Values{rules[0].Expiration.Days, rules[0].AbortMultipartUpload.Days, rules[1].Transitions[0].StorageClass},
			Values{7, 1, oss.StorageIA})
	})
	Operation("DeleteBucketLifecycle", func() {
		Ok(client.DeleteBucketLifecycle(set))
		Refused(client.GetBucketLifecycle(set)).As(404, "NoSuchLifecycle")
	})
	Operation("PutBucketCors", func() {
		Ok(client.SetBucketCORS(set, []oss.CORSRule{{AllowedOrigin: []string{"http://example.com"},
			AllowedMethod: []string{"GET", "PUT"}, AllowedHeader: []string{"*"}, ExposeHeader: []string{"x-oss-request-id"},
			MaxAgeSeconds: 60}}))
	})
	Operation("GetBucketCors", func() {
		rule := Must(client.GetBucketCORS(set)).CORSRules[0]
		Equal(Values{rule.AllowedOrigin, rule.AllowedMethod, rule.MaxAgeSeconds},
			Values{[]string{"http://example.com"}, []string{"GET", "PUT"}, 60})
	})
	Operation("OptionObject", func() {
		ask := func(origin string) (string, error) {
			headers, err := in(client, set).OptionsMethod("k", oss.Origin(origin), oss.ACReqMethod("PUT"),
				oss.ACReqHeaders("x-a"))
			return picked(headers, "Access-Control-Allow-Origin", "Access-Control-Max-Age"), err
		}
		Equal(Must(ask("http://example.com")), "http://example.com 60")
		Equal(Refused(ask("http://other.example")).Status, 403)
	})
	Operation("DeleteBucketCors", func() {
		Ok(client.DeleteBucketCORS(set))
		Refused(client.GetBucketCORS(set)).As(404, "NoSuchCORSConfiguration")
	})
	Operation("PutBucketWebsite", func() { Ok(client.SetBucketWebsite(set, "index.html", "error.html")) })
	Operation("GetBucketWebsite", func() {
		got := Must(client.GetBucketWebsite(set))
		Equal(Values{got.IndexDocument.Suffix, got.ErrorDocument.Key}, Values{"index.html", "error.html"})
	})
	Operation("DeleteBucketWebsite", func() {
		Ok(client.DeleteBucketWebsite(set))
		Refused(client.GetBucketWebsite(set)).As(404, "NoSuchWebsiteConfiguration")
	})
	Operation("PutBucketLogging", func() { Ok(client.SetBucketLogging(set, Bucket, "logs/", true)) })
	logging := func() Values {
		got := Must(client.GetBucketLogging(set)).LoggingEnabled
		return Values{got.TargetBucket, got.TargetPrefix}
	}
	Operation("GetBucketLogging", func() { Equal(logging(), Values{Bucket, "logs/"}) })
	Operation("DeleteBucketLogging", func() {
		Ok(client.DeleteBucketLogging(set))
		Equal(logging(), Values{"", ""})
	})
	Operation("PutBucketReferer", func() { Ok(client.SetBucketReferer(set, []string{"http://a.example"}, true)) })
	Operation("GetBucketReferer", func() {
		got := Must(client.GetBucketReferer(set))
		Equal(Values{got.AllowEmptyReferer, got.RefererList}, Values{true, []string{"http://a.example"}})
	})
	Operation("PutBucketEncryption", func() {
		Ok(client.SetBucketEncryption(set, oss.ServerEncryptionRule{SSEDefault: oss.SSEDefaultRule{SSEAlgorithm: "AES256"}}))
	})
	Operation("GetBucketEncryption", func() {
		Equal(Must(client.GetBucketEncryption(set)).SSEDefault.SSEAlgorithm, "AES256")
	})
	Operation("DeleteBucketEncryption", func() {
		Ok(client.DeleteBucketEncryption(set))
		Refused(client.GetBucketEncryption(set)).As(404, "NoSuchServerSideEncryptionRule")
	})
	Operation("PutBucketPolicy", func() { Ok(client.SetBucketPolicy(set, JSON(Policy(set)))) })
	Operation("GetBucketPolicy", func() { Equal(FromJSON(Must(client.GetBucketPolicy(set))), Policy(set)) })
	Operation("DeleteBucketPolicy", func() {
		Ok(client.DeleteBucketPolicy(set))
		Refused(client.GetBucketPolicy(set)).As(404, "NoSuchBucketPolicy")
	})
	Operation("PutBucketTags", func() { Ok(client.SetBucketTagging(set, tagging("a", "1", "b", "2"))) })
	Operation("GetBucketTags", func() { Equal(pairs(Must(client.GetBucketTagging(set)).Tags), "a=1,b=2") })
	Operation("DeleteBucketTags", func() {
		Ok(client.DeleteBucketTagging(set))
		Equal(pairs(Must(client.GetBucketTagging(set)).Tags), "")
	})
	Operation("PutBucketRequestPayment", func() {
		Ok(client.SetBucketRequestPayment(set, oss.RequestPaymentConfiguration{Payer: string(oss.Requester)}))
	})
	Operation("GetBucketRequestPayment", func() { Equal(Must(client.GetBucketRequestPayment(set)).Payer, "Requester") })
	Operation("PutBucketTransferAcceleration", func() {
		Ok(client.SetBucketTransferAcc(set, oss.TransferAccConfiguration{Enabled: true}))
	})
	Operation("GetBucketTransferAcceleration", func() { Equal(Must(client.GetBucketTransferAcc(set)).Enabled, true) })
	Operation("PutBucketInventory", func() {
		enabled := true
		Ok(client.SetBucketInventory(set, oss.InventoryConfiguration{Id: "i1", IsEnabled: &enabled, Prefix: "p/",
			Frequency: "Daily", IncludedObjectVersions: "All",
			OptionalFields: oss.OptionalFields{Field: []string{"Size", "ETag"}},
			OSSBucketDestination: oss.OSSBucketDestination{Format: "CSV", AccountId: "1", RoleArn: "acs:ram::1:role/r",
				Bucket: "acs:oss:::" + Bucket, Prefix: "inv/"}}))
	})
	Operation("GetBucketInventory", func() {
		got := Must(client.GetBucketInventory(set, "i1"))
		Equal(Values{got.Id, got.Frequency, got.OptionalFields.Field}, Values{"i1", "Daily", []string{"Size", "ETag"}})
	})
	Operation("ListBucketInventory", func() {
		list := Must(client.ListBucketInventory(set, "")).InventoryConfiguration
		Equal(Each(list, func(one oss.InventoryConfiguration) string { return one.Id }), []string{"i1"})
	})
	Operation("DeleteBucketInventory", func() {
		Ok(client.DeleteBucketInventory(set, "i1"))
		Refused(client.GetBucketInventory(set, "i1")).As(404, "NoSuchInventory")
	})
	Operation("InitiateBucketWorm", func() { True(Must(client.InitiateBucketWorm(set, 1)) != "", "it has an id") })
	Operation("GetBucketWorm", func() {
		got := Must(client.GetBucketWorm(set))
		Equal(Values{got.State, got.RetentionPeriodInDays}, Values{"InProgress", 1})
	})
	Operation("AbortBucketWorm", func() {
		Ok(client.AbortBucketWorm(set))
		Refused(client.GetBucketWorm(set)).As(404, "NoSuchWORMConfiguration")
	})
	Operation("CompleteBucketWorm", func() {
		Ok(client.CompleteBucketWorm(set, Must(client.InitiateBucketWorm(set, 1))))
		Equal(Must(client.GetBucketWorm(set)).State, "Locked")
	})
	Operation("ExtendBucketWorm", func() {
		Ok(client.ExtendBucketWorm(set, 2, Must(client.GetBucketWorm(set)).WormId))
		Equal(Must(client.GetBucketWorm(set)).RetentionPeriodInDays, 2)
	})
}

// parsed is for what the SDK gives as XML text with a type of its own to read it into.
func parsed[T any](text string) (value T) {
	Ok(xml.Unmarshal([]byte(text), &value))
	return value
}

func replication() {
	Ok(client.CreateBucket(ring))
	rules := func() []oss.ReplicationRule {
		return parsed[oss.GetBucketReplicationResult](Must(client.GetBucketReplication(ring))).Rule
	}
	Operation("PutBucketReplication", func() {
		Ok(client.PutBucketReplication(ring, string(Must(xml.Marshal(oss.PutBucketReplication{Rule: []oss.ReplicationRule{{
			ID: "rule1", Action: "ALL", HistoricalObjectReplication: "enabled",
			Destination: &oss.ReplicationRuleDestination{Bucket: Bucket, Location: "oss-" + Region}}}})))))
	})
	Operation("GetBucketReplication", func() {
		Equal(Each(rules(), func(rule oss.ReplicationRule) string { return rule.Destination.Bucket }), []string{Bucket})
	})
	Operation("GetBucketReplicationLocation", func() {
		parsed[oss.GetBucketReplicationLocationResult](Must(client.GetBucketReplicationLocation(ring)))
	})
	Operation("GetBucketReplicationProgress", func() {
		id := rules()[0].ID
		got := parsed[oss.GetBucketReplicationProgressResult](Must(client.GetBucketReplicationProgress(ring, id)))
		Equal(Each(got.Rule, func(rule oss.ReplicationRule) string { return rule.ID }), []string{id})
	})
	Operation("DeleteBucketReplication", func() { Ok(client.DeleteBucketReplication(ring, rules()[0].ID)) })
	Operation("PutBucketAccessMonitor", func() {
		Ok(client.PutBucketAccessMonitor(ring, oss.PutBucketAccessMonitor{Status: "Enabled"}))
	})
	Operation("GetBucketAccessMonitor", func() { Equal(Must(client.GetBucketAccessMonitor(ring)).Status, "Enabled") })
	Operation("PutBucketResourceGroup", func() {
		Ok(client.PutBucketResourceGroup(ring, oss.PutBucketResourceGroup{ResourceGroupId: "rg-abcdef0123456789"}))
	})
	Operation("GetBucketResourceGroup", func() {
		Equal(Must(client.GetBucketResourceGroup(ring)).ResourceGroupId, "rg-abcdef0123456789")
	})
	Operation("PutStyle", func() { Ok(client.PutBucketStyle(ring, "small", "image/resize,p_50")) })
	Operation("GetStyle", func() { Equal(Must(client.GetBucketStyle(ring, "small")).Content, "image/resize,p_50") })
	Operation("ListStyle", func() {
		list := Must(client.ListBucketStyle(ring)).Style
		Equal(Each(list, func(one oss.BucketStyleXml) string { return one.Name }), []string{"small"})
	})
	Operation("DeleteStyle", func() {
		Ok(client.DeleteBucketStyle(ring, "small"))
		Equal(Refused(client.GetBucketStyle(ring, "small")).Status, 404)
	})
	Operation("ListCname", func() { Equal(Must(client.ListBucketCname(ring)).Bucket, ring) })
}
