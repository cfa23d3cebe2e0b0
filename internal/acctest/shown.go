package acctest

import (
	"context"
	"regexp"
)

// ApplyShown is Apply with the output that people read, in which the plan shows
// the values that change. Diagnostics are in the text alone.
func (w *Workspace) ApplyShown(args ...string) Result {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), runLimit)
	defer cancel()
	r := w.run(ctx, append([]string{"apply", "-auto-approve", "-no-color", "-input=false"}, args...)...)
	r.Planned = shown(r.Output)
	return r
}

// shown are the changes of a plan as people read it.
func shown(output string) []Change {
	var changes []Change
	for _, line := range regexp.MustCompile(`(?m)^  # (\S+) (?:will|must) be (.*)$`).FindAllStringSubmatch(output, -1) {
		action := line[2] // as it stands there, where this is none of those below
		switch line[2] {
		case "created":
			action = "create"
		case "updated in-place":
			action = "update"
		case "destroyed":
			action = "delete"
		case "replaced":
			action = "replace"
		case "read during apply":
			action = "read"
		}
		changes = append(changes, Change{Address: line[1], Action: action})
	}
	return changes
}
