//go:build !linux

package dataplane

import (
	"errors"
	"net"
)

// sentAgain says that there are no network namespaces here; Missing says it before.
func sentAgain(net.Conn) (bool, error) { return false, errors.ErrUnsupported }

// Capture says that there is none here.
func (*Host) Capture(string) (*Capture, error) { return nil, errors.ErrUnsupported }

// Stop ends it.
func (*Capture) Stop() error { return errors.ErrUnsupported }
