package acctest

import (
	"fmt"
	"net"
	"testing"
)

// Bell gives a command for a local-exec provisioner, to be run by bash: it has
// do run in this test, while Terraform applies, and ends when that has. What a
// provider that is not at hand would do can so be done in its place.
func Bell(t testing.TB, do func() error) (command string) {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			rung, err := listener.Accept()
			if err != nil {
				return // the test is over
			}
			answer := "done"
			if err := do(); err != nil {
				answer = err.Error()
			}
			fmt.Fprintln(rung, answer)
			_ = rung.Close()
		}
	}()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`exec 3<>/dev/tcp/127.0.0.1/%s; read -r answer <&3; echo "$answer"; test "$answer" = done`, port)
}
