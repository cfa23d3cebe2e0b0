package iks

import (
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestNewNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		config Config
		says   string // "" for success
	}{
		"a key":                    {Config{APIKey: "k"}, ""},
		"a token":                  {Config{Token: "t"}, ""},
		"both":                     {Config{APIKey: "k", Token: "t"}, ""},
		"nothing":                  {Config{}, "IC_API_KEY"},
		"blanks":                   {Config{APIKey: " \n", Token: "Bearer "}, "IC_API_KEY"},
		"a profile alone":          {Config{TrustedProfileID: "Profile-1"}, "IC_API_KEY"},
		"a profile with a token":   {Config{TrustedProfileID: "Profile-1", Token: "t"}, "API key"},
		"a profile with a key":     {Config{TrustedProfileID: "Profile-1", APIKey: "k"}, ""},
		"a key in quotes":          {Config{APIKey: `"k"`}, "quotation mark"},
		"a key in two lines":       {Config{APIKey: "k\nk"}, "line break"},
		"a token in two lines":     {Config{Token: "k\nk"}, "line break"},
		"a negative deadline":      {Config{APIKey: "k", Deadline: -1}, "negative"},
		"a strange visibility":     {Config{APIKey: "k", Visibility: "secret"}, "public-and-private"},
		"private without a region": {Config{APIKey: "k", Visibility: VisibilityPrivate}, "IC_REGION"},
		"plain HTTP":               {Config{APIKey: "k", Endpoint: "http://containers.cloud.ibm.com"}, "https"},
		"plain HTTP for IAM":       {Config{APIKey: "k", IAMEndpoint: "http://iam.cloud.ibm.com"}, "iam_endpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.config.Transport = noRequests{t}
			client, err := New(tt.config)
			switch {
			case tt.says == "" && err != nil:
				t.Errorf("unexpected error: %v", err)
			case tt.says == "" && client == nil:
				t.Error("no client")
			case tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)):
				t.Errorf("error %v does not say %q", err, tt.says)
			}
		})
	}
}

// noRequests fails a test that sends anything.
type noRequests struct{ t *testing.T }

