//go:build fault

package main

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke/internal/config"
)

// jumpingHouse is a gateway in this process, so that its clock can be put ahead and back while it works.
type jumpingHouse struct {
	*faultRig
	clock *storyClock
	city  *wire
	house *house
	p     *process // of which only log and done are used
}

func (c *jumpingHouse) open() {
	c.t.Helper()
	cfg, problems := config.Load(c.config())
	if len(problems) > 0 {
		c.t.Fatal(problems)
	}
	c.p = &process{log: &lockedBuffer{}, addr: c.addr, done: make(chan struct{})}
	h, err := openHouseAt(c.t.Context(), cfg, slog.New(slog.NewTextHandler(c.p.log, nil)), func(h *house) error {
		h.clock = c.clock
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.house = h
	c.t.Cleanup(h.stop)
}

// jump puts the clock ahead or back while deliveries wait, and looks whether all arrive all the same.
func (c *jumpingHouse) jump(by time.Duration, stopped bool) {
	c.t.Helper()
	c.fault = fmt.Sprintf("clock %+g h", by.Hours())
	if stopped {
		c.fault += " while it is stopped"
	}
	c.sheet.at(c.fault).rounds++
	c.city.set(wireGone)
	spoilt, taken := c.city.count(), c.count()
	c.load(c.p, func() bool { return c.city.count() >= spoilt+5 && c.count() >= taken+takenDuring })
	if stopped {
		c.house.stop()
	}
	c.clock.ahead.Add(int64(by))
	if stopped {
		c.open()
	}
	c.city.set(wireWell)
	taken = c.count()
	c.load(c.p, func() bool { return c.count() >= taken+takenDuring })
	c.arrived(c.p)
	c.t.Logf("%-40s %d acknowledged so far", c.fault, c.count())
}

// TestFaultClock puts the clock ahead and back, by hours and by a day, while messages come and deliveries wait for their next
// attempt: nothing is lost, doubled or reordered, and nothing waits until the clock is again where it was.
func TestFaultClock(t *testing.T) {
	seed := seedOf(t, "")
	r := newRig(t, seed, "the clock jumps, SQLite", "")
	c := &jumpingHouse{faultRig: r, clock: &storyClock{}, city: newWire(t, rand.New(rand.NewPCG(seed, 6)), r.cityURL)}
	// Without a breaker: it goes by the machine's own steady clock, which a clock of a story takes with it.
	r.cfg = strings.NewReplacer(r.cityURL, "http://"+c.city.addr(), "{failures: 5,", "{failures: 1000,").Replace(r.cfg)
	c.open()
	for range *faultRounds {
		for _, stopped := range []bool{false, true} {
			for _, by := range []time.Duration{time.Hour, -2 * time.Hour, 24 * time.Hour, -24 * time.Hour, time.Hour} {
				c.jump(by, stopped)
			}
		}
	}
	c.house.stop()
	r.finish()
	r.sheet.print(t)
}
