package kube

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// kubeconfig is the part of a kubeconfig that is read here. ([]byte is base64 in the file.)
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
	Server        string `json:"server"`
	TLSServerName string `json:"tls-server-name"`
	Insecure      bool   `json:"insecure-skip-tls-verify"`
	CAFile        string `json:"certificate-authority"`
	CAData        []byte `json:"certificate-authority-data"`
	ProxyURL      string `json:"proxy-url"`
}

type kubeconfigUser struct {
	CertificateFile string         `json:"client-certificate"`
	CertificateData []byte         `json:"client-certificate-data"`
	KeyFile         string         `json:"client-key"`
	KeyData         []byte         `json:"client-key-data"`
	Token           string         `json:"token"`
	TokenFile       string         `json:"tokenFile"`
	Username        string         `json:"username"`
	As              string         `json:"as"`
	AuthProvider    map[string]any `json:"auth-provider"`
	Exec            map[string]any `json:"exec"`
}

// ReadKubeconfig reads how to reach a cluster from a kubeconfig file. An empty context means the current one. It only
// reads files: a login by a program or plug-in, by user name and password, or for somebody else is refused, and so is
// a server that is not to be verified. A token file is read again when it is needed.
//
// It stands in for client-go's own loader, which costs 5 MB of program.
func ReadKubeconfig(file, contextName string) (Access, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return Access{}, fmt.Errorf("reading kubeconfig: %w", err)
	}
	access, err := parseKubeconfig(data, filepath.Dir(file), contextName)
	if err != nil {
		return Access{}, fmt.Errorf("kubeconfig %s: %w", file, err)
	}
	return access, nil
}

func parseKubeconfig(data []byte, dir, contextName string) (Access, error) {
	var config kubeconfig
	if yaml.Unmarshal(data, &config) != nil {
		return Access{}, errors.New("it is not a kubeconfig") // the cause could quote a credential
	}
	cluster, user, err := config.find(contextName)
	if err != nil {
		return Access{}, err
	}
	if cluster.Insecure {
		return Access{}, errors.New("insecure-skip-tls-verify is set; give the server's CA certificate instead")
	}
	switch {
	case len(user.Exec) > 0 || len(user.AuthProvider) > 0:
		return Access{}, errors.New("it logs in by a program or plug-in, which is not run here; use a token or a client certificate")
	case user.Username != "":
		return Access{}, errors.New("it logs in by user name and password, which the Kubernetes API does not take any more")
	case user.As != "":
		return Access{}, errors.New("it acts as somebody else, which is not done here")
	}
	access := Access{Host: cluster.Server, TLSServerName: cluster.TLSServerName, ProxyURL: cluster.ProxyURL}
	for _, part := range []struct {
		into *[]byte
		data []byte
		file string
	}{
		{&access.CACertificate, cluster.CAData, cluster.CAFile},
		{&access.ClientCertificate, user.CertificateData, user.CertificateFile},
		{&access.ClientKey, user.KeyData, user.KeyFile},
	} {
		*part.into = part.data
		if len(part.data) > 0 || part.file == "" {
			continue
		}
		if *part.into, err = os.ReadFile(beside(dir, part.file)); err != nil {
			return Access{}, err
		}
	}
	switch {
	case user.TokenFile != "": // wins, as it does for kubectl, since it is kept fresh
		path := beside(dir, user.TokenFile)
		access.Token = func(context.Context, bool) (string, error) {
			token, err := os.ReadFile(path)
			return strings.TrimSpace(string(token)), err
		}
	case user.Token != "":
		access.Token = func(context.Context, bool) (string, error) { return user.Token, nil }
	}
	return access, nil
}

// find gives the cluster and the user of a context.
func (c kubeconfig) find(name string) (cluster kubeconfigCluster, user kubeconfigUser, err error) {
	if name == "" {
		name = c.CurrentContext
	}
	if name == "" {
		return cluster, user, errors.New("it has no current context, and none was named")
	}
	for _, context := range c.Contexts {
		if context.Name != name {
			continue
		}
		found := false
		for _, candidate := range c.Clusters {
			if candidate.Name == context.Context.Cluster {
				cluster, found = candidate.Cluster, true
			}
		}
		if !found {
			return cluster, user, fmt.Errorf("context %q names the cluster %q, which is not there", name, context.Context.Cluster)
		}
		for _, candidate := range c.Users {
			if candidate.Name == context.Context.User {
				return cluster, candidate.User, nil
			}
		}
		return cluster, user, fmt.Errorf("context %q names the user %q, which is not there", name, context.Context.User)
	}
	return cluster, user, fmt.Errorf("it has no context %q", name)
}

// beside takes a path that is not absolute as beside the kubeconfig.
func beside(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
