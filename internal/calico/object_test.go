package calico

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestPolicyName(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ tier, name, want string }{
		{"", "guard", "guard"},
		{"", "default.guard", "guard"},
		{"default", "default.guard", "guard"},
		{"default", "security.guard", "security.guard"},
		{"security", "guard", "security.guard"},
		{"security", "security.guard", "security.guard"},
		{"", "default.", "default."},
		{"security", "security.", "security."},
		{"", "", ""},
	} {
		if got := PolicyName(test.tier, test.name); got != test.want {
			t.Errorf("%s, %s: got %s, want %s", test.tier, test.name, got, test.want)
		}
		if again := PolicyName(test.tier, PolicyName(test.tier, test.name)); again != test.want {
			t.Errorf("%s, %s: changes when applied again, to %s", test.tier, test.name, again)
		}
	}
}

func TestOtherNames(t *testing.T) {
	t.Parallel()
	raw, v3Door := door{raw: true}, door{}
	for _, test := range []struct {
		door door
		name string
		want []string
	}{
		{v3Door, "guard", []string{"guard", "default.guard"}},
		{v3Door, "default.guard", []string{"guard", "default.guard"}},
		{raw, "guard", []string{"default.guard", "guard"}},
		{raw, "default.guard", []string{"default.guard", "guard"}},
		{raw, "security.guard", []string{"security.guard", "guard"}},
		{v3Door, "security.guard", []string{"security.guard", "guard"}},
	} {
		if got := test.door.otherNames(test.name); !slices.Equal(got, test.want) {
			t.Errorf("%s, raw %v: got %q", test.name, test.door.raw, got)
		}
	}
}

func TestIsIBMs(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"allow-all-outbound": true, "default.allow-all-outbound": true, "allow-all-private-default": true,
		"allow-bigfix-port": true, "allow-icmp": true, "allow-node-port-dnat": true, "allow-sys-mgmt": true,
		"allow-vrrp": true, "allow-lb-web": true, "default.allow-lb-web": true,
		"deny-kube-node-port-services": false, "allow-lb": false, "allow-vrrp-private": false, "security.allow-icmp": false, "": false,
	} {
		if IsIBMs(name) != want {
			t.Errorf("%q: got %v", name, !want)
		}
	}
}

