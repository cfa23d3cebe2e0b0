//go:build tools

// Package calico pins what the build of its programs needs; see internal/tools/build.
package calico

import (
	_ "github.com/projectcalico/calico/apiserver/cmd/apiserver"
	_ "github.com/projectcalico/calico/calicoctl/calicoctl"
	_ "github.com/projectcalico/calico/felix/cmd/calico-felix"
)
