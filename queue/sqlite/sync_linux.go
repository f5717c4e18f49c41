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
