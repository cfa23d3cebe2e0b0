package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestAccessNeverShowsCredentials(t *testing.T) {
	t.Parallel()
	access := Access{
		Host: "https://c1.example:443", CACertificate: []byte("ca-material"),
		ClientCertificate: []byte("cert-material"), ClientKey: []byte("key-material"),
		Token: func(context.Context, bool) (string, error) { return "token-material", nil },
	}
	holder := struct{ Access Access }{access}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("connected", "access", access, "holder", &holder)
	encoded, err := json.Marshal(map[string]any{"a": access, "p": &access, "h": holder})
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{"slog": log.String(), "json": string(encoded)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		shown[verb] = fmt.Sprintf(verb+verb+verb+verb, access, &access, holder, &holder)
	}
	for how, text := range shown {
		if strings.Contains(text, "material") || strings.Contains(text, fmt.Sprintf("%x", "key-material")) || strings.Contains(text, "107 101 121") {
			t.Errorf("%s shows a credential: %s", how, text)
		}
		if !strings.Contains(text, "c1.example") {
			t.Errorf("%s does not show the host: %s", how, text)
		}
	}
}

func TestClientNeverShowsCredentials(t *testing.T) {
	t.Parallel()
	c := connect(t, Access{Host: "https://c1.example"}, Options{})
	if got := fmt.Sprintf("%+v %#v", c, c); got != "Client(c1.example) Client(c1.example)" {
		t.Error(got)
	}
}

func TestNewRefusesBadAccess(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		access Access
		want   string
	}{
		"no host":             {Access{}, "is empty"},
		"blank host":          {Access{Host: "  "}, "is empty"},
		"only a scheme":       {Access{Host: "https://"}, "names no host"},
		"password":            {Access{Host: "https://me:pass-word@c1"}, "carries a user name"},
		"broken":              {Access{Host: "https://c1:secret port"}, "is not a URL"},
		"other scheme":        {Access{Host: "ftp://c1"}, "neither https nor http"},
		"plain http":          {Access{Host: "http://10.0.0.1"}, "refusing plain http"},
		"CA is not PEM":       {Access{Host: "c1", CACertificate: []byte("x")}, "no PEM certificate"},
		"certificate, no key": {Access{Host: "c1", ClientCertificate: []byte("x")}, "not a pair"},
		"proxy without host":  {Access{Host: "c1", ProxyURL: "nowhere"}, "proxy's address"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := New(test.access, Options{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			if strings.Contains(err.Error(), "pass-word") {
				t.Errorf("the password is in the error: %v", err)
			}
		})
	}
	if _, err := New(Access{}, Options{}); !errors.Is(err, ErrNoHost) {
		t.Errorf("got %v, want ErrNoHost", err)
	}
}

func TestNewAcceptsHosts(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"c1.example:30123":              "https://c1.example:30123",
		"https://c1.example/":           "https://c1.example",
		"https://gate.example/k8s/c1//": "https://gate.example/k8s/c1",
		"http://127.0.0.1:8001":         "http://127.0.0.1:8001",
		"http://localhost:8001":         "http://localhost:8001",
		"http://[::1]:8001":             "http://[::1]:8001",
	} {
		c, err := New(Access{Host: host}, Options{})
		if err != nil {
			t.Errorf("%s: %v", host, err)
		} else if got := c.base.String(); got != want {
			t.Errorf("%s: got %s, want %s", host, got, want)
		}
	}
}
