package helm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

const (
	manifestLimit = 1 << 20
	// tagsLimit bounds what is read of a chart's versions.
	tagsLimit = 10000
)

// chartTypes are what the layer with the chart is called, now and in early days.
var chartTypes = []string{"application/vnd.cncf.helm.chart.content.v1.tar+gzip", "application/tar+gzip"}

// pull gets an archive from an OCI registry. reference may carry a tag or a digest.
func pull(ctx context.Context, client *http.Client, s Source, reference string) ([]byte, error) {
	repository, err := remote.NewRepository(strings.TrimPrefix(reference, "oci://"))
	if err != nil {
		return nil, &SourceError{Source: s, Kind: ErrChartNotFound, Err: errors.New("this is not a reference to a registry")}
	}
	repository.Client = &auth.Client{
		Client: client,
		Credential: auth.StaticCredential(repository.Reference.Host(), auth.Credential{
			Username: s.Username, Password: s.Password,
		}),
		Cache: auth.NewCache(),
	}
	tag := repository.Reference.Reference
	if tag == "" {
		if tag, err = tagOf(ctx, repository, s); err != nil {
			return nil, ociError(s, repository.Reference.Host(), err)
		}
	}
	data, err := layer(ctx, repository, s, tag)
	if err != nil {
		return nil, ociError(s, repository.Reference.Host(), err)
	}
	return data, nil
}

// tagOf finds the tag of the version that is asked for. A tag cannot have a plus, which versions can; Helm writes an
// underscore.
func tagOf(ctx context.Context, repository *remote.Repository, s Source) (string, error) {
	var versions []string
	err := repository.Tags(ctx, "", func(tags []string) error {
		for _, tag := range tags {
			versions = append(versions, strings.ReplaceAll(tag, "_", "+"))
		}
		if len(versions) > tagsLimit {
			return fmt.Errorf("it has more than %d tags", tagsLimit)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	version, err := s.choose(versions)
	return strings.ReplaceAll(version, "+", "_"), err
}

func layer(ctx context.Context, repository *remote.Repository, s Source, tag string) ([]byte, error) {
	bad := func(format string, arguments ...any) error {
		return &SourceError{Source: s, Kind: ErrBadChart, Err: fmt.Errorf(format, arguments...)}
	}
	described, err := repository.Resolve(ctx, tag)
	if err != nil {
		return nil, err
	}
	if described.Size > manifestLimit {
		return nil, bad("its manifest is larger than %d MiB", manifestLimit>>20)
	}
	raw, err := content.FetchAll(ctx, repository, described)
	if err != nil {
		return nil, err
	}
	var manifest ocispec.Manifest
	if err := json.Unmarshal(raw, &manifest); err != nil {
		return nil, bad("its manifest is no JSON")
	}
	for _, blob := range manifest.Layers {
		if !slices.Contains(chartTypes, blob.MediaType) {
			continue
		}
		if blob.Size > archiveLimit {
			return nil, bad("it is larger than %d MiB", archiveLimit>>20)
		}
		return content.FetchAll(ctx, repository, blob)
	}
	return nil, bad("no layer of it is a Helm chart")
}

// ociError says what an error of the registry at a host means.
func ociError(s Source, host string, err error) error {
	var known *SourceError
	var answered *errcode.ErrorResponse
	var requested *url.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, auth.ErrBasicCredentialNotFound):
		return &SourceError{Source: s, Kind: ErrUnauthorized, Err: fmt.Errorf("registry %s wants a user name and a password", host)}
	case errors.As(err, &answered):
		kind := kindOf(answered.StatusCode)
		if kind == nil {
			kind = ErrBadChart
		}
		return &SourceError{Source: s, Kind: kind, Err: fmt.Errorf("%s answers %d %s", answered.URL.Host, answered.StatusCode, http.StatusText(answered.StatusCode))}
	case errors.Is(err, errdef.ErrNotFound):
		return &SourceError{Source: s, Kind: ErrVersionNotFound}
	case errors.Is(err, content.ErrMismatchedDigest), errors.Is(err, content.ErrTrailingData), errors.Is(err, content.ErrInvalidDescriptorSize),
		errors.Is(err, io.ErrUnexpectedEOF):
		return &SourceError{Source: s, Kind: ErrBadChart, Err: errors.New("what the registry gave is not what its manifest promises")}
	case errors.As(err, &requested):
		err = requested.Err
	}
	return &SourceError{Source: s, Kind: ErrUnreachable, Err: err}
}
