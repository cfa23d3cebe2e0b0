package hostguard

import (
	"slices"
	"strings"
	"testing"
)

func TestRoles(t *testing.T) {
	t.Parallel()
	got := Roles([]string{"zz", "master_public", "worker_private", "aa", "worker_public", "aa"})
	if want := []string{"worker_public", "worker_private", "master_public", "aa", "zz"}; !slices.Equal(got, want) {
		t.Errorf("Roles = %v, want %v", got, want)
	}
}

func TestCheckRole(t *testing.T) {
	t.Parallel()
	for role, want := range map[string]bool{
		"worker_public": true, "a": true, "A.b-c_9": true, strings.Repeat("a", 63): true,
		"": false, "-a": false, "a_": false, strings.Repeat("a", 64): false, "a'": false, "a b": false, "ä": false, `a"`: false, "a}": false,
	} {
		if got := CheckRole(role) == nil; got != want {
			t.Errorf("CheckRole(%q) accepts = %t, want %t", role, got, want)
		}
	}
}
