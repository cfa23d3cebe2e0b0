package fakeiks

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	grantAPIKey    = "urn:ibm:params:oauth:grant-type:apikey"
	grantRefresh   = "refresh_token"
	grantDelegated = "urn:ibm:params:oauth:grant-type:delegated-refresh-token"
	grantAssume    = "urn:ibm:params:oauth:grant-type:assume"
	grantPasscode  = "urn:ibm:params:oauth:grant-type:passcode"

	// noRefreshToken is what IAM returns in place of a refresh token to
	// clients that do not identify themselves.
	noRefreshToken  = "not_supported"
	refreshLifetime = 72 * time.Hour
	passcodeLife    = 5 * time.Minute
)

// iam is the token service.
type iam struct {
	base         string
	account      string
	lifetime     time.Duration
	kubeLifetime time.Duration
	key          *rsa.PrivateKey
	keyID        string

	mu         sync.Mutex // guards all below
	keys       map[string]string
	identities map[string]*Identity
	issued     map[string]time.Time // jti to expiry
	refresh    map[string]refreshToken
	passcodes  map[string]refreshToken
}

// refreshToken is what an opaque refresh token stands for.
type refreshToken struct {
	iamID     string
	client    string
	delegated bool
	expires   time.Time
}

func newIAM(o Options, base string) (*iam, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	return &iam{
		base:         base,
		account:      o.Account,
		lifetime:     o.TokenLifetime,
		kubeLifetime: o.KubeTokenLifetime,
		key:          key,
		keyID:        time.Now().UTC().Format("200601021504"),
		keys:         map[string]string{},
		identities:   map[string]*Identity{},
		issued:       map[string]time.Time{},
		refresh:      map[string]refreshToken{},
		passcodes:    map[string]refreshToken{},
	}, nil
}

// iamError is IAM's error body. BXNIM0407E, BXNIM0408E and BXNIM0415E are
// IBM's, the other codes are assumed.
type iamError struct {
	status  int
	code    string
	message string
	details string
}

// Error implements error.
func (e *iamError) Error() string { return e.code + ": " + e.message }

func errUnknownKey() *iamError {
	return &iamError{status: http.StatusBadRequest, code: "BXNIM0415E", message: "Provided API key could not be found."}
}

func errRefreshInvalid() *iamError {
	return &iamError{
		status: http.StatusBadRequest, code: "BXNIM0407E", message: "Provided refresh_token is invalid.",
		details: "The refresh token is not known or belongs to another client.",
	}
}

func errRefreshExpired() *iamError {
	return &iamError{status: http.StatusBadRequest, code: "BXNIM0408E", message: "Provided refresh_token is expired."}
}

func errMissingProperty(name string) *iamError {
	return &iamError{status: http.StatusBadRequest, code: "BXNIM0109E", message: "Property missing or empty: " + name + "."}
}

func errGrant(grant string) *iamError {
	return &iamError{
		status: http.StatusBadRequest, code: "BXNIM0110E", message: "Grant type is not supported.",
		details: "grant_type: " + grant,
	}
}

func errClient() *iamError {
	return &iamError{status: http.StatusUnauthorized, code: "BXNIM0117E", message: "Client authentication failed."}
}

func errAccessToken() *iamError {
	return &iamError{status: http.StatusBadRequest, code: "BXNIM0514E", message: "Provided access_token is invalid or expired."}
}

func errProfile() *iamError {
	return &iamError{status: http.StatusBadRequest, code: "BXNIM0523E", message: "Provided trusted profile could not be found."}
}

// writeIAMError sends the error in the form of IAM's token service.
func writeIAMError(w http.ResponseWriter, e *iamError) {
	transaction := secret(8)
	body := map[string]any{
		"context": map[string]any{
			"requestId":   transaction,
			"requestType": "incoming.Identity_Token",
			"startTime":   time.Now().UTC().Format("02.01.2006 15:04:05:000 MST"),
			"locale":      "en_US",
			"clusterName": "localiks",
		},
		"errorCode":    e.code,
		"errorMessage": e.message,
	}
	if e.details != "" {
		body["errorDetails"] = e.details
	}
	w.Header().Set("Transaction-Id", transaction)
	writeJSON(w, e.status, body)
}

// discovery is the OpenID configuration that kubectl's oidc user reads to
// refresh its id-token.
func (s *Server) discovery(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                issuer,
		"token_endpoint":                        s.base + "/identity/token",
		"authorization_endpoint":                s.base + "/identity/authorize",
		"jwks_uri":                              s.base + "/identity/keys",
		"response_types_supported":              []string{"code"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
	})
}

func (s *Server) signingKeys(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"keys": []any{jwk(&s.iam.key.PublicKey, s.iam.keyID)}})
}

// passcode gives a one-time code for a refresh token.
func (s *Server) passcode(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		writeIAMError(w, errMissingProperty("grant_type"))
		return
	}
	s.iam.mu.Lock()
	defer s.iam.mu.Unlock()
	client, known := s.iam.client(r)
	if !known {
		writeIAMError(w, errClient())
		return
	}
	token, iamErr := s.iam.redeem(r.PostForm.Get("refresh_token"), client, false)
	if iamErr != nil {
		writeIAMError(w, iamErr)
		return
	}
	code := secret(5)
	s.iam.passcodes[code] = refreshToken{iamID: token.iamID, expires: time.Now().Add(passcodeLife)}
	writeJSON(w, http.StatusOK, map[string]string{"passcode": code})
}
