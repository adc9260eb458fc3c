package main

import (
	"io"
	"strings"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	. "ossplit.example/judges/judge"
)

func puts() {
	Operation("PutObject", func() {
		done := putWith(&oss.PutObjectRequest{Key: p("k"), Body: strings.NewReader("hello"), ContentType: p("text/x"),
			CacheControl: p("no-cache")})
		Equal(Values{done.StatusCode, s(done.ETag), len(done.Headers.Get("x-oss-request-id"))}, Values{200, HelloTag, 24})
	})
	Operation("PutObject of nothing", func() {
		putWith(&oss.PutObjectRequest{Key: p("nothing")})
		Equal(Values{read("nothing"), head("nothing").ContentLength}, Values{"", int64(0)})
	})
	Operation("PutObject from a file", func() {
		Must(client.PutObjectFromFile(ctx, &oss.PutObjectRequest{Bucket: bucket, Key: p("from-file")},
			File("put", strings.Repeat("file", 1000))))
		Equal(read("from-file"), strings.Repeat("file", 1000))
	})
	Operation("PutObject of a stream without length", func() {
		long := strings.Repeat("cd", 50000)
		putWith(&oss.PutObjectRequest{Key: p("stream"), Body: Stream("ab", long)})
		Equal(read("stream"), "ab"+long)
	})
	putMD5 := func(body string) (*oss.PutObjectResult, error) {
		return tryPut(&oss.PutObjectRequest{Key: p("md5"), Body: strings.NewReader(body), ContentMD5: p(MD5("right"))})
	}
	Operation("PutObject with Content-MD5", func() { Must(putMD5("right")) })
	Operation("PutObject with a wrong Content-MD5", func() {
		Refused(putMD5("wrong")).As(400, "InvalidDigest")
		Equal(read("md5"), "right")
	})
	Operation("PutObject with user metadata in UTF-8", func() {
		putWith(&oss.PutObjectRequest{Key: p("meta"), Metadata: map[string]string{"name": "中文", "A": "b"}})
		Equal(head("meta").Metadata, map[string]string{"name": "中文", "a": "b"})
	})
	Operation("PutObject with storage class", func() {
		putWith(&oss.PutObjectRequest{Key: p("ia"), StorageClass: oss.StorageClassIA})
		Equal(s(head("ia").StorageClass), "IA")
	})
	Operation("PutObject with ACL", func() {
		putWith(&oss.PutObjectRequest{Key: p("acl"), Acl: oss.ObjectACLPublicRead})
		Equal(objectAcl("acl"), "public-read")
	})
	Operation("PutObject with tags", func() {
		putWith(&oss.PutObjectRequest{Key: p("tagged"), Tagging: p("a=1&b=2")})
		Equal(head("tagged").TaggingCount, int32(2))
	})
	Operation("PutObject with server-side encryption", func() {
		putWith(&oss.PutObjectRequest{Key: p("sse"), ServerSideEncryption: p("AES256")})
		Equal(s(head("sse").ServerSideEncryption), "AES256")
	})
	Operation("PutObject that may not overwrite", func() {
		once := func(body string) (*oss.PutObjectResult, error) {
			return tryPut(&oss.PutObjectRequest{Key: p("once"), Body: strings.NewReader(body), ForbidOverwrite: p("true")})
		}
		Must(once("1"))
		Refused(once("2")).As(409, "FileAlreadyExists")
		Equal(read("once"), "1")
	})
	Operation("PutObject with a callback", func() {
		done := putWith(&oss.PutObjectRequest{Key: p("called"), Body: strings.NewReader("abc"), Callback: p(Callback),
			CallbackVar: p(CallbackVar)})
		Equal(done.CallbackResult["got"], any("b="+Bucket+"&o=called&s=3&m=yes"))
	})
	Operation("PutObject with a traffic limit", func() {
		limited := func(bits int64) (*oss.PutObjectResult, error) {
			return tryPut(&oss.PutObjectRequest{Key: p("limited"), Body: strings.NewReader(Bytes), TrafficLimit: bits})
		}
		Must(limited(819200))
		Refused(limited(1)).As(400, "InvalidArgument")
	})
	Operation("PutObject with progress", func() {
		var seen []int64
		putWith(&oss.PutObjectRequest{Key: p("progress"), Body: strings.NewReader(Big),
			ProgressFn: func(_, transferred, total int64) { seen = []int64{transferred, total} }})
		Equal(seen, []int64{int64(len(Big)), int64(len(Big))})
	})
	Operation("PutObject with CRC-64 checked", func() { Equal(s(put("crc", "hello").HashCRC64), HelloCRC) })
}

