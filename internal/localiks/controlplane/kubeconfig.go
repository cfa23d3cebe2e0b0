package controlplane

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// masters is the group that may do everything.
const masters = "system:masters"

// identity is a user with the certificate that proves it.
type identity struct {
	user             string
	certificate, key []byte
}

func (a *authority) identity(user string, groups ...string) (identity, error) {
	certificate, key, err := a.client(user, groups...)
	return identity{user: user, certificate: certificate, key: key}, err
}

// kubeconfig is a file with one cluster, one user and one context, all data inside.
func kubeconfig(cluster, server string, ca []byte, who identity) ([]byte, error) {
	content, err := clientcmd.Write(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{cluster: {Server: server, CertificateAuthorityData: ca}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{who.user: {ClientCertificateData: who.certificate, ClientKeyData: who.key}},
		Contexts:       map[string]*clientcmdapi.Context{cluster: {Cluster: cluster, AuthInfo: who.user}},
		CurrentContext: cluster,
	})
	if err != nil {
		return nil, fmt.Errorf("kubeconfig of %s: %w", who.user, err)
	}
	return content, nil
}

// writeKubeconfig puts the kubeconfig of a new identity into a folder and gives its path.
func writeKubeconfig(folder, cluster string, a access, user string, groups ...string) (string, error) {
	who, err := a.authority.identity(user, groups...)
	if err != nil {
		return "", err
	}
	content, err := kubeconfig(cluster, a.server, a.authority.bundle(), who)
	if err != nil {
		return "", err
	}
	file := filepath.Join(folder, "kubeconfig-"+strings.ReplaceAll(user, ":", "-"))
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return "", fmt.Errorf("kubeconfig of %s: %w", user, err)
	}
	return file, nil
}

// restConfig is a connection without a limit of its own.
func restConfig(a access, who identity, userAgent string) *rest.Config {
	return &rest.Config{
		Host:      a.server,
		UserAgent: userAgent,
		QPS:       -1,
		TLSClientConfig: rest.TLSClientConfig{
			CAData: a.authority.bundle(), CertData: who.certificate, KeyData: who.key,
		},
	}
}
