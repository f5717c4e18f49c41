//go:build !unix

package main

import "time"

// ownCPU is the processor time that this process has used; not known here.
func ownCPU() time.Duration { return 0 }
