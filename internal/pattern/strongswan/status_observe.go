package strongswan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/path"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// Ways to observe a tunnel.
const (
	observeNone = "none"
	observeLogs = "logs"
	observeExec = "exec"
)

// The end of the log that is read. With dead peer detection every 30 s a tunnel
// that nothing happens to logs 2,000 lines of 60 bytes in an hour, and new keys
// are negotiated once an hour, which says that it is up.
const (
	logLines = 10_000
	logBytes = 1 << 20
)

// What strongSwan may take to say how it is, and say.
const (
	execLimit = 20 * time.Second
	execBytes = 1 << 20
)

// insight is what is found inside the VPN pod.
type insight struct {
	// way is how it was looked for.
	way         string
	connections []connection
	// log is what a reason is looked for in.
	log []logEntry
	// obstacle is why nothing could be found out, silent why there is no log; "" for none.
	obstacle, silent string
	// mute is whether strongSwan does not answer.
	mute bool
}

// inspect looks into the newest pod, in the way that is asked for. Missing rights
// are an error; a pod that cannot be reached, as on a worker that is gone, is an obstacle.
func (s sight) inspect(ctx context.Context, conn *kube.Client, way string) (insight, error) {
	in := insight{way: way}
	var err error
	switch {
	case way == observeNone || len(s.pods) == 0 || !s.newest().hasLog():
	case way == observeLogs:
		err = s.read(ctx, conn, &in)
	case s.newest().runs():
		err = s.ask(ctx, conn, &in)
	default:
		s.readMore(ctx, conn, &in)
	}
	return in, err
}

// read goes by the log.
func (s sight) read(ctx context.Context, conn *kube.Client, in *insight) error {
	text, err := s.readLog(ctx, conn)
	if err != nil {
		in.obstacle, err = obstacle(err, fmt.Sprintf("the log of pod %s/%s could not be read", s.namespace, s.newest().Name), "to get `pods/log`", s.namespace)
		return err
	}
	in.log, in.connections = logEntries(text), parseLog(text)
	return nil
}

// ask asks strongSwan itself. Where it has no tunnel, its log says why, if that may be read.
func (s sight) ask(ctx context.Context, conn *kube.Client, in *insight) error {
	pod := s.newest()
	limited, cancel := context.WithTimeout(ctx, execLimit)
	defer cancel()
	text, err := kube.Exec(limited, conn, s.namespace, pod.Name, kube.ExecOptions{
		Container: pod.container().Name, Command: []string{"sh", "-c", askStrongSwan}, Bytes: execBytes,
	})
	var ended *kube.ExitError
	switch {
	case errors.As(err, &ended):
		in.mute = true
	case err != nil && limited.Err() != nil && ctx.Err() == nil:
		in.obstacle = fmt.Sprintf("strongSwan in pod %s/%s has not answered within %s", s.namespace, pod.Name, execLimit)
		return nil
	case err != nil:
		in.obstacle, err = obstacle(err, fmt.Sprintf("strongSwan in pod %s/%s could not be asked", s.namespace, pod.Name), "to get and create `pods/exec`", s.namespace)
		return err
	}
	in.connections = parseStatus(text)
	if slices.ContainsFunc(in.connections, connection.up) {
		return nil
	}
	s.readMore(ctx, conn, in)
	return nil
}

// readMore looks for reasons in the log, which nobody has asked for.
func (s sight) readMore(ctx context.Context, conn *kube.Client, in *insight) {
	text, err := s.readLog(ctx, conn)
	switch {
	case apierrors.IsForbidden(err):
		in.silent = "the log, which may say why, may not be read: that takes the right to get `pods/log`"
	case err != nil:
		in.silent = "the log, which may say why, could not be read"
	default:
		in.log = logEntries(text)
	}
}

func (s sight) readLog(ctx context.Context, conn *kube.Client) (string, error) {
	pod := s.newest()
	return kube.Log(ctx, conn, s.namespace, pod.Name, kube.LogOptions{Container: pod.container().Name, Lines: logLines, Bytes: logBytes})
}

// obstacle tells errors of the pod, which are no reason to fail, from those of the cluster and of rights. A connection
// that breaks is one of the pod: the API server has just said that it is there.
func obstacle(err error, what, rights, namespace string) (string, error) {
	var answered apierrors.APIStatus
	switch {
	case apierrors.IsForbidden(err):
		return "", framework.Refuse(path.Root("observe"), "The tunnel may not be observed in this way",
			fmt.Sprintf("%s\n\nThe identity needs the right %s in namespace %s, as the guide on rights lists for iks_strongswan_status. With observe = %q it does not.", framework.Sentence(err.Error()), rights, namespace, observeNone))
	case apierrors.IsUnauthorized(err) || !errors.As(err, &answered) && !kube.Unreachable(err):
		return "", err
	}
	return fmt.Sprintf("%s: %v", what, err), nil
}
