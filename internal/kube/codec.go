package kube

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"

	"google.golang.org/protobuf/encoding/protowire"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kjson "sigs.k8s.io/json"
)

const (
	typeJSON     = "application/json"
	typeProtobuf = "application/vnd.kubernetes.protobuf"
)

// protoMessage is a type that reads the API's binary form, which decodes several times faster than JSON. Kubernetes'
// own types do, custom resources do not.
type protoMessage interface {
	Unmarshal(data []byte) error
}

func acceptFor[T any]() string {
	if _, ok := any(new(T)).(protoMessage); ok {
		return typeProtobuf + ", " + typeJSON + ";q=0.9"
	}
	return typeJSON
}

// decodeObject reads one object.
func decodeObject[T any](got answer) (object T, err error) {
	if got.mediaType() != typeProtobuf {
		err = decodeJSON(got.body, &object)
		return object, err
	}
	message, ok := any(&object).(protoMessage)
	if !ok {
		return object, errors.New("the server answered in a form that was not asked for")
	}
	raw, err := openEnvelope(got.body)
	if err == nil {
		err = message.Unmarshal(raw)
	}
	return object, err
}

// decodeList reads one page of a list and appends its objects.
func decodeList[T any](got answer, items []T) ([]T, metav1.ListMeta, error) {
	if got.mediaType() != typeProtobuf {
		page := struct {
			Metadata metav1.ListMeta `json:"metadata"`
			Items    []T             `json:"items"`
		}{}
		if err := decodeJSON(got.body, &page); err != nil {
			return nil, page.Metadata, err
		}
		if items == nil {
			return page.Items, page.Metadata, nil
		}
		return append(items, page.Items...), page.Metadata, nil
	}
	raw, err := openEnvelope(got.body)
	if err != nil {
		return nil, metav1.ListMeta{}, err
	}
	return decodeProtoList(raw, items)
}

// decodeProtoList reads a list message. All of the API's lists are alike: field 1 is the metadata, field 2 an object.
func decodeProtoList[T any](raw []byte, items []T) ([]T, metav1.ListMeta, error) {
	var meta metav1.ListMeta
	for len(raw) > 0 {
		field, wire, n := protowire.ConsumeTag(raw)
		if n < 0 {
			return nil, meta, protowire.ParseError(n)
		}
		raw = raw[n:]
		if wire != protowire.BytesType || field > 2 {
			n = protowire.ConsumeFieldValue(field, wire, raw)
			if n < 0 {
				return nil, meta, protowire.ParseError(n)
			}
			raw = raw[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(raw)
		if n < 0 {
			return nil, meta, protowire.ParseError(n)
		}
		raw = raw[n:]
		if field == 1 {
			if err := meta.Unmarshal(value); err != nil {
				return nil, meta, err
			}
			continue
		}
		items = append(items, *new(T))
		message, ok := any(&items[len(items)-1]).(protoMessage)
		if !ok {
			return nil, meta, errors.New("the server answered in a form that was not asked for")
		}
		if err := message.Unmarshal(value); err != nil {
			return nil, meta, err
		}
	}
	return items, meta, nil
}

// openEnvelope gives the message inside the API's binary envelope.
func openEnvelope(body []byte) ([]byte, error) {
	inner, ok := bytes.CutPrefix(body, []byte("k8s\x00"))
	if !ok {
		return nil, errors.New("the server's answer is not in the binary form that it says it is")
	}
	var envelope runtime.Unknown
	if err := envelope.Unmarshal(inner); err != nil {
		return nil, err
	}
	if envelope.ContentEncoding != "" {
		return nil, fmt.Errorf("the server's answer is encoded as %q", envelope.ContentEncoding)
	}
	return envelope.Raw, nil
}

func decodeJSON(body []byte, into any) error {
	return kjson.UnmarshalCaseSensitivePreserveInts(body, into)
}

// encodeObject gives an object as JSON, with the type that the kind says.
func encodeObject[T any](k Kind[T], object *T) ([]byte, error) {
	if typed, ok := any(object).(interface{ GetObjectKind() schema.ObjectKind }); ok {
		typed.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{Group: k.Group, Version: k.Version, Kind: k.Name})
	}
	return json.Marshal(object)
}

// decodeStatus reads the Status object of a refusal. False if the body is something else.
func decodeStatus(got answer) (metav1.Status, bool) {
	var status metav1.Status
	switch got.mediaType() {
	case typeProtobuf:
		raw, err := openEnvelope(got.body)
		if err != nil || status.Unmarshal(raw) != nil {
			return status, false
		}
		// The binary form of a Status says no kind.
		status.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	case typeJSON:
		if json.Unmarshal(got.body, &status) != nil {
			return status, false
		}
	}
	if status.Kind != "Status" || status.Status == metav1.StatusSuccess {
		return status, false
	}
	if status.Code == 0 {
		status.Code = int32(got.status)
	}
	return status, true
}

func (a answer) mediaType() string {
	media, _, err := mime.ParseMediaType(a.contentType)
	if err != nil {
		return http.DetectContentType(a.body)
	}
	return media
}

// meta gives the metadata of an object.
func meta[T any](object *T) (metav1.Object, error) {
	accessor, ok := any(object).(metav1.Object)
	if !ok {
		return nil, fmt.Errorf("%T is not an object of the Kubernetes API", object)
	}
	return accessor, nil
}
