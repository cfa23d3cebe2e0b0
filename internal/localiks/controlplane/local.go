package controlplane

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"k8s.io/client-go/util/keyutil"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/process"
	"github.com/iks-patterns/terraform-provider-iks/internal/tools/build"
)

// Names of the programs, as internal/tools/build knows them.
const (
	etcd              = "etcd"
	kubeAPIServer     = "kube-apiserver"
	controllerManager = "kube-controller-manager"
	scheduler         = "kube-scheduler"
	kwok              = "kwok"
	calicoAPIServer   = "calico-apiserver"
	calicoFiles       = "calico-files"
)

// oneProcessor is for the programs beside the API server. With one they do the same
// with a quarter less of a processor's time, for they do not wake threads that find
// nothing to do, and many of them share a machine.
const oneProcessor = "GOMAXPROCS=1"

// etcdSocket is where etcd listens, in its folder.
const etcdSocket = "client:0"

// local is a control plane of programs that this process starts.
type local struct {
	options   Options
	processes *process.Group
	access    access
	apiPort   *port
	calico    *port             // nil until the Calico API server runs
	programs  map[string]string // name -> path
	store     *store            // what etcd holds
	initial   content           // what it held at the end of the start
}

func newLocal(o Options) (*local, error) {
	if _, err := os.Stat(filepath.Join(o.Dir, etcd)); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has served another control plane, give each a new folder", o.Dir)
	}
	processes, err := process.New(o.Dir, func(name string, err error) {
		_, _ = fmt.Fprintf(o.Log, "control plane %s: %s ended unasked: %v\n", o.Name, name, err)
	})
	if err != nil {
		return nil, err
	}
	store, err := newStore(o.Dir)
	if err != nil {
		return nil, err
	}
	return &local{options: o, processes: processes, store: store}, nil
}

