module ossplit.example/judges/go-v2

go 1.19

require (
	github.com/aliyun/alibabacloud-oss-go-sdk-v2 v1.6.1
	ossplit.example/judges/judge v0.0.0
)

require golang.org/x/time v0.4.0 // indirect

replace ossplit.example/judges/judge => ../go-common
