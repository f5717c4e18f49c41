//go:build unix

package sqlite

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

// cpuTime is what the process has used so far: on a shared machine it says more than the clock.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// bytesWritten is what the process has written to files so far, 0 where the system does not tell.
func bytesWritten() float64 {
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0
	}
	var read, written float64
	if _, err := fmt.Sscanf(string(text), "rchar: %g\nwchar: %g", &read, &written); err != nil {
		return 0
	}
	return written
}
