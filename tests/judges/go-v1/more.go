package main

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/aliyun/aliyun-oss-go-sdk/oss"
	. "ossplit.example/judges/judge"
)

func listing() {
	Each(Listed, func(key string) any { return put(key, "x") })
	Each(Odd, func(key string) any { return put(key, "") })
	Operation("ListObjects", func() {
		page := Must(bucket.ListObjects(oss.Prefix("l/")))
		Equal(keys(page.Objects), Listed)
		one := page.Objects[0]
		Equal(Values{one.Size, one.Type, one.StorageClass}, Values{int64(1), "Normal", "Standard"})
	})
	Operation("ListObjects with delimiter", func() {
		page := Must(bucket.ListObjects(oss.Prefix("l/"), oss.Delimiter("/")))
		Equal(Values{page.CommonPrefixes, keys(page.Objects)}, Values{Groups, []string{"l/top"}})
	})
	Operation("ListObjects in pages", func() {
		var seen []string
		count, marker := 0, ""
		for more := true; more; count++ {
			page := Must(bucket.ListObjects(oss.Prefix("l/"), oss.MaxKeys(7), oss.Marker(marker)))
			seen, marker, more = append(seen, keys(page.Objects)...), page.NextMarker, page.IsTruncated
		}
		Equal(Values{count, seen}, Values{4, Listed})
		Refused(bucket.ListObjects(oss.MaxKeys(1001))).As(400, "InvalidArgument")
	})
	Operation("ListObjects of odd keys", func() {
		Equal(Sorted(keys(Must(bucket.ListObjects(oss.Prefix("o/"))).Objects)), Sorted(Odd))
		Equal(keys(Must(bucket.ListObjects(oss.Prefix("o/ a+b%"))).Objects), []string{"o/ a+b%&<c>"})
	})
	Operation("ListObjectsV2", func() { Equal(keys(Must(bucket.ListObjectsV2(oss.Prefix("l/"))).Objects), Listed) })
	Operation("ListObjectsV2 with delimiter", func() {
		page := Must(bucket.ListObjectsV2(oss.Prefix("l/"), oss.Delimiter("/")))
		Equal(Values{page.CommonPrefixes, keys(page.Objects)}, Values{Groups, []string{"l/top"}})
	})
	Operation("ListObjectsV2 in pages", func() { Equal(list("l/", 7), Listed) })
	Operation("ListObjectsV2 of odd keys", func() {
		Equal(Sorted(list("o/", 2)), Sorted(Odd))
		Equal(list("o/ a+b%", 1000), []string{"o/ a+b%&<c>"})
	})
	Operation("ListObjectsV2 with start-after", func() {
		Equal(keys(Must(bucket.ListObjectsV2(oss.Prefix("l/"), oss.StartAfter(Listed[20]))).Objects), Listed[21:])
	})
	Operation("ListObjectsV2 with owner", func() {
		owner := func(fetch bool) string {
			return Must(bucket.ListObjectsV2(oss.Prefix("l/"), oss.MaxKeys(1), oss.FetchOwner(fetch))).Objects[0].Owner.ID
		}
		Equal(Values{owner(true) != "", owner(false)}, Values{true, ""})
	})
}

