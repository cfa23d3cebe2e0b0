package calico

import (
	"strconv"
	"strings"
	"testing"
)

// refusedSelectors are what Calico cannot parse, with the character that is at fault. A test on a real Calico API
// server holds both tables against the truth.
func refusedSelectors() map[string]int {
	return map[string]int{
		"ibm.role":                        9,
		"ibm.role = 'a'":                  10,
		"ibm.role == worker":              13,
		"ibm.role == 'a":                  13,
		"ibm.role\n== 'a'":                9,
		"== 'a'":                          1,
		"a == 'b' &&":                     12,
		"a == 'b' & c == 'd'":             10,
		"a == 'b' c == 'd'":               10,
		"(a == 'b'":                       10,
		"a == 'b')":                       9,
		"has (a)":                         5,
		"has()":                           5,
		"has(a":                           6,
		"all(a)":                          5,
		"all":                             4,
		"!":                               2,
		"a in 'b'":                        6,
		"a in {b}":                        7,
		"a in {'b' 'c'}":                  11,
		"a in {'b'":                       10,
		"a in {,}":                        7,
		"a not 'b'":                       3,
		"a starts 'b'":                    3,
		"a == 'b' ; drop":                 10,
		"ä == 'b'":                        1,
		strings.Repeat("a", 513) + "==''": 1,
	}
}

func acceptedSelectors() []string {
	return []string{
		"", " ", "all()", " all( ) ", "global()", "has(a)", "has( a/b.c-d_e )", "!has(a)", "!!has(a)", "! has(a)",
		"ibm.role == 'worker_public'", `ibm.role=="worker_public"`, "a != ''", "a contains 'x'", "a starts with 'x'",
		"a ends with 'x'", "a in {'x'}", "a in{'x','y'}", "a in { 'x', 'y', }", "a in {}", "a not in { \"x\" }", "a notin {'x'}",
		"a == 'b' && c == 'd' || e == 'f'", "(a == 'b' || (c == 'd')) && !(e == 'f')", "a == 'say \"hi\"'", "has == 'x'",
		"projectcalico.org/orchestrator == 'k8s'", "app == 'konnectivity-agent' || k8s-app == 'konnectivity-agent'", "1 == '2'",
	}
}

func TestCheckSelector(t *testing.T) {
	t.Parallel()
	for selector, at := range refusedSelectors() {
		err := CheckSelector(selector)
		if err == nil {
			t.Errorf("%q is taken", selector)
			continue
		}
		if want := "character " + strconv.Itoa(at) + ":"; !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %q, want %s", selector, err, want)
		}
	}
	for _, selector := range acceptedSelectors() {
		if err := CheckSelector(selector); err != nil {
			t.Errorf("%q: %v", selector, err)
		}
	}
}

// FuzzSelector wants that what is right stays right, and the same, in its normal form.
func FuzzSelector(f *testing.F) {
	for selector := range refusedSelectors() {
		f.Add(selector)
	}
	for _, selector := range acceptedSelectors() {
		f.Add(selector)
	}
	f.Fuzz(func(t *testing.T, selector string) {
		normal := normalSelector(selector)
		if again := normalSelector(normal); again != normal {
			t.Errorf("%q: normal form of %q is %q", selector, normal, again)
		}
		if CheckSelector(selector) != nil {
			return
		}
		if err := CheckSelector(normal); err != nil {
			t.Errorf("%q is right, its normal form %q is not: %v", selector, normal, err)
		}
	})
}
