package fakeiks

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	"sigs.k8s.io/yaml"
)

// configFiles are the parts of a kubeconfig.
type configFiles struct {
	cluster               *cluster
	server                string
	admin, network        bool
	issuer                string
	who                   Identity
	idToken, refreshToken string
}

// file is one member of the archive.
type file struct {
	name string
	data []byte
}

// render gives the kubeconfig in the format zip, yaml or json. In the archive
// the kubeconfig names its certificates as files beside it, in the other
// formats they are inside.
func (f configFiles) render(format, layout string) (raw, error) {
	switch format {
	case "zip":
		data, err := f.archive(layout)
		return raw{kind: "application/zip", data: data}, err
	case "yaml":
		data, err := yaml.Marshal(f.config(true, ""))
		return raw{kind: "application/x-yaml", data: data}, err
	case "json":
		data, err := json.Marshal(f.config(true, ""))
		return raw{kind: "application/json", data: data}, err
	default:
		return raw{}, errBadRequest("Unknown format %q: use json, yaml or zip.", format)
	}
}

// archive makes the zip: flat in v2, one directory "kubeConfig…" in v1.
func (f configFiles) archive(layout string) ([]byte, error) {
	place := f.cluster.location()
	if layout == "v2" && f.cluster.Provider == VPC {
		place = "aaa00"
	}
	ca := fmt.Sprintf("ca-%s-%s.pem", place, f.cluster.Name)
	config, err := yaml.Marshal(f.config(false, ca))
	if err != nil {
		return nil, fmt.Errorf("kubeconfig of %s: %w", f.cluster.Name, err)
	}
	extension, directory := ".yaml", ""
	if layout == "v1" {
		extension, directory = ".yml", "kubeConfig"+secret(4)+"/"
	}
	name := fmt.Sprintf("kube-config-%s-%s%s", place, f.cluster.Name, extension)
	files := []file{{ca, f.cluster.Kubernetes.CA}, {name, config}}
	if f.admin {
		files = append(files, file{"admin.pem", f.cluster.Kubernetes.AdminCertificate}, file{"admin-key.pem", f.cluster.Kubernetes.AdminKey})
	}
	if f.network {
		files = append(files, file{"calicoctl.cfg.template", f.calicoctl(ca)})
	}
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for _, member := range files {
		w, err := archive.Create(directory + member.name)
		if err != nil {
			return nil, fmt.Errorf("kubeconfig archive of %s: %w", f.cluster.Name, err)
		}
		if _, err := w.Write(member.data); err != nil {
			return nil, fmt.Errorf("kubeconfig archive of %s: %w", f.cluster.Name, err)
		}
	}
	if err := archive.Close(); err != nil {
		return nil, fmt.Errorf("kubeconfig archive of %s: %w", f.cluster.Name, err)
	}
	return out.Bytes(), nil
}

// config is the kubeconfig itself.
func (f configFiles) config(inline bool, caFile string) clientcmdv1.Config {
	name := f.cluster.Name + "/" + f.cluster.ID
	cluster := clientcmdv1.Cluster{Server: f.server}
	if inline {
		cluster.CertificateAuthorityData = slices.Clone(f.cluster.Kubernetes.CA)
	} else {
		cluster.CertificateAuthority = caFile
	}
	user, context := f.who.Email, name
	var auth clientcmdv1.AuthInfo
	switch {
	case f.admin && inline:
		auth.ClientCertificateData = slices.Clone(f.cluster.Kubernetes.AdminCertificate)
		auth.ClientKeyData = slices.Clone(f.cluster.Kubernetes.AdminKey)
	case f.admin:
		auth.ClientCertificate, auth.ClientKey = "admin.pem", "admin-key.pem"
	default:
		auth.AuthProvider = &clientcmdv1.AuthProviderConfig{Name: "oidc", Config: map[string]string{
			"client-id": kubeClient, "client-secret": kubeClient, "idp-issuer-url": f.issuer,
			"id-token": f.idToken, "refresh-token": f.refreshToken,
		}}
	}
	if f.admin {
		user, context = "admin", name+"/admin"
	} else if user == "" {
		user = f.who.IAMID
	}
	return clientcmdv1.Config{
		Kind: "Config", APIVersion: "v1", CurrentContext: context,
		Clusters:  []clientcmdv1.NamedCluster{{Name: name, Cluster: cluster}},
		Contexts:  []clientcmdv1.NamedContext{{Name: context, Context: clientcmdv1.Context{Cluster: name, AuthInfo: user, Namespace: "default"}}},
		AuthInfos: []clientcmdv1.NamedAuthInfo{{Name: user, AuthInfo: auth}},
	}
}

// calicoctl is the template that clients render with their directory.
func (f configFiles) calicoctl(ca string) []byte {
	return []byte(strings.Join([]string{
		"apiVersion: projectcalico.org/v3",
		"kind: CalicoAPIConfig",
		"metadata:",
		"spec:",
		`  datastoreType: "kubernetes"`,
		`  k8sAPIEndpoint: "` + f.server + `"`,
		`  k8sCAFile: "{{ .certDir }}/` + ca + `"`,
		`  k8sCertFile: "{{ .certDir }}/admin.pem"`,
		`  k8sKeyFile: "{{ .certDir }}/admin-key.pem"`,
		"",
	}, "\n"))
}