func multipart() {
	var upload oss.InitiateMultipartUploadResult
	var done []oss.UploadPart
	Operation("InitiateMultipartUpload", func() {
		upload = Must(bucket.InitiateMultipartUpload("m p", oss.Meta("k", "v")))
		Equal(Values{upload.Bucket, upload.Key, len(upload.UploadID)}, Values{Bucket, "m p", 32})
	})
	Operation("UploadPart", func() {
		for i, part := range Parts {
			done = append(done, Must(bucket.UploadPart(upload, strings.NewReader(part), int64(len(part)), i+1)))
		}
	})
	Operation("ListParts", func() {
		first := Must(bucket.ListUploadedParts(upload, oss.MaxParts(2)))
		Equal(Values{first.IsTruncated, first.NextPartNumberMarker}, Values{true, "2"})
		rest := Must(bucket.ListUploadedParts(upload, oss.PartNumberMarker(2)))
		Equal(Each(append(first.UploadedParts, rest.UploadedParts...), func(part oss.UploadedPart) int { return part.Size }),
			Each(Parts, func(part string) int { return len(part) }))
	})
	uploads := func() []string {
		list := Must(bucket.ListMultipartUploads()).Uploads
		return Each(list, func(one oss.UncompletedUpload) string { return one.Key + " " + one.UploadID })
	}
	Operation("ListMultipartUploads", func() { Equal(uploads(), []string{"m p " + upload.UploadID}) })
	Operation("CompleteMultipartUpload", func() {
		True(strings.HasSuffix(Must(bucket.CompleteMultipartUpload(upload, done)).ETag, `-3"`), "the ETag counts the parts")
		Equal(Values{read("m p"), picked(head("m p"), "x-oss-object-type", "x-oss-meta-k")}, Values{Whole, "Multipart v"})
	})
	Operation("UploadPartCopy", func() {
		copying := Must(bucket.InitiateMultipartUpload("part copy"))
		parts := []oss.UploadPart{Must(bucket.UploadPartCopy(copying, Bucket, "m p", 0, MiB, 1)),
			Must(bucket.UploadPartCopy(copying, Bucket, "m p", MiB, int64(len(Whole)-MiB), 2))}
		Must(bucket.CompleteMultipartUpload(copying, parts))
		Equal(read("part copy"), Whole)
	})
	Operation("AbortMultipartUpload", func() {
		gone := Must(bucket.InitiateMultipartUpload("gone"))
		Ok(bucket.AbortMultipartUpload(gone))
		Refused(bucket.AbortMultipartUpload(gone)).As(404, "NoSuchUpload")
		Equal(uploads(), []string{})
	})
	transfers()
	Operation("NoSuchUpload", func() { Refused(bucket.CompleteMultipartUpload(upload, done)).As(404, "NoSuchUpload") })
}

// breaking breaks the third request for a part off, and counts all.
type breaking struct{ parts int }

func (transport *breaking) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Header.Get("Range") != "" || request.URL.Query().Has("partNumber") {
		if transport.parts++; transport.parts == 3 {
			// The SDK forgets parts that end when another fails: it has the time to note the two.
			time.Sleep(200 * time.Millisecond)
			return nil, errors.New("broken off")
		}
	}
	return http.DefaultTransport.RoundTrip(request)
}

// resumed runs a transfer of four parts, which is broken off at the third, and again from its checkpoint,
// where it asks for as many parts as are left.
func resumed(name string, left int, run func(*oss.Bucket, ...oss.Option) error) {
	transport := &breaking{}
	bucket := in(connect(Endpoint, KeyID, KeySecret, oss.HTTPClient(&http.Client{Transport: transport})), Bucket)
	checkpoint := oss.Checkpoint(true, Path(name))
	True(run(bucket, checkpoint) != nil, "it was broken off")
	Ok(run(bucket, checkpoint))
	Equal(transport.parts, 3+left)
}

func transfers() {
	place := File("big", Big)
	Operation("resumable upload", func() {
		resumed("upload", 2, func(bucket *oss.Bucket, options ...oss.Option) error {
			return bucket.UploadFile("big", place, MiB, options...)
		})
		True(read("big") == Big, "it is whole")
	})
	Operation("resumable download", func() {
		resumed("download", 2, func(bucket *oss.Bucket, options ...oss.Option) error {
			return bucket.DownloadFile("big", Path("big.got"), MiB, options...)
		})
		True(Content(Path("big.got")) == Big, "it is whole")
	})
	Operation("resumable copy", func() {
		// It writes another magic into a copy's checkpoint than it wants to find there, so it begins anew.
		resumed("copy", 4, func(bucket *oss.Bucket, options ...oss.Option) error {
			return bucket.CopyFile(Bucket, "big", "big copy", MiB, options...)
		})
		True(read("big copy") == Big, "it is whole")
	})
}

