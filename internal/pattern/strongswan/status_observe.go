package strongswan

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/path"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// Ways to observe a tunnel.
const (
	observeNone = "none"
	observeLogs = "logs"
)

// The end of the log that is read. With dead peer detection every 30 s a tunnel
// that nothing happens to logs 2,000 lines of 60 bytes in an hour, and new keys
// are negotiated once an hour, which says that it is up.
const (
	logLines = 10_000
	logBytes = 1 << 20
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
}

// inspect looks into a pod, in the way that is asked for. Missing rights are an
// error; a pod that cannot be reached, as on a worker that is gone, is an obstacle.
func (s sight) inspect(ctx context.Context, conn *kube.Client, way string) (insight, error) {
	if way == observeNone || len(s.pods) == 0 || !s.newest().hasLog() {
		return insight{way: way}, nil
	}
	pod := s.newest()
	text, err := kube.Log(ctx, conn, s.namespace, pod.Name, kube.LogOptions{Container: pod.container().Name, Lines: logLines, Bytes: logBytes})
	if err != nil {
		return obstructed(err, fmt.Sprintf("the log of pod %s/%s", s.namespace, pod.Name), "get on pods/log", s.namespace)
	}
	return insight{way: way, connections: parseLog(text), log: logEntries(text)}, nil
}

// obstructed tells errors of the pod, which are no reason to fail, from those of the cluster and of rights.
func obstructed(err error, what, rights, namespace string) (insight, error) {
	var answered apierrors.APIStatus
	switch {
	case apierrors.IsForbidden(err):
		return insight{}, framework.Refuse(path.Root("observe"), "The tunnel may not be observed in this way",
			fmt.Sprintf("%s.\n\nThe identity needs %s in namespace %s, as the guide on rights lists for iks_strongswan_status. With observe = %q that is not needed.", framework.Sentence(err.Error()), rights, namespace, observeNone))
	case apierrors.IsUnauthorized(err) || !errors.As(err, &answered):
		return insight{}, err
	}
	return insight{way: observeLogs, obstacle: fmt.Sprintf("%s could not be read: %v", what, err)}, nil
}
