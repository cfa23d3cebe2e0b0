// Package privateingress is the resource iks_private_ingress: an Ingress that
// the cluster's private ALBs serve, and nothing else.
//
// Which IngressClass is private is found out, not assumed: from the enabled ALBs
// of the cluster, the controllers that they run, the classes that IKS was told to
// give them, and the IngressClasses that are there. Whether the address that the
// Ingress gets is private is told by the ALB that owns it.
//
// What is decided stands in ingress.go, fronts.go and exposure.go: plain
// functions. What looks and acts stands in ground.go, preview.go and apply.go.
package privateingress
