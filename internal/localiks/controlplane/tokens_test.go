package controlplane_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/controlplane"
)

// reviews says who has a token, and may change its mind.
type reviews struct {
	url     string
	expired atomic.Bool
}

func newReviews(t *testing.T) *reviews {
	t.Helper()
	r := &reviews{}
	reviewer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		var review authenticationv1.TokenReview
		if err := json.NewDecoder(request.Body).Decode(&review); err != nil || request.Method != http.MethodPost || request.URL.Path != "/review" {
			t.Errorf("%s %s: %v", request.Method, request.URL, err)
		}
		review.Status.Authenticated = review.Spec.Token == "good" && !r.expired.Load()
		review.Status.User = authenticationv1.UserInfo{Username: "IAM#somebody", Groups: []string{"readers"}}
		if err := json.NewEncoder(w).Encode(review); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(reviewer.Close)
	r.url = reviewer.URL + "/review"
	return r
}

// tokens has bearer tokens reviewed by somebody else.
func (r *reviews) tokens(t *testing.T, c *controlplane.ControlPlane) {
	ask := func(ctx context.Context, token string) (authenticationv1.UserInfo, error) {
		config := &rest.Config{Host: c.Server(), BearerToken: token}
		config.CAData = c.CACertificate()
		answer, err := client(t, config).AuthenticationV1().SelfSubjectReviews().
			Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
		if err != nil {
			return authenticationv1.UserInfo{}, err
		}
		return answer.Status.UserInfo, nil
	}
	who, err := ask(t.Context(), "good")
	if err != nil || who.Username != "IAM#somebody" || who.Groups[0] != "readers" {
		t.Errorf("good token: %+v, %v", who, err)
	}
	if _, err := ask(t.Context(), "bad"); !apierrors.IsUnauthorized(err) {
		t.Errorf("bad token: %v", err)
	}
	r.expired.Store(true)
	await(t, "token refused", func(ctx context.Context) error {
		_, err := ask(ctx, "good")
		if apierrors.IsUnauthorized(err) {
			return nil
		}
		return errors.Join(errors.New("the token is not refused"), err)
	})
}
