package helm

import (
	"errors"
	"fmt"
)

// The states of a release that this package speaks of, as Helm writes them.
const (
	StatusDeployed = "deployed"
	StatusFailed   = "failed"
)

// Release is one revision of a release.
type Release struct {
	Name, Namespace string
	// Revision counts from 1.
	Revision int
	// Status is Helm's word: deployed, failed, superseded, pending-install, pending-upgrade, pending-rollback,
	// uninstalling or uninstalled.
	Status                          string
	Chart, ChartVersion, AppVersion string
	// Values are those that were given over the chart's own.
	Values map[string]any
	// Defaults are the chart's own.
	Defaults map[string]any
	// Manifest is what was applied, as YAML documents; hooks are not in it.
	Manifest string
	// Description is Helm's remark, for example "Upgrade complete" or "Rollback to 2".
	Description string
	// Labels are those of the record that are not Helm's own.
	Labels map[string]string
	// Digest changes with what the release puts into the cluster: chart, values, manifest and hooks. It tells nothing
	// about them.
	Digest string
}

// Format keeps every verb of package fmt from showing values and manifest.
func (r Release) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "release %s/%s, revision %d, %s", r.Namespace, r.Name, r.Revision, r.Status)
}

// Mark is what to remember of a release, to know later whether somebody else changed it.
type Mark struct {
	Revision int
	Digest   string
}

// Mark of the release.
func (r *Release) Mark() Mark { return Mark{Revision: r.Revision, Digest: r.Digest} }

// Changed says in sentences how the release is not what it was left as: gone (nil), upgraded or rolled back by somebody
// else, or not deployed.
func (m Mark) Changed(now *Release) []string {
	switch {
	case now == nil:
		return []string{"the Helm release is gone"}
	case now.Revision != m.Revision:
		out := fmt.Sprintf("the Helm release is at revision %d, which somebody else made, instead of %d", now.Revision, m.Revision)
		if now.Description != "" {
			out += fmt.Sprintf(" (%s: %q)", now.Status, now.Description)
		}
		return []string{out}
	case now.Status != StatusDeployed:
		return []string{fmt.Sprintf("revision %d of the Helm release is %s: %q", now.Revision, now.Status, now.Description)}
	case now.Digest != m.Digest:
		return []string{fmt.Sprintf("revision %d of the Helm release is not the one that was made: the release was removed and made anew by somebody else", now.Revision)}
	default:
		return nil
	}
}

// ErrReleaseNotFound is a release that is not there.
var ErrReleaseNotFound = errors.New("there is no such release")

// ErrReleaseExists is a name that another release has already.
var ErrReleaseExists = errors.New("there is a release of that name already")

// PendingError says that somebody else's operation on the release is under way.
type PendingError struct {
	Release *Release
}

func (e *PendingError) Error() string {
	return fmt.Sprintf("release %s/%s: revision %d is %s: another operation is under way", e.Release.Namespace, e.Release.Name, e.Release.Revision, e.Release.Status)
}

// NotBegunError is an install or upgrade of which nothing stands in the cluster: neither a record nor an object was
// written. What an earlier one left unfinished may have been cleared away, and a chart's own CRDs stay as with Helm.
type NotBegunError struct {
	// Err is why it was not begun.
	Err error
}

func (e *NotBegunError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *NotBegunError) Unwrap() error { return e.Err }

// FailedError is an install, upgrade or rollback that failed, and what was done about it.
type FailedError struct {
	// Action is install, upgrade, rollback or uninstall.
	Action          string
	Namespace, Name string
	// Now is the release as it is after the failure: after a rollback the revision that this made; nil if nothing is
	// left of it.
	Now *Release
	// RolledBack says that the release is what it was before: the revision of before for an upgrade, nothing for an
	// install.
	RolledBack bool
	// Err is why it failed.
	Err error
	// Undo is why the rollback failed as well; nil if it did not.
	Undo error
}

func (e *FailedError) Error() string {
	text := fmt.Sprintf("%s of release %s/%s: %v", e.Action, e.Namespace, e.Name, e.Err)
	if e.Undo != nil {
		text += fmt.Sprintf("; taking it back failed too: %v", e.Undo)
	}
	return text
}

// Unwrap gives the causes.
func (e *FailedError) Unwrap() []error {
	if e.Undo == nil {
		return []error{e.Err}
	}
	return []error{e.Err, e.Undo}
}
