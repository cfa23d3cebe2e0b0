package edgepool

// Upsets implements framework.Unsteady. The edge nodes are others once they are
// selected in another way, and an update waits for those that are still to come.
func (*part) Upsets(prior, want *model) []string {
	if prior.selectsLike(want) && prior.complete() {
		return nil
	}
	return stableAttributes()
}

// stableAttributes tell which nodes are edge nodes, and are what guards and
// load balancers are built upon.
func stableAttributes() []string {
	return []string{"node_count", "zones", "node_addresses", "host_endpoint_addresses"}
}

func (m *model) selectsLike(other *model) bool {
	return m.WorkerPool.Equal(other.WorkerPool) && m.NodeNames.Equal(other.NodeNames) && m.NodeSelector.Equal(other.NodeSelector)
}

// complete tells whether a state has seen all nodes that it declares.
func (m *model) complete() bool {
	count := int(m.NodeCount.ValueInt64())
	return m.proven() && count > 0 && (m.NodeNames.IsNull() || count == len(m.NodeNames.Elements()))
}
