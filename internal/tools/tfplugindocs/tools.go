//go:build tools

// Package tfplugindocs pins what the build of its programs needs; see internal/tools/build.
package tfplugindocs

import (
	_ "github.com/hashicorp/terraform-plugin-docs/cmd/tfplugindocs"
)
