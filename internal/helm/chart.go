package helm

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"

	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/ignore"
)

// Chart is a chart in memory. It is not changed by what is done with it.
type Chart struct {
	files []*archive.BufferedFile
	chart *chartv2.Chart
}

// Name, as Chart.yaml says it.
func (c *Chart) Name() string { return c.chart.Name() }

// Version of the chart, for example "2.10.7".
func (c *Chart) Version() string { return c.chart.Metadata.Version }

// AppVersion is the version of what the chart runs. Empty if it says none.
func (c *Chart) AppVersion() string { return c.chart.Metadata.AppVersion }

// Deprecated says that the chart's maker has given it up.
func (c *Chart) Deprecated() bool { return c.chart.Metadata.Deprecated }

// KubeVersion is the constraint on the cluster's version, for example ">=1.25.0". Empty if there is none.
func (c *Chart) KubeVersion() string { return c.chart.Metadata.KubeVersion }

// Suits tells whether that constraint admits a cluster's version, for example "v1.33.4+IKS".
func (c *Chart) Suits(kubernetesVersion string) bool {
	return c.KubeVersion() == "" || chartutil.IsCompatibleRange(c.KubeVersion(), kubernetesVersion)
}

// Values are the chart's defaults.
func (c *Chart) Values() map[string]any { return maps.Clone(c.chart.Values) }

// LoadFS reads a chart from the root of a file system, where its Chart.yaml is. What its .helmignore names is left out.
func LoadFS(files fs.FS) (*Chart, error) {
	rules, err := ignored(files)
	if err != nil {
		return nil, fmt.Errorf("reading a chart: %w", err)
	}
	var read []*archive.BufferedFile
	size := 0
	err = fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		about, err := entry.Info()
		switch {
		case err != nil:
			return err
		case name != "." && rules.Ignore(name, about) && entry.IsDir():
			return fs.SkipDir
		case entry.IsDir() || rules.Ignore(name, about):
			return nil
		}
		if size += int(about.Size()); size > archiveLimit {
			return fmt.Errorf("it is larger than %d MiB", archiveLimit>>20)
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		read = append(read, &archive.BufferedFile{Name: name, Data: data})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading a chart: %w", err)
	}
	return newChart(read)
}

func ignored(files fs.FS) (*ignore.Rules, error) {
	rules := ignore.Empty()
	file, err := files.Open(ignore.HelmIgnore)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		defer func() { _ = file.Close() }()
		if rules, err = ignore.Parse(file); err != nil {
			return nil, err
		}
	}
	rules.AddDefaults()
	return rules, nil
}

// LoadArchive reads a chart from a .tgz.
func LoadArchive(data []byte) (*Chart, error) {
	files, err := archive.LoadArchiveFiles(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("reading a chart's archive: %w", err)
	}
	return newChart(files)
}

func newChart(files []*archive.BufferedFile) (*Chart, error) {
	made, err := loader.LoadFiles(files)
	if err == nil {
		err = made.Validate()
	}
	if err != nil {
		return nil, fmt.Errorf("reading a chart: %w", err)
	}
	if kind := made.Metadata.Type; kind != "" && kind != "application" {
		return nil, fmt.Errorf("chart %s is of type %s, which cannot be installed", made.Name(), kind)
	}
	return &Chart{files: files, chart: made}, nil
}

// fresh is a copy that rendering may change: Helm removes disabled subcharts from the chart itself.
func (c *Chart) fresh() (*chartv2.Chart, error) {
	return loader.LoadFiles(c.files)
}
