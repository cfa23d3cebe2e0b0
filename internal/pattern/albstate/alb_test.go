package albstate

import (
	"slices"
	"strings"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

const clusterID = "cbftntmd0tmoqpjhtqe0"

// on is a healthy, enabled ALB; off is a disabled one as IKS shows it.
func on(kind, number string) iks.ALB {
	return iks.ALB{
		ID: kind + "-cr" + clusterID + "-alb" + number, ClusterID: clusterID, Type: kind, Zone: "dal1" + number,
		Enabled: true, State: "enabled", Status: "healthy", Build: "1.14.5_9134_iks", Address: "10.1.2." + number,
	}
}

func off(kind, number string) iks.ALB {
	a := on(kind, number)
	a.Enabled, a.State, a.Status, a.Build, a.Address = false, "disabled", "disabled", "", ""
	return a
}

func with(a iks.ALB, change func(*iks.ALB)) iks.ALB {
	change(&a)
	return a
}

func ids(albs []iks.ALB) string {
	out := make([]string, len(albs))
	for i, a := range albs {
		out[i] = strings.Replace(a.ID, "-cr"+clusterID+"-alb", "", 1)
	}
	return strings.Join(out, " ")
}

func TestSelection(t *testing.T) {
	t.Parallel()
	own := with(on("private", "3"), func(a *iks.ALB) { a.DisableDeployment = true })
	all := []iks.ALB{on("public", "2"), off("private", "2"), on("public", "1"), on("private", "1"), own}
	for name, test := range map[string]struct {
		chosen    selection
		want, own string
		text      string
	}{
		"one by its ID":                 {selection{id: all[1].ID}, "private2", "", "ALB " + all[1].ID},
		"an ID that is not there":       {selection{id: "private-cr" + clusterID + "-alb9"}, "", "", "ALB private-cr" + clusterID + "-alb9"},
		"a type":                        {selection{kind: "public"}, "public1 public2", "", "public ALB"},
		"a type without self-managed":   {selection{kind: "private"}, "private1 private2", own.ID, "private ALB"},
		"a type in a zone":              {selection{kind: "public", zone: "dal12"}, "public2", "", "public ALB in zone dal12"},
		"a zone without such ALBs":      {selection{kind: "public", zone: "dal19"}, "", "", "public ALB in zone dal19"},
		"self-managed, named by its ID": {selection{id: own.ID}, "private3", own.ID, "ALB " + own.ID},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := ids(test.chosen.of(all)); got != test.want {
				t.Errorf("chosen: %q, want %q", got, test.want)
			}
			if got := strings.Join(test.chosen.selfManaged(all), " "); got != test.own {
				t.Errorf("self-managed: %q, want %q", got, test.own)
			}
			if got := test.chosen.String(); got != test.text {
				t.Errorf("text: %q, want %q", got, test.text)
			}
		})
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	status := func(s string) iks.ALB { return with(on("private", "1"), func(a *iks.ALB) { a.Status = s }) }
	enabling := with(off("private", "1"), func(a *iks.ALB) { a.Enabled, a.Status = true, "creating" })
	disabling := with(on("public", "1"), func(a *iks.ALB) { a.Enabled, a.Status = false, "disabling" })
	for name, test := range map[string]struct {
		alb     iks.ALB
		enabled bool
		// What is wrong or missing at first, and once it has been ready: "", "drift" or "missing".
		first, settled string
	}{
		"enabled and healthy":                {on("private", "1"), true, "", ""},
		"disabled":                           {off("public", "1"), false, "", ""},
		"disabled, and IKS says no more":     {with(off("public", "1"), func(a *iks.ALB) { a.State, a.Status = "", "" }), false, "", ""},
		"disabled, declared enabled":         {off("private", "1"), true, "drift", "drift"},
		"enabled, declared disabled":         {on("public", "1"), false, "drift", "drift"},
		"being enabled":                      {enabling, true, "missing", "missing"},
		"being disabled":                     {disabling, false, "missing", "missing"},
		"disabled but still being deleted":   {with(off("public", "1"), func(a *iks.ALB) { a.Status = "deleting" }), false, "missing", ""},
		"enabled with an unhealthy status":   {status("unhealthy"), true, "missing", ""},
		"enabled with a warning":             {status("Warning: 1 of 2 pods"), true, "missing", ""},
		"enabled and being updated":          {status("updating"), true, "missing", ""},
		"enabled with a status never heard":  {status("shiny"), true, "", ""},
		"enabled without a status":           {status(""), true, "", ""},
		"enabled without an address":         {with(on("private", "1"), func(a *iks.ALB) { a.Address = "" }), true, "missing", ""},
		"enabled with a dash for an address": {with(on("private", "1"), func(a *iks.ALB) { a.Address = "-" }), true, "missing", ""},
		"enabled in a state never heard":     {with(on("private", "1"), func(a *iks.ALB) { a.State = "active" }), true, "missing", ""},
		"words in capitals":                  {with(on("private", "1"), func(a *iks.ALB) { a.State, a.Status = "Enabled", "Healthy" }), true, "", ""},
		"runs a controller of the user's":    {with(on("private", "1"), func(a *iks.ALB) { a.DisableDeployment = true }), true, "missing", "missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for settled, want := range map[bool]string{false: test.first, true: test.settled} {
				o := judge([]iks.ALB{test.alb}, test.enabled, func(string) bool { return settled })
				drift, missing := 0, 0
				switch want {
				case "drift":
					drift = 1
				case "missing":
					missing = 1
				}
				if len(o.Drift) != drift || len(o.Missing) != missing || o.Gone {
					t.Errorf("settled %t: %+v, want %q", settled, o, want)
				}
				for _, sentence := range slices.Concat(o.Drift, o.Missing) {
					if !strings.HasPrefix(sentence, test.alb.ID+": ") {
						t.Errorf("%q does not begin with the ALB's ID", sentence)
					}
				}
			}
		})
	}
}
