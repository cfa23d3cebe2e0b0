// Package calico reads and writes Calico's objects through whichever API the cluster serves: projectcalico.org/v3,
// or crd.projectcalico.org/v1 under it where the first is not served. It knows no Terraform.
//
// The two doors show the same stored objects differently, and what is written through one must be understood through
// the other, also by calicoctl:
//
//   - Names. Through v3 a policy of the default tier has the name that it was given; in v1 it is stored with the
//     prefix "default." (before Calico 3.32). Both are the same policy here, and [PolicyName] is its one name.
//   - Metadata. In v1, Calico keeps the labels and annotations that users see inside the annotation
//     projectcalico.org/metadata. Here they are always the user's.
//   - Defaults. v3 fills in the tier, a tier label and the types. [Equal] and [Diff] know them.
//
// Policies are written as whole objects with the version that was read, never by server-side apply: its ownership
// does not survive a change of door.
package calico
