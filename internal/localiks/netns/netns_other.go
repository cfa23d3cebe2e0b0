//go:build !linux

package dataplane

import (
	"errors"
	"net"
	"os"
)

// unshare says that there are no network namespaces here; Missing says it before.
func unshare() (*os.File, error) { return nil, errors.ErrUnsupported }

func setns(*os.File) error { return errors.ErrUnsupported }

func sentAgain(net.Conn) (bool, error) { return false, errors.ErrUnsupported }

func (layout) mount(string) error { return errors.ErrUnsupported }

// Capture says that there is none here.
func (*Host) Capture(string) (*Capture, error) { return nil, errors.ErrUnsupported }

// Stop ends it.
func (*Capture) Stop() error { return errors.ErrUnsupported }
