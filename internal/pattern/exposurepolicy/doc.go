// Package exposurepolicy is the resource iks_exposure_policy: one
// ValidatingAdmissionPolicy with its binding that keeps anybody from making
// something public by accident.
//
// The policy judges what is created, and what is changed to the worse: an
// object that was there before the policy can still be changed, and always be
// removed, as long as it does not open more than it does already. The same
// judgement in Go counts what a cluster has that the policy would refuse.
package exposurepolicy
