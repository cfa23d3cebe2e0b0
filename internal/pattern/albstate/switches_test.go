package albstate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

func describe(todo []step) string {
	var out []string
	for _, s := range todo {
		sign := "-"
		if s.enable {
			sign = "+"
		}
		out = append(out, sign+ids([]iks.ALB{s.alb}))
	}
	return strings.Join(out, " ")
}

func id(kind, number string) string { return on(kind, number).ID }

func TestSteps(t *testing.T) {
	t.Parallel()
	mixed := []iks.ALB{on("private", "1"), off("private", "2"), off("private", "3")}
	if got := describe(steps(mixed, true)); got != "+private2 +private3" {
		t.Errorf("enable: %s", got)
	}
	if got := describe(steps(mixed, false)); got != "-private1" {
		t.Errorf("disable: %s", got)
	}
}

func TestRelease(t *testing.T) {
	t.Parallel()
	nobody := func(string) bool { return false }
	public, private := id("public", "1"), id("private", "1")
	for name, test := range map[string]struct {
		parting parting
		albs    []iks.ALB
		want    string
		warning string // part of the one warning, "" for none
	}{
		"leave": {
			parting{onDestroy: "leave", previous: map[string]bool{private: false}}, []iks.ALB{on("private", "1")}, "", "",
		},
		"restore a private one that was off": {
			parting{onDestroy: "restore", previous: map[string]bool{private: false}}, []iks.ALB{on("private", "1")}, "-private1", "",
		},
		"restore a private one that was on": {
			parting{onDestroy: "restore", previous: map[string]bool{private: true}}, []iks.ALB{off("private", "1")}, "+private1", "",
		},
		"restore what is restored": {
			parting{onDestroy: "restore", previous: map[string]bool{private: true}}, []iks.ALB{on("private", "1")}, "", "",
		},
		"restore never opens a public one": {
			parting{onDestroy: "restore", previous: map[string]bool{public: true}}, []iks.ALB{off("public", "1")}, "", "stays disabled",
		},
		"restore opens a public one where it may": {
			parting{onDestroy: "restore", previous: map[string]bool{public: true}, allowPublic: true}, []iks.ALB{off("public", "1")}, "+public1", "",
		},
		"an update never does": {
			parting{onDestroy: "restore", previous: map[string]bool{public: true}, allowPublic: true}.inUpdate(), []iks.ALB{off("public", "1")}, "", "stays disabled: no update enables",
		},
		"restore closes a public one that was off": {
			parting{onDestroy: "restore", previous: map[string]bool{public: false}}, []iks.ALB{on("public", "1")}, "-public1", "",
		},
		"restore after an import": {
			parting{onDestroy: "restore", allowPublic: true}, []iks.ALB{off("public", "1")}, "", "imported",
		},
		"restore of one that came later": {
			parting{onDestroy: "restore", previous: map[string]bool{private: false}}, []iks.ALB{on("private", "2")}, "", "not known",
		},
		"disable": {
			parting{onDestroy: "disable"}, []iks.ALB{on("private", "1"), off("private", "2"), on("public", "1")}, "-private1 -public1", "",
		},
		"another resource has it now": {
			parting{onDestroy: "disable", claimed: func(id string) bool { return id == private }}, []iks.ALB{on("private", "1"), on("private", "2")}, "-private2", "taken it over",
		},
		"the user's own controller": {
			parting{onDestroy: "disable"}, []iks.ALB{with(on("private", "1"), func(a *iks.ALB) { a.DisableDeployment = true })}, "", "controller of your own",
		},
		"nothing left": {
			parting{onDestroy: "restore"}, nil, "", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.parting.claimed == nil {
				test.parting.claimed = nobody
			}
			todo, warnings := test.parting.release(test.albs)
			if got := describe(todo); got != test.want {
				t.Errorf("steps: %q, want %q", got, test.want)
			}
			if all := strings.Join(warnings, "\n"); !strings.Contains(all, test.warning) || (test.warning == "") != (all == "") {
				t.Errorf("warnings: %q, want one with %q", warnings, test.warning)
			}
		})
	}
}

func TestRecord(t *testing.T) {
	t.Parallel()
	one, two, three := id("private", "1"), id("private", "2"), id("private", "3")
	for name, test := range map[string]struct {
		previous, noted map[string]bool
		want, trimmed   map[string]bool
	}{
		"the first time":   {nil, nil, map[string]bool{one: true, two: false}, map[string]bool{one: true, two: false}},
		"what is ours now": {map[string]bool{one: false, two: true}, nil, map[string]bool{one: false, two: true}, map[string]bool{one: false, two: true}},
		"one more":         {map[string]bool{one: false}, nil, map[string]bool{one: false, two: false}, map[string]bool{one: false, two: false}},
		"one that is let go of": {
			map[string]bool{one: false, three: true},
			nil,
			map[string]bool{one: false, two: false, three: true},
			map[string]bool{one: false, two: false},
		},
		"noted before it was written": {
			map[string]bool{two: true},
			map[string]bool{one: false, two: false},
			map[string]bool{one: false, two: true},
			map[string]bool{one: false, two: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := maps.Clone(test.previous)
			albs := []iks.ALB{on("private", "1"), off("private", "2")}
			got := record(albs, test.previous, test.noted)
			if !maps.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
			if trimmed := trim(got, albs); !maps.Equal(trimmed, test.trimmed) {
				t.Errorf("trimmed to %v, want %v", trimmed, test.trimmed)
			}
			if !maps.Equal(before, test.previous) || !maps.Equal(got, test.want) {
				t.Error("an argument was changed")
			}
		})
	}
}