func gets() {
	Operation("GetObject", func() {
		got := Must(get(&oss.GetObjectRequest{Key: p("k")}))
		Equal(Values{ReadAll(got.Body), s(got.ContentType), got.Headers.Get("Cache-Control")},
			Values{"hello", "text/x", "no-cache"})
	})
	Operation("GetObject to a file", func() {
		Must(client.GetObjectToFile(ctx, &oss.GetObjectRequest{Bucket: bucket, Key: p("from-file")}, Path("got")))
		Equal(Content(Path("got")), strings.Repeat("file", 1000))
	})
	put("r", Bytes)
	ranged := func(span, behaviour string) (*oss.GetObjectResult, error) {
		request := &oss.GetObjectRequest{Key: p("r"), Range: p(span)}
		if behaviour != "" {
			request.RangeBehavior = p(behaviour)
		}
		return get(request)
	}
	Operation("GetObject of a range", func() {
		got := Must(ranged("bytes=10-19", ""))
		Equal(Values{got.StatusCode, ReadAll(got.Body), s(got.ContentRange)}, Values{206, Bytes[10:20], "bytes 10-19/1024"})
		Equal(ReadAll(Must(ranged("bytes=-24", "")).Body), Bytes[1000:])
	})
	Operation("GetObject of a range past the end", func() {
		got := Must(ranged("bytes=1000-5000", ""))
		Equal(Values{got.StatusCode, ReadAll(got.Body)}, Values{200, Bytes})
		Equal(ReadAll(Must(ranged("bytes=1000-5000", "standard")).Body), Bytes[1000:])
		Refused(ranged("bytes=2000-3000", "standard")).As(416, "InvalidRange")
	})
	Operation("read of a range", func() {
		file := Must(client.OpenFile(ctx, Bucket, "r"))
		defer file.Close()
		Must(file.Seek(1000, io.SeekStart))
		Equal(string(Must(io.ReadAll(file))), Bytes[1000:])
		ahead := Must(client.OpenFile(ctx, Bucket, "progress", func(options *oss.OpenOptions) {
			options.EnablePrefetch, options.ChunkSize, options.PrefetchThreshold = true, MiB, 0
		}))
		defer ahead.Close()
		True(string(Must(io.ReadAll(ahead))) == Big, "what was read ahead is whole")
	})
	Operation("GetObject with conditions", func() {
		etag := head("r").ETag
		Equal(readWith(&oss.GetObjectRequest{Key: p("r"), IfMatch: etag}), Bytes)
		Refused(get(&oss.GetObjectRequest{Key: p("r"), IfMatch: p(`"no"`)})).As(412, "PreconditionFailed")
		Equal(Refused(get(&oss.GetObjectRequest{Key: p("r"), IfNoneMatch: etag})).Status, 304)
	})
	Operation("GetObject with response overrides", func() {
		got := Must(get(&oss.GetObjectRequest{Key: p("r"), ResponseContentType: p("x/y"), ResponseCacheControl: p("private"),
			ResponseContentDisposition: p(`attachment; filename="a b"`), ResponseContentLanguage: p("de"),
			ResponseExpires: p("0")}))
		got.Body.Close()
		names := []string{"Content-Type", "Cache-Control", "Content-Disposition", "Content-Language", "Expires"}
		Equal(Each(names, got.Headers.Get), []string{"x/y", "private", `attachment; filename="a b"`, "de", "0"})
	})
	Operation("GetObject with CRC-64 checked", func() {
		Equal(s(Must(client.GetObjectToFile(ctx, &oss.GetObjectRequest{Bucket: bucket, Key: p("k")},
			Path("k"))).HashCRC64), HelloCRC)
		Equal(Content(Path("k")), "hello")
	})
	Operation("GetObject with a process refused", func() {
		Refused(get(&oss.GetObjectRequest{Key: p("r"), Process: p("image/resize,w_10")})).As(400, "NotImplemented")
	})
	Operation("HeadObject", func() {
		got := head("k")
		Equal(Values{got.ContentLength, s(got.ContentType), s(got.ObjectType), s(got.HashCRC64)},
			Values{int64(5), "text/x", "Normal", HelloCRC})
	})
	Operation("GetObjectMeta", func() {
		got := Must(client.GetObjectMeta(ctx, &oss.GetObjectMetaRequest{Bucket: bucket, Key: p("k")}))
		Equal(Values{got.ContentLength, s(got.ETag)}, Values{int64(5), HelloTag})
	})
	Operation("object exists", func() {
		Equal(Must(client.IsObjectExist(ctx, Bucket, "k")), true)
		Equal(Must(client.IsObjectExist(ctx, Bucket, "absent")), false)
	})
	Operation("DeleteObject", func() {
		Equal(Values{remove("nothing").StatusCode, remove("nothing").StatusCode}, Values{204, 204})
		Equal(Must(client.IsObjectExist(ctx, Bucket, "nothing")), false)
	})
	deleteAll := func(names []string, quiet bool) []string {
		done := Must(client.DeleteMultipleObjects(ctx, &oss.DeleteMultipleObjectsRequest{Bucket: bucket,
			EncodingType: p("url"), Quiet: quiet,
			Objects: Each(names, func(key string) oss.DeleteObject { return oss.DeleteObject{Key: p(key)} })}))
		return Sorted(Each(done.DeletedObjects, func(one oss.DeletedInfo) string { return s(one.Key) }))
	}
	Operation("DeleteMultipleObjects", func() {
		Each(Many, func(key string) any { return put(key, "") })
		all := append([]string{"d/absent"}, Many...)
		Equal(deleteAll(all, false), Sorted(all))
		Equal(list("d/"), []string{})
	})
	Operation("DeleteMultipleObjects quietly", func() {
		Each(Many, func(key string) any { return put(key, "") })
		Equal(deleteAll(Many, true), []string{})
		Equal(list("d/"), []string{})
	})
}

