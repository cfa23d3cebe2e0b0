//go:build tools

// Package goreleaser pins what the build of its programs needs; see internal/tools/build.
package goreleaser

import (
	_ "github.com/goreleaser/goreleaser/v2"
)
