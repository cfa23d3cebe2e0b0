// Command etcd is the etcd server. Its own main package has replacements that
// keep it from being built by another module; the server's entry point has none.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
