// Package charon is two sites on one machine, with real strongSwan between them:
// network namespaces that play a host and a gateway on either side of a wide
// area network, and the programs of Debian's packages in them. IPsec is done in
// userspace (kernel-libipsec), so that no kernel module is needed.
//
//	cluster host -- cluster gateway -- wan -- office gateway -- office host
//	172.30.0.10     192.0.2.2                 198.51.100.2      10.91.152.130
//
// Addresses live in the namespaces alone, and these have no names, so labs run
// beside each other, also those of other processes. Of a run that is killed the
// kernel ends the programs and takes the namespaces away, and the next lab removes
// the folder.
package charon
