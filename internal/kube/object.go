package kube

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// WriteOptions go with [Create] and [Update].
type WriteOptions struct {
	// DryRun lets the server check everything and store nothing.
	DryRun bool
	// FieldManager is the name that the written fields are owned under. Empty leaves it to the server.
	FieldManager string
}

// PatchOptions go with [Patch] and [Apply].
type PatchOptions struct {
	DryRun       bool
	FieldManager string
	// Force takes fields over from other managers. Only for server-side apply.
	Force bool
}

// DeleteOptions go with [Delete].
type DeleteOptions struct {
	// ResourceVersion, if set, lets the deletion fail with a conflict when the object has changed since.
	ResourceVersion string
	DryRun          bool
	// Propagation says what becomes of dependents. Empty means the kind's default.
	Propagation metav1.DeletionPropagation
	// GracePeriodSeconds of a pod. Nil means the pod's own.
	GracePeriodSeconds *int64
}

// Get asks the server for one object. Namespace is ignored for kinds that have none.
func Get[T any](ctx context.Context, c *Client, k Kind[T], namespace, name string) (T, error) {
	r := k.call("get", namespace, name)
	r.method = http.MethodGet
	r.repeatable = true
	return fetch[T](ctx, c, r)
}

// Create makes a new object, which says its own name and namespace, and gives it as the server stored it. It is not
// repeated when the outcome is unknown, for example because the connection broke.
func Create[T any](ctx context.Context, c *Client, k Kind[T], object T, o WriteOptions) (T, error) {
	return write(ctx, c, k, object, "create", o)
}

// Update replaces an object as a whole. The object's resource version is required: a conflict is returned if somebody
// wrote in between. The type must know every field of the stored object, or the unknown ones are lost; so it is for
// objects that are owned whole.
func Update[T any](ctx context.Context, c *Client, k Kind[T], object T, o WriteOptions) (T, error) {
	return write(ctx, c, k, object, "update", o)
}

func write[T any](ctx context.Context, c *Client, k Kind[T], object T, verb string, o WriteOptions) (T, error) {
	accessor, err := meta(&object)
	if err != nil {
		return object, err
	}
	r := k.call(verb, accessor.GetNamespace(), accessor.GetName())
	r.mutates, r.repeatable = !o.DryRun, o.DryRun || verb == "update"
	switch {
	case r.name == "":
		return object, c.invalid(r, errors.New("the object has no name"))
	case verb == "update" && accessor.GetResourceVersion() == "":
		return object, c.invalid(r, errors.New("the object has no resource version, so an update could overwrite somebody else's"))
	case verb == "update":
		r.method = http.MethodPut
	default:
		r.method, r.path = http.MethodPost, k.path(r.namespace, "", "")
	}
	r.contentType = typeJSON
	r.query = writeQuery(o.DryRun, o.FieldManager)
	if r.body, err = encodeObject(k, &object); err != nil {
		return object, c.invalid(r, err)
	}
	return fetch[T](ctx, c, r)
}

// Patch sends a patch of the given type. A patch that should only hold for the object as it was read carries the
// resource version in its metadata.
func Patch[T any](ctx context.Context, c *Client, k Kind[T], namespace, name string, patchType types.PatchType, patch []byte, o PatchOptions) (T, error) {
	return sendPatch(ctx, c, k, namespace, name, "patch", patchType, patch, o)
}

func sendPatch[T any](ctx context.Context, c *Client, k Kind[T], namespace, name, verb string, patchType types.PatchType, patch []byte, o PatchOptions) (T, error) {
	r := k.call(verb, namespace, name)
	r.method, r.body, r.contentType = http.MethodPatch, patch, string(patchType)
	// A JSON patch can add to a list, and twice is not once.
	r.mutates, r.repeatable = !o.DryRun, o.DryRun || patchType != types.JSONPatchType
	r.query = writeQuery(o.DryRun, o.FieldManager)
	if o.Force {
		r.query.Set("force", "true")
	}
	return fetch[T](ctx, c, r)
}

