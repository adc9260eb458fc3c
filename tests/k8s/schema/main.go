// Reads YAML documents and holds each against the Go types of its API, strictly: no field may be unknown or of another kind.
// Says kind and name of each; what is wrong goes to stderr. It knows Kubernetes' own objects and the Prometheus operator's.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

func run() error {
	if err := monitoring.AddToScheme(scheme.Scheme); err != nil {
		return err
	}
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	documents := yaml.NewYAMLReader(bufio.NewReader(os.Stdin))
	var faults error
	for {
		document, err := documents.Read()
		if err == io.EOF {
			return faults
		}
		if err != nil {
			return err
		}
		// A file's head, or a template that gave nothing: comments alone.
		if json, err := yaml.ToJSON(document); err == nil && string(json) == "null" {
			continue
		}
		object, kind, err := decoder.Decode(document, nil, nil)
		if err != nil {
			faults = errors.Join(faults, fmt.Errorf("%w, in\n%s", err, document))
			continue
		}
		named, err := meta.Accessor(object)
		if err != nil {
			return err
		}
		fmt.Println(kind.Kind, named.GetName())
	}
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
