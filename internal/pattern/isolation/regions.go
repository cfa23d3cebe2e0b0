package isolation

import (
	_ "embed" // for the table
	"fmt"
	"maps"
	"slices"
	"strings"
)

// tableDate is the day as of which the table of regions is.
const tableDate = "2025-12-11"

// regionTable is described in its own first lines.
//
//go:embed regions.txt
var regionTable string

// addresses are what a cluster needs to reach in IBM Cloud, over one of its
// networks: IPv4 CIDRs, sorted as texts.
type addresses struct {
	// serviceEndpoints are those of the clusters' masters in the region.
	serviceEndpoints []string
	// registry, monitoring and logging are services that images come from, and
	// that metrics and logs go to.
	registry, monitoring, logging []string
	// infrastructure are the systems that IBM manages classic workers from; on
	// the private network only.
	infrastructure []string
}

// lists gives the lists by the names that they have in the table.
func (a *addresses) lists() map[string]*[]string {
	return map[string]*[]string{
		"service_endpoints": &a.serviceEndpoints, "registry": &a.registry, "monitoring": &a.monitoring,
		"logging": &a.logging, "infrastructure": &a.infrastructure,
	}
}

// regional gives what the table has for a region and network. The error of a
// region that it lacks names those that it has.
func regional(region, network string) (addresses, error) {
	var found addresses
	lists, known := found.lists(), map[string]bool{}
	for line := range strings.Lines(regionTable) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == "alias" && fields[1] == region {
			region = fields[2]
		}
		if len(fields) != 4 || fields[0] == "#" {
			continue
		}
		known[fields[0]] = true
		if list := lists[fields[2]]; fields[0] == region && fields[1] == network && list != nil {
			*list = networks(strings.Split(fields[3], ","))
		}
	}
	if !known[region] {
		return addresses{}, fmt.Errorf("the addresses of region %q are not known here (as of %s), only those of %s", region, tableDate, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	}
	return found, nil
}