func access() {
	sign := func(bucket *oss.Bucket, key string, method oss.HTTPMethod, options ...oss.Option) string {
		return Must(bucket.SignURL(key, method, 60, options...))
	}
	Operation("presigned GET", func() {
		Equal(Fetch("GET", sign(bucket, source, oss.HTTPGet), "", nil).Body, "hello")
		Equal(ReadAll(Must(bucket.GetObjectWithURL(sign(bucket, source, oss.HTTPGet)))), "hello")
	})
	Operation("presigned PUT", func() {
		key := "signed dir/中 +"
		url := sign(bucket, key, oss.HTTPPut, oss.ContentType("text/plain"), oss.Meta("a", "1"))
		answer := Fetch("PUT", url, "body", map[string]string{"Content-Type": "text/plain", "x-oss-meta-a": "1"})
		Equal(Values{answer.Status, read(key), head(key).Get("x-oss-meta-a")}, Values{200, "body", "1"})
		Ok(bucket.PutObjectWithURL(url, strings.NewReader("other"), oss.ContentType("text/plain"), oss.Meta("a", "1")))
		Equal(read(key), "other")
	})
	Operation("presigned GET with response overrides", func() {
		url := sign(bucket, "k", oss.HTTPGet, oss.ResponseContentType("x/y"))
		Equal(Fetch("GET", url, "", nil).Headers.Get("Content-Type"), "x/y")
	})
	Operation("presigned GET of a wrong key", func() {
		answer := Fetch("GET", strings.Replace(sign(bucket, "k", oss.HTTPGet), "/k?", "/r?", 1), "", nil)
		Equal(Values{answer.Status, strings.Contains(answer.Body, "SignatureDoesNotMatch")}, Values{403, true})
	})
	sts := connect(StsEndpoint, KeyID, KeySecret, oss.SecurityToken(StsToken))
	Operation("STS token", func() {
		Ok(sts.CreateBucket(Bucket))
		Ok(in(sts, Bucket).PutObject("k", strings.NewReader("x")))
		Equal(ReadAll(Must(in(sts, Bucket).GetObject("k"))), "x")
		Equal(Refused(in(connect(StsEndpoint, KeyID, KeySecret), Bucket).GetObject("k")).Status, 403)
	})
	Operation("presigned GET with STS token", func() {
		Equal(Fetch("GET", sign(in(sts, Bucket), "k", oss.HTTPGet), "", nil).Body, "x")
		Ok(in(sts, Bucket).DeleteObject("k"))
		Ok(sts.DeleteBucket(Bucket))
	})
	// It signs even without a key; only what is done with a URL is anonymous.
	unsigned := Endpoint + "/" + Bucket + "/k"
	Operation("AccessDenied when anonymous", func() { Refused(bucket.GetObjectWithURL(unsigned)).As(403, "AccessDenied") })
	Operation("anonymous GET of a public bucket", func() {
		Ok(client.SetBucketACL(Bucket, oss.ACLPublicRead))
		defer client.SetBucketACL(Bucket, oss.ACLPrivate)
		Equal(ReadAll(Must(bucket.GetObjectWithURL(unsigned))), "hello")
		Refused(bucket.PutObjectWithURL(unsigned, strings.NewReader("y"))).As(403, "AccessDenied")
	})
	Operation("NoSuchKey", func() {
		Equal(Refused(bucket.GetObject("absent")), Service{Status: 404, Code: "NoSuchKey", EC: "0026-00000001"})
		Refused(bucket.GetObjectDetailedMeta("absent")).As(404, "NoSuchKey")
	})
	Operation("NoSuchBucket", func() { Refused(in(client, Bucket+"-no").ListObjectsV2()).As(404, "NoSuchBucket") })
	Operation("SignatureDoesNotMatch", func() {
		Refused(in(connect(Endpoint, KeyID, "wrong"), Bucket).GetObject("k")).As(403, "SignatureDoesNotMatch")
	})
	Operation("InvalidAccessKeyId", func() {
		Refused(in(connect(Endpoint, "nobody", KeySecret), Bucket).GetObject("k")).As(403, "InvalidAccessKeyId")
	})
}

