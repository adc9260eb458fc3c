package main

import (
	"strconv"
	"strings"

	"github.com/aliyun/aliyun-oss-go-sdk/oss"
	. "ossplit.example/judges/judge"
)

func puts() {
	Operation("PutObject", func() {
		headers := put("k", "hello", oss.ContentType("text/x"), oss.CacheControl("no-cache"))
		Equal(Values{headers.Get("ETag"), len(oss.GetRequestId(headers))}, Values{HelloTag, 24})
	})
	Operation("PutObject of nothing", func() {
		Ok(bucket.PutObject("nothing", nil))
		Equal(Values{read("nothing"), head("nothing").Get("Content-Length")}, Values{"", "0"})
	})
	Operation("PutObject from a file", func() {
		Ok(bucket.PutObjectFromFile("from-file", File("put", strings.Repeat("file", 1000))))
		Equal(read("from-file"), strings.Repeat("file", 1000))
	})
	Operation("PutObject of a stream without length", func() {
		long := strings.Repeat("cd", 50000)
		Ok(bucket.PutObject("stream", Stream("ab", long)))
		Equal(read("stream"), "ab"+long)
	})
	Operation("PutObject with Content-MD5", func() { put("md5", "right", oss.ContentMD5(MD5("right"))) })
	Operation("PutObject with a wrong Content-MD5", func() {
		Refused(tryPut("md5", "wrong", oss.ContentMD5(MD5("right")))).As(400, "InvalidDigest")
		Equal(read("md5"), "right")
	})
	Operation("PutObject with user metadata in UTF-8", func() {
		put("meta", "", oss.Meta("name", "中文"), oss.Meta("A", "b"))
		Equal(picked(head("meta"), "x-oss-meta-name", "x-oss-meta-a"), "中文 b")
	})
	Operation("PutObject with storage class", func() {
		put("ia", "x", oss.ObjectStorageClass(oss.StorageIA))
		Equal(head("ia").Get("x-oss-storage-class"), "IA")
	})
	Operation("PutObject with ACL", func() {
		put("acl", "x", oss.ObjectACL(oss.ACLPublicRead))
		Equal(Must(bucket.GetObjectACL("acl")).ACL, "public-read")
	})
	Operation("PutObject with tags", func() {
		put("tagged", "x", oss.SetTagging(tagging("a", "1", "b", "2 x")))
		Equal(Values{head("tagged").Get("x-oss-tagging-count"), pairs(Must(bucket.GetObjectTagging("tagged")).Tags)},
			Values{"2", "a=1,b=2 x"})
	})
	Operation("PutObject with server-side encryption", func() {
		put("sse", "x", oss.ServerSideEncryption("AES256"))
		Equal(head("sse").Get("x-oss-server-side-encryption"), "AES256")
	})
	Operation("PutObject that may not overwrite", func() {
		put("once", "1", oss.ForbidOverWrite(true))
		Refused(tryPut("once", "2", oss.ForbidOverWrite(true))).As(409, "FileAlreadyExists")
		Equal(read("once"), "1")
	})
	Operation("PutObject with a callback", func() {
		var answer []byte
		put("called", "abc", oss.Callback(Callback), oss.CallbackVar(CallbackVar), oss.CallbackResult(&answer))
		Equal(FromJSON(string(answer))["got"], any("b="+Bucket+"&o=called&s=3&m=yes"))
	})
	Operation("PutObject with a traffic limit", func() {
		put("limited", Bytes, oss.TrafficLimitHeader(819200))
		Refused(tryPut("limited", "x", oss.TrafficLimitHeader(1))).As(400, "InvalidArgument")
	})
	Operation("PutObject with progress", func() {
		var last oss.ProgressEvent
		put("progress", Big, oss.Progress(heard(func(event *oss.ProgressEvent) { last = *event })))
		Equal(Values{last.EventType, last.ConsumedBytes, last.TotalBytes},
			Values{oss.TransferCompletedEvent, int64(len(Big)), int64(len(Big))})
	})
	Operation("PutObject with CRC-64 checked", func() {
		request := &oss.PutObjectRequest{ObjectKey: "crc", Reader: strings.NewReader("hello")}
		done := Must(bucket.DoPutObject(request, nil))
		Equal(Values{done.ClientCRC, strconv.FormatUint(done.ServerCRC, 10)}, Values{done.ServerCRC, HelloCRC})
	})
}

