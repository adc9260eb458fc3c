package main

import (
	"fmt"
	"strings"

	"github.com/aliyun/aliyun-oss-go-sdk/oss"
	. "ossplit.example/judges/judge"
)

func bucketNames(page oss.ListBucketsResult) []string {
	return Each(page.Buckets, func(one oss.BucketProperties) string { return one.Name })
}

func buckets() {
	Operation("PutBucket", func() { Ok(client.CreateBucket(Bucket)) })
	Operation("PutBucket with storage class and ACL", func() {
		ia := Bucket + "-ia"
		Ok(client.CreateBucket(ia, oss.ACL(oss.ACLPublicRead), oss.StorageClass(oss.StorageIA),
			oss.RedundancyType(oss.RedundancyZRS)))
		info := Must(client.GetBucketInfo(ia)).BucketInfo
		Equal(Values{info.StorageClass, info.ACL, info.RedundancyType}, Values{"IA", "public-read", "ZRS"})
		Ok(client.DeleteBucket(ia))
	})
	Operation("bucket exists", func() {
		Equal(Values{Must(client.IsBucketExist(Bucket)), Must(client.IsBucketExist(Bucket + "-no"))}, Values{true, false})
	})
	Operation("ListBuckets", func() {
		Equal(bucketNames(Must(client.ListBuckets(oss.Prefix(Bucket)))), []string{Bucket})
	})
	Operation("ListBuckets in pages", func() {
		var wanted []string
		for i := 0; i < 3; i++ {
			wanted = append(wanted, fmt.Sprintf("%s-page%d", Bucket, i))
			Ok(client.CreateBucket(wanted[i]))
		}
		first := Must(client.ListBuckets(oss.Prefix(Bucket+"-page"), oss.MaxKeys(2)))
		rest := Must(client.ListBuckets(oss.Prefix(Bucket+"-page"), oss.MaxKeys(2), oss.Marker(first.NextMarker)))
		Equal(Values{first.IsTruncated, rest.IsTruncated, append(bucketNames(first), bucketNames(rest)...)},
			Values{true, false, wanted})
		for _, name := range wanted {
			Ok(client.DeleteBucket(name))
		}
	})
	Operation("DescribeRegions", func() {
		names := Each(Must(client.DescribeRegions()).Regions, func(one oss.RegionInfo) string { return one.Region })
		True(strings.Contains(strings.Join(names, " "), "oss-"+Region), names)
	})
	Operation("GetBucketInfo", func() {
		info := Must(client.GetBucketInfo(Bucket)).BucketInfo
		Equal(Values{info.Name, info.Location, info.StorageClass, info.ACL},
			Values{Bucket, "oss-" + Region, "Standard", "private"})
	})
	Operation("GetBucketLocation", func() { Equal(Must(client.GetBucketLocation(Bucket)), "oss-"+Region) })
	Operation("GetBucketStat", func() {
		before := Must(client.GetBucketStat(Bucket))
		put("stat", "12345")
		after := Must(client.GetBucketStat(Bucket))
		Equal(Values{after.ObjectCount - before.ObjectCount, after.Storage - before.Storage}, Values{int64(1), int64(5)})
		Ok(bucket.DeleteObject("stat"))
	})
	Operation("PutBucketAcl", func() {
		Ok(client.SetBucketACL(Bucket, oss.ACLPublicRead))
		Equal(Must(client.GetBucketACL(Bucket)).ACL, "public-read")
		Ok(client.SetBucketACL(Bucket, oss.ACLPrivate))
	})
	Operation("GetBucketAcl", func() { Equal(Must(client.GetBucketACL(Bucket)).ACL, "private") })
	Operation("DeleteBucket", func() {
		gone := Bucket + "-gone"
		Ok(client.CreateBucket(gone))
		Ok(client.DeleteBucket(gone))
		Refused(client.DeleteBucket(gone)).As(404, "NoSuchBucket")
	})
	Operation("DeleteBucket refused while not empty", func() {
		put("k", "")
		Refused(client.DeleteBucket(Bucket)).As(409, "BucketNotEmpty")
		Ok(bucket.DeleteObject("k"))
	})
}
