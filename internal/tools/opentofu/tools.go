//go:build tools

// Package opentofu pins what the build of its programs needs; see internal/tools/build.
package opentofu

import (
	_ "github.com/opentofu/opentofu/cmd/tofu"
)
