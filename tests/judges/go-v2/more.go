package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
	. "ossplit.example/judges/judge"
)

func listing() {
	Each(Listed, func(key string) any { return put(key, "x") })
	Each(Odd, func(key string) any { return put(key, "") })
	groups := func(list []oss.CommonPrefix) []string {
		return Each(list, func(one oss.CommonPrefix) string { return s(one.Prefix) })
	}
	v1 := func(request *oss.ListObjectsRequest) (*oss.ListObjectsResult, error) {
		request.Bucket = bucket
		return client.ListObjects(ctx, request)
	}
	v2 := func(request *oss.ListObjectsV2Request) *oss.ListObjectsV2Result {
		request.Bucket = bucket
		return Must(client.ListObjectsV2(ctx, request))
	}
	Operation("ListObjects", func() {
		page := Must(v1(&oss.ListObjectsRequest{Prefix: p("l/")}))
		Equal(keys(page.Contents), Listed)
		one := page.Contents[0]
		Equal(Values{one.Size, s(one.Type), s(one.StorageClass)}, Values{int64(1), "Normal", "Standard"})
	})
	Operation("ListObjects with delimiter", func() {
		page := Must(v1(&oss.ListObjectsRequest{Prefix: p("l/"), Delimiter: p("/")}))
		Equal(Values{groups(page.CommonPrefixes), keys(page.Contents)}, Values{Groups, []string{"l/top"}})
	})
	Operation("ListObjects in pages", func() {
		all := pages[*oss.ListObjectsResult](client.NewListObjectsPaginator(
			&oss.ListObjectsRequest{Bucket: bucket, Prefix: p("l/")}, limit(7)))
		var seen []string
		for _, page := range all {
			seen = append(seen, keys(page.Contents)...)
		}
		Equal(Values{len(all), seen}, Values{4, Listed})
		Refused(v1(&oss.ListObjectsRequest{MaxKeys: 1001})).As(400, "InvalidArgument")
	})
	Operation("ListObjects of odd keys", func() {
		page := Must(v1(&oss.ListObjectsRequest{Prefix: p("o/"), EncodingType: p("url")}))
		Equal(Sorted(keys(page.Contents)), Sorted(Odd))
	})
	Operation("ListObjectsV2", func() { Equal(keys(v2(&oss.ListObjectsV2Request{Prefix: p("l/")}).Contents), Listed) })
	Operation("ListObjectsV2 with delimiter", func() {
		page := v2(&oss.ListObjectsV2Request{Prefix: p("l/"), Delimiter: p("/")})
		Equal(Values{groups(page.CommonPrefixes), keys(page.Contents), page.KeyCount}, Values{Groups, []string{"l/top"}, 4})
	})
	Operation("ListObjectsV2 in pages", func() { Equal(list("l/", limit(7)), Listed) })
	Operation("ListObjectsV2 of odd keys", func() {
		Equal(Sorted(list("o/")), Sorted(Odd))
		Equal(list("o/ a+b%"), []string{"o/ a+b%&<c>"})
	})
	Operation("ListObjectsV2 with start-after", func() {
		Equal(keys(v2(&oss.ListObjectsV2Request{Prefix: p("l/"), StartAfter: p(Listed[20])}).Contents), Listed[21:])
	})
	Operation("ListObjectsV2 with owner", func() {
		owned := v2(&oss.ListObjectsV2Request{Prefix: p("l/"), FetchOwner: true, MaxKeys: 1}).Contents[0]
		True(s(owned.Owner.ID) != "", "the owner has an id")
		True(v2(&oss.ListObjectsV2Request{Prefix: p("l/"), MaxKeys: 1}).Contents[0].Owner == nil, "no owner unless asked")
	})
}

func initiate(key string) *string {
	return Must(client.InitiateMultipartUpload(ctx, &oss.InitiateMultipartUploadRequest{Bucket: bucket, Key: p(key),
		Metadata: map[string]string{"k": "v"}})).UploadId
}

func complete(key string, upload *string, parts []oss.UploadPart) (*oss.CompleteMultipartUploadResult, error) {
	return client.CompleteMultipartUpload(ctx, &oss.CompleteMultipartUploadRequest{Bucket: bucket, Key: p(key),
		UploadId:                upload,
		CompleteMultipartUpload: &oss.CompleteMultipartUpload{Parts: parts}})
}

