package helm_test

import (
	"testing"
)

func (r *rig) changedByPerson(t *testing.T) {
	ns := r.namespace(t, "person")
	r.install(t, ns, nil)
}
