// Package judge is what the Go judges share: Operation runs a function at once and prints one line.
package judge

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"sort"
	"strings"
)

var (
	Endpoint    = os.Getenv("OSS_ENDPOINT")
	KeyID       = os.Getenv("OSS_ACCESS_KEY_ID")
	KeySecret   = os.Getenv("OSS_ACCESS_KEY_SECRET")
	Region      = os.Getenv("OSS_REGION")
	Signature   = os.Getenv("JUDGE_SIGNATURE")
	Bucket      = os.Getenv("JUDGE_BUCKET")
	Scratch     = os.Getenv("JUDGE_SCRATCH")
	StsEndpoint = os.Getenv("JUDGE_STS_ENDPOINT")
	StsToken    = os.Getenv("JUDGE_STS_TOKEN")
	CallbackURL = os.Getenv("JUDGE_CALLBACK_URL")
)

const MiB = 1 << 20

// HelloCRC and HelloTag are the CRC-64 and the ETag of the object "hello".
const (
	HelloCRC = "11177612005948864433"
	HelloTag = `"5D41402ABC4B2A76B9719D911017C592"`
)

var (
	Signs = []string{"a b", "a+b", "a%b", "a%20b", `a&b<c>"'`, "a?b#c", "a=b;c", "a:b@c!$(d)*,~[e]", "\x01ctl",
		" blank ", strings.Repeat("k", 1023)}
	UTF8  = []string{"中文/文件.txt", "💾", "é", "日本語 テスト"}
	Dots  = []string{"a//b", "../up", "./here", "x/../y", "x/./y", "trailing/", "a///"}
	Many  = []string{"d/1", "d/ 2", "d/中", "d/\x01", "d/&<"}
	Odd   = []string{"o/ a+b%&<c>", "o/\x01", "o/中文💾"}
	Parts = []string{strings.Repeat("a", MiB), strings.Repeat("b", 102400), "tail"}
	Whole = strings.Join(Parts, "")
	// Listed is 25 keys in three folders and one beside them, in their order; Groups are the folders.
	Listed = append(listed(), "l/top")
	Groups = []string{"l/d0/", "l/d1/", "l/d2/"}
	Bytes  = pattern(1024, 256)
	Big    = pattern(3*MiB+7, 251)
)

func listed() (keys []string) {
	for i := 0; i < 25; i++ {
		keys = append(keys, fmt.Sprintf("l/d%d/f%02d", i%3, i))
	}
	return Sorted(keys)
}

func pattern(size, period int) string {
	body := make([]byte, size)
	for i := range body {
		body[i] = byte(i % period)
	}
	return string(body)
}

type line struct {
	Operation string `json:"operation"`
	OK        bool   `json:"ok"`
	Error     string `json:"error,omitempty"`
}

// Operation runs the function now: what it panics with is printed, and the program goes on.
func Operation(name string, run func()) {
	defer func() {
		line := line{Operation: name, OK: true}
		if failure := recover(); failure != nil {
			text := strings.Join(strings.Fields(fmt.Sprintf("%s: %v", place(), failure)), " ")
			line.OK, line.Error = false, Short(text, 500)
		}
		Ok(json.NewEncoder(os.Stdout).Encode(line))
	}()
	run()
}

// place is the operation's own line that failed: its calls of the judge's helpers tell less.
func place() string {
	callers := make([]uintptr, 100)
	frames := runtime.CallersFrames(callers[:runtime.Callers(0, callers)])
	found := "?"
	for {
		frame, more := frames.Next()
		if strings.HasPrefix(frame.Function, "main.") {
			found = fmt.Sprintf("%s:%d", filepath.Base(frame.File), frame.Line)
		}
		if !more || strings.HasSuffix(frame.Function, "/judge.Operation") {
			return found
		}
	}
}

func Ok(err error) {
	if err != nil {
		panic(err)
	}
}

func Must[T any](value T, err error) T {
	Ok(err)
	return value
}

