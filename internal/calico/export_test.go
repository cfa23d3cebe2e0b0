package calico

// RefusedSpecs and AcceptedSpecs let the test on a real Calico judge the same specs.
func RefusedSpecs() map[string]string {
	specs := map[string]string{}
	for name, test := range refused() {
		specs[name] = test.document
	}
	return specs
}

// AcceptedSpecs are those that Check finds nothing in.
func AcceptedSpecs() map[string]string { return accepted() }
