package simulate

import (
	"sync/atomic"
	"time"
)

// Disturbance is told by whoever kills gateways or takes receivers away during a load, so that what follows from it is
// told from faults. The zero value is ready; it is safe for concurrent use.
type Disturbance struct {
	n    atomic.Uint32
	kill atomic.Int64 // Unix nanoseconds of the last kill
}

// Happened is to be called when something was done, before its consequences can show: after a gateway is dead and before
// it is started again, after Sink.Down and before Sink.Up.
func (d *Disturbance) Happened() { d.n.Add(1) }

// Killed is Happened for a gateway that is dead now. The report tells of the last one.
func (d *Disturbance) Killed() {
	d.kill.Store(time.Now().UnixNano())
	d.Happened()
}

func (d *Disturbance) count() uint32 { return d.n.Load() }

// KillReport is what the last kill of a gateway meant for the messages that were under way.
type KillReport struct {
	// AtS is when it was. Unit: seconds since the start of the load.
	AtS float64 `json:"at_s"`
	// UnderWay counts messages sent before it and confirmed after it, or never.
	UnderWay int64 `json:"under_way"`
	// TakeOverS is from the kill until the last of them was confirmed by all its receivers. Unit: seconds.
	TakeOverS float64 `json:"take_over_s"`
}

// killed looks through all messages; nil when there was no kill.
func (r *run) killed() *KillReport {
	if r.faults == nil || r.faults.kill.Load() == 0 {
		return nil
	}
	at := r.faults.kill.Load() - r.start.UnixNano()
	k := &KillReport{AtS: float64(at) / 1e9}
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.Lock()
		for j := range s.tracks {
			t := &s.tracks[j]
			if !t.accepted || t.began >= at || t.finished && t.ended < at {
				continue
			}
			k.UnderWay++
			k.TakeOverS = max(k.TakeOverS, float64(t.ended-at)/1e9)
		}
		s.mu.Unlock()
	}
	return k
}

// Down makes the sink a receiver that is gone: connections end at once, and no byte of what comes is read. It returns
// when nothing that came before is still being taken.
func (s *Sink) Down() {
	s.mu.Lock()
	s.down.Store(true)
	for c := range s.conns {
		_ = c.Close() // the gateway is not told: it is the gateway's turn to notice
	}
	s.quiet()
	s.mu.Unlock()
}

// quiet waits until no connection is left; mu is held.
func (s *Sink) quiet() {
	for len(s.conns) > 0 {
		s.ended.Wait()
	}
}

// Up ends Down.
func (s *Sink) Up() { s.down.Store(false) }

// Tried counts the connections that came while the sink was down.
func (s *Sink) Tried() int64 { return s.tried.Load() }

// Refuse makes the sink answer 503 to everything, or ends that.
func (s *Sink) Refuse(on bool) { s.refusing.Store(on) }

// Idle waits until no connection to the sink is left: after its gateway is dead, nothing of what that sent is still being
// taken when it returns. No other gateway may be sending to the sink.
func (s *Sink) Idle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quiet()
}
