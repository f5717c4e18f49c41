//go:build unix

package sqlite

import (
	"errors"
	"syscall"
)

// isFull says whether err means that there is no room on the disk.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
