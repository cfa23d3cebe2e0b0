//go:build !linux

package netns

import (
	"errors"
	"os"
)

// unshare says that there are no network namespaces here.
func unshare() (*os.File, error) { return nil, errors.ErrUnsupported }

func setns(*os.File) error { return errors.ErrUnsupported }
