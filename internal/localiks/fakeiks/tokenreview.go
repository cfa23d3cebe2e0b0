package fakeiks

import (
	"encoding/json"
	"net/http"

	authentication "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// tokenReview is the webhook that a Kubernetes API server asks about bearer
// tokens. Only living id-tokens of the client kube are accepted. Note that the
// API server remembers the answer for --authentication-token-webhook-cache-ttl.
func (s *Server) tokenReview(w http.ResponseWriter, r *http.Request) {
	var review authentication.TokenReview
	if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
		writeError(w, errBadRequest("The token review could not be read: %v", err))
		return
	}
	answer := authentication.TokenReview{
		TypeMeta: metav1.TypeMeta{APIVersion: authentication.SchemeGroupVersion.String(), Kind: "TokenReview"},
	}
	identity, err := s.iam.verify(review.Spec.Token, kubeClient)
	if err != nil {
		answer.Status.Error = "IAM refuses the token: " + err.Error()
	} else {
		answer.Status.Authenticated = true
		answer.Status.User = authentication.UserInfo{
			Username: identity.User(),
			UID:      identity.IAMID,
			Groups:   identity.Role.Groups(),
		}
	}
	writeJSON(w, http.StatusOK, answer)
}
