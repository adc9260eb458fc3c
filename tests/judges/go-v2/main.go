// alibabacloud-oss-go-sdk-v2: the newer Go SDK.
package main

import (
	"context"
	"errors"
	"strings"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
	. "ossplit.example/judges/judge"
)

var (
	ctx    = context.Background()
	client = connect(Endpoint, credentials.NewStaticCredentialsProvider(KeyID, KeySecret))
	bucket = p(Bucket)
	set    = p(Bucket + "-set")
	ring   = p(Bucket + "-set2")
	ver    = p(Bucket + "-ver")
)

func connect(endpoint string, provider credentials.CredentialsProvider) *oss.Client {
	version := oss.SignatureVersionV4
	if Signature == "v1" {
		version = oss.SignatureVersionV1
	}
	return oss.NewClient(oss.LoadDefaultConfig().WithCredentialsProvider(provider).WithRegion(Region).
		WithEndpoint(endpoint).WithSignatureVersion(version).WithRetryMaxAttempts(1))
}

// p and s are what the SDK's requests and answers need: a pointer to a value, and the string of a pointer.
func p[T any](value T) *T      { return &value }
func s(pointer *string) string { return oss.ToString(pointer) }

func put(key, body string) *oss.PutObjectResult {
	return putWith(&oss.PutObjectRequest{Key: p(key), Body: strings.NewReader(body)})
}

// putWith puts into the bucket, unless the request names another.
func putWith(request *oss.PutObjectRequest) *oss.PutObjectResult { return Must(tryPut(request)) }

func tryPut(request *oss.PutObjectRequest) (*oss.PutObjectResult, error) {
	if request.Bucket == nil {
		request.Bucket = bucket
	}
	return client.PutObject(ctx, request)
}

func get(request *oss.GetObjectRequest) (*oss.GetObjectResult, error) {
	if request.Bucket == nil {
		request.Bucket = bucket
	}
	return client.GetObject(ctx, request)
}

func readWith(request *oss.GetObjectRequest) string { return ReadAll(Must(get(request)).Body) }
func read(key string) string                        { return readWith(&oss.GetObjectRequest{Key: p(key)}) }

func head(key string) *oss.HeadObjectResult {
	return Must(client.HeadObject(ctx, &oss.HeadObjectRequest{Bucket: bucket, Key: p(key)}))
}

func remove(key string) *oss.DeleteObjectResult {
	return Must(client.DeleteObject(ctx, &oss.DeleteObjectRequest{Bucket: bucket, Key: p(key)}))
}

func putBucket(name *string) *oss.PutBucketResult {
	return Must(client.PutBucket(ctx, &oss.PutBucketRequest{Bucket: name}))
}

func deleteBucket(name *string) *oss.DeleteBucketResult {
	return Must(client.DeleteBucket(ctx, &oss.DeleteBucketRequest{Bucket: name}))
}

// pager is any of the SDK's paginators.
type pager[T any] interface {
	HasNext() bool
	NextPage(context.Context, ...func(*oss.Options)) (T, error)
}

func pages[T any](pager pager[T]) (all []T) {
	for pager.HasNext() {
		all = append(all, Must(pager.NextPage(ctx)))
	}
	return all
}

func limit(count int32) func(*oss.PaginatorOptions) {
	return func(options *oss.PaginatorOptions) { options.Limit = count }
}

func keys(objects []oss.ObjectProperties) []string {
	return Each(objects, func(one oss.ObjectProperties) string { return s(one.Key) })
}

func main() {
	AsService = func(err error) (Service, bool) {
		var service *oss.ServiceError
		if !errors.As(err, &service) {
			return Service{}, false
		}
		return Service{Status: service.StatusCode, Code: service.Code, EC: service.EC}, true
	}
	for _, part := range []func(){buckets, settings, replication, puts, gets, changes, listing, multipart, access,
		versions} {
		part()
	}
}