func TestStandIn(t *testing.T) {
	t.Parallel()
	change := func(f func(*iks.ALB)) iks.ALB { return with(on("private", "1"), f) }
	for name, test := range map[string]struct {
		albs []iks.ALB
		why  string // "" if there is one
	}{
		"a private one serves":              {[]iks.ALB{off("private", "2"), on("private", "1"), on("public", "1")}, ""},
		"none at all":                       {[]iks.ALB{on("public", "1"), on("public", "2")}, "has no private ALB"},
		"it is disabled":                    {[]iks.ALB{off("private", "1")}, "is disabled"},
		"it is on its way":                  {[]iks.ALB{change(func(a *iks.ALB) { a.State = "disabled" })}, "being enabled"},
		"it is unhealthy":                   {[]iks.ALB{change(func(a *iks.ALB) { a.Status = "unhealthy" })}, "unhealthy"},
		"nobody knows whether it is":        {[]iks.ALB{change(func(a *iks.ALB) { a.Status = "shiny" })}, `"shiny", not "healthy"`},
		"its health is not told":            {[]iks.ALB{change(func(a *iks.ALB) { a.Status = "" })}, `not "healthy"`},
		"it has no address":                 {[]iks.ALB{change(func(a *iks.ALB) { a.Address = "" })}, "no address"},
		"it runs the user's own controller": {[]iks.ALB{change(func(a *iks.ALB) { a.DisableDeployment = true })}, "that IKS manages"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, why := standIn(test.albs, step{alb: on("public", "1")}, nil)
			if found != (test.why == "") || !strings.Contains(strings.Join(why, "\n"), test.why) {
				t.Errorf("found %t, why %q; want %q", found, why, test.why)
			}
		})
	}
}

// For a private ALB any other one stands in, unless it goes as well.
func TestStandInForPrivate(t *testing.T) {
	t.Parallel()
	one, two := step{alb: on("private", "1")}, step{alb: on("private", "2")}
	sick := with(on("public", "1"), func(a *iks.ALB) { a.Status = "critical" })
	for name, test := range map[string]struct {
		albs []iks.ALB
		todo []step
		why  string // "" if there is one
	}{
		"a public one serves":         {[]iks.ALB{one.alb, on("public", "1")}, []step{one}, ""},
		"another private one serves":  {[]iks.ALB{one.alb, two.alb}, []step{one}, ""},
		"it is the only one":          {[]iks.ALB{one.alb}, []step{one}, "no other ALB"},
		"the other one goes as well":  {[]iks.ALB{one.alb, two.alb}, []step{one, two}, "no other ALB"},
		"the other one comes":         {[]iks.ALB{one.alb, two.alb}, []step{one, {alb: two.alb, enable: true}}, ""},
		"the other one is disabled":   {[]iks.ALB{one.alb, off("public", "1")}, []step{one}, "is disabled"},
		"the other one is not itself": {[]iks.ALB{one.alb, sick}, []step{one}, "critical"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, why := standIn(test.albs, one, test.todo)
			if found != (test.why == "") || !strings.Contains(strings.Join(why, "\n"), test.why) {
				t.Errorf("found %t, why %q; want %q", found, why, test.why)
			}
		})
	}
}

func TestLastEntry(t *testing.T) {
	t.Parallel()
	albs := []iks.ALB{off("public", "1"), on("private", "1")}
	for name, test := range map[string]struct {
		todo []step
		want bool
	}{
		"nothing is done":   {nil, false},
		"the last one goes": {[]step{{albs[1], false}}, true},
		"another one comes": {[]step{{albs[1], false}, {albs[0], true}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := lastEntry(albs, test.todo); got != test.want {
				t.Errorf("got %t", got)
			}
		})
	}
}

