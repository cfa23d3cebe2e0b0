package acctest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// BadInput is a configuration that must not get past validation.
type BadInput struct{ arguments, at, says string }

// Bad makes a BadInput: the arguments of the resource besides cluster, in HCL;
// what the line that the error points to holds, "" for the resource as a whole;
// and what summary or detail must say, in part.
func Bad(arguments, at, says string) BadInput {
	return BadInput{arguments: arguments, at: at, says: says}
}

// BadInputs validates one resource for each input, all in one run, and checks
// that each gets an error of its own at its attribute.
func BadInputs(t *testing.T, resourceType string, inputs map[string]BadInput) {
	t.Helper()
	requireAcceptance(t)
	names := map[string]string{}
	var config strings.Builder
	for name, input := range inputs {
		id := fmt.Sprintf("bad%d", len(names))
		names[fmt.Sprintf("%s.%s", resourceType, id)] = name
		fmt.Fprintf(&config, "resource %q %q {\n  cluster = \"classic\"\n%s\n}\n", resourceType, id, input.arguments)
	}
	w := NewWorkspace(t, config.String())
	r := w.Run("validate", "-json", "-no-color")
	var found struct {
		Diagnostics []struct {
			Summary, Detail string
			Severity        string
			Address         string
			Snippet         struct{ Context, Code string }
		}
	}
	if err := json.Unmarshal([]byte(r.Output), &found); err != nil {
		t.Fatalf("validate: %v\n%s", err, r.Output)
	}
	caught, said := map[string]bool{}, map[string]string{}
	for _, d := range found.Diagnostics {
		// The context is `resource "type" "id"`, or the diagnostic has the address.
		address := d.Address
		if fields := strings.Fields(strings.ReplaceAll(d.Snippet.Context, `"`, "")); address == "" && len(fields) == 3 {
			address = fields[1] + "." + fields[2]
		}
		name := names[address]
		input := inputs[name]
		said[name] += fmt.Sprintf("%s at %q: %s: %s\n", d.Severity, d.Snippet.Code, d.Summary, d.Detail)
		at := input.at
		if at == "" {
			at = `resource "` // the line that its block begins with
		}
		if d.Severity == "error" && strings.Contains(d.Snippet.Code, at) && strings.Contains(d.Summary+" "+d.Detail, input.says) {
			caught[name] = true
		}
	}
	for name := range inputs {
		if !caught[name] {
			t.Errorf("%s: no error at %q says %q; there are: %s", name, inputs[name].at, inputs[name].says, said[name])
		}
	}
}
