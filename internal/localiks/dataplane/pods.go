package dataplane

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// pod is a pod that is connected.
type pod struct {
	*Host
	name   string // namespace/name
	worker *Worker
	device string // of the worker, towards the pod
}

// deviceOf is the name that Felix expects a pod's interface to have.
func deviceOf(p *corev1.Pod) string {
	sum := sha1.Sum([]byte(p.Namespace + "." + p.Name))
	return "cali" + hex.EncodeToString(sum[:])[:11]
}

// Pod gives a connected pod of the cluster by namespace/name, nil if there is none.
func (c *Cluster) Pod(name string) *Host {
	c.follow.mu.Lock()
	defer c.follow.mu.Unlock()
	for _, p := range c.follow.plugged {
		if p.name == name {
			return p.Host
		}
	}
	return nil
}

// Pods are the connected pods of a namespace, by name.
func (c *Cluster) Pods(namespace string) []*Host {
	c.follow.mu.Lock()
	defer c.follow.mu.Unlock()
	var list []*Host
	for _, p := range c.follow.plugged {
		if strings.HasPrefix(p.name, namespace+"/") {
			list = append(list, p.Host)
		}
	}
	slices.SortFunc(list, func(a, b *Host) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// connect makes the pods that run, and only they, hosts behind their workers.
func (f *follower) connect(ctx context.Context, pods []*corev1.Pod, services []*corev1.Service) error {
	var failures []error
	there := map[types.UID]bool{}
	for _, p := range pods {
		worker := f.cluster.Workers[parse(p.Spec.NodeName)]
		forReal := f.cluster.lab.options.real(p)
		if !runs(p) || p.Spec.HostNetwork && !forReal || worker == nil {
			continue
		}
		there[p.UID] = true
		host := f.known(p.UID)
		if p.Spec.HostNetwork {
			host = worker.Host
		}
		if host == nil {
			var err error
			if host, err = f.plug(ctx, p, worker); err != nil {
				failures = append(failures, fmt.Errorf("pod %s/%s: %w", p.Namespace, p.Name, err))
				continue
			}
		}
		if forReal {
			failures = append(failures, f.keep(ctx, p, host, worker))
			continue
		}
		for _, port := range portsOf(p, services) {
			failures = append(failures, host.Serve(ctx, port.protocol, port.number))
		}
	}
	failures = append(failures, f.give(ctx, there))
	for uid, p := range f.plugged {
		if !there[uid] {
			failures = append(failures, f.unplug(ctx, uid, p))
		}
	}
	return errors.Join(failures...)
}

// keep runs a pod for real from now on.
func (f *follower) keep(ctx context.Context, p *corev1.Pod, host *Host, worker *Worker) error {
	if f.realised[p.UID] != nil {
		return nil
	}
	r, err := f.realise(ctx, p, host, worker)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.realised[p.UID] = r
	return nil
}

// give ends the pods that ran for real and are not there any more, all at the
// same time: some do not listen until they are killed.
func (f *follower) give(ctx context.Context, there map[types.UID]bool) error {
	group := errgroup.Group{}
	for uid, r := range maps.Clone(f.realised) {
		if there[uid] {
			continue
		}
		group.Go(func() error {
			if err := r.stop(ctx); err != nil {
				return err
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			delete(f.realised, uid)
			return nil
		})
	}
	return group.Wait()
}

func (f *follower) known(uid types.UID) *Host {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p := f.plugged[uid]; p != nil {
		return p.Host
	}
	return nil
}

// plug makes a pod's namespace, and the routes to it on the other workers,
// which here all are on one wire.
func (f *follower) plug(ctx context.Context, p *corev1.Pod, worker *Worker) (*Host, error) {
	host, err := newHost(ctx, p.Name)
	if err != nil {
		return nil, err
	}
	host.Address = parse(p.Status.PodIP)
	device := deviceOf(p)
	six := podIPv6(host.Address)
	err = host.IP(ctx,
		fmt.Sprintf("link add eth0 type veth peer name %s netns %s", device, worker.Path()),
		fmt.Sprintf("addr add %s/32 dev eth0", host.Address), fmt.Sprintf("addr add %s/128 dev eth0 nodad", six), "link set eth0 up",
		"route add 169.254.1.1 dev eth0 scope link", "route add default via 169.254.1.1", "route add default via fe80::1 dev eth0")
	if err == nil {
		err = worker.IP(ctx, fmt.Sprintf("addr add fe80::1/64 dev %s nodad", device), fmt.Sprintf("link set %s up", device))
	}
	for _, other := range f.cluster.Workers {
		if err == nil && other != worker {
			err = other.IP(ctx, fmt.Sprintf("route replace %s via %s dev %s onlink", host.Address, worker.Address, privateDevice),
				fmt.Sprintf("route replace %s via %s dev %s onlink", six, worker.PrivateIPv6(), privateDevice))
		}
	}
	if err == nil {
		err = f.tell(ctx, p, six)
	}
	if err != nil {
		return nil, errors.Join(err, host.Close())
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plugged[p.UID] = &pod{Host: host, name: p.Namespace + "/" + p.Name, worker: worker, device: device}
	return host, nil
}

// podIPv6 is the IPv6 address of the pod that has an IPv4 address.
func podIPv6(address netip.Addr) netip.Addr { return parse("fd30::" + address.String()) }

// tell says in the pod's status that it has an IPv6 address as well.
func (f *follower) tell(ctx context.Context, p *corev1.Pod, six netip.Addr) error {
	status := fmt.Appendf(nil, `{"status":{"podIPs":[{"ip":%q},{"ip":%q}]}}`, p.Status.PodIP, six)
	_, err := f.client.CoreV1().Pods(p.Namespace).Patch(ctx, p.Name, types.MergePatchType, status, metav1.PatchOptions{}, "status")
	if apierrors.IsNotFound(err) {
		return nil // the informer will hear of it
	}
	return err
}

// unplug takes away what plug made. Another pod may have the address by now.
func (f *follower) unplug(ctx context.Context, uid types.UID, p *pod) error {
	f.mu.Lock()
	delete(f.plugged, uid)
	f.mu.Unlock()
	return errors.Join(p.worker.IP(ctx, "link del "+p.device), p.Close())
}

// port is where a pod serves.
type port struct {
	protocol string
	number   uint16
}

// portsOf are the ports that a pod declares, and those that services send to it.
func portsOf(p *corev1.Pod, services []*corev1.Service) []port {
	var ports []port
	for _, container := range p.Spec.Containers {
		for _, declared := range container.Ports {
			ports = append(ports, port{protocolOf(declared.Protocol), uint16(declared.ContainerPort)})
		}
	}
	for _, s := range services {
		if s.Namespace != p.Namespace || len(s.Spec.Selector) == 0 || !labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(p.Labels)) {
			continue
		}
		for _, sent := range s.Spec.Ports {
			if sent.TargetPort.Type == intstr.Int {
				ports = append(ports, port{protocolOf(sent.Protocol), uint16(sent.TargetPort.IntVal)})
			}
		}
	}
	return ports
}

func protocolOf(p corev1.Protocol) string {
	if p == corev1.ProtocolUDP {
		return UDP
	}
	return TCP
}