// Values are several values that are compared at once.
type Values []any

func Equal(left, right any) {
	if !reflect.DeepEqual(left, right) {
		panic(fmt.Sprintf("%s is not %s", Short(fmt.Sprintf("%#v", left), 200), Short(fmt.Sprintf("%#v", right), 200)))
	}
}

func True(holds bool, what any) {
	if !holds {
		panic(fmt.Sprintf("not so: %v", what))
	}
}

func Short(text string, length int) string {
	if len(text) > length {
		return strings.ToValidUTF8(text[:length], "") + "…"
	}
	return text
}

// Service is what the service's refusal says; each judge fills it from its SDK's error.
type Service struct {
	Status   int
	Code, EC string
}

// AsService is set by the judge.
var AsService func(error) (Service, bool)

// Refused takes what a call gave: its last value must be a refusal by the service.
func Refused(results ...any) Service {
	err, is := results[len(results)-1].(error)
	True(is, "it was refused")
	service, is := AsService(err)
	if !is {
		panic(err)
	}
	return service
}

func (service Service) As(status int, code string) {
	Equal(Values{service.Status, service.Code}, Values{status, code})
}

// Path is a file in the scratch folder, and File one with this content.
func Path(name string) string { return filepath.Join(Scratch, name) }

func File(name, content string) string {
	Ok(os.WriteFile(Path(name), []byte(content), 0o600))
	return Path(name)
}

func Content(path string) string { return string(Must(os.ReadFile(path))) }

func ReadAll(body io.ReadCloser) string {
	defer body.Close()
	return string(Must(io.ReadAll(body)))
}

// Stream is a body whose length can't be known.
func Stream(pieces ...string) io.Reader {
	var readers []io.Reader
	for _, piece := range pieces {
		readers = append(readers, strings.NewReader(piece))
	}
	return io.MultiReader(readers...)
}

func Sorted(keys []string) []string {
	keys = append([]string{}, keys...)
	sort.Strings(keys)
	return keys
}

func Reversed(values []string) []string {
	reversed := make([]string, len(values))
	for i, value := range values {
		reversed[len(values)-1-i] = value
	}
	return reversed
}

// Each gives what the function gives for each value; never nil, so that it equals an empty list.
func Each[T, R any](values []T, give func(T) R) []R {
	given := make([]R, 0, len(values))
	for _, value := range values {
		given = append(given, give(value))
	}
	return given
}

func MD5(body string) string {
	sum := md5.Sum([]byte(body))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func JSON(value any) string { return string(Must(json.Marshal(value))) }

func Base64JSON(value any) string { return base64.StdEncoding.EncodeToString([]byte(JSON(value))) }

// Callback is what asks the service to tell the application of an upload, and CallbackVar its own values.
var (
	Callback = Base64JSON(map[string]string{"callbackUrl": CallbackURL,
		"callbackBody": "b=${bucket}&o=${object}&s=${size}&m=${x:mine}"})
	CallbackVar = Base64JSON(map[string]string{"x:mine": "yes"})
)

// Policy is a bucket policy that lets everyone read the folder public/.
func Policy(bucket string) map[string]any {
	return map[string]any{"Version": "1", "Statement": []any{map[string]any{"Effect": "Allow",
		"Action": []any{"oss:GetObject"}, "Principal": []any{"*"},
		"Resource": []any{"acs:oss:*:*:" + bucket + "/public/*"}}}}
}

func FromJSON(text string) (value map[string]any) {
	Ok(json.Unmarshal([]byte(text), &value))
	return value
}

// Answer is what plain HTTP got from a presigned URL.
type Answer struct {
	Status  int
	Headers http.Header
	Body    string
}

func Fetch(method, url, body string, headers map[string]string) Answer {
	request := Must(http.NewRequest(method, url, bytes.NewReader([]byte(body))))
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response := Must(http.DefaultClient.Do(request))
	return Answer{response.StatusCode, response.Header, ReadAll(response.Body)}
}