func versions() {
	name := Bucket + "-ver"
	Ok(client.CreateBucket(name))
	bucket := in(client, name)
	var ids []string
	var marker string
	versioning := func(status oss.VersioningStatus) {
		Ok(client.SetBucketVersioning(name, oss.VersioningConfig{Status: string(status)}))
	}
	putVersion := func(key, body string) string {
		done := Must(bucket.DoPutObject(&oss.PutObjectRequest{ObjectKey: key, Reader: strings.NewReader(body)}, nil))
		return oss.GetVersionId(done.Headers)
	}
	text := func(key string, options ...oss.Option) string {
		return ReadAll(Must(bucket.GetObject(key, options...)))
	}
	Operation("PutBucketVersioning", func() { versioning(oss.VersionEnabled) })
	Operation("GetBucketVersioning", func() {
		Equal(Values{Must(client.GetBucketVersioning(name)).Status, Must(client.GetBucketVersioning(Bucket)).Status},
			Values{"Enabled", ""})
	})
	Operation("PutObject with version id", func() {
		ids = Each([]string{"one", "two", "three"}, func(body string) string { return putVersion("k", body) })
		True(ids[0] != "" && ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2], ids)
	})
	Operation("GetObject of a version", func() {
		Equal(Values{text("k", oss.VersionId(ids[0])), text("k")}, Values{"one", "three"})
	})
	Operation("HeadObject of a version", func() {
		got := Must(bucket.GetObjectDetailedMeta("k", oss.VersionId(ids[1])))
		Equal(Values{got.Get("Content-Length"), oss.GetVersionId(got)}, Values{"3", ids[1]})
	})
	Operation("CopyObject of a version", func() {
		var headers http.Header
		Must(bucket.CopyObject("k", "copy", oss.VersionId(ids[0]), oss.GetResponseHeader(&headers)))
		Equal(Values{text("copy"), oss.GetCopySrcVersionId(headers)}, Values{"one", ids[0]})
	})
	Operation("DeleteObject leaves a delete marker", func() {
		var headers http.Header
		Ok(bucket.DeleteObject("k", oss.GetResponseHeader(&headers)))
		True(oss.GetDeleteMark(headers), headers)
		marker = oss.GetVersionId(headers)
		Refused(bucket.GetObject("k")).As(404, "NoSuchKey")
	})
	// seen gives the ids of a page's versions, and those of its delete markers.
	seen := func(page oss.ListObjectVersionsResult) (ids, markers []string) {
		ids = Each(page.ObjectVersions, func(one oss.ObjectVersionProperties) string { return one.VersionId })
		for _, one := range page.ObjectDeleteMarkers {
			True(one.IsLatest, "the marker is the latest")
			markers = append(markers, one.VersionId)
		}
		return ids, markers
	}
	Operation("ListObjectVersions", func() {
		found, markers := seen(Must(bucket.ListObjectVersions(oss.Prefix("k"))))
		Equal(Values{found, markers}, Values{Reversed(ids), []string{marker}})
	})
	Operation("ListObjectVersions in pages", func() {
		var all []string
		key, id := "", ""
		for more := true; more; {
			page := Must(bucket.ListObjectVersions(oss.Prefix("k"), oss.MaxKeys(1), oss.KeyMarker(key), oss.VersionIdMarker(id)))
			found, markers := seen(page)
			all = append(append(all, found...), markers...)
			key, id, more = page.NextKeyMarker, page.NextVersionIdMarker, page.IsTruncated
		}
		Equal(all, append([]string{marker}, Reversed(ids)...))
	})
	Operation("DeleteObject of a version", func() {
		for _, one := range []struct{ id, left string }{{marker, "three"}, {ids[2], "two"}} {
			Ok(bucket.DeleteObject("k", oss.VersionId(one.id)))
			Equal(text("k"), one.left)
		}
	})
	Operation("DeleteMultipleObjects of versions", func() {
		gone := Must(bucket.DeleteObjectVersions(Each(ids[:2], func(id string) oss.DeleteObject {
			return oss.DeleteObject{Key: "k", VersionId: id}
		})))
		Equal(Sorted(Each(gone.DeletedObjectsDetail, func(one oss.DeletedKeyInfo) string { return one.VersionId })),
			Sorted(ids[:2]))
		Refused(bucket.GetObject("k")).As(404, "NoSuchKey")
	})
	Operation("versioning suspended", func() {
		versioning(oss.VersionSuspended)
		Equal(Values{putVersion("s", "1"), putVersion("s", "2")}, Values{"null", "null"})
		found, _ := seen(Must(bucket.ListObjectVersions(oss.Prefix("s"))))
		Equal(Values{found, text("s")}, Values{[]string{"null"}, "2"})
	})
}
