package helm

import (
	"errors"
	"fmt"
	"strings"
)

// Source says where a chart is to be had.
type Source struct {
	// Repository is a chart repository's URL (https://icr.io/helm/iks-charts) or the folder of a chart in an OCI registry
	// (oci://us.icr.io/charts). Empty if Chart itself is an oci:// reference, the URL of a .tgz, or a path.
	Repository string
	// Chart is the chart's name in the repository, or where it is if Repository is empty.
	Chart string
	// Version is a version ("2.10.7") or a constraint ("~2.10"), of which the newest is taken. Empty is the newest stable one.
	Version string
	// Username and Password are sent to the repository's own host and to nobody else. For IBM Cloud's container
	// registry: iamapikey and an API key.
	Username, Password string
}

// String names the source without its credentials.
func (s Source) String() string {
	name := s.Chart
	if s.Repository != "" {
		name = strings.TrimRight(s.Repository, "/") + "/" + s.Chart
	}
	if s.Version != "" {
		name += " " + s.Version
	}
	return name
}

// Format keeps every verb of package fmt from showing the password.
func (s Source) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// Why a chart could not be had.
var (
	// ErrChartNotFound is a repository that has no chart of that name.
	ErrChartNotFound = errors.New("the repository has no such chart")
	// ErrVersionNotFound is a chart that has no such version; SourceError.Versions has those that it has.
	ErrVersionNotFound = errors.New("the chart has no such version")
	// ErrUnauthorized is a repository that does not take the credentials, or wants some.
	ErrUnauthorized = errors.New("the repository refuses the credentials")
	// ErrUnreachable is a repository that cannot be talked to, or that fails.
	ErrUnreachable = errors.New("the repository cannot be reached")
	// ErrBadChart is an answer that is no chart: truncated, too large, of another digest than promised, or unreadable.
	ErrBadChart = errors.New("what the repository gave is no chart that can be used")
)

// SourceError is the error of [Load].
type SourceError struct {
	Source Source
	// Kind is one of the errors above; errors.Is finds it.
	Kind error
	// Versions are those nearest to what was asked for, newest first, at most ten. For [ErrVersionNotFound].
	Versions []string
	// Err is the cause; may be nil.
	Err error
}

func (e *SourceError) Error() string {
	text := fmt.Sprintf("chart %s: %v", e.Source, e.Kind)
	if len(e.Versions) > 0 {
		text += "; it has " + strings.Join(e.Versions, ", ")
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap gives the kind and the cause.
func (e *SourceError) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}
