// aliyun-oss-go-sdk: the older Go SDK.
package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aliyun/aliyun-oss-go-sdk/oss"
	. "ossplit.example/judges/judge"
)

var (
	set    = Bucket + "-set"
	ring   = Bucket + "-set2"
	client = connect(Endpoint, KeyID, KeySecret)
	bucket = in(client, Bucket)
)

func connect(endpoint, id, secret string, more ...oss.ClientOption) *oss.Client {
	versions := map[string]oss.AuthVersionType{"v1": oss.AuthV1, "v2": oss.AuthV2, "v4": oss.AuthV4}
	return Must(oss.New(endpoint, id, secret,
		append(more, oss.AuthVersion(versions[Signature]), oss.Region(Region))...))
}

func in(client *oss.Client, name string) *oss.Bucket { return Must(client.Bucket(name)) }

// put gives the headers of the answer.
func put(key, body string, options ...oss.Option) (headers http.Header) {
	Ok(tryPut(key, body, append(options, oss.GetResponseHeader(&headers))...))
	return headers
}

func tryPut(key, body string, options ...oss.Option) error {
	return bucket.PutObject(key, strings.NewReader(body), options...)
}

func read(key string, options ...oss.Option) string {
	return ReadAll(Must(bucket.GetObject(key, options...)))
}

// get gives the status and the headers too.
func get(key string, options ...oss.Option) (int, http.Header, string) {
	result := Must(bucket.DoGetObject(&oss.GetObjectRequest{ObjectKey: key}, options))
	return result.Response.StatusCode, result.Response.Headers, ReadAll(result.Response.Body)
}

func head(key string, options ...oss.Option) http.Header {
	return Must(bucket.GetObjectDetailedMeta(key, options...))
}

// picked gives these headers, joined by spaces.
func picked(headers http.Header, names ...string) string {
	return strings.Join(Each(names, headers.Get), " ")
}

func keys(objects []oss.ObjectProperties) []string {
	return Each(objects, func(one oss.ObjectProperties) string { return one.Key })
}

// heard is a progress listener.
type heard func(*oss.ProgressEvent)

func (listen heard) ProgressChanged(event *oss.ProgressEvent) { listen(event) }

// asService tells a refusal from the SDK's own errors; it makes no type for the statuses 300 to 307.
func asService(err error) (Service, bool) {
	var service oss.ServiceError
	if errors.As(err, &service) {
		return Service{Status: service.StatusCode, Code: service.Code, EC: service.Ec}, true
	}
	var status int
	_, failed := fmt.Sscanf(err.Error(), "oss: service returned %d,", &status)
	return Service{Status: status}, failed == nil
}

func main() {
	AsService = asService
	for _, part := range []func(){buckets, settings, replication, puts, gets, changes, listing, multipart, access,
		versions} {
		part()
	}
}
