package controlplane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

// atOnce is how many requests of one call are under way at a time.
const atOnce = 16

// objects makes Kubernetes objects of any kind.
type objects struct {
	dynamic dynamic.Interface
	mapper  *restmapper.DeferredDiscoveryRESTMapper
}

func newObjects(config *rest.Config) (*objects, error) {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	kinds, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return &objects{dynamic: client, mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(kinds))}, nil
}

// create makes objects, several at a time, and leaves those alone that are
// there already.
func (o *objects) create(ctx context.Context, all ...*unstructured.Unstructured) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, object := range all {
		group.Go(func() error {
			resource, err := o.resource(object)
			if err == nil {
				_, err = resource.Create(ctx, object, metav1.CreateOptions{})
			}
			if err != nil && !apierrors.IsAlreadyExists(err) {
				return fmt.Errorf("creating %s %s: %w", object.GetKind(), object.GetName(), err)
			}
			return nil
		})
	}
	return group.Wait()
}

func (o *objects) resource(object *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	kind := object.GroupVersionKind()
	mapping, err := o.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return nil, err
	}
	resource := o.dynamic.Resource(mapping.Resource)
	if namespace := object.GetNamespace(); namespace != "" {
		return resource.Namespace(namespace), nil
	}
	return resource, nil
}

// createResources makes custom resource definitions and waits until their
// resources are served.
func (o *objects) createResources(ctx context.Context, definitions ...*unstructured.Unstructured) error {
	if err := o.create(ctx, definitions...); err != nil {
		return err
	}
	// One after the other, as the API server itself takes them up. An empty list
	// is a small answer; the definitions with their conditions are not.
	for _, definition := range definitions {
		resource, err := servedResource(definition)
		if err != nil {
			return err
		}
		err = until(ctx, func(ctx context.Context) error {
			_, err := o.dynamic.Resource(resource).List(ctx, metav1.ListOptions{Limit: 1})
			return err
		})
		if err != nil {
			return fmt.Errorf("resource %s: %w", definition.GetName(), err)
		}
	}
	// Discovery shows them a moment later.
	return until(ctx, func(context.Context) error {
		o.mapper.Reset() // what it remembers is older
		for _, definition := range definitions {
			if err := o.discovered(definition); err != nil {
				return err
			}
		}
		return nil
	})
}

// discovered is no error when discovery shows the kind that a definition defines.
func (o *objects) discovered(definition *unstructured.Unstructured) error {
	group, _, err := unstructured.NestedString(definition.Object, "spec", "group")
	if err != nil {
		return err
	}
	kind, _, err := unstructured.NestedString(definition.Object, "spec", "names", "kind")
	if err != nil {
		return err
	}
	_, err = o.mapper.RESTMapping(schema.GroupKind{Group: group, Kind: kind})
	return err
}

// servedResource is the resource that a definition defines, in the first
// version that it lists.
func servedResource(definition *unstructured.Unstructured) (schema.GroupVersionResource, error) {
	var crd struct {
		Spec struct {
			Group string `json:"group"`
			Names struct {
				Plural string `json:"plural"`
			} `json:"names"`
			Versions []struct {
				Name string `json:"name"`
			} `json:"versions"`
		} `json:"spec"`
	}
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(definition.Object, &crd)
	if err == nil && len(crd.Spec.Versions) == 0 {
		err = errors.New("no version")
	}
	if err != nil {
		return schema.GroupVersionResource{}, fmt.Errorf("definition %s: %w", definition.GetName(), err)
	}
	return schema.GroupVersionResource{
		Group: crd.Spec.Group, Version: crd.Spec.Versions[0].Name, Resource: crd.Spec.Names.Plural,
	}, nil
}

// readObjects reads all objects of YAML files.
func readObjects(files ...string) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), 4096)
		for {
			object := &unstructured.Unstructured{}
			err := decoder.Decode(&object.Object)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, fmt.Errorf("reading %s: %w", file, err)
			}
			if len(object.Object) > 0 { // between two separators there may be nothing
				all = append(all, object)
			}
		}
	}
	return all, nil
}
