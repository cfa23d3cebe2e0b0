package packets

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"text/tabwriter"
)

// result of a scenario.
type result struct {
	scenario scenario
	probes   int
	passed   bool
}

// report is what the suite says at its end.
type report struct{ results []result }

// watch plays a scenario and takes down how it ended, however it ends.
func (r *report) watch(t *testing.T, sc scenario, play func(*testing.T, scenario, *int)) {
	t.Helper()
	probes := 0
	defer func() { r.results = append(r.results, result{scenario: sc, probes: probes, passed: !t.Failed()}) }()
	play(t, sc, &probes)
}

// write adds the table to the file that PACKETS_REPORT names, else to
// standard output.
func (r *report) write(t *testing.T) {
	t.Helper()
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "RESOURCE\tSCENARIO\tPROBES\tVERDICTS")
	total := 0
	for _, one := range r.results {
		verdict := "as expected"
		if !one.passed {
			verdict = "NOT as expected"
		}
		total += one.probes
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", one.scenario.resource, one.scenario.name, one.probes, verdict)
	}
	fmt.Fprintf(w, "\t%d scenarios\t%d\t\n", len(r.results), total)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	file := os.Getenv("PACKETS_REPORT")
	if file == "" {
		fmt.Fprint(os.Stdout, out.String())
		return
	}
	appended, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, err = appended.WriteString(out.String())
	if err := errors.Join(err, appended.Close()); err != nil {
		t.Fatal(err)
	}
}
