package hostguard

import "github.com/iks-patterns/terraform-provider-iks/internal/framework"

// Values of when_no_host_endpoints and safety_checks.
const (
	WhenNoneError = "error"
	WhenNoneWarn  = "warn"
	ChecksEnforce = "enforce"
	ChecksWarn    = "warn"
)

// Objections are what stands against a guard: warnings that are only said, and
// problems that forbid it.
type Objections struct {
	Warnings []string
	Problems []framework.Problem
}

// Add takes a problem as a refusal or, demoted, as a warning.
func (o *Objections) Add(p framework.Problem, demoted bool) {
	if demoted {
		o.Warnings = append(o.Warnings, p.Summary+": "+p.Detail)
		return
	}
	o.Problems = append(o.Problems, p)
}

// Warn says something without objecting.
func (o *Objections) Warn(sentences ...string) { o.Warnings = append(o.Warnings, sentences...) }

// Refusal is the error of the problems, nil if there are none.
func (o *Objections) Refusal() error {
	if len(o.Problems) == 0 {
		return nil
	}
	return &framework.Refusal{Problems: o.Problems}
}
