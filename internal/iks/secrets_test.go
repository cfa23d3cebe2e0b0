package iks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
)

const labJWT = "eyJraWQiOiIyMDI2MTEiLCJhbGciOiJSUzI1NiJ9.eyJpYW1faWQiOiJJQk1pZC0xIiwiZXhwIjoxNzY3MjI1NjAwfQ.c2lnbmF0dXJlLXNpZ25hdHVyZQ"

// An API (or a proxy before it) that quotes the request in its error must not
// get credentials into ours.
func TestNoSecretInAnyError(t *testing.T) {
	t.Parallel()
	quoting := func(r sent) string {
		return fmt.Sprintf("bad request: %s %s %v %s", r.method, r.path, r.header, r.body)
	}
	for name, answer := range map[string]func(r sent) (*http.Response, error){
		"in IKS's description": func(r sent) (*http.Response, error) { return iksError(400, "E1", quoting(r)) },
		"in IKS's recovery": func(r sent) (*http.Response, error) {
			return jsonAnswer(400, map[string]any{"code": r.header.Get("Authorization"), "recoveryCLI": quoting(r), "type": quoting(r)})
		},
		"in a list": func(r sent) (*http.Response, error) {
			return jsonAnswer(400, map[string]any{"items": []any{map[string]any{"description": quoting(r)}}})
		},
		"in plain text":      func(r sent) (*http.Response, error) { return plainAnswer(400, quoting(r)) },
		"in an unauthorized": func(r sent) (*http.Response, error) { return iksError(401, "E1", quoting(r)) },
		"in a network error": func(r sent) (*http.Response, error) { return nil, errors.New(quoting(r)) },
		"in a proxy's address": func(sent) (*http.Response, error) {
			return nil, errors.New(`proxyconnect tcp: parse "http://user:` + labKey + `@proxy:3128": invalid`)
		},
		"in half a JSON":  func(r sent) (*http.Response, error) { return plainAnswer(200, `{"x":"`+quoting(r)) },
		"in a wrong type": func(r sent) (*http.Response, error) { return jsonAnswer(200, []string{quoting(r)}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for _, credentials := range []Config{
					{APIKey: labKey}, {APIKey: labKey, TrustedProfileID: "Profile-1"}, {Token: labJWT}, {Token: "opaque-token-of-somebody"},
				} {
					l := &lab{t: t, answer: func(_ context.Context, _ int, r sent) (*http.Response, error) { return answer(r) }}
					l.iam = func(context.Context, int) (*http.Response, error) {
						return jsonAnswer(200, map[string]any{"access_token": labJWT, "expires_in": 3600})
					}
					client := l.client(credentials)
					cancelled, cancel := context.WithCancel(t.Context())
					cancel()
					_, err1 := client.Cluster(t.Context(), "prod")
					_, err2 := client.Workers(t.Context(), Cluster{ID: labCluster, Infrastructure: VPC}, "")
					_, err3 := client.Access(t.Context(), Cluster{ID: labCluster}, AccessOptions{})
					_, err4 := client.Cluster(cancelled, "prod")
					for _, err := range []error{err1, err2, err3, err4} {
						checkNoSecret(t, err)
					}
				}
			})
		})
	}
}

func TestNoSecretInAnErrorOfIAM(t *testing.T) {
	t.Parallel()
	for _, profile := range []string{"", "Profile-1"} {
		for _, status := range []int{200, 400, 401} {
			l := &lab{t: t, answer: func(context.Context, int, sent) (*http.Response, error) { return clusterAnswer() }}
			l.iam = func(_ context.Context, n int) (*http.Response, error) {
				last := l.tokenRequests()[n-1]
				quoted := fmt.Sprintf("%v %s", last.header, last.body)
				if status == 200 && n == 1 && profile != "" {
					return jsonAnswer(200, map[string]any{"access_token": labJWT, "expires_in": 3600})
				}
				return jsonAnswer(status, map[string]any{"errorCode": "B1", "errorMessage": quoted, "errorDetails": quoted})
			}
			_, err := l.client(Config{APIKey: labKey, TrustedProfileID: profile}).Cluster(t.Context(), "prod")
			checkNoSecret(t, err)
		}
	}
}

func checkNoSecret(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		t.Error("no error")
		return
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		for _, shown := range []string{e.Error(), fmt.Sprintf("%v %+v %#v %q", e, e, e, e)} {
			for _, secret := range []string{labKey, labJWT, "opaque-token-of-somebody"} {
				if strings.Contains(shown, secret) {
					t.Errorf("shows %q: %s", secret, shown)
				}
			}
		}
	}
}

func TestNothingPrintsItsSecrets(t *testing.T) {
	t.Parallel()
	config := Config{APIKey: labKey, Token: labJWT, Region: "us-south", TrustedProfileID: "Profile-1"}
	access := Access{Server: "https://c1.example.test:31000", Token: labJWT, ClientKey: []byte(labKey)}
	client, err := New(config)
	mustNot(t, err)
	pointer := &access
	for name, v := range map[string]any{
		"config": config, "pointer to config": &config, "access": access, "pointer to access": pointer, "client": client,
		"within a struct": struct{ Access Access }{access},
		"within a map":    map[string]Access{"a": access},
		"client within":   struct{ client *Client }{client},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asJSON, err := json.Marshal(v)
			mustNot(t, err)
			var logged strings.Builder
			slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "v", v)
			slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "v", v)
			shown := string(asJSON) + logged.String()
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				shown += fmt.Sprintf(verb, v)
			}
			for _, secret := range []string{labKey, labJWT, fmt.Sprintf("%x", labKey), fmt.Sprintf("%x", labJWT), strings.Trim(fmt.Sprintf("%d", []byte(labKey)), "[]")} {
				if strings.Contains(shown, secret) {
					t.Errorf("shows %q", secret)
				}
			}
		})
	}
	if s := config.String(); !strings.Contains(s, "us-south") || !strings.Contains(s, "[redacted]") {
		t.Errorf("shows nothing else either: %s", s)
	}
}

func TestTidy(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"as it is":           {"The cluster could not be found.", "The cluster could not be found."},
		"lines":              {" a\r\n\tb\u00a0 c ", "a b c"},
		"controls":           {"a\x00\x1b[0mb", "a [0mb"},
		"bad UTF-8":          {"a\xffb", "a\uFFFDb"},
		"a given secret":     {"x secret-of-ours y", "x [redacted] y"},
		"a token":            {"token " + labJWT + ".", "token [redacted]"},
		"a short eyJ":        {"the eyJ word", "the eyJ word"},
		"a proxy's password": {`"http://me:pw@proxy:3128/x" and https://a@b`, `"http://[redacted]@proxy:3128/x" and https://[redacted]@b`},
		"a mail in a path":   {"https://host/a@b", "https://host/a@b"},
		"long":               {strings.Repeat("ä", maxText+5), strings.Repeat("ä", maxText) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tidy(tt.text, "secret-of-ours", "", "ab"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
