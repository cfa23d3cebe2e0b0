package iks

import "strings"

// Controllers of an ALB.
const (
	ControllerNGINX   = "nginx"
	ControllerTraefik = "traefik"
	ControllerUnknown = "unknown"
)

// Controller tells what an ALB runs, by the form of its build: 1.15.6_5384_iks
// is NGINX, 3.7.4_348800920_iks is Traefik.
func (a ALB) Controller() string {
	build := strings.TrimPrefix(a.Build, "ingress:")
	switch {
	case !strings.HasSuffix(build, "_iks"):
		return ControllerUnknown
	case strings.HasPrefix(build, "1."):
		return ControllerNGINX
	case strings.HasPrefix(build, "3."):
		return ControllerTraefik
	}
	return ControllerUnknown
}

// IngressClass is the IngressClass that IKS makes for an ALB; "" where its
// controller is not known.
func (a ALB) IngressClass() string {
	switch a.Controller() {
	case ControllerNGINX:
		return a.Type + "-iks-k8s-nginx"
	case ControllerTraefik:
		return a.Type + "-iks-traefik"
	}
	return ""
}

// Reached is where an ALB is reached, empty where IKS shows a dash for none.
func (a ALB) Reached() string { return strings.Trim(a.Address, "-") }
