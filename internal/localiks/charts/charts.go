// Package charts serves Helm charts as the world does: a chart repository over HTTP (index.yaml and archives) and an OCI
// registry (the part of the distribution API that reading needs, with tokens). Both speak TLS with a certificate of
// their own, want credentials where told to, and fail where told to.
package charts

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"strings"
)

// Archive is one version of a chart, packed.
type Archive struct {
	Name, Version string
	Data          []byte
}

// Pack makes an archive of the chart at the root of a file system. version replaces the one in its Chart.yaml, "" leaves it.
func Pack(chart fs.FS, version string) (Archive, error) {
	about, err := fs.ReadFile(chart, "Chart.yaml")
	if err != nil {
		return Archive{}, fmt.Errorf("packing a chart: %w", err)
	}
	out := Archive{Name: field(about, "name"), Version: field(about, "version")}
	if version != "" {
		about = bytes.Replace(about, []byte("\nversion: "+out.Version+"\n"), []byte("\nversion: "+version+"\n"), 1)
		out.Version = version
	}
	var packed bytes.Buffer
	compressed := gzip.NewWriter(&packed)
	writer := tar.NewWriter(compressed)
	err = fs.WalkDir(chart, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(chart, name)
		if err != nil {
			return err
		}
		if name == "Chart.yaml" {
			data = about
		}
		if err := writer.WriteHeader(&tar.Header{Name: out.Name + "/" + name, Mode: 0o644, Size: int64(len(data))}); err != nil {
			return err
		}
		_, err = writer.Write(data)
		return err
	})
	if err == nil {
		err = writer.Close()
	}
	if err == nil {
		err = compressed.Close()
	}
	if err != nil {
		return Archive{}, fmt.Errorf("packing chart %s: %w", out.Name, err)
	}
	out.Data = packed.Bytes()
	return out, nil
}

// field reads a line of a Chart.yaml that is plain.
func field(about []byte, name string) string {
	for line := range strings.Lines(string(about)) {
		if value, ok := strings.CutPrefix(line, name+": "); ok {
			return strings.Trim(strings.TrimSpace(value), `"'`)
		}
	}
	return ""
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
