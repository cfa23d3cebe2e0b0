package exposurepolicy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
	admission "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest/parttest"
	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/controlplane"
)

// rig is a real control plane, the part under test connected to it, and a
// second client that plays everybody else.
type rig struct {
	plane   *controlplane.ControlPlane
	config  *rest.Config // of the administrator
	others  kubernetes.Interface
	cluster *cluster.Cluster
}

func newRig(t *testing.T) *rig {
	t.Helper()
	plane := parttest.Start(t, false)
	r := &rig{plane: plane, config: plane.RESTConfig()}
	r.others = clientset(t, r.config)
	for _, name := range []string{"shop", "vpn", "platform", "ibm-system"} {
		_, err := r.others.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func clientset(t *testing.T, config *rest.Config) kubernetes.Interface {
	t.Helper()
	config = rest.CopyConfig(config)
	config.QPS = -1 // no limit of its own
	if config.WarningHandler == nil {
		config.WarningHandler = rest.NoWarnings{}
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// as is a client of somebody else; warnings are what the API server tells it.
func (r *rig) as(t *testing.T, user string) (client kubernetes.Interface, warnings *warned) {
	t.Helper()
	config := rest.CopyConfig(r.config)
	warnings = &warned{}
	config.WarningHandler = warnings
	if user != "" {
		config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:masters"}}
	}
	return clientset(t, config), warnings
}

// warned gathers warnings.
type warned struct {
	mu   sync.Mutex
	said []string
}

// HandleWarningHeader implements rest.WarningHandler.
func (w *warned) HandleWarningHeader(_ int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, text)
}

func (w *warned) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	said := w.said
	w.said = nil
	return said
}

// clear removes what a test has left.
func (r *rig) clear(t *testing.T) {
	t.Helper()
	ctx, registered := context.WithoutCancel(t.Context()), r.others.AdmissionregistrationV1()
	err := errors.Join(
		registered.ValidatingAdmissionPolicyBindings().DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}),
		registered.ValidatingAdmissionPolicies().DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}))
	if err != nil {
		t.Fatal(err)
	}
	// The API server forgets a policy a moment later.
	err = kube.Wait(ctx, kube.WaitOptions{}, func(ctx context.Context) (bool, string, error) {
		_, err := r.others.CoreV1().Services("shop").Create(ctx, public("forgotten"), dryCreate())
		return err == nil, fmt.Sprint(err), nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// acts waits until the policy refuses: where a service account is exempt, a
// probe that passes proves nothing, and the part does not wait for it.
func (r *rig) acts(t *testing.T) {
	t.Helper()
	err := kube.Wait(t.Context(), kube.WaitOptions{}, func(ctx context.Context) (bool, string, error) {
		_, err := r.others.CoreV1().Services("shop").Create(ctx, public("refused"), dryCreate())
		_, by := refused(t, err, defaultName)
		return by, "the policy does not act yet", nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// live is the pair of a name as the API server has it.
func (r *rig) live(t *testing.T, name string) (pair pair) {
	t.Helper()
	registered := r.others.AdmissionregistrationV1()
	p, err := registered.ValidatingAdmissionPolicies().Get(t.Context(), name, metav1.GetOptions{})
	if err == nil {
		pair.policy = p
	} else if !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	b, err := registered.ValidatingAdmissionPolicyBindings().Get(t.Context(), name, metav1.GetOptions{})
	if err == nil {
		pair.binding = b
	} else if !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	return pair
}

// edit changes what a policy says behind everybody's back.
func (r *rig) edit(t *testing.T, name string, change func(*admission.ValidatingAdmissionPolicySpec)) {
	t.Helper()
	r.alter(t, name, func(p *admission.ValidatingAdmissionPolicy) { change(&p.Spec) })
}

// alter changes a policy behind everybody's back, whenever the API server has
// written its status in between anew.
func (r *rig) alter(t *testing.T, name string, change func(*admission.ValidatingAdmissionPolicy)) {
	t.Helper()
	must(t, retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		p := r.live(t, name).policy
		change(p)
		_, err := r.others.AdmissionregistrationV1().ValidatingAdmissionPolicies().Update(t.Context(), p, metav1.UpdateOptions{FieldManager: "somebody"})
		return err
	}))
}

// editBinding changes the binding behind everybody's back.
func (r *rig) editBinding(t *testing.T, name string, change func(*admission.ValidatingAdmissionPolicyBindingSpec)) {
	t.Helper()
	b := r.live(t, name).binding
	change(&b.Spec)
	if _, err := r.others.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings().Update(t.Context(), b, metav1.UpdateOptions{FieldManager: "somebody"}); err != nil {
		t.Fatal(err)
	}
}

// planned is a model as a plan has it: what the configuration leaves out is
// its default.
func planned(change func(*settings)) *model {
	s := settings{name: defaultName, deny: defaultRules(), mode: modeDeny}
	if change != nil {
		change(&s)
	}
	m := &model{}
	m.declare(s)
	return m
}

// held is the resource as its state has it.
type held = parttest.Held[model]

func newHeld(r *rig) *held {
	return parttest.New(framework.Part[model](part{}), func() *cluster.Cluster { return r.cluster })
}

func texts(list types.List) []string {
	var out []string
	for _, v := range list.Elements() {
		if s, ok := v.(types.String); ok {
			out = append(out, s.ValueString())
		}
	}
	return out
}

func contains(text, part string) bool { return strings.Contains(text, part) }
