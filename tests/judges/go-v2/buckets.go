package main

import (
	"fmt"
	"strings"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	. "ossplit.example/judges/judge"
)

func buckets() {
	Operation("PutBucket", func() { Equal(putBucket(bucket).StatusCode, 200) })
	Operation("PutBucket with storage class and ACL", func() {
		ia := p(Bucket + "-ia")
		Must(client.PutBucket(ctx, &oss.PutBucketRequest{Bucket: ia, Acl: oss.BucketACLPublicRead,
			CreateBucketConfiguration: &oss.CreateBucketConfiguration{
				StorageClass: oss.StorageClassIA, DataRedundancyType: oss.DataRedundancyZRS}}))
		info := Must(client.GetBucketInfo(ctx, &oss.GetBucketInfoRequest{Bucket: ia})).BucketInfo
		Equal(Values{s(info.StorageClass), s(info.ACL), s(info.DataRedundancyType)}, Values{"IA", "public-read", "ZRS"})
		deleteBucket(ia)
	})
	Operation("bucket exists", func() {
		Equal(Must(client.IsBucketExist(ctx, Bucket)), true)
		Equal(Must(client.IsBucketExist(ctx, Bucket+"-no")), false)
	})
	Operation("ListBuckets", func() {
		page := Must(client.ListBuckets(ctx, &oss.ListBucketsRequest{Prefix: bucket}))
		Equal(bucketNames(page), []string{Bucket})
	})
	Operation("ListBuckets in pages", func() {
		var wanted, seen []string
		for i := 0; i < 3; i++ {
			wanted = append(wanted, fmt.Sprintf("%s-page%d", Bucket, i))
			putBucket(p(wanted[i]))
		}
		all := pages[*oss.ListBucketsResult](client.NewListBucketsPaginator(
			&oss.ListBucketsRequest{Prefix: p(Bucket + "-page")}, limit(2)))
		for _, page := range all {
			seen = append(seen, bucketNames(page)...)
		}
		Equal(Values{len(all), seen}, Values{2, wanted})
		for _, name := range wanted {
			deleteBucket(p(name))
		}
	})
	Operation("DescribeRegions", func() {
		list := Must(client.DescribeRegions(ctx, &oss.DescribeRegionsRequest{})).RegionInfoList.RegionInfos
		names := Each(list, func(one oss.RegionInfo) string { return s(one.Region) })
		True(strings.Contains(strings.Join(names, " "), "oss-"+Region), names)
	})
	Operation("GetBucketInfo", func() {
		info := Must(client.GetBucketInfo(ctx, &oss.GetBucketInfoRequest{Bucket: bucket})).BucketInfo
		Equal(Values{s(info.Name), s(info.Location), s(info.StorageClass), s(info.ACL)},
			Values{Bucket, "oss-" + Region, "Standard", "private"})
	})
	Operation("GetBucketLocation", func() {
		got := Must(client.GetBucketLocation(ctx, &oss.GetBucketLocationRequest{Bucket: bucket}))
		Equal(s(got.LocationConstraint), "oss-"+Region)
	})
	Operation("GetBucketStat", func() {
		stat := func() *oss.GetBucketStatResult {
			return Must(client.GetBucketStat(ctx, &oss.GetBucketStatRequest{Bucket: bucket}))
		}
		before := stat()
		put("stat", "12345")
		after := stat()
		Equal(Values{after.ObjectCount - before.ObjectCount, after.Storage - before.Storage}, Values{int64(1), int64(5)})
		remove("stat")
	})
	Operation("PutBucketAcl", func() {
		putBucketAcl(oss.BucketACLPublicRead)
		Equal(bucketAcl(), "public-read")
		putBucketAcl(oss.BucketACLPrivate)
	})
	Operation("GetBucketAcl", func() { Equal(bucketAcl(), "private") })
	Operation("DeleteBucket", func() {
		gone := p(Bucket + "-gone")
		putBucket(gone)
		Equal(deleteBucket(gone).StatusCode, 204)
		Refused(client.DeleteBucket(ctx, &oss.DeleteBucketRequest{Bucket: gone})).As(404, "NoSuchBucket")
	})
	Operation("DeleteBucket refused while not empty", func() {
		put("k", "")
		Refused(client.DeleteBucket(ctx, &oss.DeleteBucketRequest{Bucket: bucket})).As(409, "BucketNotEmpty")
		remove("k")
	})
}

func bucketNames(page *oss.ListBucketsResult) []string {
	return Each(page.Buckets, func(one oss.BucketProperties) string { return s(one.Name) })
}

func putBucketAcl(acl oss.BucketACLType) {
	Must(client.PutBucketAcl(ctx, &oss.PutBucketAclRequest{Bucket: bucket, Acl: acl}))
}

func bucketAcl() string {
	return s(Must(client.GetBucketAcl(ctx, &oss.GetBucketAclRequest{Bucket: bucket})).ACL)
}
