package framework

import (
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
)

type diags = diag.Diagnostics

// Problem is something wrong, or worth a warning, in a configuration.
type Problem struct {
	// Path of the attribute, the zero path for the resource as a whole.
	Path path.Path
	// Summary says what is wrong in a few words, Detail why it matters and what to do.
	Summary, Detail string
	// Warning makes it a warning.
	Warning bool
}

func (p Problem) diagnostic() diag.Diagnostic {
	var d diag.Diagnostic
	if p.Warning {
		d = diag.NewWarningDiagnostic(p.Summary, p.Detail)
	} else {
		d = diag.NewErrorDiagnostic(p.Summary, p.Detail)
	}
	if p.Path.Equal(path.Empty()) {
		return d
	}
	return diag.WithPath(p.Path, d)
}

// Refusal is an error of ours: going on would do harm, or cannot work. It is
// shown as it is, without the words that surround an API's error.
type Refusal struct {
	// Problems are shown one by one.
	Problems []Problem
}

// Error joins the summaries, for logs and wrapping.
func (r *Refusal) Error() string {
	errs := make([]error, len(r.Problems))
	for i, p := range r.Problems {
		errs[i] = errors.New(p.Summary + ": " + p.Detail)
	}
	return errors.Join(errs...).Error()
}

// Refuse makes a Refusal of one problem.
func Refuse(at path.Path, summary, detail string) error {
	return &Refusal{Problems: []Problem{{Path: at, Summary: summary, Detail: detail}}}
}

// AsRefusal finds a Refusal in err.
func AsRefusal(err error) (*Refusal, bool) {
	var r *Refusal
	ok := errors.As(err, &r)
	return r, ok
}

// Lines gives the problems as sentences, for where they are only warnings.
func (r *Refusal) Lines() []string {
	lines := make([]string, len(r.Problems))
	for i, p := range r.Problems {
		lines[i] = p.Summary + ": " + p.Detail
	}
	return lines
}
