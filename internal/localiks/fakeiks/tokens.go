package fakeiks

import (
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// issuer is what IAM writes into its tokens; IBM's provider looks for it.
const issuer = "https://iam.cloud.ibm.com/identity"

// kubeClient is the OAuth client whose tokens Kubernetes API servers accept.
const kubeClient = "kube"

var (
	errTokenUnknown = errors.New("token was not issued here, has expired or was revoked")
	errWrongClient  = errors.New("token is for another client")
)

// mint signs an access token, or an id-token for the client kube, with the
// claims that IAM puts in. Call it with the lock held.
func (i *iam) mint(who *Identity, grant, client string, lifetime time.Duration, actor *Identity) (string, time.Time, error) {
	now := time.Now()
	expires := now.Add(lifetime)
	bare := strings.TrimPrefix(strings.TrimPrefix(who.IAMID, "IBMid-"), "iam-")
	claims := jwt.MapClaims{
		"iam_id":     who.IAMID,
		"id":         who.IAMID,
		"realmid":    "IBMid",
		"jti":        uuid(),
		"session_id": "C-" + uuid(),
		"identifier": bare,
		"sub":        who.Email,
		"account":    map[string]any{"boundary": "global", "valid": true, "bss": i.account},
		"iat":        now.Unix(),
		"exp":        expires.Add(time.Second - 1).Unix(), // whole seconds; verify knows the exact time
		"iss":        issuer,
		"grant_type": grant,
		"scope":      "ibm openid",
		"client_id":  client,
		"acr":        1,
		"amr":        []string{"pwd"},
	}
	if who.Profile {
		claims["realmid"], claims["sub"], claims["sub_type"], claims["name"] = "iam", bare, "Profile", bare
	} else {
		claims["email"], claims["name"] = who.Email, strings.Split(who.Email, "@")[0]
	}
	if actor != nil {
		claims["authn"] = map[string]any{"sub": actor.Email, "iam_id": actor.IAMID, "email": actor.Email}
	}
	if client == kubeClient {
		claims["aud"] = kubeClient
	}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	token.Header["kid"] = i.keyID
	signed, err := token.SignedString(i.key)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("sign token: %w", err)
	}
	for jti, end := range i.issued {
		if end.Before(now) {
			delete(i.issued, jti)
		}
	}
	id, ok := claims["jti"].(string)
	if ok {
		i.issued[id] = expires
	}
	return signed, expires, nil
}

// verify checks signature, expiry and origin of a token and finds whom it
// stands for, with that identity's present role.
func (i *iam) verify(raw string, client string) (Identity, error) {
	claims := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(raw, claims, func(*jwt.Token) (any, error) { return &i.key.PublicKey, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(issuer), jwt.WithExpirationRequired())
	if err != nil {
		return Identity{}, err
	}
	jti, _ := claims["jti"].(string)
	iamID, _ := claims["iam_id"].(string)
	if client != "" && claims["client_id"] != client {
		return Identity{}, errWrongClient
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	identity, found := i.identities[iamID]
	if expires, issued := i.issued[jti]; !issued || !found || !time.Now().Before(expires) {
		return Identity{}, errTokenUnknown
	}
	return *identity, nil
}

// authenticate finds who sends a request to IKS.
func (s *Server) authenticate(r *http.Request) (Identity, error) {
	header := r.Header.Get("Authorization")
	if strings.TrimSpace(header) == "" {
		return Identity{}, errNoToken()
	}
	scheme, token, found := strings.Cut(header, " ")
	if !found {
		scheme, token = "bearer", header // IKS takes a bare token as well
	}
	if !strings.EqualFold(scheme, "bearer") {
		return Identity{}, errNoToken()
	}
	identity, err := s.iam.verify(token, "")
	if err != nil {
		return Identity{}, errBadToken()
	}
	return identity, nil
}

// jwk is the public half of the signing key as IAM publishes it.
func jwk(key *rsa.PublicKey, id string) map[string]any {
	return map[string]any{
		"kty": "RSA",
		"kid": id,
		"alg": "RS256",
		"use": "sig",
		"n":   base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
		"e":   base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
	}
}
