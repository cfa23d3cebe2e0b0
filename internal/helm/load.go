package helm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

const (
	indexLimit   = 64 << 20 // the largest public repositories have an index of some 30 MB
	archiveLimit = 20 << 20
)

// Load gets a chart from its repository into memory. client decides on proxies, trust and timeouts; nil is one that goes
// by the environment's proxy variables. The error is a *SourceError, or the context's.
func Load(ctx context.Context, client *http.Client, s Source) (*Chart, error) {
	return Loader{Client: client}.load(ctx, s)
}

func (l Loader) load(ctx context.Context, s Source) (*Chart, error) {
	if s.Repository == "" && !strings.Contains(s.Chart, "://") {
		return fromDisk(s)
	}
	if l.Client == nil {
		l.Client = &http.Client{}
	}
	var data []byte
	var err error
	switch {
	case strings.HasPrefix(s.Repository, "oci://"):
		data, err = pull(ctx, l.Client, s, strings.TrimRight(s.Repository, "/")+"/"+s.Chart)
	case s.Repository != "":
		data, err = l.fromIndex(ctx, s)
	case strings.HasPrefix(s.Chart, "oci://"):
		data, err = pull(ctx, l.Client, s, s.Chart)
	default:
		data, err = get(ctx, l.Client, s, s.Chart, archiveLimit)
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("chart %s: %w", s, ctx.Err())
		}
		return nil, s.failed(err)
	}
	chart, err := LoadArchive(data)
	if err != nil {
		return nil, &SourceError{Source: s, Kind: ErrBadChart, Err: err}
	}
	if s.Repository == "" {
		return s.versioned(chart)
	}
	return chart, nil
}

// fromDisk reads a chart that is a folder or an archive on this machine. Its version is the one it has.
func fromDisk(s Source) (*Chart, error) {
	about, err := os.Stat(s.Chart)
	if err != nil {
		return nil, &SourceError{Source: s, Kind: ErrChartNotFound, Err: err}
	}
	var chart *Chart
	switch {
	case about.IsDir():
		chart, err = LoadFS(os.DirFS(s.Chart))
	case about.Size() > archiveLimit:
		err = fmt.Errorf("it is larger than %d MiB", archiveLimit>>20)
	default:
		var data []byte
		if data, err = os.ReadFile(s.Chart); err == nil {
			chart, err = LoadArchive(data)
		}
	}
	if err != nil {
		return nil, &SourceError{Source: s, Kind: ErrBadChart, Err: err}
	}
	return s.versioned(chart)
}

// versioned makes sure that a chart which is where it is, whatever its version, has the one that is asked for.
func (s Source) versioned(chart *Chart) (*Chart, error) {
	if s.Version == "" {
		return chart, nil
	}
	if _, err := s.choose([]string{chart.Version()}); err != nil {
		return nil, err
	}
	return chart, nil
}

// failed makes a *SourceError of an error that is none yet.
func (s Source) failed(err error) error {
	var known *SourceError
	if errors.As(err, &known) {
		return err
	}
	return &SourceError{Source: s, Kind: ErrUnreachable, Err: err}
}

// index is what a chart repository says that it has.
type index struct {
	Entries map[string][]indexEntry `json:"entries"`
}

type indexEntry struct {
	Version string   `json:"version"`
	URLs    []string `json:"urls"`
	Digest  string   `json:"digest"`
}

// fromIndex gets an archive from a repository with an index.yaml.
func (l Loader) fromIndex(ctx context.Context, s Source) ([]byte, error) {
	base := strings.TrimRight(s.Repository, "/") + "/"
	raw, err := get(ctx, l.Client, s, base+"index.yaml", indexLimit)
	if err != nil {
		return nil, err
	}
	var have index
	if err := yaml.Unmarshal(raw, &have); err != nil {
		return nil, &SourceError{Source: s, Kind: ErrBadChart, Err: errors.New("its index.yaml is no YAML that an index has")}
	}
	entries := have.Entries[s.Chart]
	if len(entries) == 0 {
		return nil, &SourceError{Source: s, Kind: ErrChartNotFound}
	}
	var versions []string
	for _, entry := range entries {
		versions = append(versions, entry.Version)
	}
	chosen, err := s.choose(versions)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if entry.Version == chosen {
			return l.fromEntry(ctx, s, base, entry)
		}
	}
	return nil, &SourceError{Source: s, Kind: ErrVersionNotFound}
}

