//go:build tools

// Package golangcilint pins what the build of its programs needs; see internal/tools/build.
package golangcilint

import (
	_ "github.com/golangci/golangci-lint/v2/cmd/golangci-lint"
)
