package postgres

import (
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke"
)

// granted is a new delivery that goes straight to a caller who waits for it.
type granted struct {
	d     samvirke.Delivery
	token int64
	until int64
}

// flushLanes brings the lanes up to date: those of stepped deliveries are looked at anew, the others only get what is new.
func (g *group) flushLanes(b *pgx.Batch, stepped []*deliveryRow) {
	moved := map[laneID]bool{}
	var seqs []int64
	count := map[string]int{}
	for _, r := range stepped {
		moved[laneID{r.key, r.party}] = true
		seqs = append(seqs, r.seq)
		g.parties[r.party] = true
		count[r.party]++
	}
	g.flushNewLanes(b, moved)
	for party, n := range count {
		g.away[party] = g.away[party] || !g.w.s.desks.serves(party, g.claimed[party].n+n)
	}
	if len(moved) == 0 {
		return
	}
	lanes := slices.SortedFunc(maps.Keys(moved), compareLanes)
	parties := col(lanes, func(l *laneID) string { return l.party })
	keys := col(lanes, func(l *laneID) int64 { return l.key })
	rows(b, laneMove, func(row pgx.Row) error {
		var party string
		err := row.Scan(&party)
		g.local[party] = true
		return err
	}, parties, keys, seqs)
	b.Queue(laneDrop, parties, keys)
}

func compareLanes(a, b laneID) int {
	if a.key != b.key {
		if a.key < b.key {
			return -1
		}
		return 1
	}
	return strings.Compare(a.party, b.party)
}

func (g *group) flushNewLanes(b *pgx.Batch, moved map[laneID]bool) {
	type first struct {
		laneID
		seq, due, until, leased, token int64
		owner                          string
	}
	var list []first
	seen := map[laneID]bool{}
	grants := map[int64]granted{}
	for i := range g.write.deliveries {
		d := &g.write.deliveries[i]
		due, _ := d.row.open()
		if due == nil {
			continue
		}
		l := laneID{d.row.key, d.row.party}
		g.parties[l.party] = true
		if seen[l] || moved[l] {
			continue
		}
		seen[l] = true
		f := first{laneID: l, seq: d.Seq, due: *due, until: *due}
		if *due <= g.now {
			if ttl, some := g.w.s.desks.wanted(l.party, g.claimed[l.party].n, g.claimed[l.party].bytes); some {
				g.claimed[l.party] = claimed{g.claimed[l.party].n + 1, g.claimed[l.party].bytes + len(d.Body)}
				f.leased, f.token, f.owner, f.until = d.Seq, newToken(), g.w.s.owner, g.now+int64(ttl)
				g.tokens = append(g.tokens, held{d.Seq, f.token})
				grants[d.Seq] = granted{d.lent(), f.token, f.until}
			}
		}
		if f.leased == 0 {
			g.local[l.party], g.away[l.party] = true, true
		}
		list = append(list, f)
	}
	if len(list) == 0 {
		return
	}
	sort.Slice(list, func(i, j int) bool { return compareLanes(list[i].laneID, list[j].laneID) < 0 })
	rows(b, laneAdd, func(row pgx.Row) error {
		var seq int64
		if err := row.Scan(&seq); err != nil {
			return err
		}
		if x, some := grants[seq]; some {
			g.granted = append(g.granted, x)
		}
		return nil
	}, col(list, func(f *first) string { return f.party }), col(list, func(f *first) int64 { return f.key }),
		col(list, func(f *first) int64 { return f.seq }), col(list, func(f *first) int64 { return f.due }),
		col(list, func(f *first) int64 { return f.until }), col(list, func(f *first) int64 { return f.leased }),
		col(list, func(f *first) int64 { return f.token }), col(list, func(f *first) string { return f.owner }))
}

// lent is the delivery as its sender gets it.
func (d *deliveryMade) lent() samvirke.Delivery {
	x := d.Delivery
	x.State, x.Original, x.Attempts = samvirke.DeliverySending, false, int(d.row.attempts)
	x.DueAt, x.Fault, x.FaultText = moment(d.row.due), d.row.fault, d.row.faultText
	x.SentAt, x.DoneAt, x.ExpectBy = moment(d.row.sent), moment(d.row.done), moment(d.row.expectBy)
	return x
}
