package helm

import (
	"fmt"
	"slices"

	"github.com/Masterminds/semver/v3"
)

// nearest is how many versions an error names.
const nearest = 10

// choose picks the version that is asked for: that very one, or the newest that a constraint admits, or the newest stable.
func (s Source) choose(have []string) (string, error) {
	if s.Version != "" && slices.Contains(have, s.Version) {
		return s.Version, nil
	}
	wanted := s.Version
	if wanted == "" {
		wanted = "*"
	}
	constraint, err := semver.NewConstraint(wanted)
	if err != nil {
		return "", &SourceError{Source: s, Kind: ErrVersionNotFound, Err: fmt.Errorf("%q is neither a version nor a constraint: %w", s.Version, err)}
	}
	sorted := newestFirst(have)
	for _, version := range sorted {
		if constraint.Check(version) {
			return version.Original(), nil
		}
	}
	return "", &SourceError{Source: s, Kind: ErrVersionNotFound, Versions: nearestTo(s.Version, sorted)}
}

// CheckVersion says why a text is neither a version nor a constraint on one.
func CheckVersion(text string) error {
	_, err := semver.NewConstraint(text)
	return err
}

// Admits tells whether a version is the one that is asked for, or one that a constraint admits; "" admits each.
func Admits(wanted, version string) bool {
	if wanted == "" {
		return true
	}
	_, err := Source{Version: wanted}.choose([]string{version})
	return err == nil
}

func newestFirst(have []string) []*semver.Version {
	var out []*semver.Version
	for _, text := range have {
		if version, err := semver.NewVersion(text); err == nil {
			out = append(out, version)
		}
	}
	slices.SortFunc(out, func(a, b *semver.Version) int { return b.Compare(a) })
	return out
}

// nearestTo gives the versions around the one that is missing, newest first; the newest ones if it is no version.
func nearestTo(wanted string, sorted []*semver.Version) []string {
	from := 0
	if version, err := semver.NewVersion(wanted); err == nil {
		at, _ := slices.BinarySearchFunc(sorted, version, func(a, b *semver.Version) int { return b.Compare(a) })
		from = max(0, min(at-nearest/2, len(sorted)-nearest))
	}
	var out []string
	for _, version := range sorted[from:min(len(sorted), from+nearest)] {
		out = append(out, version.Original())
	}
	return out
}
