package packets

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/inboundguard"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/isolation"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/networkpolicy"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/nodeportguard"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/privateservice"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/remoteservice"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/strongswan"
)

// played is what the suite has played.
var played report

// TestMain says at the end what was played.
func TestMain(m *testing.M) {
	code := acctest.Main(m, acctest.Package{Resources: framework.Resources{
		inboundguard.NewResource, isolation.NewResource, networkpolicy.NewResource, nodeportguard.NewResource,
		privateservice.NewResource, remoteservice.NewResource, strongswan.NewResource,
	}})
	if err := played.write(os.Getenv("PACKETS_REPORT")); err != nil {
		fmt.Fprintln(os.Stderr, "the report:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// report is one row for each scenario, however often it is played.
type report struct {
	mu   sync.Mutex
	rows []row
}

type row struct {
	scenario scenario
	doors    []string // Calico APIs that it was played through
	probes   int
	failed   bool
}

// watch plays a scenario and takes down how it ended, however it ends.
func (r *report) watch(t *testing.T, sc scenario, door string, play func(*testing.T, scenario, *int)) {
	t.Helper()
	probes := 0
	defer func() { r.add(sc, door, probes, t.Failed()) }()
	play(t, sc, &probes)
}

func (r *report) add(sc scenario, door string, probes int, failed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.rows, func(one row) bool { return one.scenario.is(sc) })
	if i < 0 {
		i = len(r.rows)
		r.rows = append(r.rows, row{scenario: sc})
	}
	one := &r.rows[i]
	if sc.policies() {
		one.doors = append(one.doors, door)
		slices.Sort(one.doors)
	}
	one.probes += probes
	one.failed = one.failed || failed
}

// write writes the table, in the order of the scenarios, to a file, else to
// standard output. Where nothing was played there is none.
func (r *report) write(file string) error {
	if len(r.rows) == 0 {
		return nil
	}
	order := scenarios()
	place := func(one row) int { return slices.IndexFunc(order, one.scenario.is) }
	slices.SortFunc(r.rows, func(a, b row) int { return place(a) - place(b) })
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "RESOURCE\tSCENARIO\tCALICO API\tPROBES\tVERDICTS")
	probes, runs := 0, 0
	for _, one := range r.rows {
		verdict := "as expected"
		if one.failed {
			verdict = "NOT as expected"
		}
		probes += one.probes
		runs += max(1, len(one.doors))
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", one.scenario.resource, one.scenario.name, strings.Join(one.doors, ", "), one.probes, verdict)
	}
	fmt.Fprintf(w, "\t%d scenarios, %d runs\t\t%d\t\n", len(r.rows), runs, probes)
	if err := w.Flush(); err != nil {
		return err
	}
	if file == "" {
		_, err := fmt.Fprint(os.Stdout, out.String())
		return err
	}
	return os.WriteFile(file, []byte(out.String()), 0o600)
}
