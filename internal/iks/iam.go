package iks

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/IBM/go-sdk-core/v5/core"
)

// operationToken marks the errors that are about the credentials.
const operationToken = "getting an IAM token"

// IAM's client of this name gives tokens to command-line programs; bluemix-go
// uses it as well. It is no secret.
const iamClient = "bx"

// tokenPatience bounds one request for a token. IAM is quick, and everybody waits.
const tokenPatience = 10 * time.Second

// defaultTokenLifetime is reckoned with if IAM does not say how long a token
// lives; it gives them 20 minutes at least.
const defaultTokenLifetime = 20 * time.Minute

// identity says how to get a token with an API key, as a trusted profile if one
// is named.
//
// The requests are those of IBM's go-sdk-core. Its own cache of tokens is not
// used: it cannot be told that a token was refused, takes locks that all
// authenticators of the process share while a request is under way, and knows
// no context. So each token is fetched with an authenticator of its own, over
// our transport; tokenSource keeps it.
func (c *Client) identity(apiKey, profileID string) func(context.Context) (token, error) {
	request := func(cl *call) (*core.IamTokenServerResponse, error) {
		if profileID == "" {
			authenticator, err := core.NewIamAuthenticatorBuilder().SetApiKey(apiKey).SetURL(c.endpoints.iam).
				SetClientIDSecret(iamClient, iamClient).SetClient(c.bind(cl)).Build()
			if err != nil {
				return nil, err
			}
			return authenticator.RequestToken()
		}
		authenticator, err := core.NewIamAssumeAuthenticatorBuilder().SetApiKey(apiKey).SetIAMProfileID(profileID).
			SetURL(c.endpoints.iam).SetClientIDSecret(iamClient, iamClient).SetClient(c.bind(cl)).Build()
		if err != nil {
			return nil, err
		}
		return authenticator.RequestToken()
	}
	return func(ctx context.Context) (token, error) {
		cl, cancel := c.begin(ctx, operationToken, "")
		defer cancel()
		cl.anonymous, cl.patience = true, tokenPatience
		answer, err := request(cl.reading())
		if err != nil {
			return token{}, cl.outcome(withoutSecrets(err, apiKey))
		}
		if answer.AccessToken == "" {
			return token{}, cl.explain(errors.New("IAM's answer holds no token"))
		}
		lifetime := time.Duration(answer.ExpiresIn) * time.Second
		if lifetime <= 0 {
			lifetime = defaultTokenLifetime
			if expiry := tokenExpiry(answer.AccessToken); !expiry.IsZero() {
				lifetime = time.Until(expiry)
			}
		}
		return newToken(answer.AccessToken, time.Now(), lifetime), nil
	}
}

// withoutSecrets words a library's error anew. Its chain is dropped, since
// IBM's error types hold whole requests and answers.
func withoutSecrets(err error, secrets ...string) error {
	return errors.New(tidy(err.Error(), secrets...))
}

// tokenExpiry is the `exp` claim of a JSON Web Token, zero if it has none.
func tokenExpiry(jwt string) time.Time {
	var claims struct {
		Expiry json.Number `json:"exp"`
	}
	if !readClaims(jwt, &claims) {
		return time.Time{}
	}
	seconds, err := claims.Expiry.Float64()
	if err != nil || seconds <= 0 || seconds > 1<<40 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0)
}

// readClaims reads what a JSON Web Token says. The signature is for the one who
// accepts the token to check.
func readClaims(jwt string, claims any) bool {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return false
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	return err == nil && json.Unmarshal(payload, claims) == nil
}
