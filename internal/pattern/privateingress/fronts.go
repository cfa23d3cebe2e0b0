package privateingress

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// fronts are the ways into a cluster: its ALBs, and which IngressClasses they serve.
type fronts struct {
	albs []iks.ALB
	// custom are the classes that IKS was told to give ALBs, by the ALB's ID.
	custom map[string]string
	// classes are the names of the IngressClasses that are there; byDefault is
	// the one that an Ingress without a class gets, "" for none.
	classes   []string
	byDefault string
}

// classOf is the class that an ALB serves; "" where that is not known, because
// its build is of a form that is not known, or its controller is the user's own.
func (f fronts) classOf(a iks.ALB) string {
	if a.DisableDeployment {
		return ""
	}
	return cmp.Or(f.custom[a.ID], a.IngressClass())
}

// private are the enabled private ALBs.
func (f fronts) private() []iks.ALB {
	var out []iks.ALB
	for _, a := range f.albs {
		if a.Type == iks.ALBPrivate && a.Enabled {
			out = append(out, a)
		}
	}
	return out
}

// served are the private classes to choose from: those that enabled private
// ALBs serve and that are there, sorted.
func (f fronts) served() []string {
	var out []string
	for _, a := range f.private() {
		if class := f.classOf(a); slices.Contains(f.classes, class) && !f.isPublic(class) {
			out = append(out, class)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// publicPrefix begins the names of the classes that IKS makes for public ALBs.
const publicPrefix = "public-iks-"

// isPublic tells whether public ALBs serve a class, enabled or not.
func (f fronts) isPublic(class string) bool {
	return strings.HasPrefix(class, publicPrefix) || slices.ContainsFunc(f.albs, func(a iks.ALB) bool {
		return a.Type == iks.ALBPublic && class != "" && f.classOf(a) == class
	})
}

// serves tells whether an enabled private ALB serves a class. A controller of the
// user's own behind a private ALB serves whatever class it likes.
func (f fronts) serves(class string) bool {
	return !f.isPublic(class) && slices.ContainsFunc(f.private(), func(a iks.ALB) bool {
		return a.DisableDeployment || f.classOf(a) == class
	})
}

// choice is a class that was chosen, or what speaks against it.
type choice struct {
	class string
	// never is wrong whatever else this run brings about; notYet may be right once
	// an ALB is enabled.
	never, notYet *framework.Problem
}

// problem is whichever of the two there is.
func (c choice) problem() *framework.Problem {
	if c.never != nil {
		return c.never
	}
	return c.notYet
}

// choose finds the class for an Ingress. named is the one that the user wants,
// "" to find it; albID is set for an old cluster's ALB.
func (f fronts) choose(cluster, named, albID string) choice {
	at := path.Root("ingress_class")
	served := f.served()
	switch {
	case named != "" && f.isPublic(named):
		return choice{never: publicClass(named)}
	case len(f.private()) == 0:
		return notYet(named, path.Empty(), "No private ALB is enabled", noALB(cluster))
	case named != "" && !f.serves(named):
		return notYet(named, at, "No private ALB serves the class",
			fmt.Sprintf("No enabled private ALB of cluster %s serves the IngressClass %s, so nothing would. %s", cluster, named, f.describe()))
	case named != "":
		return choice{class: named}
	case len(served) == 1:
		return choice{class: served[0]}
	case len(served) > 1:
		return never(at, "There are several private classes",
			fmt.Sprintf("The enabled private ALBs of cluster %s serve several IngressClasses: %s. Say in `ingress_class` which one is meant. %s", cluster, strings.Join(served, ", "), f.describe()))
	case albID != "" && f.byDefault == "":
		return choice{} // an old cluster: the annotation alone says which ALB
	}
	return notYet("", at, "The private class was not found",
		fmt.Sprintf("None of the IngressClasses of cluster %s is one that an enabled private ALB serves. %s The IngressClasses that are there: %s. If the ALB has just been enabled, apply again; if its controller is your own, name its class in `ingress_class`.",
			cluster, f.describe(), cmp.Or(strings.Join(f.classes, ", "), "none")))
}

func never(at path.Path, summary, detail string) choice {
	return choice{never: &framework.Problem{Path: at, Summary: summary, Detail: detail}}
}

func notYet(class string, at path.Path, summary, detail string) choice {
	return choice{class: class, notYet: &framework.Problem{Path: at, Summary: summary, Detail: detail}}
}

func publicClass(class string) *framework.Problem {
	return &framework.Problem{
		Path: path.Root("ingress_class"), Summary: "The class is public",
		Detail: fmt.Sprintf("Public ALBs serve the IngressClass %s, so the app would be reached from the internet. Leave `ingress_class` out for the private one, or use another resource for a public Ingress.", class),
	}
}

// noALB says what to add to a configuration.
func noALB(cluster string) string {
	return fmt.Sprintf(`No private ALB of cluster %[1]s is enabled, and an Ingress alone is reached by nobody. Enable them with

resource "iks_alb_state" "private" {
  cluster = %[1]q
  type    = "private"
  enabled = true
}

and let this resource depend on it (depends_on = [iks_alb_state.private]).`, cluster)
}

// describe names the enabled private ALBs with what they serve.
func (f fronts) describe() string {
	var out []string
	for _, a := range f.private() {
		serves := "a controller that is not known (build " + a.Build + ")"
		switch class := f.classOf(a); {
		case a.DisableDeployment:
			serves = "a controller of your own"
		case class != "":
			serves = "class " + class
		}
		out = append(out, fmt.Sprintf("%s in zone %s: %s", a.ID, a.Zone, serves))
	}
	slices.Sort(out)
	return "Enabled private ALBs: " + cmp.Or(strings.Join(out, "; "), "none") + "."
}

// checkALB says what speaks against an old cluster's ALB.
func (f fronts) checkALB(cluster, clusterID, id string) choice {
	at := path.Root("legacy_alb_id")
	if id == "" {
		return choice{}
	}
	parsed, err := iks.ParseALBID(id)
	switch {
	case err != nil:
		return never(at, "The ALB ID is malformed", framework.Sentence(err.Error()))
	case parsed.Type != iks.ALBPrivate:
		return never(at, "The ALB is public", fmt.Sprintf("%s is a public ALB, so the app would be reached from the internet. Name a private one.", id))
	case clusterID != "" && parsed.ClusterID != clusterID:
		return never(at, "The ALB belongs to another cluster",
			fmt.Sprintf("%s is an ALB of the cluster with ID %s, and `cluster` leads to %s, whose ID is %s.", id, parsed.ClusterID, cluster, clusterID))
	}
	if !slices.ContainsFunc(f.private(), func(a iks.ALB) bool { return a.ID == id }) {
		return notYet("", at, "The ALB is not enabled",
			fmt.Sprintf("%s is not among the enabled private ALBs of cluster %s. %s Enable it with an iks_alb_state (alb_id = %q, enabled = true).", id, cluster, f.describe(), id))
	}
	return choice{}
}