func multipart() {
	var upload *string
	var done []oss.UploadPart
	Operation("InitiateMultipartUpload", func() {
		upload = initiate("m p")
		Equal(len(s(upload)), 32)
	})
	putPart := func(key string, upload *string, number int32, body string) oss.UploadPart {
		result := Must(client.UploadPart(ctx, &oss.UploadPartRequest{Bucket: bucket, Key: p(key), UploadId: upload,
			PartNumber: number, Body: strings.NewReader(body)}))
		return oss.UploadPart{PartNumber: number, ETag: result.ETag}
	}
	Operation("UploadPart", func() {
		for i, part := range Parts {
			done = append(done, putPart("m p", upload, int32(i+1), part))
		}
	})
	Operation("ListParts", func() {
		var sizes []int
		for _, page := range pages[*oss.ListPartsResult](client.NewListPartsPaginator(
			&oss.ListPartsRequest{Bucket: bucket, Key: p("m p"), UploadId: upload}, limit(1))) {
			sizes = append(sizes, Each(page.Parts, func(part oss.Part) int { return int(part.Size) })...)
		}
		Equal(sizes, Each(Parts, func(part string) int { return len(part) }))
	})
	uploads := func() []string {
		page := Must(client.ListMultipartUploads(ctx, &oss.ListMultipartUploadsRequest{Bucket: bucket}))
		return Each(page.Uploads, func(one oss.Upload) string { return s(one.Key) + " " + s(one.UploadId) })
	}
	Operation("ListMultipartUploads", func() { Equal(uploads(), []string{"m p " + s(upload)}) })
	Operation("CompleteMultipartUpload", func() {
		True(strings.HasSuffix(s(Must(complete("m p", upload, done)).ETag), `-3"`), "the ETag counts the parts")
		got := head("m p")
		Equal(Values{read("m p"), s(got.ObjectType), got.Metadata["k"]}, Values{Whole, "Multipart", "v"})
	})
	Operation("UploadPartCopy", func() {
		copying := initiate("part copy")
		var parts []oss.UploadPart
		for i, span := range []string{"bytes=0-1048575", "bytes=1048576-1150979"} {
			result := Must(client.UploadPartCopy(ctx, &oss.UploadPartCopyRequest{Bucket: bucket, Key: p("part copy"),
				UploadId: copying, PartNumber: int32(i + 1), SourceBucket: bucket, SourceKey: p("m p"), Range: p(span)}))
			parts = append(parts, oss.UploadPart{PartNumber: int32(i + 1), ETag: result.ETag})
		}
		Must(complete("part copy", copying, parts))
		Equal(read("part copy"), Whole)
	})
	Operation("CompleteMultipartUpload of all parts", func() {
		all := initiate("all")
		putPart("all", all, 1, "x")
		Must(client.CompleteMultipartUpload(ctx, &oss.CompleteMultipartUploadRequest{Bucket: bucket, Key: p("all"),
			UploadId: all, CompleteAll: p("yes")}))
		Equal(read("all"), "x")
	})
	Operation("AbortMultipartUpload", func() {
		request := &oss.AbortMultipartUploadRequest{Bucket: bucket, Key: p("gone"), UploadId: initiate("gone")}
		Equal(Must(client.AbortMultipartUpload(ctx, request)).StatusCode, 204)
		Refused(client.AbortMultipartUpload(ctx, request)).As(404, "NoSuchUpload")
		Equal(uploads(), []string{})
	})
	transfers()
	Operation("NoSuchUpload", func() { Refused(complete("m p", upload, done)).As(404, "NoSuchUpload") })
}

