// Package ownership is about the objects that are ours whole: who may create,
// change and remove one, and what to say when it is somebody else's.
//
// An object of ours bears a stamp (an annotation, see framework.Owner) that
// stands in the private state of the one resource that manages it. Whatever
// bears no stamp, or another one, is a stranger's: it is adopted if it is
// already what is declared, overwritten only where the user says so
// (force_conflicts), and never removed.
package ownership
