package iks_test

import (
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

func TestControllerOfAnALB(t *testing.T) {
	t.Parallel()
	for build, want := range map[string][2]string{
		"1.14.5_9134_iks":           {"nginx", "private-iks-k8s-nginx"},
		"ingress:1.1.2_2507_iks":    {"nginx", "private-iks-k8s-nginx"},
		"3.7.4_348800920_iks":       {"traefik", "private-iks-traefik"},
		"":                          {"unknown", ""},
		"579":                       {"unknown", ""},
		"1.14.5":                    {"unknown", ""},
		"4.0.0_1_iks":               {"unknown", ""},
		"13.0.0_1_iks":              {"unknown", ""},
		"registry/auth:1.1.2_2507x": {"unknown", ""},
	} {
		a := iks.ALB{Type: iks.ALBPrivate, Build: build}
		if got := [2]string{a.Controller(), a.IngressClass()}; got != want {
			t.Errorf("build %q: %v, want %v", build, got, want)
		}
	}
}
