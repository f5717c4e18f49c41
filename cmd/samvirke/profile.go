package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/metrics"
	"runtime/pprof"
	"time"
)

// profileEnv names the file for a CPU profile of the running gateway; bench sets it.
const profileEnv = "SAMVIRKE_CPU_PROFILE"

// heapEnv names the file for a profile of the running gateway's heap when it was largest; bench sets it.
const heapEnv = "SAMVIRKE_HEAP_PROFILE"

// heapLook is how often the size of the heap is looked at, heapRate how many bytes are allocated between two samples.
const (
	heapLook = time.Second
	heapRate = 64 << 10
)

// startProfiles writes the profiles that the environment asks for.
func (a *app) startProfiles() (stop func(), err error) {
	cpu, err := a.startProfile()
	if err != nil {
		return nil, err
	}
	heap := a.watchHeap()
	return func() { heap(); cpu() }, nil
}

// watchHeap writes a profile of the heap whenever it is larger than before. What has been allocated stands in it too.
func (a *app) watchHeap() (stop func()) {
	name := a.getenv(heapEnv)
	if name == "" {
		return func() {}
	}
	runtime.MemProfileRate = heapRate
	end, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		t := time.NewTicker(heapLook)
		defer t.Stop()
		most := uint64(0)
		for {
			select {
			case <-end:
				return
			case <-t.C:
			}
			s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
			metrics.Read(s)
			now := s[0].Value.Uint64() - s[1].Value.Uint64()
			if now <= most {
				continue
			}
			most = now
			if err := writeHeap(name); err != nil {
				fmt.Fprintln(a.errs, "samvirke: heap profile:", err)
				return
			}
		}
	}()
	return func() {
		close(end)
		<-over
	}
}

func writeHeap(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(pprof.WriteHeapProfile(f), f.Close())
}

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

// statsEnv names the file for what the gateway's runtime says of itself at its end; bench sets it.
const statsEnv = "SAMVIRKE_RUN_STATS"

// runStats is what only the process itself knows of its cost.
type runStats struct {
	CollectorSeconds float64 `json:"collector_seconds"` // processor time of the garbage collector
	Allocated        uint64  `json:"allocated_bytes"`   // all that was ever taken from the heap
	Collections      uint64  `json:"collections"`
}

// writeStats writes runStats when the environment asks for them.
func (a *app) writeStats() {
	name := a.getenv(statsEnv)
	if name == "" {
		return
	}
	s := []metrics.Sample{
		{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/cpu/classes/gc/mark/idle:cpu-seconds"},
		{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/cycles/total:gc-cycles"},
	}
	metrics.Read(s)
	for _, v := range s {
		if v.Value.Kind() == metrics.KindBad {
			return // another Go: no figures rather than wrong ones
		}
	}
	b, err := json.Marshal(runStats{
		// Idle processors help marking; nothing else wanted them.
		CollectorSeconds: s[0].Value.Float64() - s[1].Value.Float64(), Allocated: s[2].Value.Uint64(), Collections: s[3].Value.Uint64(),
	})
	if err == nil {
		err = os.WriteFile(name, b, 0o600)
	}
	if err != nil {
		fmt.Fprintln(a.errs, "samvirke: run statistics:", err)
	}
}
