package sqlite

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// plainLane is what a lane means: deliveries by number.
type plainLane struct {
	due    map[int64]int64
	leased int64 // the number of the delivery in somebody's hands, 0: none
}

func (n *plainLane) head() int64 {
	var seqs []int64
	for seq := range n.due {
		seqs = append(seqs, seq)
	}
	if len(seqs) == 0 {
		return 0
	}
	return slices.Min(seqs)
}

// plainTake gives what may be sent at a time, oldest first.
func plainTake(lanes map[laneKey]*plainLane, now int64, limit int) (out []int64) {
	type head struct{ due, seq int64 }
	var heads []head
	for _, n := range lanes {
		if seq := n.head(); seq != 0 && n.leased == 0 && n.due[seq] <= now {
			heads = append(heads, head{n.due[seq], seq})
		}
	}
	slices.SortFunc(heads, func(a, b head) int {
		if a.due != b.due {
			return int(a.due - b.due)
		}
		return int(a.seq - b.seq)
	})
	for _, h := range heads[:min(limit, len(heads))] {
		out = append(out, h.seq)
	}
	return out
}

// Whatever happens to the deliveries of many lanes, what is given next is what the plain rule says: one of a lane at a time,
// its lowest number, of all lanes the one that is due first.
func TestLanesAgainstPlainRule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, model := newLanes(0), map[laneKey]*plainLane{}
		defer l.stop()
		laneOf := map[int64]laneKey{}
		next := int64(0)
		some := func() int64 {
			if next == 0 {
				return 0
			}
			return rapid.Int64Range(1, next).Draw(t, "delivery")
		}
		change := func(seq, due int64, open, release bool) {
			l.settle([]laneChange{{seq: seq, party: "p", lane: laneOf[seq], open: open, due: due, waiting: seq%2 == 0, release: release}}, nil)
			n := model[laneOf[seq]]
			if release && n.leased == seq {
				n.leased = 0
			}
			if delete(n.due, seq); open {
				n.due[seq] = due
			}
		}
		due := func() int64 {
			return rapid.SampledFrom([]int64{1, 2, 3, 4, 5, 50, never}).Draw(t, "due")
		}
		t.Repeat(map[string]func(*rapid.T){
			"new": func(*rapid.T) {
				next++
				laneOf[next] = laneKey(rapid.IntRange(1, 6).Draw(t, "lane"))
				if model[laneOf[next]] == nil {
					model[laneOf[next]] = &plainLane{due: map[int64]int64{}}
				}
				change(next, due(), true, false)
			},
			"again or later": func(*rapid.T) { // also what left long ago: somebody sends it again
				if seq := some(); seq != 0 {
					change(seq, due(), true, model[laneOf[seq]].leased == seq)
				}
			},
			"leaves": func(*rapid.T) {
				if seq := some(); seq != 0 {
					change(seq, 0, false, model[laneOf[seq]].leased == seq)
				}
			},
			"take": func(*rapid.T) {
				now, limit := rapid.Int64Range(0, 6).Draw(t, "now"), rapid.IntRange(1, 4).Draw(t, "limit")
				want := plainTake(model, now, limit)
				got, _, _ := l.take("p", limit, time.Hour, now)
				var seqs []int64
				for _, x := range got {
					seqs = append(seqs, x.Seq)
					model[laneOf[x.Seq]].leased = x.Seq
				}
				if !slices.Equal(seqs, want) {
					t.Fatalf("at %d: got %v, want %v", now, seqs, want)
				}
			},
		})
		open := 0
		for _, n := range model {
			if len(n.due) > 0 || n.leased != 0 {
				open++
			}
		}
		if p := l.party("p"); len(p.lanes) != open {
			t.Fatalf("%d lanes are kept, %d are open", len(p.lanes), open)
		}
	})
}

// When all have left, what they took is given back.
func TestLanesGiveRoomBack(t *testing.T) {
	l := newLanes(0)
	const n = 3 * manyLanes
	for _, open := range []bool{true, false} {
		for seq := int64(1); seq <= 2*n; seq++ {
			l.settle([]laneChange{{seq: seq, party: "p", lane: laneKey(1 + seq%n), open: open, due: seq}}, nil)
		}
	}
	p := l.party("p")
	if len(p.all.chunks) > slabKeeps || len(p.more.chunks) > slabKeeps || cap(p.ready) > manyLanes || p.most != 0 {
		t.Errorf("kept: %d and %d chunks, %d places, map of %d", len(p.all.chunks), len(p.more.chunks), cap(p.ready), p.most)
	}
}

// BenchmarkWaiting says what a delivery that waits takes in memory, when each has a lane of its own and when three share one.
func BenchmarkWaiting(b *testing.B) {
	for _, share := range []int64{1, 3, 100} {
		b.Run(fmt.Sprintf("%d in a lane", share), func(b *testing.B) {
			const n = 1_000_000
			var before, after runtime.MemStats
			for b.Loop() {
				runtime.GC()
				runtime.ReadMemStats(&before)
				l := newLanes(0)
				for seq := int64(1); seq <= n; seq++ {
					l.settle([]laneChange{{seq: seq, party: "p", lane: laneKey(1 + seq%(n/share)), open: true, due: seq}}, nil)
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				runtime.KeepAlive(l)
			}
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/delivery")
		})
	}
}
