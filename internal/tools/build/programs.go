package build

import (
	"fmt"
	"sort"
	"strings"
)

// Groups of programs that are wanted together. A group may stand wherever a
// program's name may.
const (
	GroupAll       = "all"       // everything that a demo or a test run needs
	GroupCluster   = "cluster"   // control plane, kwok, Calico
	GroupDeveloper = "developer" // linters, generators, test runner
	GroupTests     = "tests"     // what tests run beside the provider, and a demo does not
	GroupPackets   = "packets"   // what plays a worker's data plane; not in "all"
)

// Program is something that is made from one of the modules beside this
// package: a binary, files out of the module's source, or both.
type Program struct {
	Name    string   // file name of the binary, unique
	Group   string   // one of the groups, or "" where it is only made by name
	InAll   bool     // part of GroupAll
	Folder  string   // folder below internal/tools that holds its go.mod
	Module  string   // module that gives the version and the files
	Package string   // package main to build; "" where only files are wanted
	Defines []string // -X definitions; {version}, {major}, {minor} are filled in
	Files   []Files
}

// Files is a set of files of the module's source that are kept beside the
// binary, so that nothing needs the module cache afterwards.
type Files struct {
	From string // glob relative to the module's folder
	To   string // folder beside the binary
}

const (
	kubernetes = "k8s.io/kubernetes"
	calico     = "github.com/projectcalico/calico"
)

// Programs lists everything that can be made, in the order in which it is
// built: what later ones share with earlier ones is compiled once. Those of one
// module stand together, see [Builder.Ensure].
func Programs() []Program {
	var all []Program
	for _, name := range []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"} {
		p := Program{
			Name: name, Group: GroupCluster, InAll: true,
			Folder: "kubernetes", Module: kubernetes, Package: kubernetes + "/cmd/" + name,
			// Without a version clients cannot parse what /version answers.
			Defines: []string{
				"k8s.io/component-base/version.gitVersion={version}",
				"k8s.io/component-base/version.gitMajor={major}",
				"k8s.io/component-base/version.gitMinor={minor}",
				"k8s.io/client-go/pkg/version.gitVersion={version}",
				"k8s.io/client-go/pkg/version.gitMajor={major}",
				"k8s.io/client-go/pkg/version.gitMinor={minor}",
			},
		}
		if name == "kube-proxy" {
			p.Group, p.InAll = GroupPackets, false
		}
		all = append(all, p)
	}
	return append(all,
		Program{
			Name: "calico-files", Group: GroupCluster, InAll: true, Folder: "calico", Module: calico,
			Files: []Files{
				{From: "libcalico-go/config/crd/*.yaml", To: "crd"},
				{From: "manifests/calico.yaml", To: "manifests"},
				{From: "manifests/apiserver.yaml", To: "manifests"},
			},
		},
		Program{
			Name: "calico-apiserver", Group: GroupCluster, InAll: true,
			Folder: "calico", Module: calico, Package: calico + "/apiserver/cmd/apiserver",
		},
		Program{
			Name: "calico-felix", Group: GroupPackets,
			Folder: "calico", Module: calico, Package: calico + "/felix/cmd/calico-felix",
		},
		Program{
			Name: "calicoctl", Group: GroupTests, InAll: true,
			Folder: "calico", Module: calico, Package: calico + "/calicoctl/calicoctl",
		},
		Program{
			Name: "coredns", Group: GroupPackets,
			// A main of its own, with few plugins.
			Folder: "coredns", Module: "github.com/coredns/coredns", Package: ".",
		},
		Program{
			Name: "etcd", Group: GroupCluster, InAll: true,
			// Its own main package has replacements that keep another module
			// from building it, so the folder has a main of its own.
			Folder: "etcd", Module: "go.etcd.io/etcd/server/v3", Package: ".",
		},
		Program{
			Name: "kwok", Group: GroupCluster, InAll: true,
			Folder: "kwok", Module: "sigs.k8s.io/kwok", Package: "sigs.k8s.io/kwok/cmd/kwok",
			Files: []Files{
				{From: "kustomize/stage/node/fast/node-initialize.yaml", To: "stage"},
				{From: "kustomize/stage/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml", To: "stage"},
				{From: "kustomize/stage/pod/fast/pod-*.yaml", To: "stage"},
			},
		},
		Program{
			Name:   "helm",
			Folder: "helm", Module: "helm.sh/helm/v4", Package: "helm.sh/helm/v4/cmd/helm",
		},
		Program{
			Name: "golangci-lint", Group: GroupDeveloper, InAll: true,
			Folder: "golangcilint", Module: "github.com/golangci/golangci-lint/v2",
			Package: "github.com/golangci/golangci-lint/v2/cmd/golangci-lint",
			Defines: []string{"main.version={version}"},
		},
		Program{
			Name: "tfplugindocs", Group: GroupDeveloper, InAll: true,
			Folder: "tfplugindocs", Module: "github.com/hashicorp/terraform-plugin-docs",
			Package: "github.com/hashicorp/terraform-plugin-docs/cmd/tfplugindocs",
		},
		Program{
			Name: "gotestsum", Group: GroupDeveloper, InAll: true,
			Folder: "gotestsum", Module: "gotest.tools/gotestsum", Package: "gotest.tools/gotestsum",
		},
		Program{
			Name: "tofu", InAll: true,
			Folder: "opentofu", Module: "github.com/opentofu/opentofu",
			Package: "github.com/opentofu/opentofu/cmd/tofu",
			Defines: []string{"github.com/opentofu/opentofu/version.dev=no"},
		},
		Program{
			Name:   "goreleaser-config",
			Folder: "goreleaser", Module: "github.com/goreleaser/goreleaser/v2", Package: ".",
		},
	)
}

// Select resolves names of programs and groups to programs, each once, in the
// order of Programs. An unknown name is an error that lists the known ones.
func Select(names ...string) ([]Program, error) {
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = false
	}
	var selected []Program
	for _, p := range Programs() {
		take := false
		for _, key := range p.keys() {
			if _, ok := wanted[key]; ok {
				wanted[key], take = true, true
			}
		}
		if take {
			selected = append(selected, p)
		}
	}
	var unknown []string
	for name, found := range wanted {
		if !found {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		sort.Strings(unknown)
		return nil, fmt.Errorf("no such program: %s (known: %s)", strings.Join(unknown, ", "), strings.Join(known(), ", "))
	}
	return selected, nil
}

// keys are the names under which a program can be asked for.
func (p Program) keys() []string {
	keys := []string{p.Name}
	if p.Group != "" {
		keys = append(keys, p.Group)
	}
	if p.InAll {
		keys = append(keys, GroupAll)
	}
	return keys
}

func known() []string {
	names := []string{GroupAll, GroupCluster, GroupDeveloper, GroupTests, GroupPackets}
	for _, p := range Programs() {
		names = append(names, p.Name)
	}
	return names
}

// ldflags are the linker's flags for a version such as v1.37.2.
func (p Program) ldflags(version string) string {
	major, rest, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	minor, _, _ := strings.Cut(rest, ".")
	fill := strings.NewReplacer("{version}", version, "{major}", major, "{minor}", minor)
	flags := "-s -w"
	for _, define := range p.Defines {
		flags += " -X " + fill.Replace(define)
	}
	return flags
}
