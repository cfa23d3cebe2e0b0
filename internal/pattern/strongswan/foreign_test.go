package strongswan

import (
	"strings"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
)

// A release that is somebody else's is refused with what to do about it.
func TestForeignRelease(t *testing.T) {
	t.Parallel()
	chart, err := loadBuiltin()
	if err != nil {
		t.Fatal(err)
	}
	const killed = "An apply that was killed"
	stamped := map[string]string{ownerLabel: "another"}
	for name, test := range map[string]struct {
		now        helm.Release
		says, lest string
	}{
		"another's":     {helm.Release{Chart: chart.Name(), Status: helm.StatusDeployed, Labels: stamped}, "ownership stamp of another resource", killed},
		"left half way": {helm.Release{Chart: chart.Name(), Status: "pending-install", Labels: stamped}, killed, "Choose another name"},
		"a person's":    {helm.Release{Chart: chart.Name(), Status: "pending-install"}, "Import it", killed},
		"other chart":   {helm.Release{Chart: "nginx", Status: helm.StatusDeployed}, "Choose another name", "Import it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := foreign(&test.now, delivery{chart: chart}).Error()
			if !strings.Contains(text, test.says) || strings.Contains(text, test.lest) {
				t.Errorf("it says %q", text)
			}
		})
	}
}