func gets() {
	Operation("GetObject", func() {
		status, headers, body := get("k")
		Equal(Values{status, picked(headers, "Content-Type", "Cache-Control"), body}, Values{200, "text/x no-cache", "hello"})
	})
	Operation("GetObject to a file", func() {
		Ok(bucket.GetObjectToFile("from-file", Path("got")))
		Equal(Content(Path("got")), strings.Repeat("file", 1000))
	})
	put("r", Bytes)
	Operation("GetObject of a range", func() {
		status, headers, body := get("r", oss.Range(10, 19))
		Equal(Values{status, headers.Get("Content-Range"), body}, Values{206, "bytes 10-19/1024", Bytes[10:20]})
		Equal(read("r", oss.NormalizedRange("-24")), Bytes[1000:])
		Equal(read("r", oss.NormalizedRange("1000-")), Bytes[1000:])
	})
	Operation("GetObject of a range past the end", func() {
		status, _, body := get("r", oss.Range(1000, 5000))
		Equal(Values{status, body}, Values{200, Bytes})
		Equal(read("r", oss.Range(1000, 5000), oss.RangeBehavior("standard")), Bytes[1000:])
		Refused(bucket.GetObject("r", oss.Range(2000, 3000), oss.RangeBehavior("standard"))).As(416, "InvalidRange")
	})
	Operation("GetObject with conditions", func() {
		etag := head("r").Get("ETag")
		Equal(read("r", oss.IfMatch(etag)), Bytes)
		Refused(bucket.GetObject("r", oss.IfMatch(`"no"`))).As(412, "PreconditionFailed")
		Equal(Refused(bucket.GetObject("r", oss.IfNoneMatch(etag))).Status, 304)
	})
	Operation("GetObject with response overrides", func() {
		_, headers, _ := get("r", oss.ResponseContentType("x/y"), oss.ResponseCacheControl("private"),
			oss.ResponseContentDisposition(`attachment; filename="a b"`), oss.ResponseContentLanguage("de"),
			oss.ResponseExpires("0"))
		Equal(picked(headers, "Content-Type", "Cache-Control", "Content-Disposition", "Content-Language", "Expires"),
			`x/y private attachment; filename="a b" de 0`)
	})
	Operation("GetObject with CRC-64 checked", func() {
		got := Must(bucket.DoGetObject(&oss.GetObjectRequest{ObjectKey: "k"}, nil))
		Equal(ReadAll(got.Response.Body), "hello")
		Equal(Values{got.ClientCRC.Sum64(), strconv.FormatUint(got.ServerCRC, 10)}, Values{got.ServerCRC, HelloCRC})
	})
	Operation("GetObject with a process refused", func() {
		Refused(bucket.GetObject("r", oss.Process("image/resize,w_10"))).As(400, "NotImplemented")
	})
	Operation("HeadObject", func() {
		Equal(picked(head("k"), "Content-Length", "Content-Type", "x-oss-object-type", "x-oss-hash-crc64ecma"),
			"5 text/x Normal "+HelloCRC)
	})
	Operation("GetObjectMeta", func() {
		Equal(picked(Must(bucket.GetObjectMeta("k")), "Content-Length", "ETag"), "5 "+HelloTag)
	})
	Operation("object exists", func() {
		Equal(Values{Must(bucket.IsObjectExist("k")), Must(bucket.IsObjectExist("absent"))}, Values{true, false})
	})
	Operation("DeleteObject", func() {
		Ok(bucket.DeleteObject("nothing"))
		Ok(bucket.DeleteObject("nothing"))
		Equal(Must(bucket.IsObjectExist("nothing")), false)
	})
	Operation("DeleteMultipleObjects", func() {
		Each(Many, func(key string) any { return put(key, "") })
		all := append([]string{"d/absent"}, Many...)
		Equal(Sorted(Must(bucket.DeleteObjects(all)).DeletedObjects), Sorted(all))
		Equal(list("d/", 1000), []string{})
	})
	Operation("DeleteMultipleObjects quietly", func() {
		Each(Many, func(key string) any { return put(key, "") })
		Equal(len(Must(bucket.DeleteObjects(Many, oss.DeleteObjectsQuiet(true))).DeletedObjects), 0)
		Equal(list("d/", 1000), []string{})
	})
}

// list gives all keys that begin so, by pages of this many.
func list(prefix string, page int) []string {
	all, token := []string{}, ""
	for {
		got := Must(bucket.ListObjectsV2(oss.Prefix(prefix), oss.MaxKeys(page), oss.ContinuationToken(token)))
		all = append(all, keys(got.Objects)...)
		if token = got.NextContinuationToken; !got.IsTruncated {
			return all
		}
	}
}

const source = "源 +%&"

