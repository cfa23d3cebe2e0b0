package dataplane

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/sandbox"
)

// realised is a pod whose containers run as programs of this machine. kwok says
// of every pod at once that it is ready; of these it is said anew, by what
// their programs and probes say.
type realised struct {
	pod     *corev1.Pod
	host    *Host
	worker  *Worker
	client  kubernetes.Interface
	options Options

	cancel  context.CancelFunc
	running sync.WaitGroup
}

// real says whether a lab has the images of all containers of a pod.
func (o Options) real(p *corev1.Pod) bool {
	all := slices.Concat(p.Spec.InitContainers, p.Spec.Containers)
	return !slices.ContainsFunc(all, func(c corev1.Container) bool {
		_, known := o.Images[c.Image]
		return !known
	})
}

// programRuns is a finalizer of pods whose programs run. kwok removes a pod that
// is deleted at once; with this it stays, and Felix leaves it its network, until
// its programs have said good-bye, as it does on a kubelet.
const programRuns = "localiks/program-runs"

// realise runs a pod until stop.
func (f *follower) realise(ctx context.Context, p *corev1.Pod, h *Host, worker *Worker) (*realised, error) {
	r := &realised{pod: p.DeepCopy(), host: h, worker: worker, client: f.client, options: f.cluster.lab.options}
	if err := r.finalizer(ctx, "finalizers"); err != nil {
		return nil, err
	}
	ctx, r.cancel = context.WithCancel(ctx)
	r.running.Go(func() {
		for ctx.Err() == nil {
			err := r.live(ctx)
			if err == nil {
				return
			}
			if ctx.Err() == nil { // else it was stopped
				_, _ = fmt.Fprintf(r.options.Log, "pod %s/%s, to be started again: %v\n", p.Namespace, p.Name, err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	})
	return r, nil
}

// stop asks the pod's programs to end, waits until they have, and lets the pod go.
func (r *realised) stop(ctx context.Context) error {
	r.cancel()
	r.running.Wait()
	return r.finalizer(context.WithoutCancel(ctx), "$deleteFromPrimitiveList/finalizers")
}

// finalizer writes that of the pod into a list of its metadata, as far as the pod is there.
func (r *realised) finalizer(ctx context.Context, list string) error {
	patch := fmt.Appendf(nil, `{"metadata":{"uid":%q,%q:[%q]}}`, r.pod.UID, list, programRuns)
	_, err := r.client.CoreV1().Pods(r.pod.Namespace).Patch(ctx, r.pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) { // another pod of the name
		return nil
	}
	return err
}

// live runs the pod's programs once. nil says that they have come to their end,
// which stands in the pod's status.
func (r *realised) live(ctx context.Context) error {
	if err := r.say(ctx, unready); err != nil {
		return err
	}
	found, err := layoutOf(ctx, r.client, r.pod, r.options.Images)
	if err != nil {
		return err
	}
	account, err := r.account(ctx)
	if err != nil {
		return err
	}
	maps.Copy(found.Files, account)
	found.Resolver = "nameserver " + dnsService + "\nsearch " + r.pod.Namespace + ".svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n"
	s, err := sandbox.New(r.dir(), r.host.Enter, found)
	if err != nil {
		return err
	}
	names := make([]string, len(r.pod.Spec.Containers))
	for i, c := range r.pod.Spec.Containers {
		names[i] = c.Name
	}
	defer func() { s.Close(names...) }()
	for _, c := range r.pod.Spec.InitContainers {
		code, err := s.Run(ctx, c.Name, commandOf(r.pod, c, r.options.argvOf(c), r.worker))
		if err != nil {
			return fmt.Errorf("init container %s: %w", c.Name, err)
		}
		if code != 0 {
			return fmt.Errorf("init container %s ended with exit code %d: %s", c.Name, code, s.Log(c.Name))
		}
	}
	// Of several containers the first decides; no pod here needs more.
	var ended <-chan error
	for i, c := range r.pod.Spec.Containers {
		heard, err := s.Start(c.Name, commandOf(r.pod, c, r.options.argvOf(c), r.worker))
		if err != nil {
			return err
		}
		if i == 0 {
			ended = heard
		}
	}
	return r.watch(ctx, s, ended)
}

// How often a pod is looked after: until it is ready, and once it is.
const (
	untilReady = 500 * time.Millisecond
	onceReady  = 2 * time.Second
)

// watch says whether the pod is ready until its program ends or ctx does.
func (r *realised) watch(ctx context.Context, s *sandbox.Sandbox, ended <-chan error) error {
	first := r.pod.Spec.Containers[0]
	for ready := false; ; {
		if err := r.refresh(ctx, s); err != nil && ctx.Err() == nil {
			_, _ = fmt.Fprintf(r.options.Log, "pod %s/%s keeps the files that it has: %v\n", r.pod.Namespace, r.pod.Name, err)
		}
		now, err := r.probe(ctx, s, first)
		if err != nil {
			return err
		}
		if now != ready {
			state := unready
			if now {
				state = isReady
			}
			if err := r.say(ctx, state); err != nil {
				return err
			}
			ready = now
		}
		pause := untilReady
		if ready {
			pause = onceReady
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			if r.pod.Spec.RestartPolicy == corev1.RestartPolicyNever {
				return r.say(ctx, func(status *corev1.PodStatus) { over(status, first, sandbox.ExitCode(err), s.Log(first.Name)) })
			}
			return fmt.Errorf("container %s: %w", first.Name, err)
		case <-time.After(pause):
		}
	}
}

// probe runs a container's readiness probe; without one it is ready.
func (r *realised) probe(ctx context.Context, s *sandbox.Sandbox, c corev1.Container) (bool, error) {
	if c.ReadinessProbe == nil || c.ReadinessProbe.Exec == nil {
		return true, nil
	}
	command := commandOf(r.pod, c, c.ReadinessProbe.Exec.Command, r.worker)
	command.Beside = c.Name
	code, err := s.Run(ctx, "probe", command)
	return code == 0, err
}

// refresh brings what ConfigMaps and Secrets say by now into the pod.
func (r *realised) refresh(ctx context.Context, s *sandbox.Sandbox) error {
	now, err := layoutOf(ctx, r.client, r.pod, r.options.Images)
	if apierrors.IsNotFound(err) {
		return nil // what is mounted stays
	}
	if err != nil {
		return err
	}
	return s.Write(now.Files)
}

// say changes the pod's status.
func (r *realised) say(ctx context.Context, change func(*corev1.PodStatus)) error {
	pods := r.client.CoreV1().Pods(r.pod.Namespace)
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		p, err := pods.Get(ctx, r.pod.Name, metav1.GetOptions{})
		if err != nil || p.UID != r.pod.UID {
			return err
		}
		change(&p.Status)
		_, err = pods.UpdateStatus(ctx, p, metav1.UpdateOptions{})
		return err
	})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func unready(status *corev1.PodStatus) { readiness(status, corev1.ConditionFalse) }
func isReady(status *corev1.PodStatus) { readiness(status, corev1.ConditionTrue) }

func readiness(status *corev1.PodStatus, now corev1.ConditionStatus) {
	for i, condition := range status.Conditions {
		if condition.Type == corev1.PodReady || condition.Type == corev1.ContainersReady {
			status.Conditions[i].Status, status.Conditions[i].LastTransitionTime = now, metav1.Now()
		}
	}
	for i := range status.ContainerStatuses {
		status.ContainerStatuses[i].Ready = now == corev1.ConditionTrue
	}
}

// over is the status of a pod whose program has ended and is not to run again.
func over(status *corev1.PodStatus, c corev1.Container, code int, log string) {
	unready(status)
	status.Phase = corev1.PodSucceeded
	reason := "Completed"
	if code != 0 {
		status.Phase, reason = corev1.PodFailed, "Error"
	}
	end := &corev1.ContainerStateTerminated{ExitCode: int32(code), Reason: reason, FinishedAt: metav1.Now()}
	if code != 0 && c.TerminationMessagePolicy == corev1.TerminationMessageFallbackToLogsOnError {
		lines := strings.Split(log, "\n")
		end.Message = strings.Join(lines[max(0, len(lines)-80):], "\n")
	}
	for i := range status.ContainerStatuses {
		if status.ContainerStatuses[i].Name == c.Name {
			status.ContainerStatuses[i].State = corev1.ContainerState{Terminated: end}
		}
	}
}

// RealPod is a pod that runs for real.
type RealPod struct {
	// Name of the pod, Log of its first container.
	Name, Log string
}

// Real are the pods of a namespace that run for real.
func (c *Cluster) Real(namespace string) []RealPod {
	c.follow.mu.Lock()
	defer c.follow.mu.Unlock()
	var list []RealPod
	for _, r := range c.follow.realised {
		if r.pod.Namespace == namespace {
			list = append(list, RealPod{Name: r.pod.Name, Log: sandbox.Log(r.dir(), r.pod.Spec.Containers[0].Name)})
		}
	}
	slices.SortFunc(list, func(a, b RealPod) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// dir is where the pod's programs work.
func (r *realised) dir() string { return filepath.Join(r.worker.dir, "pods", string(r.pod.UID)) }
