package framework

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// What an error says beside a refusal is not lost.
func TestWhatStandsBesideARefusal(t *testing.T) {
	t.Parallel()
	refusal := Refuse(path.Root("network"), "Refused", "A webhook says no.")
	for name, test := range map[string]struct {
		err  error
		want []string
	}{
		"alone":           {refusal, []string{"Refused: A webhook says no."}},
		"joined to none":  {errors.Join(refusal, nil), []string{"Refused: A webhook says no."}},
		"joined":          {errors.Join(refusal, errors.New("policy a: reset")), []string{"Refused: A webhook says no.", "Updating failed: Policy a: reset."}},
		"in the front":    {fmt.Errorf("%w; it could not be taken back: %w", refusal, errors.New("reset")), []string{"Refused: A webhook says no.", "Updating failed: It could not be taken back: reset."}},
		"at the end":      {fmt.Errorf("revision 3 is back: %w", refusal), []string{"Refused: A webhook says no.", "Updating failed: Revision 3 is back."}},
		"no refusal":      {errors.New("reset"), []string{"Updating failed: Reset."}},
		"two are refused": {&Refusal{Problems: []Problem{{Summary: "A", Detail: "a."}, {Summary: "B", Detail: "b."}}}, []string{"A: a.", "B: b."}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, d := range Diagnose(path.Empty(), "Updating failed", test.err) {
				got = append(got, d.Summary()+": "+d.Detail())
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestSentence(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"the port is taken":               "The port is taken.",
		"it is so.":                       "It is so.",
		"single_source_ip is set as well": "single_source_ip is set as well.",
		"":                                ".",
	} {
		if got := Sentence(text); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Whose patience was at its end decides about what a user can do.
func TestRemedyOfTimeouts(t *testing.T) {
	t.Parallel()
	mute := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(mute.Close)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()

	fromKubernetes := func(host string) func(context.Context) error {
		return func(ctx context.Context) error {
			c, err := kube.New(kube.Access{Host: host}, kube.Options{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Resources(ctx)
			return err
		}
	}
	fromIKS := func(patience time.Duration) func(context.Context) error {
		return func(ctx context.Context) error {
			c, err := iks.New(iks.Config{Token: "a-token", Endpoint: mute.URL, IAMEndpoint: mute.URL, Deadline: patience})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.ALBs(ctx, iks.Cluster{ID: "abc", Name: "prod"})
			return err
		}
	}
	const short, long = 100 * time.Millisecond, time.Minute
	for name, test := range map[string]struct {
		timeout time.Duration
		act     func(context.Context) error
		want    string
	}{
		"timeouts, in the middle of a Kubernetes request": {short, fromKubernetes(mute.URL), "`timeouts`"},
		"timeouts, in the middle of an IKS request":       {short, fromIKS(long), "`timeouts`"},
		"timeouts, between requests":                      {short, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, "`timeouts`"},
		"nothing listens":                                 {long, fromKubernetes(closed.URL), "could not be reached"},
		"IKS takes longer than its client waits":          {long, fromIKS(short), "did not answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limit := func(context.Context, time.Duration) (time.Duration, diags) { return test.timeout, nil }
			ctx, cancel := within(t.Context(), limit, long, new(diags))
			defer cancel()
			err := test.act(ctx)
			if got := remedy(err); !strings.Contains(got, test.want) {
				t.Errorf("%v: %q, want %q in it", err, got, test.want)
			}
		})
	}
}

// A plan's own limit is not one that `timeouts` could raise.
func TestRemedyOfPlanLimits(t *testing.T) {
	t.Parallel()
	mute := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(mute.Close)
	ctx, cancel := WithinPlan(t.Context(), 100*time.Millisecond)
	defer cancel()
	c, err := kube.New(kube.Access{Host: mute.URL}, kube.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Resources(ctx)
	got := explain(err)
	if !strings.Contains(got, "no answer within 100ms") || !strings.Contains(got, "That is no setting") {
		t.Error(got)
	}
}
