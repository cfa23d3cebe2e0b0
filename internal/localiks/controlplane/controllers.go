package controlplane

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/process"
)

func (l *local) control(ctx context.Context, s *steps) error {
	err := s.run("controllers", func() error {
		if err := l.startManager(); err != nil {
			return err
		}
		planner, err := writeKubeconfig(l.options.Dir, l.options.Name, l.access, "system:kube-scheduler")
		if err != nil {
			return err
		}
		err = l.processes.Start(scheduler, l.programs[scheduler], []string{oneProcessor},
			"--kubeconfig", planner, "--leader-elect=false", "--secure-port", "0", "--profiling=false",
			"--kube-api-qps", "1000", "--kube-api-burst", "1000")
		if err != nil {
			return err
		}
		if err := startKwok(l.processes, l.programs[kwok], l.options, l.access, "--manage-all-nodes"); err != nil {
			return err
		}
		return l.controllersReady(ctx)
	})
	return err
}

func (l *local) startManager() error {
	config, err := writeKubeconfig(l.options.Dir, l.options.Name, l.access, "system:kube-controller-manager", masters)
	if err != nil {
		return err
	}
	return l.processes.Start(controllerManager, l.programs[controllerManager], []string{oneProcessor},
		"--kubeconfig", config, "--service-account-private-key-file", "sa.key", "--root-ca-file", "ca.crt",
		"--leader-elect=false", "--secure-port", "0", "--profiling=false",
		"--flex-volume-plugin-dir", "volume-plugins", // it makes this folder, elsewhere in the system if not told
		"--controllers", controllers(),
		// kwok gives a sign of life every ten minutes.
		"--node-monitor-period", "1s", "--node-monitor-grace-period", "1h",
		// The default of 20 a second would make a thousand nodes wait for a minute.
		"--kube-api-qps", "1000", "--kube-api-burst", "1000")
}

// controllersReady waits for the first thing that controllers make by
// themselves.
func (l *local) controllersReady(ctx context.Context) error {
	who, err := l.access.authority.identity("localiks-start", masters)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(restConfig(l.access, who, "localiks"))
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	return until(ctx, func(ctx context.Context) error {
		_, err := client.CoreV1().ServiceAccounts(corev1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}

// startKwok runs kwok, which plays the nodes that are selected and their pods.
func startKwok(p *process.Group, path string, o Options, a access, selectNodes ...string) error {
	config, err := writeKubeconfig(o.Dir, o.Name, a, "localiks-kwok", masters)
	if err != nil {
		return err
	}
	args := append([]string{
		"--kubeconfig", config, "--cidr", "172.30.0.0/16", "--node-ip", "10.0.0.1",
		"--node-lease-duration-seconds", "0", // no leases to renew for each of a thousand nodes
		"-v", "WARN",
	}, selectNodes...)
	stages, err := filepath.Glob(filepath.Join(filepath.Dir(path), "stage", "*.yaml"))
	if err != nil {
		return fmt.Errorf("kwok's stages: %w", err)
	}
	slices.Sort(stages)
	for _, stage := range stages {
		args = append(args, "--config", stage)
	}
	return p.Start(kwok, path, []string{oneProcessor}, args...)
}

// controllers are all but those of objects that nothing here is about. Each
// watches kinds of its own, in every new controller manager.
func controllers() string {
	all := []string{"*"}
	for _, without := range []string{
		"ttl", // annotates all nodes anew at each threshold of their number
		"bootstrap-signer", "token-cleaner", "legacy-serviceaccount-token-cleaner",
		"certificatesigningrequest-approving", "certificatesigningrequest-cleaner", "certificatesigningrequest-signing",
		"kube-apiserver-serving-clustertrustbundle-publisher", "podcertificaterequest-cleaner",
		"cronjob", "horizontal-pod-autoscaler", "ttl-after-finished",
		"ephemeral-volume", "persistentvolume-attach-detach", "persistentvolume-binder", "persistentvolume-expander",
		"persistentvolume-protection", "persistentvolumeclaim-protection", "selinux-warning", "volumeattributesclass-protection",
		"device-taint-eviction", "resourceclaim", "resourcepoolstatusrequest", "podgroup-protection",
		"storage-version-migrator", "storageversion-garbage-collector",
	} {
		all = append(all, "-"+without+"-controller")
	}
	return strings.Join(all, ",")
}
