package sqlite

import (
	"errors"
	"os"
	"syscall"
)

// syncData syncs the content of a file and its length, not its times.
func syncData(f *os.File) error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// Punch gives the room of a part of the file back; it then reads as zeros.
func (f diskFile) Punch(at, n int64) error {
	const keepSize, punchHole = 1, 2 // linux/falloc.h
	return syscall.Fallocate(int(f.Fd()), keepSize|punchHole, at, n)
}