func transfers() {
	// stopped runs a transfer and breaks it off when it has moved more than a part.
	stopped := func(run func(context.Context, oss.ProgressFunc) error) error {
		short, stop := context.WithCancel(ctx)
		defer stop()
		err := run(short, func(_, transferred, _ int64) {
			if transferred > 3*MiB/2 {
				stop()
			}
		})
		True(err != nil, "it was broken off")
		return err
	}
	Operation("resumable upload", func() {
		uploader := client.NewUploader(func(o *oss.UploaderOptions) {
			o.PartSize, o.ParallelNum, o.EnableCheckpoint, o.CheckpointDir = MiB, 1, true, Scratch
		})
		place := File("big", Big)
		var broken *oss.UploadError
		True(errors.As(stopped(func(ctx context.Context, progress oss.ProgressFunc) error {
			_, err := uploader.UploadFile(ctx, &oss.PutObjectRequest{Bucket: bucket, Key: p("big"), ProgressFn: progress}, place)
			return err
		}), &broken), "the upload's id is told")
		done := Must(uploader.UploadFile(ctx, &oss.PutObjectRequest{Bucket: bucket, Key: p("big")}, place))
		Equal(Values{s(done.UploadId), read("big") == Big}, Values{broken.UploadId, true})
	})
	Operation("resumable download", func() {
		downloader := client.NewDownloader(func(o *oss.DownloaderOptions) {
			o.PartSize, o.ParallelNum, o.EnableCheckpoint, o.CheckpointDir, o.VerifyData = MiB, 1, true, Scratch, true
		})
		place := Path("big.got")
		stopped(func(ctx context.Context, progress oss.ProgressFunc) error {
			_, err := downloader.DownloadFile(ctx, &oss.GetObjectRequest{Bucket: bucket, Key: p("big"),
				ProgressFn: progress}, place)
			return err
		})
		first := int64(-1)
		Must(downloader.DownloadFile(ctx, &oss.GetObjectRequest{Bucket: bucket, Key: p("big"),
			ProgressFn: func(_, transferred, _ int64) {
				if first < 0 {
					first = transferred
				}
			}}, place))
		Equal(Values{Content(place) == Big, first >= MiB}, Values{true, true})
	})
	Operation("resumable copy", func() {
		copier := client.NewCopier(func(o *oss.CopierOptions) {
			o.PartSize, o.MultipartCopyThreshold, o.DisableShallowCopy = MiB, MiB, true
		})
		done := Must(copier.Copy(ctx, &oss.CopyObjectRequest{Bucket: bucket, Key: p("big copy"), SourceBucket: bucket,
			SourceKey: p("big")}))
		Equal(Values{s(done.UploadId) != "", read("big copy") == Big}, Values{true, true})
	})
	Operation("write in parts", func() {
		file := Must(client.NewWriteOnlyFile(ctx, Bucket, "written", func(o *oss.WriteOnlyOptions) { o.PartSize = MiB }))
		for start := 0; start < len(Big); start += 700_000 {
			end := start + 700_000
			if end > len(Big) {
				end = len(Big)
			}
			Must(file.Write([]byte(Big[start:end])))
		}
		Ok(file.Close())
		Equal(Values{read("written") == Big, s(head("written").ObjectType)}, Values{true, "Multipart"})
	})
}

func presign(client *oss.Client, request any) *oss.PresignResult {
	return Must(client.Presign(ctx, request, oss.PresignExpires(time.Minute)))
}

