package iks

import (
	"encoding/base64"
	"testing"
)

func TestAccount(t *testing.T) {
	t.Parallel()
	jwt := func(payload string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln"
	}
	for name, test := range map[string]struct{ token, want string }{
		"of a user":         {jwt(`{"iam_id":"IBMid-1","account":{"valid":true,"bss":"0123abcd"}}`), "0123abcd"},
		"none in it":        {jwt(`{"iam_id":"IBMid-1"}`), ""},
		"no JSON Web Token": {"opaque", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := New(Config{Token: test.token, Region: "us-south"})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := c.Account(t.Context()); err != nil || got != test.want {
				t.Errorf("got %q, %v; want %q", got, err, test.want)
			}
		})
	}
	for crn, want := range map[string]string{
		"crn:v1:bluemix:public:containers-kubernetes:us-south:a/0123abcd:c1gs2dr8580crbpflhp1::": "0123abcd",
		"crn:v1:x": "",
		"":         "",
	} {
		if got := (Cluster{CRN: crn}).Account(); got != want {
			t.Errorf("CRN %q: account %q, want %q", crn, got, want)
		}
	}
}
