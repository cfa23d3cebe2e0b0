// Package edgepool sets worker nodes apart for networking: the resource
// iks_edge_pool, and the data source iks_edge_nodes.
//
// An edge node bears the label dedicated=edge, which load balancers and ALBs
// follow when they are deployed, and taints dedicated=edge:NoSchedule and
// dedicated=edge:NoExecute, which keep everything else away. Nothing else on a
// node or a worker pool is touched: not another label, not another taint, not a
// `dedicated` of another value.
//
// The order of an apply is part of the product: check, label, move load
// balancers and ALBs over, NoSchedule, drain within disruption budgets,
// NoExecute. Each step looks at what is there and does only what is missing, so
// that an apply that was cut off at any point is carried on by the next.
//
// What is decided stands in marks.go, nodes.go, changes.go, compare.go,
// checks.go, workloads.go and carriers.go: plain functions of what was
// observed. What looks and acts stands in survey.go, observe.go, preview.go,
// apply.go, pool.go, relocate.go, autoupdate.go, drain.go and remove.go.
package edgepool
