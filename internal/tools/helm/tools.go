//go:build tools

// Package helm pins what the build of its programs needs; see internal/tools/build.
package helm

import (
	_ "helm.sh/helm/v4/cmd/helm"
)
