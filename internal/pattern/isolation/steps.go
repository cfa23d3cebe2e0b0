package isolation

import "slices"

// step is one thing that is done to the cluster, in its place.
type step struct {
	do     deed
	member member
}

// deed is what a step does.
type deed int

// The deeds.
const (
	write   deed = iota // makes the policy what it should be
	verify              // proves that all policies that allow are there
	remove              // takes the policy away
	confirm             // proves that the cluster can still be talked to
)

// present is what is there of a set, by the titles of the policies.
type present struct {
	// right are policies that are what they should be.
	right map[string]bool
	// stale are policies of ours that no set wants any more, in the order of a set.
	stale []member
	// unconfirmed tells that nobody has proven yet that the set leaves open what
	// it has to.
	unconfirmed bool
}

// bring gives the steps from what is there to the wanted set. All that allows is
// there before anything is cut off or goes: what it stops at leaves the cluster
// with the old set or the new one, or open.
func bring(want []member, there present) []step {
	var out []step
	var cuts []step
	for _, m := range want {
		switch {
		case there.right[m.title()]:
		case m.cuts:
			cuts = append(cuts, step{write, m})
		default:
			out = append(out, step{write, m})
		}
	}
	if len(cuts)+len(there.stale) > 0 {
		out = append(out, step{do: verify})
	}
	out = append(out, cuts...)
	out = append(out, takeAway(there.stale)...)
	if len(out) > 0 || there.unconfirmed {
		out = append(out, step{do: confirm})
	}
	return out
}

// takeAway removes policies in the reverse order of the set: what cuts off goes
// before what allows.
func takeAway(policies []member) []step {
	var out []step
	for _, m := range slices.Backward(policies) {
		out = append(out, step{remove, m})
	}
	return out
}

// cutting gives the policies of a set that cut something off.
func cutting(set []member) []member {
	return slices.DeleteFunc(slices.Clone(set), func(m member) bool { return !m.cuts })
}