func access() {
	fetch := func(signed *oss.PresignResult, body string) Answer {
		return Fetch(signed.Method, signed.URL, body, signed.SignedHeaders)
	}
	Operation("presigned GET", func() {
		Equal(fetch(presign(client, &oss.GetObjectRequest{Bucket: bucket, Key: p(source)}), "").Body, "hello")
	})
	Operation("presigned PUT", func() {
		signed := presign(client, &oss.PutObjectRequest{Bucket: bucket, Key: p("signed dir/中 +"),
			ContentType: p("text/plain"), Metadata: map[string]string{"a": "1"}})
		Equal(Values{fetch(signed, "body").Status, read("signed dir/中 +"), head("signed dir/中 +").Metadata["a"]},
			Values{200, "body", "1"})
	})
	Operation("presigned GET with response overrides", func() {
		signed := presign(client, &oss.GetObjectRequest{Bucket: bucket, Key: p("k"), ResponseContentType: p("x/y")})
		Equal(fetch(signed, "").Headers.Get("Content-Type"), "x/y")
	})
	Operation("presigned GET of a wrong key", func() {
		signed := presign(client, &oss.GetObjectRequest{Bucket: bucket, Key: p("k")})
		signed.URL = strings.Replace(signed.URL, "/k?", "/r?", 1)
		answer := fetch(signed, "")
		Equal(Values{answer.Status, strings.Contains(answer.Body, "SignatureDoesNotMatch")}, Values{403, true})
	})
	getBy := func(client *oss.Client, key string) (*oss.GetObjectResult, error) {
		return client.GetObject(ctx, &oss.GetObjectRequest{Bucket: bucket, Key: p(key)})
	}
	sts := connect(StsEndpoint, credentials.NewStaticCredentialsProvider(KeyID, KeySecret, StsToken))
	Operation("STS token", func() {
		Must(sts.PutBucket(ctx, &oss.PutBucketRequest{Bucket: bucket}))
		Must(sts.PutObject(ctx, &oss.PutObjectRequest{Bucket: bucket, Key: p("k"), Body: strings.NewReader("x")}))
		Equal(ReadAll(Must(getBy(sts, "k")).Body), "x")
		without := connect(StsEndpoint, credentials.NewStaticCredentialsProvider(KeyID, KeySecret))
		Equal(Refused(getBy(without, "k")).Status, 403)
	})
	Operation("presigned GET with STS token", func() {
		Equal(fetch(presign(sts, &oss.GetObjectRequest{Bucket: bucket, Key: p("k")}), "").Body, "x")
		Must(sts.DeleteObject(ctx, &oss.DeleteObjectRequest{Bucket: bucket, Key: p("k")}))
		Must(sts.DeleteBucket(ctx, &oss.DeleteBucketRequest{Bucket: bucket}))
	})
	anonymous := connect(Endpoint, credentials.NewAnonymousCredentialsProvider())
	Operation("AccessDenied when anonymous", func() { Refused(getBy(anonymous, "k")).As(403, "AccessDenied") })
	Operation("anonymous GET of a public bucket", func() {
		putBucketAcl(oss.BucketACLPublicRead)
		defer putBucketAcl(oss.BucketACLPrivate)
		Equal(ReadAll(Must(getBy(anonymous, "k")).Body), "hello")
		Refused(anonymous.PutObject(ctx, &oss.PutObjectRequest{Bucket: bucket, Key: p("k"), Body: strings.NewReader("y")})).
			As(403, "AccessDenied")
	})
	Operation("NoSuchKey", func() {
		Equal(Refused(getBy(client, "absent")), Service{Status: 404, Code: "NoSuchKey", EC: "0026-00000001"})
		Refused(client.HeadObject(ctx, &oss.HeadObjectRequest{Bucket: bucket, Key: p("absent")})).As(404, "NoSuchKey")
	})
	Operation("NoSuchBucket", func() {
		Refused(client.ListObjectsV2(ctx, &oss.ListObjectsV2Request{Bucket: p(Bucket + "-no")})).As(404, "NoSuchBucket")
	})
	Operation("SignatureDoesNotMatch", func() {
		wrong := connect(Endpoint, credentials.NewStaticCredentialsProvider(KeyID, "wrong"))
		Refused(getBy(wrong, "k")).As(403, "SignatureDoesNotMatch")
	})
	Operation("InvalidAccessKeyId", func() {
		nobody := connect(Endpoint, credentials.NewStaticCredentialsProvider("nobody", KeySecret))
		Refused(getBy(nobody, "k")).As(403, "InvalidAccessKeyId")
	})
}

