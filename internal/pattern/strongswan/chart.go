package strongswan

import (
	"embed"
	"io/fs"

	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
)

// builtinChart is the chart of our own, with `chart` as its root.
//
//go:embed all:chart
var builtinChart embed.FS

// loadBuiltin reads the chart of our own.
func loadBuiltin() (*helm.Chart, error) {
	root, err := fs.Sub(builtinChart, "chart")
	if err != nil {
		return nil, err
	}
	return helm.LoadFS(root)
}
