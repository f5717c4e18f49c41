package postgres

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// maxNotice bounds the text of a notice; PostgreSQL takes 8,000 bytes.
const maxNotice = 7000

// notice tells other gateways what there is: who says it, the number of the last event, whether messages arrived,
// and the parties for which more is due than this gateway takes itself. "" when there are no others.
func (g *group) notice() string {
	if g.w.s.alone.Load() {
		return ""
	}
	arrived := "-"
	if g.arrived {
		arrived = "*"
	}
	text := g.w.s.owner + " " + strconv.FormatInt(g.seqs.event, 10) + " " + arrived
	maps.DeleteFunc(g.away, func(_ string, away bool) bool { return !away })
	list := slices.Sorted(maps.Keys(g.away))
	for _, p := range list {
		text += " " + p
	}
	if len(text) > maxNotice || slices.ContainsFunc(list, func(p string) bool { return strings.Contains(p, " ") }) {
		return g.w.s.owner + " " + strconv.FormatInt(g.seqs.event, 10) + " * *"
	}
	return text
}

// settle brings memory up to date once the group is committed.
func (g *group) settle() {
	s := g.w.s
	for seq := range g.write.statuses {
		s.inbox.forget(seq, g.tick)
	}
	for _, seq := range g.line.back {
		s.inbox.forget(seq, g.tick)
	}
	s.inbox.hand(g.handed)
	if g.arrived {
		s.inbox.wake()
	}
	s.desks.hand(g.granted, g.began, g.endings)
	s.desks.drop(g.ended)
	for p := range g.local {
		s.desks.wake(p)
	}
	s.feed.publish(g.events)
}

// settleLate does the same for a group that turned out to be committed after the connection was lost. What it granted
// is not known: it is let go of.
func (g *group) settleLate() {
	s := g.w.s
	g.granted = nil
	for p := range g.parties {
		g.local[p] = true
	}
	g.settle()
	if len(g.tokens) > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), releaseTime)
		defer cancel()
		_ = s.release(ctx, g.tokens) // otherwise they run out
	}
}
