package isolation

import (
	"cmp"
	"context"
	_ "embed" // for the script
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// canary is a pod that tries, on new connections, what every pod needs: DNS and
// the API server. It runs to its end and tells by its exit code.
type canary struct {
	image, namespace string
	// command takes the place of the script, if it is set.
	command []string
	network string
}

// What a canary that tries once may take until its image is there and it has
// ended, and what taking it away may.
const (
	canaryStart  = 90 * time.Second
	canaryRemove = 15 * time.Second
)

// canaryScript is what the canary runs: a POSIX shell with nslookup, nc, grep
// and timeout, as busybox has them.
//
//go:embed canary.sh
var canaryScript string

// name of the pod: one for each network, so that one which a killed apply has
// left is found.
func (c canary) name() string { return "iks-isolation-canary-" + c.network }

// pod that tries for as long as that. on is the node that it must run on, where
// its image is already; empty for any.
func (c canary) pod(on string, lasting time.Duration) corev1.Pod {
	no, yes, nobody := false, true, int64(65534)
	deadline := int64((canaryStart + lasting) / time.Second)
	command := c.command
	if len(command) == 0 {
		command = []string{"sh", "-c", canaryScript}
	}
	p := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: c.name(), Namespace: c.namespace,
			Labels: map[string]string{framework.ManagedByLabel: framework.ManagedByValue, "app.kubernetes.io/name": "iks-isolation-canary"},
		},
		Spec: corev1.PodSpec{
			RestartPolicy:                corev1.RestartPolicyNever,
			AutomountServiceAccountToken: &no,
			EnableServiceLinks:           &no,
			ActiveDeadlineSeconds:        &deadline,
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: &yes, RunAsUser: &nobody, RunAsGroup: &nobody,
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			// Also where all workers are edge nodes.
			Tolerations: []corev1.Toleration{{Key: "dedicated", Operator: corev1.TolerationOpExists}},
			Containers: []corev1.Container{{
				Name: "canary", Image: c.image, ImagePullPolicy: corev1.PullIfNotPresent, Command: command,
				Env:                      []corev1.EnvVar{{Name: "CANARY_SECONDS", Value: strconv.Itoa(int(lasting / time.Second))}},
				TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
				Resources: corev1.ResourceRequirements{
					Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("16Mi")},
					Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("64Mi")},
				},
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes, Privileged: &no,
					Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		},
	}
	if on != "" {
		p.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
				MatchFields: []corev1.NodeSelectorRequirement{{Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpIn, Values: []string{on}}},
			}}},
		}}
	}
	return p
}

// run lets the canary try for as long as that, takes it away, and gives the node
// that it ran on. warn hears of one that could not be taken away.
func (c canary) run(ctx context.Context, k *kube.Client, on string, lasting time.Duration, warn func(string)) (node string, err error) {
	ctx, cancel := context.WithTimeout(ctx, canaryStart+lasting)
	defer cancel()
	if err := c.remove(ctx, k); err != nil {
		return "", err
	}
	if _, err := kube.Create(ctx, k, kube.Pods, c.pod(on, lasting), kube.WriteOptions{}); err != nil {
		return "", fmt.Errorf("the canary %s/%s could not be made: %w", c.namespace, c.name(), err)
	}
	defer func() {
		after, cancel := context.WithTimeout(context.WithoutCancel(ctx), canaryRemove)
		defer cancel()
		if left := c.remove(after, k); left != nil {
			warn(fmt.Sprintf("Pod %s/%s could not be taken away, it ends by itself: %v.", c.namespace, c.name(), left))
		}
	}()
	err = kube.Wait(ctx, kube.WaitOptions{Max: time.Second}, func(ctx context.Context) (bool, string, error) {
		p, err := kube.Get(ctx, k, kube.Pods, c.namespace, c.name())
		if err != nil {
			return false, "", err
		}
		node = p.Spec.NodeName
		return c.verdict(p)
	})
	if err != nil {
		return "", fmt.Errorf("the canary %s/%s: %w", c.namespace, c.name(), err)
	}
	return node, nil
}

// remove takes away the canary, also one that an earlier apply has left.
func (c canary) remove(ctx context.Context, k *kube.Client) error {
	now := int64(0)
	return kube.Wait(ctx, kube.WaitOptions{Max: time.Second}, func(ctx context.Context) (bool, string, error) {
		p, err := kube.Get(ctx, k, kube.Pods, c.namespace, c.name())
		switch {
		case apierrors.IsNotFound(err):
			return true, "", nil
		case err != nil:
			return false, "", err
		case p.Labels[framework.ManagedByLabel] != framework.ManagedByValue:
			return false, "", fmt.Errorf("there is a pod %s/%s that this provider has not made; the canary needs its name", c.namespace, c.name())
		}
		err = kube.Delete(ctx, k, kube.Pods, c.namespace, c.name(), kube.DeleteOptions{GracePeriodSeconds: &now})
		if err != nil && !apierrors.IsNotFound(err) {
			return false, "", err
		}
		return false, "it is still there", nil
	})
}

// verdict reads what became of the canary: whether it is at its end, what it
// waits for, and why it failed.
func (c canary) verdict(p corev1.Pod) (done bool, state string, err error) {
	status := corev1.ContainerStatus{}
	if len(p.Status.ContainerStatuses) > 0 {
		status = p.Status.ContainerStatuses[0]
	}
	switch p.Status.Phase {
	case corev1.PodSucceeded:
		return true, "", nil
	case corev1.PodFailed:
		if ended := status.State.Terminated; ended != nil && p.Status.Reason == "" {
			return false, "", fmt.Errorf("it ended with exit code %d: %s", ended.ExitCode, said(ended.Message, ended.Reason))
		}
		return false, "", fmt.Errorf("it was ended: %s", said(p.Status.Reason, p.Status.Message))
	}
	if waits := status.State.Waiting; waits != nil {
		switch waits.Reason {
		case "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError", "CreateContainerError":
			return false, "", fmt.Errorf("image %s cannot be run: %s", c.image, said(waits.Reason, waits.Message))
		}
		return false, "it waits: " + said(waits.Reason, waits.Message), nil
	}
	for _, condition := range p.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			return false, "it waits for a node: " + said(condition.Reason, condition.Message), nil
		}
	}
	return false, "it is " + said(string(p.Status.Phase)), nil
}

// said joins a reason and a message as the kubelet gives them.
func said(parts ...string) string {
	return cmp.Or(strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ": "), "nobody says why")
}