func versions() {
	putBucket(ver)
	var ids []string
	var marker string
	versioning := func(status oss.VersioningStatusType) {
		Must(client.PutBucketVersioning(ctx, &oss.PutBucketVersioningRequest{Bucket: ver,
			VersioningConfiguration: &oss.VersioningConfiguration{Status: status}}))
	}
	status := func(bucket *string) string {
		return s(Must(client.GetBucketVersioning(ctx, &oss.GetBucketVersioningRequest{Bucket: bucket})).VersionStatus)
	}
	putVersion := func(key, body string) string {
		return s(putWith(&oss.PutObjectRequest{Bucket: ver, Key: p(key), Body: strings.NewReader(body)}).VersionId)
	}
	current := func(key string) (*oss.GetObjectResult, error) {
		return get(&oss.GetObjectRequest{Bucket: ver, Key: p(key)})
	}
	text := func(key string) string { return ReadAll(Must(current(key)).Body) }
	Operation("PutBucketVersioning", func() { versioning(oss.VersionEnabled) })
	Operation("GetBucketVersioning", func() { Equal(Values{status(ver), status(bucket)}, Values{"Enabled", ""}) })
	Operation("PutObject with version id", func() {
		ids = Each([]string{"one", "two", "three"}, func(body string) string { return putVersion("k", body) })
		True(ids[0] != "" && ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2], ids)
	})
	Operation("GetObject of a version", func() {
		Equal(Values{readWith(&oss.GetObjectRequest{Bucket: ver, Key: p("k"), VersionId: p(ids[0])}), text("k")},
			Values{"one", "three"})
	})
	Operation("HeadObject of a version", func() {
		got := Must(client.HeadObject(ctx, &oss.HeadObjectRequest{Bucket: ver, Key: p("k"), VersionId: p(ids[1])}))
		Equal(Values{got.ContentLength, s(got.VersionId)}, Values{int64(3), ids[1]})
	})
	Operation("CopyObject of a version", func() {
		done := Must(client.CopyObject(ctx, &oss.CopyObjectRequest{Bucket: ver, Key: p("copy"), SourceBucket: ver,
			SourceKey:       p("k"),
			SourceVersionId: p(ids[0])}))
		Equal(Values{text("copy"), s(done.SourceVersionId)}, Values{"one", ids[0]})
	})
	Operation("DeleteObject leaves a delete marker", func() {
		gone := Must(client.DeleteObject(ctx, &oss.DeleteObjectRequest{Bucket: ver, Key: p("k")}))
		Equal(gone.DeleteMarker, true)
		marker = s(gone.VersionId)
		Refused(current("k")).As(404, "NoSuchKey")
	})
	// seen gives the ids of a page's versions, and those of its delete markers with whether each is the latest.
	seen := func(page *oss.ListObjectVersionsResult) (ids, markers []string) {
		ids = Each(page.ObjectVersions, func(one oss.ObjectVersionProperties) string { return s(one.VersionId) })
		for _, one := range page.ObjectDeleteMarkers {
			True(one.IsLatest, "the marker is the latest")
			markers = append(markers, s(one.VersionId))
		}
		return ids, markers
	}
	Operation("ListObjectVersions", func() {
		found, markers := seen(Must(client.ListObjectVersions(ctx, &oss.ListObjectVersionsRequest{Bucket: ver,
			Prefix: p("k")})))
		Equal(Values{found, markers}, Values{Reversed(ids), []string{marker}})
	})
	Operation("ListObjectVersions in pages", func() {
		var all []string
		for _, page := range pages[*oss.ListObjectVersionsResult](client.NewListObjectVersionsPaginator(
			&oss.ListObjectVersionsRequest{Bucket: ver, Prefix: p("k")}, limit(1))) {
			found, markers := seen(page)
			all = append(append(all, found...), markers...)
		}
		Equal(all, append([]string{marker}, Reversed(ids)...))
	})
	Operation("DeleteObject of a version", func() {
		for _, one := range []struct{ id, left string }{{marker, "three"}, {ids[2], "two"}} {
			Must(client.DeleteObject(ctx, &oss.DeleteObjectRequest{Bucket: ver, Key: p("k"), VersionId: p(one.id)}))
			Equal(text("k"), one.left)
		}
	})
	Operation("DeleteMultipleObjects of versions", func() {
		gone := Must(client.DeleteMultipleObjects(ctx, &oss.DeleteMultipleObjectsRequest{Bucket: ver, EncodingType: p("url"),
			Objects: Each(ids[:2], func(id string) oss.DeleteObject {
				return oss.DeleteObject{Key: p("k"), VersionId: p(id)}
			})}))
		Equal(Sorted(Each(gone.DeletedObjects, func(one oss.DeletedInfo) string { return s(one.VersionId) })),
			Sorted(ids[:2]))
		Refused(current("k")).As(404, "NoSuchKey")
	})
	Operation("versioning suspended", func() {
		versioning(oss.VersionSuspended)
		Equal(Values{putVersion("s", "1"), putVersion("s", "2")}, Values{"null", "null"})
		found, _ := seen(Must(client.ListObjectVersions(ctx, &oss.ListObjectVersionsRequest{Bucket: ver, Prefix: p("s")})))
		Equal(Values{found, text("s")}, Values{[]string{"null"}, "2"})
	})
}