func changes() {
	Operation("CopyObject", func() {
		put(source, "hello", oss.ContentType("text/y"), oss.Meta("a", "1"))
		Equal(Must(bucket.CopyObject(source, "copied")).ETag, HelloTag)
		Equal(Values{picked(head("copied"), "x-oss-meta-a", "Content-Type"), read("copied")}, Values{"1 text/y", "hello"})
		Must(in(client, ring).CopyObjectFrom(Bucket, source, source))
		Must(in(client, ring).CopyObjectTo(Bucket, "copied back", source))
		Equal(read("copied back"), "hello")
	})
	Operation("CopyObject with new metadata", func() {
		Must(bucket.CopyObject(source, "copied", oss.MetadataDirective(oss.MetaReplace), oss.Meta("b", "2")))
		Equal(picked(head("copied"), "x-oss-meta-a", "x-oss-meta-b"), " 2")
	})
	Operation("CopyObject onto itself", func() {
		Ok(bucket.SetObjectMeta("copied", oss.Meta("c", "3")))
		Equal(Values{head("copied").Get("x-oss-meta-c"), read("copied")}, Values{"3", "hello"})
	})
	Operation("CopyObject with conditions", func() {
		etag := head("k").Get("ETag")
		Refused(bucket.CopyObject("k", "c", oss.CopySourceIfMatch(`"no"`))).As(412, "PreconditionFailed")
		Equal(Refused(bucket.CopyObject("k", "c", oss.CopySourceIfNoneMatch(etag))).Status, 304)
		Must(bucket.CopyObject("k", "c", oss.CopySourceIfMatch(etag)))
	})
	Operation("AppendObject", func() {
		first := Must(bucket.AppendObject("log", strings.NewReader("hello "), 0))
		second := Must(bucket.DoAppendObject(&oss.AppendObjectRequest{ObjectKey: "log", Reader: strings.NewReader("world"),
			Position: first}, []oss.Option{oss.InitCRC(crcOf("log"))}))
		Equal(Values{second.NextPosition, strconv.FormatUint(second.CRC, 10), read("log"),
			head("log").Get("x-oss-object-type")},
			Values{int64(11), "5981764153023615706", "hello world", "Appendable"})
	})
	Operation("AppendObject at a wrong position", func() {
		Refused(bucket.AppendObject("log", strings.NewReader("x"), 3)).As(409, "PositionNotEqualToLength")
		Refused(bucket.AppendObject("k", strings.NewReader("x"), 5)).As(409, "ObjectNotAppendable")
	})
	Operation("PutObjectAcl", func() {
		Ok(bucket.SetObjectACL("k", oss.ACLPublicRead))
		Equal(Must(bucket.GetObjectACL("k")).ACL, "public-read")
	})
	Operation("GetObjectAcl", func() {
		Ok(bucket.SetObjectACL("k", oss.ACLDefault))
		Equal(Must(bucket.GetObjectACL("k")).ACL, "default")
	})
	Operation("PutObjectTagging", func() { Ok(bucket.PutObjectTagging("k", tagging("a", "1", "b", "2 x"))) })
	Operation("GetObjectTagging", func() { Equal(pairs(Must(bucket.GetObjectTagging("k")).Tags), "a=1,b=2 x") })
	Operation("DeleteObjectTagging", func() {
		Ok(bucket.DeleteObjectTagging("k"))
		Equal(pairs(Must(bucket.GetObjectTagging("k")).Tags), "")
	})
	Operation("PutSymlink", func() {
		Ok(bucket.PutSymlink("链 link", source))
		Equal(read("链 link"), "hello")
	})
	Operation("GetSymlink", func() {
		Equal(Must(bucket.GetSymlink("链 link")).Get("x-oss-symlink-target"), source)
		Refused(bucket.GetSymlink("k")).As(400, "NotSymlink")
	})
	Operation("RestoreObject", func() {
		put("frozen", "ice", oss.ObjectStorageClass(oss.StorageArchive))
		put("cold", "ice", oss.ObjectStorageClass(oss.StorageColdArchive))
		Refused(bucket.GetObject("frozen")).As(403, "InvalidObjectState")
		Ok(bucket.RestoreObject("frozen"))
		Ok(bucket.RestoreObjectDetail("cold", oss.RestoreConfiguration{Days: 2, Tier: "Bulk"}))
		for _, key := range []string{"frozen", "cold"} {
			True(strings.Contains(head(key).Get("x-oss-restore"), "ongoing-request"), head(key))
		}
	})
	Operation("keys with spaces and signs", func() { roundTrip(Signs) })
	Operation("keys in UTF-8", func() { roundTrip(UTF8) })
	Operation("keys with // and ..", func() { roundTrip(Dots) })
}

// crcOf is the CRC-64 that the object has, which the SDK needs to check that of an append.
func crcOf(key string) uint64 {
	return Must(strconv.ParseUint(head(key).Get("x-oss-hash-crc64ecma"), 10, 64))
}

func roundTrip(names []string) {
	for _, key := range names {
		put(key, key)
	}
	there := map[string]bool{}
	for _, key := range list("", 1000) {
		there[key] = true
	}
	for _, key := range names {
		Equal(Values{read(key), head(key).Get("Content-Length"), there[key]}, Values{key, strconv.Itoa(len(key)), true})
		Ok(bucket.DeleteObject(key))
	}
}