// Apply is server-side apply: the object, which says its name and namespace, holds the fields that the manager wants
// to own and nothing else. Status and what the server keeps in the metadata are left out. [ConflictOwners] says who
// owns what was refused.
func Apply[T any](ctx context.Context, c *Client, k Kind[T], object T, o PatchOptions) (T, error) {
	accessor, err := meta(&object)
	if err != nil {
		return object, err
	}
	r := k.call("apply", accessor.GetNamespace(), accessor.GetName())
	if r.name == "" || o.FieldManager == "" {
		return object, c.invalid(r, errors.New("an apply needs a name and a field manager"))
	}
	fields, err := ApplyFields(k, &object)
	if err != nil {
		return object, c.invalid(r, err)
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return object, c.invalid(r, err)
	}
	return sendPatch(ctx, c, k, r.namespace, r.name, r.verb, types.ApplyPatchType, body, o)
}

// ApplyFields is what [Apply] sends of an object, as JSON values: everything but nulls, the status and the server's own
// metadata, which nobody can want to own.
func ApplyFields[T any](k Kind[T], object *T) (map[string]any, error) {
	encoded, err := encodeObject(k, object)
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	if err := decodeJSON(encoded, &fields); err != nil {
		return nil, err
	}
	delete(fields, "status")
	if metadata, ok := fields["metadata"].(map[string]any); ok {
		for _, name := range []string{"creationTimestamp", "managedFields", "resourceVersion", "uid", "generation", "selfLink"} {
			delete(metadata, name)
		}
	}
	dropNulls(fields)
	return fields, nil
}

func dropNulls(value any) {
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			if inner == nil {
				delete(value, key)
				continue
			}
			dropNulls(inner)
		}
	case []any:
		for _, inner := range value {
			dropNulls(inner)
		}
	}
}

// Delete removes one object, or starts its removal where finalizers or a grace period hold it.
func Delete[T any](ctx context.Context, c *Client, k Kind[T], namespace, name string, o DeleteOptions) error {
	r := k.call("delete", namespace, name)
	if r.name == "" {
		return c.invalid(r, errors.New("no name was given"))
	}
	r.method, r.contentType, r.accept = http.MethodDelete, typeJSON, typeJSON
	r.mutates, r.repeatable = !o.DryRun, true
	options := metav1.DeleteOptions{
		TypeMeta:           metav1.TypeMeta{APIVersion: "v1", Kind: "DeleteOptions"},
		GracePeriodSeconds: o.GracePeriodSeconds,
	}
	if o.ResourceVersion != "" {
		options.Preconditions = &metav1.Preconditions{ResourceVersion: &o.ResourceVersion}
	}
	if o.Propagation != "" {
		options.PropagationPolicy = &o.Propagation
	}
	if o.DryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	body, err := json.Marshal(options)
	if err != nil {
		return c.invalid(r, err)
	}
	r.body = body
	_, err = c.do(ctx, r)
	return err
}

// fetch makes a request that is answered with one object.
func fetch[T any](ctx context.Context, c *Client, r call) (object T, err error) {
	if r.name == "" {
		return object, c.invalid(r, errors.New("no name was given"))
	}
	got, err := c.do(ctx, r)
	if err != nil {
		return object, err
	}
	object, err = decodeObject[T](got)
	if err != nil {
		return object, c.unreadable(r, err)
	}
	return object, nil
}

// invalid is the error of a request that was not made.
func (c *Client) invalid(r call, err error) error {
	return &Error{Verb: r.verb, Kind: r.kind, Namespace: r.namespace, Name: r.name, Host: c.base.Host, Err: err}
}

func writeQuery(dryRun bool, manager string) url.Values {
	query := url.Values{}
	if dryRun {
		query.Set("dryRun", metav1.DryRunAll)
	}
	set(query, "fieldManager", manager)
	return query
}
