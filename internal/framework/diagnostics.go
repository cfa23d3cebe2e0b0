package framework

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// Diagnose turns an error into diagnostics at an attribute: what happened, to
// which object, and what to do next. A Refusal shows as it is, and beside it what
// else the error says: that something could not be taken back.
func Diagnose(at path.Path, summary string, err error) diag.Diagnostics {
	var out diag.Diagnostics
	refusal, ok := AsRefusal(err)
	if !ok {
		out.Append(Problem{Path: at, Summary: summary, Detail: explain(err)}.diagnostic())
		return out
	}
	for _, p := range refusal.Problems {
		out.Append(p.diagnostic())
	}
	if rest := strings.Trim(strings.Replace(err.Error(), refusal.Error(), "", 1), " :;\n"); rest != "" {
		out.Append(Problem{Path: at, Summary: summary, Detail: Sentence(rest)}.diagnostic())
	}
	return out
}

// explain says what an error means and what to do about it.
func explain(err error) string {
	lines := []string{capitalised(err.Error()) + "."}
	if hint := remedy(err); hint != "" {
		lines = append(lines, "", hint)
	}
	return strings.Join(lines, "\n")
}

const (
	raiseTimeouts       = "Raise the matching value in `timeouts` if the cluster is only slow."
	goWhereTheClusterIs = "run Terraform where the cluster's network is (an HCP Terraform agent, a VPN), or set the provider's endpoint_type."
)

// remedy is the next step for the errors that a user can do something about.
func remedy(err error) string {
	var api *iks.Error
	switch {
	case cluster.IsUnknownConfiguration(err):
		return "Give the provider block values that are known at plan time, or apply what they depend on first (terraform apply -target=...)."
	case cluster.IsNotFound(err):
		return "Check the name or ID with `ibmcloud ks cluster ls`, and the account and resource group of the credentials."
	case errors.As(err, &api) && api.RecoveryCLI != "":
		return api.RecoveryCLI
	case iks.IsUnauthorized(err):
		return "Check ibmcloud_api_key (environment IC_API_KEY or IBMCLOUD_API_KEY), or iam_token if you use one: it may have been deleted, locked or expired."
	case iks.IsForbidden(err):
		return "The identity needs more rights on this cluster in IAM; the resource's page in the documentation lists the roles for plan and for apply."
	case apierrors.IsUnauthorized(err):
		return "The cluster did not accept the credentials. If they come from cluster_access, renew them; if from IKS, check that the cluster's RBAC is synchronised (`ibmcloud ks cluster config`)."
	case apierrors.IsForbidden(err):
		return "The identity needs more rights in the cluster; the resource's page in the documentation lists the RBAC rules for plan and for apply. Roles that were given in IAM a moment ago may take a few minutes to arrive in the cluster: apply again then."
	case errors.As(err, new(timeoutsError)): // also in the middle of a request to the cluster
		return raiseTimeouts
	case errors.As(err, new(planLimitError)):
		return "That is no setting, and nothing to mend if the cluster is only slow for the moment. If it comes again: " + goWhereTheClusterIs
	case kube.Unreachable(err):
		return "The API server could not be reached from this machine. If the cluster has a private endpoint only, " + goWhereTheClusterIs
	case errors.As(err, &api) && errors.Is(err, context.DeadlineExceeded): // the client's own patience, which `timeouts` does not change
		return "IBM Cloud did not answer in time. Try again later."
	case errors.Is(err, context.DeadlineExceeded):
		return raiseTimeouts
	}
	return ""
}

// Sentence begins an error's text with a capital letter, unless it begins with
// the name of an attribute, and ends it with a full stop.
func Sentence(s string) string { return capitalised(s) + "." }

func capitalised(s string) string {
	s = strings.TrimSuffix(s, ".")
	if word, _, _ := strings.Cut(s, " "); s == "" || strings.Contains(word, "_") {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// list writes sentences under each other, a few of them.
func list(sentences []string) string {
	const most = 20
	var b strings.Builder
	for i, s := range sentences {
		if i == most {
			fmt.Fprintf(&b, "  - and %d more\n", len(sentences)-most)
			break
		}
		fmt.Fprintf(&b, "  - %s\n", s)
	}
	return b.String()
}
