package strongswan

import "fmt"

// judgement is whether a tunnel is up (nil: that cannot be told) and why it is not.
type judgement struct {
	up     *bool
	reason string
}

func down(format string, arguments ...any) judgement {
	return judgement{up: new(false), reason: fmt.Sprintf(format, arguments...)}
}

func unclear(format string, arguments ...any) judgement {
	return judgement{reason: fmt.Sprintf(format, arguments...)}
}

// judge says whether the tunnel is up, by what is seen of the release and inside its newest pod.
func (s sight) judge(in insight) judgement {
	switch {
	case s.nothing():
		return down("there is no release %s in namespace %s", s.name, s.namespace)
	case len(s.pods) == 0:
		return down("release %s/%s has no VPN pod: its Deployment is gone, scaled to nothing or cannot make one", s.namespace, s.name)
	}
	pod := s.newest()
	switch {
	case !pod.runs():
		return down("pod %s/%s does not run: %s%s", s.namespace, pod.Name, pod.trouble(), in.aside())
	case in.way == observeNone:
		return s.judgeReadiness(pod, "from outside the pod nobody can tell: observe = \"logs\" reads its log")
	case in.obstacle != "":
		return s.judgeReadiness(pod, in.obstacle)
	case in.mute:
		return down("in pod %s/%s neither swanctl nor ipsec gets an answer from strongSwan%s", s.namespace, pod.Name, in.aside())
	case len(in.connections) == 0 && in.way == observeExec:
		return down("strongSwan in pod %s/%s has no connection", s.namespace, pod.Name)
	case len(in.connections) == 0:
		return s.judgeReadiness(pod, "strongSwan runs, and tells of no connection")
	}
	return s.judgeConnections(pod, in)
}

func (s sight) judgeConnections(pod vpnPod, in insight) judgement {
	first := ""
	for _, c := range in.connections {
		switch {
		case c.up():
			return judgement{up: new(true)}
		case c.state == stateUnknown:
			return s.judgeReadiness(pod, in.why(c, pod))
		case first == "":
			first = in.why(c, pod)
		}
	}
	return down("%s", first)
}

// judgeReadiness goes by the pod's readiness, which tells of the tunnel where
// the builtin chart's pod calls the remote end. Else it is unclear, and why.
func (s sight) judgeReadiness(pod vpnPod, why string) judgement {
	switch {
	case !pod.initiates():
		return unclear("%s", why)
	case pod.ready():
		return judgement{up: new(true)}
	}
	return down("pod %s/%s is not ready: %s", s.namespace, pod.Name, pod.trouble())
}

// aside adds what the log says, whichever connection it is about.
func (in insight) aside() string {
	if said := reasonOf(in.log, ""); said != "" {
		return "; its log says: " + said
	}
	return ""
}

// why says why a connection is not up.
func (in insight) why(c connection, pod vpnPod) string {
	said := reasonOf(in.log, c.name)
	switch {
	case c.up():
		return ""
	case c.state == stateUnknown:
		return "the log does not reach back to where its state would show"
	case said != "":
		return said
	case c.state == stateConnecting:
		return "the remote end is being called and has not answered yet"
	case c.state == stateEstablished:
		return "the ends have agreed on each other, and not on what the tunnel carries"
	case pod.listens():
		return "there is no tunnel: the cluster listens, and the remote end does not call"
	case in.silent != "":
		return "there is no tunnel, and " + in.silent
	}
	return "there is no tunnel, and the log does not say why"
}
