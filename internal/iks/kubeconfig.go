package iks

import (
	"archive/zip"
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// Bounds on the archive: a real one is some ten kilobytes and holds five files.
const (
	maxArchive        = 4 << 20
	maxArchiveEntries = 64
	maxArchiveFile    = 1 << 20
	maxArchiveTotal   = 4 << 20
)

// parseKubeconfigArchive reads the zip that IKS gives: a kubeconfig, and beside
// it the certificates and keys that it names by file. Both layouts are read: of
// the first API, in one directory, and of the second, flat. Nothing is written,
// and no error quotes the content.
func parseKubeconfigArchive(archive []byte) (Access, error) {
	files, err := unzip(archive)
	if err != nil {
		return Access{}, err
	}
	config, err := findKubeconfig(files)
	if err != nil {
		return Access{}, err
	}
	cluster, user := config.current()
	access := Access{
		Server:            cluster.Server,
		CACertificate:     pick(cluster.CAData, files[path.Base(cluster.CAFile)]),
		Token:             first(user.Token, user.AuthProvider.Config.IDToken),
		ClientCertificate: pick(user.CertificateData, files[path.Base(user.CertificateFile)], files["admin.pem"]),
		ClientKey:         pick(user.KeyData, files[path.Base(user.KeyFile)], files["admin-key.pem"]),
	}
	if len(access.CACertificate) == 0 {
		access.CACertificate = lonelyCA(files)
	}
	access.TokenExpiry = tokenExpiry(access.Token)
	if err := access.check(); err != nil {
		return Access{}, err
	}
	return access, nil
}

// unzip gives the archive's files by their base names.
func unzip(archive []byte) (map[string][]byte, error) {
	reader, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, errors.New("the kubeconfig that IKS sent is not a zip archive")
	}
	if len(reader.File) > maxArchiveEntries {
		return nil, fmt.Errorf("the kubeconfig archive has %d entries, more than %d", len(reader.File), maxArchiveEntries)
	}
	files, total := map[string][]byte{}, 0
	for _, entry := range reader.File {
		if entry.FileInfo().IsDir() {
			continue
		}
		content, err := readEntry(entry)
		if err != nil {
			return nil, err
		}
		if total += len(content); total > maxArchiveTotal {
			return nil, fmt.Errorf("the kubeconfig archive unpacks to more than %d bytes", maxArchiveTotal)
		}
		files[path.Base(entry.Name)] = content
	}
	return files, nil
}

// readEntry reads what is there rather than what the header promises.
func readEntry(entry *zip.File) ([]byte, error) {
	r, err := entry.Open()
	if err != nil {
		return nil, errors.New("the kubeconfig archive cannot be unpacked")
	}
	content, err := io.ReadAll(io.LimitReader(r, maxArchiveFile+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, errors.New("the kubeconfig archive is damaged")
	}
	if len(content) > maxArchiveFile {
		return nil, fmt.Errorf("a file of the kubeconfig archive unpacks to more than %d bytes", maxArchiveFile)
	}
	return content, nil
}

// kubeconfig is what we need of one. An exec plugin in it is never run.
type kubeconfig struct {
	CurrentContext string `json:"current-context"`
	Contexts       []struct {
		Name    string `json:"name"`
		Context struct {
			Cluster string `json:"cluster"`
			User    string `json:"user"`
		} `json:"context"`
	} `json:"contexts"`
	Clusters []struct {
		Name    string            `json:"name"`
		Cluster kubeconfigCluster `json:"cluster"`
	} `json:"clusters"`
	Users []struct {
		Name string         `json:"name"`
		User kubeconfigUser `json:"user"`
	} `json:"users"`
}

type kubeconfigCluster struct {
	Server string `json:"server"`
	CAFile string `json:"certificate-authority"`
	CAData []byte `json:"certificate-authority-data"`
}

type kubeconfigUser struct {
	Token           string `json:"token"`
	CertificateFile string `json:"client-certificate"`
	CertificateData []byte `json:"client-certificate-data"`
	KeyFile         string `json:"client-key"`
	KeyData         []byte `json:"client-key-data"`
	AuthProvider    struct {
		Config struct {
			IDToken string `json:"id-token"`
		} `json:"config"`
	} `json:"auth-provider"`
}

func findKubeconfig(files map[string][]byte) (kubeconfig, error) {
	found := false
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if ext := path.Ext(name); ext != ".yaml" && ext != ".yml" {
			continue
		}
		found = true
		var config kubeconfig
		// The YAML library quotes the value it stumbles over: not for an error.
		if yaml.Unmarshal(files[name], &config) == nil && len(config.Clusters) > 0 {
			return config, nil
		}
	}
	if found {
		return kubeconfig{}, errors.New("the kubeconfig in IKS's archive cannot be read")
	}
	return kubeconfig{}, errors.New("there is no kubeconfig in IKS's archive")
}

// current gives the cluster and user of the current context, or the first ones.
func (k kubeconfig) current() (kubeconfigCluster, kubeconfigUser) {
	var clusterName, userName string
	for _, c := range k.Contexts {
		if c.Name == k.CurrentContext {
			clusterName, userName = c.Context.Cluster, c.Context.User
		}
	}
	var cluster kubeconfigCluster
	for i, c := range k.Clusters {
		if i == 0 || c.Name == clusterName {
			cluster = c.Cluster
		}
	}
	var user kubeconfigUser
	for i, u := range k.Users {
		if i == 0 || u.Name == userName {
			user = u.User
		}
	}
	return cluster, user
}

// lonelyCA finds the authority's certificate by the name that IKS gives it.
func lonelyCA(files map[string][]byte) []byte {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasPrefix(name, "ca") && strings.HasSuffix(name, ".pem") {
			return files[name]
		}
	}
	return nil
}

// check demands a server that is reached over TLS, and credentials.
func (a Access) check() error {
	u, err := url.Parse(a.Server)
	if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
		return errors.New("the kubeconfig names no API server with an https address")
	}
	certificate := len(a.ClientCertificate) > 0 && len(a.ClientKey) > 0
	if a.Token == "" && !certificate {
		return errors.New("the kubeconfig holds neither a token nor a client certificate")
	}
	for what, content := range map[string][]byte{"authority's": a.CACertificate, "client's": a.ClientCertificate} {
		if block, _ := pem.Decode(content); block == nil && len(content) > 0 {
			return fmt.Errorf("the %s certificate in the kubeconfig is not PEM", what)
		}
	}
	return nil
}

func pick(candidates ...[]byte) []byte {
	for _, c := range candidates {
		if len(c) > 0 {
			return c
		}
	}
	return nil
}