func (n noRequests) RoundTrip(r *http.Request) (*http.Response, error) {
	n.t.Errorf("a request was sent: %s %s", r.Method, r.URL)
	return nil, errors.New("no requests")
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	const file = `{"IBMCLOUD_CS_API_ENDPOINT":{"public":{"us-south":"https://file.example.test/global"},"private":{"us-south":"https://pfile.example.test/global"}}}`
	for name, tt := range map[string]struct {
		config   Config
		env      map[string]string
		iks, iam string
		says     string
	}{
		"public":                  {iks: "https://containers.cloud.ibm.com/global", iam: "https://iam.cloud.ibm.com"},
		"private":                 {config: Config{Visibility: "private", Region: "eu-de"}, iks: "https://private.eu-de.containers.cloud.ibm.com/global", iam: "https://private.iam.cloud.ibm.com"},
		"private with own IAM":    {config: Config{Visibility: "private", Region: "us-east"}, iks: "https://private.us-east.containers.cloud.ibm.com/global", iam: "https://private.us-east.iam.cloud.ibm.com"},
		"private in a new region": {config: Config{Visibility: "private", Region: "mx-qro"}, iks: "https://private.mx-qro.containers.cloud.ibm.com/global", iam: "https://private.iam.cloud.ibm.com"},
		"both, private there":     {config: Config{Visibility: "public-and-private", Region: "ca-tor"}, iks: "https://private.ca-tor.containers.cloud.ibm.com/global", iam: "https://private.iam.cloud.ibm.com"},
		"both, only public there": {config: Config{Visibility: "public-and-private", Region: "br-sao"}, iks: "https://containers.cloud.ibm.com/global", iam: "https://private.iam.cloud.ibm.com"},
		"configured": {
			config: Config{Endpoint: "https://a.example.test/global/", IAMEndpoint: "http://127.0.0.1:8080"},
			env:    map[string]string{"IBMCLOUD_CS_API_ENDPOINT": "https://env.example.test", "IBMCLOUD_IAM_API_ENDPOINT": "https://env.example.test"},
			iks:    "https://a.example.test/global", iam: "http://127.0.0.1:8080",
		},
		"environment": {
			env: map[string]string{"IBMCLOUD_CS_API_ENDPOINT": "http://localhost:1", "IBMCLOUD_IAM_API_ENDPOINT": "http://[::1]:2/", "IC_ENDPOINTS_FILE_PATH": "/e.json"},
			iks: "http://localhost:1", iam: "http://[::1]:2",
		},
		"file":             {config: Config{Region: "us-south"}, env: map[string]string{"IC_ENDPOINTS_FILE_PATH": "/e.json"}, iks: "https://file.example.test/global", iam: "https://iam.cloud.ibm.com"},
		"file, private":    {config: Config{Region: "us-south", Visibility: "private"}, env: map[string]string{"IBMCLOUD_ENDPOINTS_FILE_PATH": "/e.json"}, iks: "https://pfile.example.test/global", iam: "https://private.us-south.iam.cloud.ibm.com"},
		"file, other":      {config: Config{Region: "eu-de"}, env: map[string]string{"IC_ENDPOINTS_FILE_PATH": "/e.json"}, iks: "https://containers.cloud.ibm.com/global", iam: "https://iam.cloud.ibm.com"},
		"no such file":     {env: map[string]string{"IC_ENDPOINTS_FILE_PATH": "/none.json"}, says: "IC_ENDPOINTS_FILE_PATH"},
		"a broken file":    {env: map[string]string{"IC_ENDPOINTS_FILE_PATH": "/broken.json"}, says: "/broken.json"},
		"bad environment":  {env: map[string]string{"IBMCLOUD_CS_API_ENDPOINT": "http://env.example.test"}, says: "IBMCLOUD_CS_API_ENDPOINT"},
		"no URL":           {config: Config{Endpoint: "containers.cloud.ibm.com"}, says: "not a URL"},
		"no host":          {config: Config{Endpoint: "https:///global"}, says: "not a URL"},
		"a query":          {config: Config{Endpoint: "https://a.example.test/?x=1"}, says: "more than"},
		"a password":       {config: Config{Endpoint: "https://me:hush-hush@a.example.test/"}, says: "[redacted]"},
		"a public address": {config: Config{Endpoint: "http://10.0.0.1"}, says: "https"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := resolveEndpoints(tt.config, func(k string) string { return tt.env[k] }, func(name string) ([]byte, error) {
				switch name {
				case "/e.json":
					return []byte(file), nil
				case "/broken.json":
					return []byte(`{"IBMCLOUD_CS_API_ENDPOINT":"x"}`), nil
				}
				return nil, fs.ErrNotExist
			})
			if tt.says != "" {
				if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "hush-hush") {
					t.Errorf("error %v, want one that says %q", err, tt.says)
				}
				return
			}
			mustNot(t, err)
			if want := (endpoints{tt.iks, tt.iam}); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	client, err := New(Config{APIKey: "k", Endpoint: "https://a.example.test/global"})
	mustNot(t, err)
	if client.deadline != 60*time.Second || client.userAgent == "" || client.Endpoint() != "https://a.example.test/global" {
		t.Errorf("deadline %s, agent %q, endpoint %q", client.deadline, client.userAgent, client.Endpoint())
	}
	if transport, ok := client.transport.(*http.Transport); !ok || transport.Proxy == nil {
		t.Error("the environment's proxy is not used")
	}
}

func TestCheckName(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"prod": true, labCluster: true, "my_cluster.1": true, "größe": true,
		"": false, ".": false, "..": false, "a/b": false, "a b": false, "a&b": false, "a?b": false, "a#b": false, "a%2f": false, "a\nb": false,
		strings.Repeat("a", 257): false,
	} {
		if err := checkName("cluster", name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}
