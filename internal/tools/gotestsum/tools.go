//go:build tools

// Package gotestsum pins what the build of its programs needs; see internal/tools/build.
package gotestsum

import (
	_ "gotest.tools/gotestsum"
)
