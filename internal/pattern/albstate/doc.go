// Package albstate switches Ingress ALBs on and off and keeps them that way:
// the private ALB of a cluster takes over, then the public one goes. It holds
// the resource iks_alb_state and the data source iks_albs.
package albstate
