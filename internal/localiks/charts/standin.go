package charts

import (
	"embed"
	"io/fs"
)

//go:embed all:strongswan
var files embed.FS

// StrongSwan is a stand-in for IBM's strongSwan chart 2.10.7: the same values, objects and hooks, in words of our own.
func StrongSwan() (fs.FS, error) { return fs.Sub(files, "strongswan") }

// StrongSwanVersions packs the stand-in as the two versions that tests upgrade between.
func StrongSwanVersions() ([]Archive, error) {
	chart, err := StrongSwan()
	if err != nil {
		return nil, err
	}
	var out []Archive
	for _, version := range []string{"2.10.6", "2.10.7"} {
		packed, err := Pack(chart, version)
		if err != nil {
			return nil, err
		}
		out = append(out, packed)
	}
	return out, nil
}
