package hostguard

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
)

// DefaultRole is the role of the workers' public interfaces.
const DefaultRole = "worker_public"

// Roles gives the roles in the order in which they are written: IBM's own as
// the published policies have them, then others by name.
func Roles(roles []string) []string {
	known := []string{DefaultRole, "worker_private", "master_public", "master_private"}
	rank := func(role string) int {
		if at := slices.Index(known, role); at >= 0 {
			return at
		}
		return len(known)
	}
	ordered := slices.Clone(roles)
	slices.SortFunc(ordered, func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a, b))
	})
	return slices.Compact(ordered)
}

// RolesFrom reads the roles that a selector selects by, and nothing else. False
// for another selector, and for roles that no guard can have.
func RolesFrom(selector string) ([]string, bool) {
	roles, ok := calico.RolesOf(selector)
	if !ok || slices.ContainsFunc(roles, func(role string) bool { return CheckRole(role) != nil }) {
		return nil, false
	}
	return Roles(roles), true
}

// CheckRole tells whether a role can be the value of a label, which also keeps
// it from being more than a value in a selector.
func CheckRole(role string) error {
	letter := func(c byte) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
	}
	ok := 0 < len(role) && len(role) <= 63 && letter(role[0]) && letter(role[len(role)-1])
	for i := 0; ok && i < len(role); i++ {
		ok = letter(role[i]) || strings.IndexByte("-_.", role[i]) >= 0
	}
	if !ok {
		return fmt.Errorf("%q cannot be the value of the host endpoints' label %s: it takes 1 to 63 letters, digits, -, _ and ., beginning and ending with a letter or digit", role, calico.RoleLabel)
	}
	return nil
}
