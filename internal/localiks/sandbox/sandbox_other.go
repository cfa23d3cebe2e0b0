//go:build !linux

package sandbox

import "errors"

// mount says that there are no namespaces here.
func (Layout) mount(string) error { return errors.ErrUnsupported }
