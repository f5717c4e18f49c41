//go:build fault

package main

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// How much of each fault of the network there is in a round.
const (
	spoiltEach  = 10 // exchanges
	takenDuring = 30 // messages
)

// TestFaultNetwork lets the network between the gateway and its parties fail, on the way out and on the way in, under traffic: what
// was acknowledged is delivered in order, and what is sent again, because nobody knows whether it arrived, has no second effect.
func TestFaultNetwork(t *testing.T) {
	seed := seedOf(t, "")
	r := newRig(t, seed, "the network fails, SQLite", "")
	wireTo := func(to string) *wire { return newWire(t, rand.New(rand.NewPCG(r.rnd.Uint64(), 5)), to) }
	city, hospital, door := wireTo(r.cityURL), wireTo(r.hospitalURL), wireTo(r.addr)
	r.cfg = strings.NewReplacer(r.cityURL, "http://"+city.addr(), r.hospitalURL, "http://"+hospital.addr(), "timeout: 5s", "timeout: 2s").Replace(r.cfg)
	r.door, r.town.gateway, r.town.slow = door.addr(), door.addr(), time.Second
	p, ready := r.begin(r.config(), "")
	if !ready {
		t.Fatalf("the gateway does not start:\n%s", p.log)
	}
	for range *faultRounds {
		for _, f := range []wireFault{wireGone, wireAtOnce, wireInIt, wireSent, wireRead, wireHalf, wireSlow, wireLate} {
			r.spoil(p, "out: "+string(f), f, city, hospital)
		}
		for _, f := range []wireFault{wireAtOnce, wireInIt, wireSent, wireRead, wireHalf, wireSlow, wireTwice} {
			r.spoil(p, "in: "+string(f), f, door)
		}
	}
	r.fault = "none"
	r.settle(p)
	if code := p.stop(t); code != exitOK {
		t.Errorf("exit code %d after a clean stop\n%s", code, p.log)
	}
	for _, w := range []*wire{city, hospital, door} {
		for _, text := range w.bad {
			t.Error(text)
		}
	}
	r.judge()
	r.audit()
	r.sheet.print(t)
}

// spoil sends while wires do something to each third exchange, until enough of them were spoilt. The first wire has to spoil some.
func (r *faultRig) spoil(p *process, name string, f wireFault, wires ...*wire) {
	r.t.Helper()
	r.fault = name
	for _, w := range wires {
		w.set(f)
	}
	spoilt, taken := wires[0].count(), r.count()
	r.load(p, func() bool { return wires[0].count() >= spoilt+spoiltEach && r.count() >= taken+takenDuring })
	r.goesOn(p)
	for _, w := range wires {
		w.set(wireWell)
	}
	r.arrived(p) // so that the next fault meets messages of its own
	r.sheet.at(name).rounds += wires[0].count() - spoilt
	r.t.Logf("%-52s %d acknowledged so far", name, r.count())
}
