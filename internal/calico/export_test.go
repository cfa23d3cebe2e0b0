package calico

import (
	"encoding/json"
	"strings"
)

// RefusedSpecs and AcceptedSpecs let the test on a real Calico judge the same specs.
func RefusedSpecs() map[string]string {
	specs := map[string]string{}
	for name, test := range refused() {
		specs[name] = test.document
	}
	for selector := range refusedSelectors() {
		specs["selector "+selector] = selecting(selector)
	}
	return specs
}

// AcceptedSpecs are those that Check finds nothing in.
func AcceptedSpecs() map[string]string {
	specs := accepted()
	for _, selector := range acceptedSelectors() {
		if !strings.Contains(selector, "global(") {
			specs["selector "+selector] = selecting(selector)
		}
	}
	return specs
}

func selecting(selector string) string {
	encoded, err := json.Marshal(map[string]string{"selector": selector})
	if err != nil {
		panic(err)
	}
	return string(encoded)
}
