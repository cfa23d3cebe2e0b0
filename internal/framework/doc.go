// Package framework is the lifecycle that every resource of this provider
// shares, so that a part of the pattern says only what is its own: what it
// looks like (Describe), what is there (Observe), what must be done (Apply,
// Remove) and what a plan should warn of (Preview).
//
// The package holds, once for all:
//
//   - identity: the cluster's ID plus the object's key, never the name as typed;
//   - slowness is not failure: once something was written, creating never
//     fails, it saves a state that is not ready and the next apply carries on;
//   - a plan that is a pure function of configuration, state and plan;
//   - drift in sentences, found by Read, healed by the next apply;
//   - the ownership stamp, timeouts, import, and errors as diagnostics.
package framework
