package framework

import (
	"errors"
	"strings"

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
	at, whole := pointable(p.Path)
	if !whole {
		p.Detail = "`" + p.Path.String() + "`: " + p.Detail
	}
	if p.Warning {
		d = diag.NewWarningDiagnostic(p.Summary, p.Detail)
	} else {
		d = diag.NewErrorDiagnostic(p.Summary, p.Detail)
	}
	if at.Equal(path.Empty()) {
		return d
	}
	return diag.WithPath(at, d)
}

// pointable is the part of a path that stands in a configuration as an attribute
// of its own. Of one inside an object Terraform finds no line, or that of another
// attribute with the same name.
func pointable(of path.Path) (at path.Path, whole bool) {
	for n := len(of.Steps()) - 1; n > 0; n-- {
		if _, inner := of.Steps()[n].(path.PathStepAttributeName); !inner {
			continue
		}
		at = of
		for range len(of.Steps()) - n {
			at = at.ParentPath()
		}
		at, _ = pointable(at)
		return at, false
	}
	return of, true
}

// Refusal is an error of ours: going on would do harm, or cannot work. It is
// shown as it is, without the words that surround an API's error.
type Refusal struct {
	// Problems are shown one by one.
	Problems []Problem
}

// Error joins the lines, for logs and wrapping.
func (r *Refusal) Error() string { return strings.Join(r.Lines(), "\n") }

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
