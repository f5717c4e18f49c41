//go:build unix

package mappingtest

import (
	"syscall"
	"time"
)

// CPU is the processor time that this process has used so far, with that of tests beside. What costs too much shows in it as in
// the clock, and a loaded machine does not.
func CPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