// fromEntry gets what an entry of an index points at.
func (l Loader) fromEntry(ctx context.Context, s Source, base string, entry indexEntry) ([]byte, error) {
	if len(entry.URLs) == 0 {
		return nil, &SourceError{Source: s, Kind: ErrBadChart, Err: errors.New("the index gives no URL for it")}
	}
	from, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	at, err := from.Parse(entry.URLs[0])
	if err != nil {
		return nil, &SourceError{Source: s, Kind: ErrBadChart, Err: errors.New("the index gives a URL that is none")}
	}
	if at.Scheme == "oci" {
		// The tag is in the URL already.
		there := s
		there.Version = ""
		if at.Host != from.Host {
			// Whoever writes the index chooses the address: only a login for that very one is meant for it.
			l.Logins = slices.DeleteFunc(slices.Clone(l.Logins), func(o Login) bool { return o.Prefix == "" })
			if there.Username, there.Password, err = l.credentials(at.String()); err != nil {
				return nil, err
			}
		}
		return pull(ctx, l.Client, there, at.String())
	}
	data, err := get(ctx, l.Client, s, at.String(), archiveLimit)
	if err != nil {
		return nil, err
	}
	if want := strings.TrimPrefix(entry.Digest, "sha256:"); want != "" {
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != want {
			return nil, &SourceError{Source: s, Kind: ErrBadChart, Err: fmt.Errorf("%s has another digest than the index promises", path.Base(at.Path))}
		}
	}
	return data, nil
}

// get reads a document. The credentials go to the source's own host alone.
func get(ctx context.Context, client *http.Client, s Source, address string, limit int64) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	if request.URL.Scheme != "https" && request.URL.Scheme != "http" {
		return nil, fmt.Errorf("%q is neither an https nor an oci address", address)
	}
	if s.Username+s.Password != "" && sameHost(request.URL, s.home()) {
		request.SetBasicAuth(s.Username, s.Password)
	}
	response, err := client.Do(request)
	if err != nil {
		var requested *url.Error
		if errors.As(err, &requested) {
			err = requested.Err // its URL may carry what a repository put there to sign it
		}
		return nil, fmt.Errorf("%s: %w", request.URL.Host, err)
	}
	defer func() { _ = response.Body.Close() }()
	if kind := kindOf(response.StatusCode); kind != nil {
		return nil, &SourceError{Source: s, Kind: kind, Err: fmt.Errorf("%s answers %s", request.URL.Host, response.Status)}
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, &SourceError{Source: s, Kind: ErrBadChart, Err: fmt.Errorf("%s broke off in the middle of %s", request.URL.Host, path.Base(request.URL.Path))}
	case err != nil:
		return nil, fmt.Errorf("%s: %w", request.URL.Host, err)
	case int64(len(data)) > limit:
		return nil, &SourceError{Source: s, Kind: ErrBadChart, Err: fmt.Errorf("%s is larger than %d MiB", path.Base(request.URL.Path), limit>>20)}
	}
	return data, nil
}

// kindOf says what a status means, nil for success.
func kindOf(status int) error {
	switch status {
	case http.StatusOK:
		return nil
	case http.StatusUnauthorized, http.StatusForbidden:
		return ErrUnauthorized
	case http.StatusNotFound, http.StatusGone:
		return ErrChartNotFound
	default:
		return ErrUnreachable
	}
}

// home is the address that the source itself names.
func (s Source) home() string {
	if s.Repository != "" {
		return s.Repository
	}
	return s.Chart
}

func sameHost(at *url.URL, address string) bool {
	own, err := url.Parse(address)
	return err == nil && own.Scheme == at.Scheme && own.Host == at.Host
}
