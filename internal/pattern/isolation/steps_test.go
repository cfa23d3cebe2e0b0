package isolation

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

// tell writes steps as "write title", "remove title", "verify", "confirm".
func tell(all []step) []string {
	var out []string
	for _, s := range all {
		switch s.do {
		case write:
			out = append(out, "write "+s.member.title())
		case remove:
			out = append(out, "remove "+s.member.title())
		case verify:
			out = append(out, "verify")
		case confirm:
			out = append(out, "confirm")
		}
	}
	return out
}

func names(titles ...string) map[string]bool {
	out := map[string]bool{}
	for _, t := range titles {
		out[t] = true
	}
	return out
}

func TestBring(t *testing.T) {
	t.Parallel()
	// A set in small: two policies that allow, one that cuts pods off, the denial.
	a, b, pods, deny := member{name: "a"}, member{name: "b"}, member{name: "pods", cuts: true}, member{name: "deny", cuts: true}
	old := member{name: "old"}
	want := []member{a, b, pods, deny}
	for name, c := range map[string]struct {
		there present
		want  []string
	}{
		"nothing is there":             {present{}, []string{"write a", "write b", "verify", "write pods", "write deny", "confirm"}},
		"all is there":                 {present{right: names("a", "b", "pods", "deny")}, nil},
		"broken off before confirming": {present{right: names("a", "b", "pods", "deny"), unconfirmed: true}, []string{"confirm"}},
		"broken off before denying":    {present{right: names("a", "b", "pods")}, []string{"verify", "write deny", "confirm"}},
		"broken off while allowing":    {present{right: names("a")}, []string{"write b", "verify", "write pods", "write deny", "confirm"}},
		"one that allows changes":      {present{right: names("a", "pods", "deny")}, []string{"write b", "confirm"}},
		"one that allows goes":         {present{right: names("a", "b", "deny"), stale: []member{old}}, []string{"verify", "write pods", "remove old", "confirm"}},
		"one comes, one goes":          {present{right: names("a", "pods", "deny"), stale: []member{old}}, []string{"write b", "verify", "remove old", "confirm"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tell(bring(want, c.there)); !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
	if got := tell(takeAway(want)); !slices.Equal(got, []string{"remove deny", "remove pods", "remove b", "remove a"}) {
		t.Errorf("taken away as %q", got)
	}
}

// world is what is there of a set: each policy in the version of the old set or of the new one.
type world map[string]string

// safe tells whether everything that a set allows is there wherever something
// is cut off. A policy that both sets have counts in either version.
func (w world) safe(sets ...[]member) bool {
	cut := false
	for _, set := range sets {
		for _, m := range cutting(set) {
			cut = cut || w[m.title()] != ""
		}
	}
	if !cut {
		return true
	}
	return slices.ContainsFunc(sets, func(set []member) bool {
		return !slices.ContainsFunc(set, func(m member) bool { return !m.cuts && w[m.title()] == "" })
	})
}

// Wherever an apply, a destroy or what takes a denial back stops, and from
// wherever it starts, nothing is cut off that a whole set would have allowed,
// and what cuts off in its new version is there only with all of the new set.
func TestEveryPrefixIsSafe(t *testing.T) {
	t.Parallel()
	for _, network := range []string{networkPrivate, networkPublic} {
		variants := []isolation{sample(network, nil), everything(network)}
		for flags := range 4 {
			variants = append(variants, sample(network, func(i *isolation) {
				i.vrrp, i.services, i.vpn = network == networkPrivate && flags == 1, flags&1 != 0, flags&2 != 0
				if flags == 3 {
					i.peers = []string{"10.9.0.0/16"}
				}
			}))
		}
		for o, from := range variants {
			for n, to := range variants {
				old, wanted := from.set(), to.set()
				whole := world{}
				for _, m := range old {
					whole[m.title()] = "old"
				}
				for _, start := range append(partly(old), world{}, whole) {
					walk(t, fmt.Sprintf("%s %d to %d", network, o, n), start, old, wanted)
				}
			}
		}
	}
}

// partly gives the worlds that an apply of a set leaves that breaks off.
func partly(set []member) []world {
	var out []world
	w := world{}
	for _, s := range bring(set, present{}) {
		if s.do == write {
			w[s.member.title()] = "old"
			out = append(out, maps.Clone(w))
		}
	}
	return out
}

// walk goes every way from a world to a set, and back from wherever it stops.
func walk(t *testing.T, at string, start world, old, wanted []member) {
	t.Helper()
	w := maps.Clone(start)
	for _, s := range bring(wanted, look(w, wanted)) {
		do(w, s)
		if !w.safe(old, wanted) {
			t.Fatalf("%s: after %q there is %v", at, tell([]step{s}), w)
		}
		for _, m := range wanted {
			if !m.cuts && w[m.title()] == "" && slices.ContainsFunc(cutting(wanted), func(c member) bool { return w[c.title()] == "new" }) {
				t.Fatalf("%s: something new is cut off without %s", at, m.title())
			}
		}
		broken := maps.Clone(w)
		for _, back := range takeAway(possible(networkOf(wanted))) {
			if do(broken, back); !broken.safe(old, wanted) {
				t.Fatalf("%s: taken away as far as %q there is %v", at, tell([]step{back}), broken)
			}
		}
		if len(broken) > 0 {
			t.Fatalf("%s: left is %v", at, broken)
		}
	}
	for _, m := range wanted {
		if w[m.title()] != "new" {
			t.Fatalf("%s: %s is %q in the end", at, m.title(), w[m.title()])
		}
	}
	if len(w) != len(wanted) {
		t.Fatalf("%s: in the end there is %v", at, w)
	}
	if rest := bring(wanted, look(w, wanted)); len(rest) > 0 {
		t.Fatalf("%s: still to do is %q", at, tell(rest))
	}
}

func networkOf(set []member) string {
	if set[len(set)-1].name == "deny-all-outbound-public" {
		return networkPublic
	}
	return networkPrivate
}

// look is what an apply sees: old versions are not right, and what is not
// wanted is stale.
func look(w world, wanted []member) present {
	there := present{right: map[string]bool{}}
	want := names(titles(wanted)...)
	for _, m := range possible(networkOf(wanted)) {
		switch {
		case w[m.title()] == "new":
			there.right[m.title()] = true
		case w[m.title()] != "" && !want[m.title()]:
			there.stale = append(there.stale, m)
		}
	}
	return there
}

func do(w world, s step) {
	switch s.do {
	case write:
		w[s.member.title()] = "new"
	case remove:
		delete(w, s.member.title())
	}
}