func (l *local) serve(ctx context.Context, s *steps) (access, error) {
	if err := s.run("programs", func() error { return l.findPrograms(ctx) }); err != nil {
		return access{}, err
	}
	if err := s.run("certificates", l.prepare); err != nil {
		return access{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	return l.access, s.run(kubeAPIServer, func() error {
		if err := l.startEtcd(); err != nil {
			return err
		}
		if err := l.startAPI(ctx); err != nil {
			return err
		}
		return l.ready(ctx)
	})
}

// findPrograms looks up the paths of all programs and builds what is missing.
func (l *local) findPrograms(ctx context.Context) error {
	l.programs = map[string]string{}
	for _, name := range []string{etcd, kubeAPIServer, controllerManager, scheduler, kwok, calicoFiles, calicoAPIServer} {
		path, err := build.Path(ctx, name)
		if err != nil {
			return err
		}
		l.programs[name] = path
	}
	return nil
}

// prepare reserves the port and writes all files that the API server reads.
func (l *local) prepare() error {
	var err error
	if l.apiPort, err = reservePort(); err != nil {
		return err
	}
	l.access.server = fmt.Sprintf("https://127.0.0.1:%d", l.apiPort.number)
	l.access.audit = filepath.Join(l.options.Dir, "logs", "audit.log")
	if l.access.authority, err = newAuthority("localiks " + l.options.Name); err != nil {
		return err
	}
	certificate, key, err := l.access.authority.server(kubeAPIServer,
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
	if err != nil {
		return err
	}
	if err := writePair(l.options.Dir, "apiserver", certificate, key); err != nil {
		return err
	}
	if certificate, key, err = l.access.authority.client("front-proxy"); err != nil {
		return err
	}
	if err := writePair(l.options.Dir, "front-proxy", certificate, key); err != nil {
		return err
	}
	accounts, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("key of the service accounts: %w", err)
	}
	accountsPEM, err := keyutil.MarshalPrivateKeyToPEM(accounts)
	if err != nil {
		return fmt.Errorf("key of the service accounts: %w", err)
	}
	files := map[string][]byte{
		"ca.crt":            l.access.authority.bundle(),
		"sa.key":            accountsPEM,
		"audit-policy.yaml": []byte(auditPolicy),
	}
	if l.options.TokenReviewURL != "" {
		files["token-review"] = []byte(fmt.Sprintf(tokenReviewConfig, l.options.TokenReviewURL))
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(l.options.Dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// startEtcd runs etcd on sockets in the folder: no port that somebody else
// could have, and no API server that finds a stranger's etcd.
func (l *local) startEtcd() error {
	const client, peer = "unix://" + etcdSocket, "unix://peer:0"
	return l.processes.Start(etcd, l.programs[etcd], []string{oneProcessor},
		"--data-dir", etcd, "--unsafe-no-fsync", "--log-level", "warn",
		"--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer)
}

func (l *local) startAPI(context.Context) error {
	services := "172.21.0.0/16"
	if l.options.DualStack {
		services += ",fd21::/112"
	}
	args := []string{
		"--etcd-servers", "unix://" + etcdSocket,
		"--bind-address", "127.0.0.1", "--secure-port", fmt.Sprint(l.apiPort.number), "--permit-port-sharing",
		"--endpoint-reconciler-type", "none", // the loopback address would be refused as an endpoint
		"--tls-cert-file", "apiserver.crt", "--tls-private-key-file", "apiserver.key", "--client-ca-file", "ca.crt",
		"--requestheader-client-ca-file", "ca.crt", "--requestheader-allowed-names", "front-proxy",
		"--requestheader-extra-headers-prefix", "X-Remote-Extra-", "--requestheader-group-headers", "X-Remote-Group",
		"--requestheader-username-headers", "X-Remote-User",
		"--proxy-client-cert-file", "front-proxy.crt", "--proxy-client-key-file", "front-proxy.key",
		"--service-account-issuer", "https://kubernetes.default.svc",
		"--service-account-key-file", "sa.key", "--service-account-signing-key-file", "sa.key",
		"--authorization-mode", "RBAC", "--service-cluster-ip-range", services, "--allow-privileged",
		// Pods may be made before their namespace's service account is; and
		// nodes are born ready, no taint must be taken off each of a thousand.
		"--disable-admission-plugins", "ServiceAccount,TaintNodesByCondition",
		"--audit-policy-file", "audit-policy.yaml", "--audit-log-path", l.access.audit,
		"--audit-log-maxsize", "100000", // megabytes: never rotated, positions in it stay true
		"--profiling=false",
	}
	if l.options.TokenReviewURL != "" {
		args = append(args, "--authentication-token-webhook-config-file", "token-review",
			"--authentication-token-webhook-version", "v1",
			// Short, so that a token which expires is soon refused: what remains is
			// the API server's own memory of 10 seconds.
			"--authentication-token-webhook-cache-ttl", "1s")
	}
	// Most of what a start allocates is garbage soon: collecting it more seldom
	// spares a fifth of its 3.7 s of CPU time.
	memory := []string{"GOGC=400", "GOMEMLIMIT=1GiB"}
	return l.processes.Start(kubeAPIServer, l.programs[kubeAPIServer], memory, args...)
}

const tokenReviewConfig = `apiVersion: v1
kind: Config
clusters: [{name: tokens, cluster: {server: %q}}]
users: [{name: tokens, user: {}}]
contexts: [{name: tokens, context: {cluster: tokens, user: tokens}}]
current-context: tokens
`

// ready waits until the API server, and not a stranger on its port, says that
// it is ready: the certificate must be from this cluster's own authority.
func (l *local) ready(ctx context.Context) error {
	who, err := l.access.authority.identity("localiks-start", masters)
	if err != nil {
		return err
	}
	return readyz(ctx, restConfig(l.access, who, "localiks"), l.processes.Check)
}

func (l *local) pause(context.Context) error {
	return l.processes.Freeze(kubeAPIServer)
}

func (l *local) resume(context.Context) error {
	return l.processes.Thaw(kubeAPIServer)
}

func (l *local) stopAPI(context.Context) error {
	l.processes.Stop(kubeAPIServer)
	return nil
}

func (l *local) check() error { return l.processes.Check() }

func (l *local) started(ctx context.Context) (err error) {
	l.initial, err = l.content(ctx)
	return err
}

func (l *local) stop() error {
	l.processes.Close()
	l.store.close()
	for _, port := range []*port{l.apiPort, l.calico} {
		if port != nil {
			port.release()
		}
	}
	return nil
}
