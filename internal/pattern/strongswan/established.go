package strongswan

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// established says why the tunnel does not carry packets yet; nothing if it does.
// The readiness of a pod of the builtin chart that calls tells that; else it is
// read from the pod's log.
func established(ctx context.Context, conn *kube.Client, namespace, name string) (missing []string, err error) {
	s, err := sightOf(ctx, conn, namespace, name)
	if err != nil {
		return nil, err
	}
	way := observeLogs
	if len(s.pods) > 0 && s.newest().initiates() {
		way = observeNone
	}
	in, err := s.inspect(ctx, conn, way)
	if refusal, is := framework.AsRefusal(err); is {
		return nil, framework.Refuse(path.Root("wait_for"), "Whether the tunnel is up may not be seen",
			refusal.Error()+" Give the identity that right, or wait for the `pods` alone.")
	}
	if err != nil {
		return nil, err
	}
	if judged := s.judge(in); judged.up == nil || !*judged.up {
		missing = []string{"the tunnel is not up: " + judged.reason}
	}
	return missing, nil
}
