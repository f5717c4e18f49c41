package main

import (
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// gcPercent lets the heap grow to four times what lives before it is collected, as long as that is below the limit. What
// lives is small (20 to 30 MB) and garbage is much, so the default would collect many times a second.
const gcPercent = 300

// memoryLimit is where the collector begins to work harder, unless GOMEMLIMIT says otherwise. With code, tables and the store's
// own caches, some 50 MB, it keeps the process under the target of 150 MB; it is no hard bound. Unit: bytes.
const memoryLimit = 98 << 20

// A store with very much waiting keeps more alive than that. A limit close to what lives would make the collector run all the
// time, so it stays above it: by liveRoom, and by scanFactor percent of what the collector must look through each time. What
// waits has no pointers and costs it nothing.
const (
	scanFactor = 70
	liveRoom   = 24 << 20
	// limitStep is the least by which the limit is changed.
	limitStep = 4 << 20
	limitLook = time.Second
)

// limitFor gives the limit when so much lives in the heap, so much of it is to be looked through, and so much is taken by stacks
// and the runtime itself, which the limit counts too and the collector cannot give back.
func limitFor(live, scan, fixed int64) int64 {
	return max(memoryLimit, live+min(live, scan)/100*scanFactor+liveRoom+fixed)
}

// memorySet gives the limit of memory in bytes that somebody set for the process, 0 where nobody did.
func memorySet() int64 {
	if limit := debug.SetMemoryLimit(-1); os.Getenv("GOMEMLIMIT") != "" && limit != math.MaxInt64 {
		return limit
	}
	return 0
}

// boundMemory sets how the collector works, unless the environment says it, and keeps the limit above what lives.
func (a *app) boundMemory() (stop func()) {
	if a.getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if a.getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	limit := int64(memoryLimit)
	debug.SetMemoryLimit(limit)
	end, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		t := time.NewTicker(limitLook)
		defer t.Stop()
		used := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/heap:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}, {Name: "/memory/classes/metadata/other:bytes"}}
		for {
			select {
			case <-end:
				return
			case <-t.C:
			}
			metrics.Read(used)
			var n [4]int64
			for i := range used {
				if used[i].Value.Kind() != metrics.KindUint64 {
					return // another Go: the limit stays
				}
				n[i] = int64(used[i].Value.Uint64())
			}
			if want := limitFor(n[0], n[1], n[2]+n[3]); want > limit+limitStep || want < limit-limitStep {
				limit = want
				debug.SetMemoryLimit(limit)
			}
		}
	}()
	return func() {
		close(end)
		<-over
	}
}
