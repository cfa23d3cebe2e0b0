//go:build !linux

package dataplane

import (
	"errors"
	"os"
)

// unshare says that there are no network namespaces here; Missing says it before.
func unshare() (*os.File, error) { return nil, errors.ErrUnsupported }

func setns(*os.File) error { return errors.ErrUnsupported }
