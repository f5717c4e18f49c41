//go:build unix

package sqlite

import (
	"errors"
	"io/fs"
	"syscall"
)

// isFull says whether err means that there is no room on the disk.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// onDisk is the room a file takes, which is less than its size when parts of it were given back.
func onDisk(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int64(st.Blocks) * 512 //nolint:unconvert // not an int64 everywhere
	}
	return info.Size()
}
