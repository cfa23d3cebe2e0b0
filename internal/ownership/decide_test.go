package ownership_test

import (
	"slices"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	mine := framework.Owner{Stamp: "mine", Known: true}
	fresh := ownership.Intent{Stamp: "new"}
	held := ownership.Intent{Owner: mine, Stamp: "mine", Held: true}
	imported := ownership.Intent{Owner: framework.Owner{Known: true}, Stamp: "new", Held: true}
	renamed := ownership.Intent{Owner: mine, Stamp: "mine"}
	force := func(i ownership.Intent) ownership.Intent { i.Force = true; return i }
	for name, c := range map[string]struct {
		intent ownership.Intent
		there  *ownership.Look
		want   ownership.Step
	}{
		"nothing is there":                           {fresh, nil, ownership.Create},
		"what a state holds is gone":                 {held, nil, ownership.Create},
		"ours as it should be":                       {held, &ownership.Look{Stamp: "mine", Same: true, Marked: true}, ownership.Keep},
		"ours that differs":                          {held, &ownership.Look{Stamp: "mine", Marked: true}, ownership.Rewrite},
		"ours that lost a label":                     {held, &ownership.Look{Stamp: "mine", Same: true}, ownership.Rewrite},
		"ours that lost its stamp":                   {held, &ownership.Look{Same: true}, ownership.Rewrite},
		"ours that another resource has taken":       {held, &ownership.Look{Stamp: "theirs"}, ownership.Refuse},
		"the same, taken by another resource":        {held, &ownership.Look{Stamp: "theirs", Same: true}, ownership.Refuse},
		"taken by another resource, by force":        {force(held), &ownership.Look{Stamp: "theirs"}, ownership.Rewrite},
		"imported, without a stamp":                  {imported, &ownership.Look{Same: true}, ownership.Rewrite},
		"a stranger's that is the same":              {fresh, &ownership.Look{Same: true}, ownership.Adopt},
		"another resource's that is the same":        {fresh, &ownership.Look{Stamp: "theirs", Same: true}, ownership.Adopt},
		"a stranger's that differs":                  {fresh, &ownership.Look{}, ownership.Refuse},
		"a stranger's that differs, by force":        {force(fresh), &ownership.Look{}, ownership.Rewrite},
		"what this apply wrote before it was cut":    {fresh, &ownership.Look{Stamp: "new"}, ownership.Rewrite},
		"under a new name, a stranger's":             {renamed, &ownership.Look{}, ownership.Refuse},
		"under a new name, written by this resource": {renamed, &ownership.Look{Stamp: "mine"}, ownership.Rewrite},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := c.intent.Decide(c.there); got != c.want {
				t.Errorf("step %d, want %d", got, c.want)
			}
		})
	}
}

func TestMarkDrift(t *testing.T) {
	t.Parallel()
	owner := framework.Owner{Stamp: "mine", Known: true, Labels: map[string]string{"team": "net"}, Annotations: map[string]string{"ticket": "7"}}
	unstamped := owner
	unstamped.Unstamped = true
	stamped := func(stamp string) map[string]string {
		return map[string]string{framework.OwnerAnnotation: stamp, "ticket": "7", "other": "x"}
	}
	for name, c := range map[string]struct {
		owner               framework.Owner
		labels, annotations map[string]string
		want                []string
	}{
		"all there":           {owner, map[string]string{"team": "net", "more": "x"}, stamped("mine"), nil},
		"imported":            {unstamped, nil, nil, nil},
		"imported, stamped":   {unstamped, nil, stamped("mine"), []string{"label team is missing"}},
		"imported, taken":     {unstamped, owner.Labels, stamped("theirs"), []string{"the ownership stamp is another resource's"}},
		"not read yet":        {framework.Owner{Labels: owner.Labels}, nil, stamped("theirs"), nil},
		"stamp missing":       {owner, owner.Labels, map[string]string{"ticket": "7"}, []string{"the ownership stamp is missing"}},
		"another's stamp":     {owner, owner.Labels, stamped("theirs"), []string{"the ownership stamp is another resource's"}},
		"label missing":       {owner, nil, stamped("mine"), []string{"label team is missing"}},
		"label changed":       {owner, map[string]string{"team": "web"}, stamped("mine"), []string{`label team is "web", declared "net"`}},
		"annotation missing":  {owner, owner.Labels, map[string]string{framework.OwnerAnnotation: "mine"}, []string{"annotation ticket is missing"}},
		"everything is wrong": {owner, nil, nil, []string{"the ownership stamp is missing", "label team is missing", "annotation ticket is missing"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := ownership.MarkDrift(c.owner, c.labels, c.annotations); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
