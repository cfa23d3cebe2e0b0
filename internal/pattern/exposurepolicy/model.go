package exposurepolicy

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// model is the resource as Terraform has it.
type model struct {
	framework.Common

	Name       types.String `tfsdk:"name"`
	Deny       types.Set    `tfsdk:"deny"`
	Mode       types.String `tfsdk:"mode"`
	Namespaces types.Set    `tfsdk:"exempt_namespaces"`
	Accounts   types.Set    `tfsdk:"exempt_service_accounts"`
	Classes    types.Set    `tfsdk:"private_ingress_classes"`
	Message    types.String `tfsdk:"message"`
	Force      types.Bool   `tfsdk:"force_conflicts"`

	Violations      types.Int64 `tfsdk:"violations"`
	FirstViolations types.List  `tfsdk:"first_violations"`
}

const (
	defaultName = "iks-exposure-policy"
	defaultMode = modeDeny
)

// imported tells whether the model is only the name of something to import:
// what the configuration can leave out has a default, so no state lacks it.
func (m *model) imported() bool { return m.Deny.IsNull() }

// reader turns attributes into settings. It remembers what is wrong, and
// whether anything is not known yet.
type reader struct {
	problems []framework.Problem
	unknown  bool
}

func (r *reader) wrong(at path.Path, err error) {
	r.problems = append(r.problems, framework.Problem{Path: at, Summary: "The policy cannot be like this", Detail: framework.Sentence(err.Error())})
}

// settings reads the model. known is false if something that makes the policy
// is not known yet; that is left out. A null is the default.
func (m *model) settings() (s settings, known bool, problems []framework.Problem) {
	var r reader
	s = settings{
		name:       one(&r, path.Root("name"), m.Name, defaultName, checkName),
		deny:       inOrder(elements(&r, path.Root("deny"), m.Deny, defaultRules(), parseRule)),
		mode:       mode(one(&r, path.Root("mode"), m.Mode, string(defaultMode), checkMode)),
		namespaces: elements(&r, path.Root("exempt_namespaces"), m.Namespaces, nil, parseNamespace),
		accounts:   elements(&r, path.Root("exempt_service_accounts"), m.Accounts, nil, parseAccount),
		classes:    elements(&r, path.Root("private_ingress_classes"), m.Classes, nil, parseClass),
		message:    one(&r, path.Root("message"), m.Message, "", checkMessage),
		force:      m.Force.ValueBool(),
	}
	return s, !r.unknown, r.problems
}

func one(r *reader, at path.Path, v types.String, byDefault string, check func(string) error) string {
	switch {
	case v.IsUnknown():
		r.unknown = true
		return ""
	case v.IsNull():
		return byDefault
	}
	if err := check(v.ValueString()); err != nil {
		r.wrong(at, err)
	}
	return v.ValueString()
}

// elements parses a set of strings; each problem is at its element.
func elements[T any](r *reader, at path.Path, set types.Set, byDefault []T, parse func(string) (T, error)) []T {
	switch {
	case set.IsUnknown():
		r.unknown = true
		return nil
	case set.IsNull():
		return byDefault
	case len(set.Elements()) == 0:
		r.wrong(at, errors.New("it is empty; leave it out for the default"))
	}
	var out []T
	for _, element := range set.Elements() {
		value, ok := element.(types.String)
		if !ok || value.IsUnknown() {
			r.unknown = true
			continue
		}
		parsed, err := parse(value.ValueString())
		if err == nil && value.IsNull() {
			err = errors.New("it is null")
		}
		if err != nil {
			r.wrong(at.AtSetValue(element), err)
			continue
		}
		out = append(out, parsed)
	}
	return out
}

func checkName(name string) error {
	if wrong := validation.IsDNS1123Subdomain(name); len(wrong) > 0 {
		return fmt.Errorf("%q cannot be the name of a ValidatingAdmissionPolicy: %s", name, strings.Join(wrong, "; "))
	}
	return nil
}

func parseRule(text string) (rule, error) {
	for _, r := range rules() {
		if string(r) == text {
			return r, nil
		}
	}
	return "", fmt.Errorf("%q is not one of %s", text, strings.Join(ruleTexts(rules()), ", "))
}

func checkMode(text string) error {
	for _, m := range modes() {
		if string(m) == text {
			return nil
		}
	}
	return fmt.Errorf("%q is not one of %s, %s, %s", text, modeAudit, modeWarn, modeDeny)
}

func parseNamespace(name string) (string, error) {
	if wrong := validation.IsDNS1123Label(name); len(wrong) > 0 {
		return "", fmt.Errorf("%q cannot be the name of a namespace: %s", name, strings.Join(wrong, "; "))
	}
	return name, nil
}

func parseAccount(text string) (account, error) {
	a, ok := accountOf(text)
	if !ok || len(validation.IsDNS1123Label(a.namespace)) > 0 || len(validation.IsDNS1123Subdomain(a.name)) > 0 {
		return account{}, fmt.Errorf("%q is not a service account; write namespace/name", text)
	}
	return a, nil
}

func parseClass(name string) (string, error) {
	if wrong := validation.IsDNS1123Subdomain(name); len(wrong) > 0 {
		return "", fmt.Errorf("%q cannot be the name of an IngressClass: %s", name, strings.Join(wrong, "; "))
	}
	if strings.HasPrefix(name, "public-iks-") {
		return "", fmt.Errorf("%q is the class of IBM's public ALBs, which no setting makes private", name)
	}
	return name, nil
}

// longestMessage leaves room for the reason in what the API server shows.
const longestMessage = 1000

func checkMessage(text string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return errors.New("it is empty; leave it out for none")
	case len(text) > longestMessage:
		return fmt.Errorf("it has %d bytes, and can have %d", len(text), longestMessage)
	}
	for _, c := range text {
		if !unicode.IsPrint(c) {
			return errors.New("it has a line break or another control character, and the API server shows one line")
		}
	}
	return nil
}

// declare fills an imported model with what a policy says.
func (m *model) declare(s settings) {
	m.Name, m.Mode = types.StringValue(s.name), framework.StringOrNull(string(s.mode))
	m.Deny = stringSet(ruleTexts(s.deny))
	m.Namespaces, m.Classes = stringSet(s.namespaces), stringSet(s.classes)
	m.Accounts = stringSet(accountTexts(s.accounts))
	m.Message = framework.StringOrNull(s.message)
	m.Force = types.BoolValue(s.force)
}

// count writes down what the policy would refuse.
func (m *model) count(violations []string) {
	m.Violations = types.Int64Value(int64(len(violations)))
	m.FirstViolations = framework.StringList(violations[:min(len(violations), namedViolations)])
}

// uncounted leaves open what the policy would refuse.
func (m *model) uncounted() {
	m.Violations, m.FirstViolations = types.Int64Null(), types.ListNull(types.StringType)
}

// stringSet makes a set; nothing gives null.
func stringSet(values []string) types.Set {
	if len(values) == 0 {
		return types.SetNull(types.StringType)
	}
	out := make([]attr.Value, len(values))
	for i, v := range values {
		out[i] = types.StringValue(v)
	}
	return types.SetValueMust(types.StringType, out)
}
