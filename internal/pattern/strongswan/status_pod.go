package strongswan

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

const (
	// vpnContainer runs strongSwan in the pods of the builtin chart. In those of
	// IBM's it is the first one, whatever its name.
	vpnContainer = "vpn"
	// initiateVariable says in its environment whether the cluster calls.
	initiateVariable = "VPN_INITIATE"
)

// vpnPod is a pod that runs strongSwan.
type vpnPod struct{ *corev1.Pod }

// container is the one that runs strongSwan.
func (p vpnPod) container() *corev1.Container {
	all := p.Spec.Containers
	if len(all) == 0 {
		return &corev1.Container{}
	}
	return &all[max(0, slices.IndexFunc(all, func(c corev1.Container) bool { return c.Name == vpnContainer }))]
}

// initiates tells whether the pod's readiness is a tunnel that carries packets:
// the probe of the builtin chart asks for that where the cluster calls.
func (p vpnPod) initiates() bool {
	return slices.ContainsFunc(p.container().Env, func(e corev1.EnvVar) bool { return e.Name == initiateVariable && e.Value == "true" })
}

func (p vpnPod) leaving() bool { return p.DeletionTimestamp != nil }

func (p vpnPod) condition(kind corev1.PodConditionType) (corev1.PodCondition, bool) {
	i := slices.IndexFunc(p.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == kind })
	if i < 0 {
		return corev1.PodCondition{}, false
	}
	return p.Status.Conditions[i], true
}

func (p vpnPod) ready() bool {
	c, said := p.condition(corev1.PodReady)
	return said && c.Status == corev1.ConditionTrue && !p.leaving()
}

// status of the container that runs strongSwan, nil before the kubelet has said anything.
func (p vpnPod) status() *corev1.ContainerStatus {
	name := p.container().Name
	i := slices.IndexFunc(p.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return &p.Status.ContainerStatuses[i]
}

func (p vpnPod) restarts() int64 {
	if s := p.status(); s != nil {
		return int64(s.RestartCount)
	}
	return 0
}

// runs tells whether there is a strongSwan that can be asked.
func (p vpnPod) runs() bool {
	s := p.status()
	return s != nil && s.State.Running != nil && !p.leaving()
}

// listens tells whether it is known that the pod waits for the remote end to call.
func (p vpnPod) listens() bool {
	return slices.ContainsFunc(p.container().Env, func(e corev1.EnvVar) bool { return e.Name == initiateVariable && e.Value == "false" })
}

// hasLog tells whether strongSwan was ever started in it.
func (p vpnPod) hasLog() bool {
	s := p.status()
	return s != nil && (s.State.Running != nil || s.State.Terminated != nil || s.LastTerminationState.Terminated != nil)
}

// trouble says why the pod is not ready, "" if it is.
func (p vpnPod) trouble() string {
	switch {
	case p.ready():
		return ""
	case p.leaving():
		return "it is being removed"
	case p.Status.Phase == corev1.PodFailed:
		return "it has failed: " + sentenceOf(p.Status.Reason, p.Status.Message)
	}
	if c, said := p.condition(corev1.PodScheduled); said && c.Status == corev1.ConditionFalse {
		return "no worker takes it: " + sentenceOf(c.Reason, c.Message)
	}
	for _, s := range append(slices.Clone(p.Status.InitContainerStatuses), p.Status.ContainerStatuses...) {
		if wrong := containerTrouble(s); wrong != "" {
			return wrong
		}
	}
	if p.runs() && p.initiates() {
		return "it has no tunnel that carries packets"
	}
	if c, said := p.condition(corev1.PodReady); said {
		return "it is not ready: " + sentenceOf(c.Reason, c.Message)
	}
	return "it has not been started yet"
}

// containerTrouble says why a container does not run; "" if it does, or is still starting.
func containerTrouble(s corev1.ContainerStatus) string {
	switch {
	case s.State.Waiting != nil && s.State.Waiting.Reason != "PodInitializing" && s.State.Waiting.Reason != "":
		out := fmt.Sprintf("container %s: %s", s.Name, sentenceOf(s.State.Waiting.Reason, s.State.Waiting.Message))
		if last := s.LastTerminationState.Terminated; last != nil {
			out += fmt.Sprintf("; it ended with exit code %d", last.ExitCode)
		}
		return out
	case s.State.Terminated != nil && s.State.Terminated.ExitCode != 0:
		return fmt.Sprintf("container %s ended with exit code %d (%s)", s.Name, s.State.Terminated.ExitCode, s.State.Terminated.Reason)
	}
	return ""
}

// longestMessage bounds what is repeated of a message of the cluster's, in bytes.
const longestMessage = 300

// sentenceOf joins a reason and a message as Kubernetes gives them.
func sentenceOf(reason, message string) string {
	if len(message) > longestMessage {
		message = strings.ToValidUTF8(message[:longestMessage], "") + "..."
	}
	switch {
	case reason == "" && message == "":
		return "the cluster does not say why"
	case message == "":
		return reason
	case reason == "":
		return message
	}
	return reason + ": " + message
}
