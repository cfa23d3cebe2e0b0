// Package folder makes temporary folders that do not outlive the process that
// made them for long: whoever makes the next one takes away what a process
// that was killed has left.
package folder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Folder is a temporary folder of this process.
type Folder struct {
	// Path of it.
	Path string
	lock *os.File
}

// lockName is the file by which a folder's owner is known to live.
const lockName = ".lock"

// New makes a folder in the system's folder for temporary files whose name
// begins with the prefix, after it has removed those of processes that have
// ended.
func New(prefix string) (*Folder, error) {
	if err := sweep(prefix); err != nil {
		return nil, fmt.Errorf("what an earlier run has left: %w", err)
	}
	path, err := os.MkdirTemp("", prefix)
	if err != nil {
		return nil, err
	}
	// It has its name once it is taken: somebody who sweeps must not be first.
	lock, err := os.Create(filepath.Join(path, lockName+"-new"))
	if err != nil {
		return nil, err
	}
	if _, err := take(lock); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	if err := os.Rename(lock.Name(), filepath.Join(path, lockName)); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &Folder{Path: path, lock: lock}, nil
}

// Remove takes the folder away with all that is in it.
func (f *Folder) Remove() error { return errors.Join(os.RemoveAll(f.Path), f.lock.Close()) }

// sweep removes the folders that nobody owns any more. One without a lock is
// not a folder of this package, or has just been made.
func sweep(prefix string) error {
	locks, err := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*", lockName))
	if err != nil {
		return err
	}
	var failures []error
	for _, path := range locks {
		lock, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			continue // its owner has just removed it, or it is another user's
		}
		free, err := take(lock)
		if free {
			err = os.RemoveAll(filepath.Dir(path))
		}
		failures = append(failures, err, lock.Close())
	}
	return errors.Join(failures...)
}
