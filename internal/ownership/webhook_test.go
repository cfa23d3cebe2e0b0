package ownership_test

import (
	"context"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// webhook lets an admission webhook refuse the object: its words reach the user,
// while it is only planned as a warning.
func webhook(t *testing.T, s server, namespace string) {
	uid := regexp.MustCompile(`"uid":"[^"]+"`)
	hook := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{` + uid.FindString(string(body)) +
			`,"allowed":false,"status":{"code":403,"message":"the gatekeeper says no"}}}`))
	}))
	t.Cleanup(hook.Close)
	fail, none := admissionv1.Fail, admissionv1.SideEffectClassNone
	s.must(t)(s.others.AdmissionregistrationV1().ValidatingWebhookConfigurations().Create(t.Context(), &admissionv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "gatekeeper"},
		Webhooks: []admissionv1.ValidatingWebhook{{
			Name: "gate.example.com", FailurePolicy: &fail, SideEffects: &none, AdmissionReviewVersions: []string{"v1"},
			ClientConfig: admissionv1.WebhookClientConfig{
				URL:      &hook.URL,
				CABundle: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: hook.Certificate().Raw}),
			},
			Rules: []admissionv1.RuleWithOperations{{
				Operations: []admissionv1.OperationType{admissionv1.Create},
				Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"services"}},
			}},
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}},
		}},
	}, metav1.CreateOptions{}))
	// The API server takes a moment to call a new webhook.
	err := kube.Wait(t.Context(), kube.WaitOptions{}, func(context.Context) (bool, string, error) {
		warnings, err := services.DryRun(t.Context(), s.ours, in(namespace), ownership.Intent{})
		return len(warnings) == 1 && strings.Contains(warnings[0], "the gatekeeper says no"), "not refused yet", err
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = services.Ensure(t.Context(), s.ours, in(namespace), intent())
	refused(t, err, "name", `admission webhook "gate.example.com" denied the request: the gatekeeper says no`)
}