func TestUnfinished(t *testing.T) {
	t.Parallel()
	now := []iks.ALB{
		on("private", "1"), with(off("private", "2"), func(a *iks.ALB) { a.Enabled = true }),
		off("public", "1"), with(on("public", "2"), func(a *iks.ALB) { a.Enabled = false }), on("public", "3"),
		with(on("private", "3"), func(a *iks.ALB) { a.Status = "unhealthy" }),
		with(on("private", "4"), func(a *iks.ALB) { a.Address = "" }),
	}
	todo := []step{{on("private", "9"), false}} // gone
	for _, a := range now {
		todo = append(todo, step{a, a.Type == iks.ALBPrivate})
	}
	var got []string
	for _, s := range unfinished(now, todo) {
		short, _, _ := strings.Cut(s, ":")
		got = append(got, short)
	}
	if want := []string{id("private", "2"), id("public", "2"), id("public", "3"), id("private", "3"), id("private", "4")}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestForesee(t *testing.T) {
	t.Parallel()
	cutOver := []iks.ALB{on("public", "1"), on("private", "1")}
	for name, test := range map[string]struct {
		f    foresight
		albs []iks.ALB
		want []string // parts of the sentences, in order
	}{
		"nothing to do": {
			foresight{chosen: selection{kind: "private"}, enabled: true}, cutOver, nil,
		},
		"no such ALB yet": {
			foresight{chosen: selection{kind: "private", zone: "dal19"}, enabled: true}, cutOver, []string{"no private ALB in zone dal19 yet"},
		},
		"a classic private one": {
			foresight{chosen: selection{kind: "private"}, enabled: true, onClassic: true}, []iks.ALB{off("private", "1")}, []string{"another IP"},
		},
		"a private one on VPC": {
			foresight{chosen: selection{kind: "private"}, enabled: true}, []iks.ALB{off("private", "1")}, []string{"in zone dal11 is enabled"},
		},
		"a public one": {
			foresight{chosen: selection{kind: "public"}, enabled: true}, []iks.ALB{off("public", "1")}, []string{"open to the internet"},
		},
		"cut-over": {
			foresight{chosen: selection{kind: "public"}}, cutOver, []string{"at 10.1.2.1 is disabled, and clients"},
		},
		"cut-over without a private one": {
			foresight{chosen: selection{kind: "public"}}, []iks.ALB{on("public", "1"), off("private", "1")}, []string{"is disabled, and", "only if a private one serves", "private-cr"},
		},
		"the same, allowed": {
			foresight{chosen: selection{kind: "public"}, allowNoALB: true}, []iks.ALB{on("public", "1")}, []string{"is disabled, and"},
		},
		"the last private one": {
			foresight{chosen: selection{kind: "private"}}, []iks.ALB{off("public", "1"), on("private", "1")}, []string{"is disabled, and", "the last ALB that serves", "public-cr"},
		},
		"a private one while a public one serves": {
			foresight{chosen: selection{kind: "private"}}, []iks.ALB{on("public", "1"), on("private", "1")}, []string{"is disabled, and"},
		},
		"what restore will not do": {
			foresight{chosen: selection{kind: "public"}, farewell: parting{onDestroy: "restore"}}, cutOver, []string{"does not enable it again"},
		},
		"the user's own controller": {
			foresight{chosen: selection{kind: "public"}}, []iks.ALB{off("public", "1"), with(on("public", "2"), func(a *iks.ALB) { a.DisableDeployment = true })}, []string{"not touched"},
		},
		"the user's own controller, by ID": {
			foresight{chosen: selection{id: id("public", "1")}}, []iks.ALB{on("private", "1"), with(on("public", "1"), func(a *iks.ALB) { a.DisableDeployment = true })}, []string{"not touched", "applying fails"},
		},
		"let go of": {
			foresight{
				chosen: selection{kind: "private", zone: "dal12"}, enabled: true, letGo: []iks.ALB{on("private", "1")},
				farewell: parting{onDestroy: "disable"},
			}, []iks.ALB{on("private", "1"), on("private", "2")}, []string{"because it is let go of"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.f.farewell.claimed = func(string) bool { return false }
			if test.f.farewell.onDestroy == "" {
				test.f.farewell.onDestroy = onDestroyLeave
			}
			got := test.f.foresee(test.albs)
			if len(got) != len(test.want) {
				t.Fatalf("got %q, want %q", got, test.want)
			}
			for i, part := range test.want {
				if !strings.Contains(got[i], part) {
					t.Errorf("sentence %d: %q, want %q in it", i, got[i], part)
				}
			}
		})
	}
}

func TestImportID(t *testing.T) {
	t.Parallel()
	alb := id("public", "1")
	for name, test := range map[string]struct {
		parts []string
		want  map[string]string // nil for an error
	}{
		"an ALB":                    {[]string{alb}, map[string]string{"alb_id": alb}},
		"a type":                    {[]string{"private"}, map[string]string{"type": "private"}},
		"a type and a zone":         {[]string{"public", "dal10"}, map[string]string{"type": "public", "zone": "dal10"}},
		"nothing":                   {nil, nil},
		"something else":            {[]string{"internal"}, nil},
		"an ALB and a type":         {[]string{alb, "public"}, nil},
		"too much":                  {[]string{"public", "dal10", "1"}, nil},
		"a zone":                    {[]string{"dal10"}, nil},
		"an ALB without a number":   {[]string{"public-cr" + clusterID}, nil},
		"an ALB of an unknown type": {[]string{"inner-cr" + clusterID + "-alb1"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := importID(test.parts)
			if !maps.Equal(got, test.want) || (err == nil) != (test.want != nil) {
				t.Errorf("got %v, %v; want %v", got, err, test.want)
			}
			if err != nil && !strings.Contains(fmt.Sprint(err), "cluster,type,zone") {
				t.Errorf("%v does not say the forms", err)
			}
		})
	}
}