// TestUserMetadata writes through one door what the other one, or Calico of another age, must read.
func TestUserMetadata(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	labels, annotations := map[string]string{"team": "net"}, map[string]string{"terraform-provider-iks/owner": "abc"}
	raw := door{raw: true}

	t.Run("v3 has them as they are", func(t *testing.T) {
		t.Parallel()
		var meta metav1.ObjectMeta
		if err := setUserMetadata(door{}, &meta, "guard", labels, annotations, now); err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(meta.Labels, labels) || !maps.Equal(meta.Annotations, annotations) {
			t.Errorf("got %v, %v", meta.Labels, meta.Annotations)
		}
	})
	t.Run("v1 has them in both places", func(t *testing.T) {
		t.Parallel()
		var meta metav1.ObjectMeta
		if err := setUserMetadata(raw, &meta, "guard", labels, annotations, now); err != nil {
			t.Fatal(err)
		}
		want := `{"annotations":{"terraform-provider-iks/owner":"abc"},"creationTimestamp":"2026-01-02T03:04:05Z","labels":{"team":"net"},"name":"guard"}`
		if got := meta.Annotations[metadataAnnotation]; got != want {
			t.Errorf("got %s", got)
		}
		if meta.Labels["team"] != "net" || meta.Annotations["terraform-provider-iks/owner"] != "abc" {
			t.Errorf("got %v, %v", meta.Labels, meta.Annotations)
		}
		gotLabels, gotAnnotations := userMetadata(raw, &meta)
		if !maps.Equal(gotLabels, labels) || !maps.Equal(gotAnnotations, annotations) {
			t.Errorf("read back as %v, %v", gotLabels, gotAnnotations)
		}
	})
	t.Run("an update keeps what else Calico stored", func(t *testing.T) {
		t.Parallel()
		meta := metav1.ObjectMeta{
			Labels:      map[string]string{"gone": "1"},
			Annotations: map[string]string{"gone": "1", metadataAnnotation: `{"name":"default.guard","uid":"u","creationTimestamp":"2020-01-01T00:00:00Z","generation":3,"labels":{"gone":"1"}}`},
		}
		if err := setUserMetadata(raw, &meta, "guard", nil, annotations, now); err != nil {
			t.Fatal(err)
		}
		want := `{"annotations":{"terraform-provider-iks/owner":"abc"},"creationTimestamp":"2020-01-01T00:00:00Z","generation":3,"name":"default.guard","uid":"u"}`
		if got := meta.Annotations[metadataAnnotation]; got != want {
			t.Errorf("got %s", got)
		}
		if len(meta.Labels) != 0 || len(meta.Annotations) != 2 {
			t.Errorf("got %v, %v", meta.Labels, meta.Annotations)
		}
	})
	for name, text := range map[string]string{"garbage": "x", "null": "null", "a list": "[1]", "nothing": ""} {
		t.Run(name+" in the annotation", func(t *testing.T) {
			t.Parallel()
			meta := metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{"a": "b", metadataAnnotation: text}}
			gotLabels, gotAnnotations := userMetadata(raw, &meta)
			if !maps.Equal(gotLabels, labels) || !maps.Equal(gotAnnotations, map[string]string{"a": "b"}) {
				t.Errorf("got %v, %v", gotLabels, gotAnnotations)
			}
			if err := setUserMetadata(raw, &meta, "guard", gotLabels, gotAnnotations, now); err != nil {
				t.Fatal(err)
			}
			if inner := innerMetadata(&meta); inner.Name != "guard" || inner.CreationTimestamp.IsZero() {
				t.Errorf("wrote %+v", inner)
			}
		})
	}
	t.Run("the annotation wins", func(t *testing.T) {
		t.Parallel()
		meta := metav1.ObjectMeta{Labels: map[string]string{"a": "old", "b": "1"}, Annotations: map[string]string{metadataAnnotation: `{"labels":{"a":"new"}}`}}
		if got, _ := userMetadata(raw, &meta); !maps.Equal(got, map[string]string{"a": "new", "b": "1"}) {
			t.Errorf("got %v", got)
		}
	})
}

func TestUnknownFields(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		document string
		want     []string
	}{
		"published policy": {published, nil},
		"zero values":      {`{"preDNAT":false,"order":0,"egress":[],"stranger":"","other":{},"third":{"a":[]},"ingress":[{"action":"Deny","source":{"nets":[]},"odd":false}]}`, nil},
		"other spellings":  {`{"ingress":[{"action":"Deny","protocol":"6","destination":{"ports":["80"]}}]}`, nil},
		"new fields": {
			`{"stagedAction":"Set","ingress":[{"action":"Deny"},{"action":"Deny","source":{"domains":["a"]},"schedule":{"at":1}}]}`,
			[]string{"ingress[1].schedule", "ingress[1].source.domains", "stagedAction"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := unknownFields(json.RawMessage(test.document), spec(t, test.document)); !slices.Equal(got, test.want) {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestDriftTellsUnknownRuleFields(t *testing.T) {
	t.Parallel()
	want := Spec{}
	p := Policy{Unknown: []string{"ingress[0].schedule", "stagedAction"}}
	if got := p.Drift(want); !slices.Equal(got, []string{"ingress[0].schedule is set, with an effect that is not known here"}) {
		t.Errorf("got %q", got)
	}
	p = Policy{Unreadable: errForTest{}}
	if got := p.Drift(want); !slices.Equal(got, []string{"the stored policy cannot be understood: broken"}) {
		t.Errorf("got %q", got)
	}
}

type errForTest struct{}

func (errForTest) Error() string { return "broken" }
