package edgepool

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestSortWorkloads(t *testing.T) {
	t.Parallel()
	disk := corev1.Volume{VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}
	memory := corev1.Volume{VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory}}}
	volume := func(v corev1.Volume) func(*corev1.Pod) {
		return func(p *corev1.Pod) { p.Spec.Volumes = append(p.Spec.Volumes, v) }
	}
	for name, test := range map[string]struct {
		pod corev1.Pod
		// Which lists it is in: evict, bare, local, daemon.
		want []string
	}{
		"of a ReplicaSet":                    {aPod("p", "a"), []string{"evict"}},
		"on another node":                    {aPod("p", "z"), nil},
		"tolerates edge":                     {aPod("p", "a", tolerating(edgeToleration())), nil},
		"tolerates everything":               {aPod("p", "a", tolerating(corev1.Toleration{Operator: corev1.TolerationOpExists})), nil},
		"tolerates any dedicated":            {aPod("p", "a", tolerating(corev1.Toleration{Key: markKey, Operator: corev1.TolerationOpExists})), nil},
		"tolerates gateways":                 {aPod("p", "a", tolerating(corev1.Toleration{Key: markKey, Value: "gateway"})), []string{"evict"}},
		"tolerates NoSchedule":               {aPod("p", "a", tolerating(corev1.Toleration{Key: markKey, Value: markValue, Effect: noSchedule})), []string{"evict"}},
		"tolerates for a while":              {aPod("p", "a", tolerating(forAWhile())), []string{"evict"}},
		"without a controller":               {aPod("p", "a", func(p *corev1.Pod) { p.OwnerReferences = nil }), []string{"evict", "bare"}},
		"with data on disk":                  {aPod("p", "a", volume(disk)), []string{"evict", "local"}},
		"with data in memory":                {aPod("p", "a", volume(memory)), []string{"evict"}},
		"of a DaemonSet":                     {aPod("p", "a", ofDaemonSet, volume(disk)), []string{"daemon"}},
		"of a DaemonSet that tolerates edge": {aPod("p", "a", ofDaemonSet, tolerating(edgeToleration())), nil},
		"static":                             {aPod("p", "a", func(p *corev1.Pod) { p.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "x"} }), nil},
		"done":                               {aPod("p", "a", func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }), nil},
		"failed":                             {aPod("p", "a", func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sortWorkloads([]corev1.Pod{test.pod}, map[string]bool{"a": true}, both())
			var got []string
			for list, length := range map[string]int{"evict": len(w.evict), "bare": len(w.bare), "local": len(w.local), "daemon": len(w.daemons)} {
				if length > 0 {
					got = append(got, list)
				}
			}
			slices.Sort(got)
			slices.Sort(test.want)
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if none := sortWorkloads([]corev1.Pod{test.pod}, map[string]bool{"a": true}, effects{noSchedule}); len(none.evict)+len(none.daemons) > 0 {
				t.Error("NoSchedule makes nobody leave")
			}
		})
	}
}
