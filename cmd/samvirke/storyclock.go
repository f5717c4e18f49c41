package main

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// storyClock is a clock that a story sets: it runs like the machine's and can be put ahead. With it weeks pass in a
// test or a demo, and the gateway's own clocks (unanswered, overdue, due) run out as they would.
//
// Timers wait in real time all the same: what waits for a second waits a second, whatever the story says. Nothing
// becomes late by that, because the story's time never runs slower than the machine's.
//
// Only simulations have one. In production the machine's clock is the only one.
type storyClock struct {
	ahead atomic.Int64 // of the machine's clock, in nanoseconds; negative for a story in the past
}

// now is the time in the story.
func (c *storyClock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// set puts the clock to t. It is never put back: what is stored would lie in the future.
func (c *storyClock) set(t time.Time) error {
	if c.ahead.Load() != 0 && t.Before(c.now()) {
		return fmt.Errorf("the story is at %s already; a clock is not put back to %s", c.now().UTC().Format(time.RFC3339), t.UTC().Format(time.RFC3339))
	}
	c.ahead.Store(int64(time.Until(t)))
	return nil
}

// Times of a clock that a file sets.
const (
	// clockLook is how often the file is looked at, and how often a gateway with such a clock looks for what ran out:
	// a time that was jumped over must not wait for the next minute of the real clock.
	clockLook = 100 * time.Millisecond
	// maxClockFile bounds the file. Unit: bytes.
	maxClockFile = 64
)

// readClock reads a time from a clock file: one line, RFC 3339.
func readClock(name string) (time.Time, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return time.Time{}, err
	}
	if len(b) > maxClockFile {
		return time.Time{}, fmt.Errorf("%s is longer than a time", name)
	}
	t, err := time.Parse(time.RFC3339, strings.TrimSpace(string(b)))
	if err != nil {
		return time.Time{}, fmt.Errorf("%s holds no time such as 2026-03-12T09:00:00+01:00", name)
	}
	return t, nil
}

// followClock gives a clock that follows a file: whenever another time stands in it, the clock jumps there.
// It is refused for anything that could be more than a simulation: an environment that is not called test, or an
// address that others than this machine reach.
func (h *house) followClock(name string) error {
	if !h.cfg.Test() {
		return fail(exitBadConfig, "--clock-file is for simulations: it needs environment: test")
	}
	for _, a := range []string{h.cfg.Listen, h.cfg.AdminListen} {
		if a != "" && !onLoopback(a) {
			return fail(exitBadConfig, "--clock-file is for simulations: it needs addresses of this machine only, and %s is not", a)
		}
	}
	at, err := readClock(name)
	if err != nil {
		return fail(exitBadConfig, "--clock-file: %w", err)
	}
	h.clock = &storyClock{}
	if err := h.clock.set(at); err != nil {
		return fail(exitBadConfig, "--clock-file: %w", err)
	}
	h.log.Warn("SIMULATION: the time comes from a file, not from this machine; no patient's data belongs here", "file", name, "time", at)
	stop := make(chan struct{})
	h.stopClock = func() { close(stop) }
	h.started.Go(func() { h.watchClock(name, at, stop) })
	return nil
}

// watchClock looks at the file until stop.
func (h *house) watchClock(name string, last time.Time, stop <-chan struct{}) {
	tick := time.NewTicker(clockLook)
	defer tick.Stop()
	var told string
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		at, err := readClock(name)
		if err == nil && at.Equal(last) {
			continue
		}
		if err == nil {
			err = h.clock.set(at)
		}
		if err != nil { // half written, perhaps: the next look will tell
			if err.Error() != told {
				told = err.Error()
				h.log.Error("the clock of the simulation was not set", "err", err)
			}
			continue
		}
		last, told = at, ""
		h.log.Info("the clock of the simulation was set", "time", at)
	}
}

// onLoopback tells whether only this machine reaches an address.
func onLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// now is the clock of everything that is stored; nil, which every room reads as the machine's, when no story sets it.
func (h *house) now() func() time.Time {
	if h.clock == nil {
		return nil
	}
	return h.clock.now
}
