package privateingress

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

const (
	nginx   = "1.14.5_9134_iks"
	traefik = "3.7.4_348800920_iks"
)

// on is an enabled ALB.
func on(kind, number, build string) iks.ALB {
	return iks.ALB{ID: kind + "-crc1-alb" + number, ClusterID: "c1", Type: kind, Zone: "dal10", Enabled: true, Build: build, Address: "10.0.0." + number}
}

func off(a iks.ALB) iks.ALB {
	a.Enabled = false
	return a
}

func own(a iks.ALB) iks.ALB {
	a.DisableDeployment = true
	return a
}

func classesOfIBM() []string {
	return []string{"private-iks-k8s-nginx", "private-iks-traefik", "public-iks-k8s-nginx"}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	private, second, public := on("private", "1", nginx), on("private", "2", traefik), on("public", "3", nginx)
	for name, test := range map[string]struct {
		albs         []iks.ALB
		custom       map[string]string
		classes      []string
		byDefault    string
		named, albID string
		want         string
		never        string // what is wrong for good, in part
		notYet       string // what may come right, in part
	}{
		"NGINX":                               {albs: []iks.ALB{private, public}, classes: classesOfIBM(), want: "private-iks-k8s-nginx"},
		"Traefik":                             {albs: []iks.ALB{off(private), second, public}, classes: classesOfIBM(), want: "private-iks-traefik"},
		"two zones":                           {albs: []iks.ALB{private, on("private", "2", nginx)}, classes: classesOfIBM(), want: "private-iks-k8s-nginx"},
		"mixed controllers":                   {albs: []iks.ALB{private, second}, classes: classesOfIBM(), never: "private-iks-k8s-nginx, private-iks-traefik"},
		"mixed controllers, named":            {albs: []iks.ALB{private, second}, classes: classesOfIBM(), named: "private-iks-traefik", want: "private-iks-traefik"},
		"public alone":                        {albs: []iks.ALB{off(private), public}, classes: classesOfIBM(), notYet: `resource "iks_alb_state" "private"`},
		"none":                                {notYet: `resource "iks_alb_state" "private"`},
		"public, named":                       {albs: []iks.ALB{private, public}, classes: classesOfIBM(), named: "public-iks-k8s-nginx", never: "from the internet"},
		"public by name, nothing enabled":     {named: "public-iks-traefik", never: "from the internet"},
		"of another controller, named":        {albs: []iks.ALB{private}, classes: classesOfIBM(), named: "private-iks-traefik", notYet: "private-crc1-alb1 in zone dal10: class private-iks-k8s-nginx"},
		"named, nothing enabled":              {albs: []iks.ALB{off(private)}, classes: classesOfIBM(), named: "private-iks-k8s-nginx", notYet: "No private ALB"},
		"custom class":                        {albs: []iks.ALB{private, public}, custom: map[string]string{private.ID: "inside"}, classes: append(classesOfIBM(), "inside"), want: "inside"},
		"custom class, named":                 {albs: []iks.ALB{private}, custom: map[string]string{private.ID: "inside"}, classes: []string{"inside"}, named: "inside", want: "inside"},
		"IBM's class under a custom one":      {albs: []iks.ALB{private}, custom: map[string]string{private.ID: "inside"}, classes: classesOfIBM(), named: "private-iks-k8s-nginx", notYet: "class inside"},
		"custom class of a public ALB":        {albs: []iks.ALB{private, public}, custom: map[string]string{public.ID: "edge"}, classes: append(classesOfIBM(), "edge"), named: "edge", never: "from the internet"},
		"custom class that both serve":        {albs: []iks.ALB{private, public}, custom: map[string]string{public.ID: "both", private.ID: "both"}, classes: []string{"both"}, named: "both", never: "from the internet"},
		"custom class that both serve, found": {albs: []iks.ALB{private, public}, custom: map[string]string{public.ID: "both", private.ID: "both"}, classes: []string{"both"}, notYet: "not found"},
		"class of a disabled public ALB":      {albs: []iks.ALB{private, off(public)}, custom: map[string]string{public.ID: "edge"}, classes: []string{"edge"}, named: "edge", never: "from the internet"},
		"class is not there yet":              {albs: []iks.ALB{private}, classes: []string{"public-iks-k8s-nginx"}, notYet: "not found"},
		"unknown build":                       {albs: []iks.ALB{on("private", "1", "9.9_x")}, classes: classesOfIBM(), notYet: "build 9.9_x"},
		"controller of the user's own":        {albs: []iks.ALB{own(private)}, classes: []string{"mine"}, named: "mine", want: "mine"},
		"controller of the user's own, found": {albs: []iks.ALB{own(private)}, classes: []string{"mine"}, notYet: "a controller of your own"},
		"own controller of a public class":    {albs: []iks.ALB{own(private)}, classes: classesOfIBM(), named: "public-iks-k8s-nginx", never: "from the internet"},
		"old cluster":                         {albs: []iks.ALB{on("private", "1", "579")}, albID: "private-crc1-alb1", want: ""},
		"old cluster with a default class":    {albs: []iks.ALB{on("private", "1", "579")}, albID: "private-crc1-alb1", classes: []string{"x"}, byDefault: "x", notYet: "not found"},
		"an ALB's ID on a new cluster":        {albs: []iks.ALB{private}, albID: private.ID, classes: classesOfIBM(), want: "private-iks-k8s-nginx"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := fronts{albs: test.albs, custom: test.custom, classes: test.classes, byDefault: test.byDefault}
			got := f.choose("shop", test.named, test.albID)
			expect(t, "never", got.never, test.never)
			expect(t, "not yet", got.notYet, test.notYet)
			if test.never == "" && test.notYet == "" && (got.class != test.want || got.problem() != nil) {
				t.Errorf("the class is %q (%v), want %q", got.class, got.problem(), test.want)
			}
		})
	}
}

func expect(t *testing.T, what string, got *framework.Problem, says string) {
	t.Helper()
	switch {
	case says == "" && got != nil:
		t.Errorf("%s: %s: %s", what, got.Summary, got.Detail)
	case says != "" && (got == nil || !strings.Contains(got.Summary+": "+got.Detail, says)):
		t.Errorf("%s: %v, want %q", what, got, says)
	}
}

func TestCheckALB(t *testing.T) {
	t.Parallel()
	f := fronts{albs: []iks.ALB{on("private", "1", "579"), off(on("private", "2", "579")), on("public", "3", "579")}}
	for id, test := range map[string]struct{ never, notYet string }{
		"":                    {},
		"private-crc1-alb1":   {},
		"private-crc1-alb2":   {notYet: "not enabled"},
		"private-crc1-alb9":   {notYet: "not enabled"},
		"public-crc1-alb3":    {never: "public ALB"},
		"private-crc2-alb1":   {never: "another cluster"},
		"private-crc1":        {never: "malformed"},
		"private-crc1-alb1;x": {never: "malformed"},
	} {
		got := f.checkALB("shop", "c1", id)
		expect(t, id, got.never, test.never)
		expect(t, id, got.notYet, test.notYet)
	}
}

func TestReadDeployConfig(t *testing.T) {
	t.Parallel()
	got := readDeployConfig(map[string]string{
		"private-crc1-alb1": `{"replicas":3,"ingressClass":"inside"}`,
		"private-crc1-alb2": `{"replicas":3}`,
		"updateStartTime":   "20:00",
		"public-crc1-alb1":  `{"ingressClass":`,
	})
	if diff := cmp.Diff(map[string]string{"private-crc1-alb1": "inside"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