func objectAcl(key string) string {
	return s(Must(client.GetObjectAcl(ctx, &oss.GetObjectAclRequest{Bucket: bucket, Key: p(key)})).ACL)
}

// list gives all keys that begin so.
func list(prefix string, options ...func(*oss.PaginatorOptions)) []string {
	all := []string{}
	for _, page := range pages[*oss.ListObjectsV2Result](client.NewListObjectsV2Paginator(
		&oss.ListObjectsV2Request{Bucket: bucket, Prefix: p(prefix)}, options...)) {
		all = append(all, keys(page.Contents)...)
	}
	return all
}

const source = "源 +%&"

func copyWith(request *oss.CopyObjectRequest) (*oss.CopyObjectResult, error) {
	request.Bucket, request.SourceBucket = bucket, bucket
	return client.CopyObject(ctx, request)
}

func changes() {
	Operation("CopyObject", func() {
		putWith(&oss.PutObjectRequest{Key: p(source), Body: strings.NewReader("hello"), ContentType: p("text/y"),
			Metadata: map[string]string{"a": "1"}})
		done := Must(copyWith(&oss.CopyObjectRequest{Key: p("copied"), SourceKey: p(source)}))
		got := head("copied")
		Equal(Values{s(done.ETag), got.Metadata["a"], s(got.ContentType), read("copied")},
			Values{HelloTag, "1", "text/y", "hello"})
	})
	Operation("CopyObject with new metadata", func() {
		Must(copyWith(&oss.CopyObjectRequest{Key: p("copied"), SourceKey: p(source), MetadataDirective: p("REPLACE"),
			Metadata: map[string]string{"b": "2"}}))
		Equal(head("copied").Metadata, map[string]string{"b": "2"})
	})
	Operation("CopyObject onto itself", func() {
		Must(copyWith(&oss.CopyObjectRequest{Key: p("copied"), SourceKey: p("copied"), MetadataDirective: p("REPLACE"),
			Metadata: map[string]string{"c": "3"}}))
		Equal(Values{head("copied").Metadata["c"], read("copied")}, Values{"3", "hello"})
	})
	Operation("CopyObject with conditions", func() {
		etag := head("k").ETag
		Refused(copyWith(&oss.CopyObjectRequest{Key: p("c"), SourceKey: p("k"), IfMatch: p(`"no"`)})).
			As(412, "PreconditionFailed")
		Equal(Refused(copyWith(&oss.CopyObjectRequest{Key: p("c"), SourceKey: p("k"), IfNoneMatch: etag})).Status, 304)
		Must(copyWith(&oss.CopyObjectRequest{Key: p("c"), SourceKey: p("k"), IfMatch: etag}))
	})
	add := func(position int64, body string) (*oss.AppendObjectResult, error) {
		return client.AppendObject(ctx, &oss.AppendObjectRequest{Bucket: bucket, Key: p("log"), Position: p(position),
			Body: strings.NewReader(body)})
	}
	Operation("AppendObject", func() {
		first := Must(add(0, "hello "))
		second := Must(add(first.NextPosition, "world"))
		Equal(Values{second.NextPosition, s(second.HashCRC64), read("log"), s(head("log").ObjectType)},
			Values{int64(11), "5981764153023615706", "hello world", "Appendable"})
	})
	Operation("append", func() {
		file := Must(client.AppendFile(ctx, Bucket, "log"))
		Must(file.Write([]byte("!")))
		Must(file.WriteFrom(strings.NewReader("?")))
		Ok(file.Close())
		Equal(read("log"), "hello world!?")
	})
	Operation("AppendObject at a wrong position", func() {
		Refused(add(3, "x")).As(409, "PositionNotEqualToLength")
		Refused(client.AppendObject(ctx, &oss.AppendObjectRequest{Bucket: bucket, Key: p("k"), Position: p(int64(5)),
			Body: strings.NewReader("x")})).As(409, "ObjectNotAppendable")
	})
	putAcl := func(acl oss.ObjectACLType) {
		Must(client.PutObjectAcl(ctx, &oss.PutObjectAclRequest{Bucket: bucket, Key: p("k"), Acl: acl}))
	}
	Operation("PutObjectAcl", func() {
		putAcl(oss.ObjectACLPublicRead)
		Equal(objectAcl("k"), "public-read")
	})
	Operation("GetObjectAcl", func() {
		putAcl(oss.ObjectACLDefault)
		Equal(objectAcl("k"), "default")
	})
	getTags := func() string {
		return pairs(Must(client.GetObjectTagging(ctx, &oss.GetObjectTaggingRequest{Bucket: bucket, Key: p("k")})).Tags)
	}
	Operation("PutObjectTagging", func() {
		Must(client.PutObjectTagging(ctx, &oss.PutObjectTaggingRequest{Bucket: bucket, Key: p("k"),
			Tagging: tagging("a", "1", "b", "2 x")}))
	})
	Operation("GetObjectTagging", func() { Equal(getTags(), "a=1,b=2 x") })
	Operation("DeleteObjectTagging", func() {
		Must(client.DeleteObjectTagging(ctx, &oss.DeleteObjectTaggingRequest{Bucket: bucket, Key: p("k")}))
		Equal(getTags(), "")
	})
	Operation("PutSymlink", func() {
		Must(client.PutSymlink(ctx, &oss.PutSymlinkRequest{Bucket: bucket, Key: p("链 link"), Target: p("k")}))
		Equal(read("链 link"), "hello")
	})
	getSymlink := func(key string) (*oss.GetSymlinkResult, error) {
		return client.GetSymlink(ctx, &oss.GetSymlinkRequest{Bucket: bucket, Key: p(key)})
	}
	Operation("GetSymlink", func() {
		Equal(s(Must(getSymlink("链 link")).Target), "k")
		Refused(getSymlink("k")).As(400, "NotSymlink")
	})
	Operation("RestoreObject", func() {
		putWith(&oss.PutObjectRequest{Key: p("frozen"), Body: strings.NewReader("ice"),
			StorageClass: oss.StorageClassArchive})
		Refused(get(&oss.GetObjectRequest{Key: p("frozen")})).As(403, "InvalidObjectState")
		done := Must(client.RestoreObject(ctx, &oss.RestoreObjectRequest{Bucket: bucket, Key: p("frozen"),
			RestoreRequest: &oss.RestoreRequest{Days: 1}}))
		Equal(done.StatusCode, 202)
		True(strings.Contains(s(head("frozen").Restore), "ongoing-request"), s(head("frozen").Restore))
	})
	Operation("CleanRestoredObject", func() {
		putWith(&oss.PutObjectRequest{Key: p("cold"), Body: strings.NewReader("ice"),
			StorageClass: oss.StorageClassColdArchive})
		Equal(Refused(client.CleanRestoredObject(ctx, &oss.CleanRestoredObjectRequest{Bucket: bucket,
			Key: p("cold")})).Status, 409)
	})
	Operation("keys with spaces and signs", func() { roundTrip(Signs) })
	Operation("keys in UTF-8", func() { roundTrip(UTF8) })
	Operation("keys with // and ..", func() { roundTrip(Dots) })
}

func roundTrip(names []string) {
	for _, key := range names {
		put(key, key)
	}
	there := map[string]bool{}
	for _, key := range list("") {
		there[key] = true
	}
	for _, key := range names {
		Equal(Values{read(key), head(key).ContentLength, there[key]}, Values{key, int64(len(key)), true})
		remove(key)
	}
}
