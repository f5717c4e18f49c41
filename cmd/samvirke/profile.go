package main

import (
	"fmt"
	"os"
	"runtime/pprof"
)

// profileEnv names the file for a CPU profile of the running gateway; bench sets it.
const profileEnv = "SAMVIRKE_CPU_PROFILE"

// startProfile writes a CPU profile when the environment asks for one.
func (a *app) startProfile() (stop func(), err error) {
	name := a.getenv(profileEnv)
	if name == "" {
		return func() {}, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	return func() {
		pprof.StopCPUProfile()
		if err := f.Close(); err != nil {
			fmt.Fprintln(a.errs, "samvirke: profile:", err)
		}
	}, nil
}
