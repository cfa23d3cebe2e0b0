package fakeiks

// Role is an IAM platform access role on the Kubernetes service. Each role
// includes the ones before it.
type Role int

// The roles. Reads need Viewer, changes of pools, workers and ALBs need
// Operator, clusters are created and deleted by Administrator, who alone may
// fetch admin certificates.
const (
	NoRole Role = iota
	Viewer
	Operator
	Editor
	Administrator
)

// String is the role's name as IAM shows it.
func (r Role) String() string {
	switch r {
	case Viewer:
		return "Viewer"
	case Operator:
		return "Operator"
	case Editor:
		return "Editor"
	case Administrator:
		return "Administrator"
	default:
		return "no"
	}
}

// Groups that the token review puts users into. IKS binds its users to
// ClusterRoles of these names when it synchronises RBAC; whoever runs the API
// server binds the groups.
const (
	GroupAdmin   = "ibm-admin"   // everything
	GroupOperate = "ibm-operate" // nodes, storage and the like
	GroupEdit    = "ibm-edit"    // write in namespaces
	GroupView    = "ibm-view"    // read
)

// Groups are the Kubernetes groups of a role.
func (r Role) Groups() []string {
	switch r {
	case Viewer:
		return []string{GroupView}
	case Operator, Editor:
		return []string{GroupView, GroupEdit, GroupOperate}
	case Administrator:
		return []string{GroupAdmin}
	default:
		return nil
	}
}
