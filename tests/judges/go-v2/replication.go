package main

import (
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	. "ossplit.example/judges/judge"
)

func replication() {
	putBucket(ring)
	rules := func() []oss.ReplicationRule {
		got := Must(client.GetBucketReplication(ctx, &oss.GetBucketReplicationRequest{Bucket: ring}))
		return got.ReplicationConfiguration.Rules
	}
	Operation("PutBucketReplication", func() {
		Must(client.PutBucketReplication(ctx, &oss.PutBucketReplicationRequest{Bucket: ring,
			ReplicationConfiguration: &oss.ReplicationConfiguration{Rules: []oss.ReplicationRule{{
				ID: p("rule1"), Action: p("ALL"), HistoricalObjectReplication: oss.HistoricalObjectReplicationEnabled,
				Destination: &oss.ReplicationDestination{Bucket: bucket, Location: p("oss-" + Region)}}}}}))
	})
	Operation("GetBucketReplication", func() {
		Equal(Each(rules(), func(rule oss.ReplicationRule) string { return s(rule.Destination.Bucket) }), []string{Bucket})
	})
	Operation("GetBucketReplicationLocation", func() {
		got := Must(client.GetBucketReplicationLocation(ctx, &oss.GetBucketReplicationLocationRequest{Bucket: ring}))
		True(got.ReplicationLocation != nil, "it has the locations")
	})
	Operation("GetBucketReplicationProgress", func() {
		id := rules()[0].ID
		got := Must(client.GetBucketReplicationProgress(ctx, &oss.GetBucketReplicationProgressRequest{Bucket: ring,
			RuleId: id}))
		Equal(s(got.ReplicationProgress.Rules[0].ID), s(id))
	})
	Operation("DeleteBucketReplication", func() {
		Must(client.DeleteBucketReplication(ctx, &oss.DeleteBucketReplicationRequest{Bucket: ring,
			ReplicationRules: &oss.ReplicationRules{IDs: []string{s(rules()[0].ID)}}}))
	})
	Operation("PutBucketAccessMonitor", func() {
		Must(client.PutBucketAccessMonitor(ctx, &oss.PutBucketAccessMonitorRequest{Bucket: ring,
			AccessMonitorConfiguration: &oss.AccessMonitorConfiguration{Status: oss.AccessMonitorStatusEnabled}}))
	})
	Operation("GetBucketAccessMonitor", func() {
		got := Must(client.GetBucketAccessMonitor(ctx, &oss.GetBucketAccessMonitorRequest{Bucket: ring}))
		Equal(got.AccessMonitorConfiguration.Status, oss.AccessMonitorStatusEnabled)
	})
	Operation("PutBucketArchiveDirectRead", func() {
		Must(client.PutBucketArchiveDirectRead(ctx, &oss.PutBucketArchiveDirectReadRequest{Bucket: ring,
			ArchiveDirectReadConfiguration: &oss.ArchiveDirectReadConfiguration{Enabled: p(true)}}))
	})
	Operation("GetBucketArchiveDirectRead", func() {
		got := Must(client.GetBucketArchiveDirectRead(ctx, &oss.GetBucketArchiveDirectReadRequest{Bucket: ring}))
		Equal(*got.ArchiveDirectReadConfiguration.Enabled, true)
	})
	Operation("PutBucketResourceGroup", func() {
		Must(client.PutBucketResourceGroup(ctx, &oss.PutBucketResourceGroupRequest{Bucket: ring,
			BucketResourceGroupConfiguration: &oss.BucketResourceGroupConfiguration{ResourceGroupId: p("rg-abcdef0123456789")}}))
	})
	Operation("GetBucketResourceGroup", func() {
		got := Must(client.GetBucketResourceGroup(ctx, &oss.GetBucketResourceGroupRequest{Bucket: ring}))
		Equal(s(got.BucketResourceGroupConfiguration.ResourceGroupId), "rg-abcdef0123456789")
	})
	Operation("PutBucketHttpsConfig", func() {
		Must(client.PutBucketHttpsConfig(ctx, &oss.PutBucketHttpsConfigRequest{Bucket: ring,
			HttpsConfiguration: &oss.HttpsConfiguration{TLS: &oss.TLS{
				Enable: p(true), TLSVersions: []string{"TLSv1.2", "TLSv1.3"}}}}))
	})
	Operation("GetBucketHttpsConfig", func() {
		got := Must(client.GetBucketHttpsConfig(ctx, &oss.GetBucketHttpsConfigRequest{Bucket: ring}))
		Equal(got.HttpsConfiguration.TLS.TLSVersions, []string{"TLSv1.2", "TLSv1.3"})
	})
	Operation("PutBucketPublicAccessBlock", func() {
		Must(client.PutBucketPublicAccessBlock(ctx, &oss.PutBucketPublicAccessBlockRequest{Bucket: ring,
			PublicAccessBlockConfiguration: &oss.PublicAccessBlockConfiguration{BlockPublicAccess: p(true)}}))
	})
	Operation("GetBucketPublicAccessBlock", func() {
		got := Must(client.GetBucketPublicAccessBlock(ctx, &oss.GetBucketPublicAccessBlockRequest{Bucket: ring}))
		Equal(*got.PublicAccessBlockConfiguration.BlockPublicAccess, true)
	})
	Operation("DeleteBucketPublicAccessBlock", func() {
		Must(client.DeleteBucketPublicAccessBlock(ctx, &oss.DeleteBucketPublicAccessBlockRequest{Bucket: ring}))
	})
	getStyle := func() (*oss.GetStyleResult, error) {
		return client.GetStyle(ctx, &oss.GetStyleRequest{Bucket: ring, StyleName: p("small")})
	}
	Operation("PutStyle", func() {
		Must(client.PutStyle(ctx, &oss.PutStyleRequest{Bucket: ring, StyleName: p("small"),
			Style: &oss.StyleContent{Content: p("image/resize,p_50")}}))
	})
	Operation("GetStyle", func() { Equal(s(Must(getStyle()).Style.Content), "image/resize,p_50") })
	Operation("ListStyle", func() {
		list := Must(client.ListStyle(ctx, &oss.ListStyleRequest{Bucket: ring})).StyleList.Styles
		Equal(Each(list, func(one oss.StyleInfo) string { return s(one.Name) }), []string{"small"})
	})
	Operation("DeleteStyle", func() {
		Must(client.DeleteStyle(ctx, &oss.DeleteStyleRequest{Bucket: ring, StyleName: p("small")}))
		Equal(Refused(getStyle()).Status, 404)
	})
	Operation("ListCname", func() {
		Equal(s(Must(client.ListCname(ctx, &oss.ListCnameRequest{Bucket: ring})).Bucket), *ring)
	})
}
