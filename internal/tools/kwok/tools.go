//go:build tools

// Package kwok pins what the build of its programs needs; see internal/tools/build.
package kwok

import (
	_ "sigs.k8s.io/kwok/cmd/kwok"
)
