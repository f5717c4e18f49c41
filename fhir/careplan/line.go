package careplan

import (
	"cmp"
	"slices"

	"github.com/samvirke/samvirke"
)

// Order inside one line, and which of its members stand.

// linearise puts the members of a line in order: parents first, then the smallest (orderTime,
// messageId). A cycle is broken at its smallest member. Without references, what opens a
// document comes first and what withdraws it last.
func (v *liveness) linearise(l *line) {
	if len(l.members) == 1 && l.members[0].parent != l.members[0] {
		return
	}
	parent := make(map[*rec]*rec, len(l.members))
	children := map[*rec][]*rec{}
	forks := map[string][]string{}
	for _, r := range l.members {
		p := r.parent
		if p != nil && p.line != l {
			p = nil
		}
		if p != nil && inCycle(r) && cycleRoot(r) == r {
			r.flag(v, "cycle", "Messages name each other as the earlier one; their order is a guess.")
			p = nil
		}
		if p == nil {
			p = l.opener(r)
		}
		parent[r] = p
		if r.Chain.Parent != "" && (r.Chain.Op == samvirke.OpChange || r.Chain.Op == samvirke.OpCancel) {
			forks[r.Chain.Parent] = append(forks[r.Chain.Parent], r.key)
		}
	}
	var ready []*rec
	for _, r := range l.members {
		if p := parent[r]; p != nil {
			children[p] = append(children[p], r)
		} else {
			ready = append(ready, r)
		}
	}
	out := make([]*rec, 0, len(l.members))
	for len(ready) > 0 {
		i := 0
		for j := range ready {
			if cmp.Or(cmp.Compare(rank(ready[j]), rank(ready[i])), byOrder(ready[j], ready[i])) < 0 {
				i = j
			}
		}
		r := ready[i]
		ready = append(ready[:i], ready[i+1:]...)
		out = append(out, r)
		ready = append(ready, children[r]...)
	}
	l.members = out
	for _, r := range out { // in order, so that the flags are too
		if keys := forks[r.Chain.Parent]; r.Chain.Parent != "" && len(keys) > 1 {
			delete(forks, r.Chain.Parent)
			slices.Sort(keys)
			v.flags = append(v.flags, Flag{Code: "fork", From: keys, Text: "Two messages change the same earlier one."})
		}
	}
}

// opener is the first message of the conversation when it is on this line: it precedes every
// other member, also one whose own parent has not arrived.
func (l *line) opener(r *rec) *rec {
	for _, o := range l.members {
		if o != r && o.Key.MessageID == l.conversation && o.Chain.Op == samvirke.OpNew && o.Chain.Parent == "" {
			return o
		}
	}
	return nil
}

// rank orders ready members before time does. A cancellation whose target is not known
// withdraws the whole conversation, so it comes after everything that is known of it.
func rank(r *rec) int {
	unplaced := r.parent == nil
	switch {
	case r.Chain.Op == samvirke.OpCancel && unplaced:
		return 2
	case unplaced && byDocument(r.Kind) && r.Chain.Op != samvirke.OpNew:
		return 1
	}
	return 0
}

// takenBack are the versions that cancellations of one version name, wherever they stand on the line: with
// them away, the version before is the newest again.
func (l *line) takenBack() map[*rec]bool {
	var gone map[*rec]bool
	for _, r := range l.members {
		if r.Chain.Op == OpCancelVersion && r.parent != nil {
			if gone == nil {
				gone = map[*rec]bool{}
			}
			gone[r.parent] = true
		}
	}
	return gone
}

// scan finds what is live on a line.
func (v *liveness) scan(l *line) {
	drop := func(state string) {
		for _, r := range l.live() {
			r.state = state
		}
		l.head, l.added = nil, nil
	}
	gone := l.takenBack()
	for _, r := range l.members {
		if gone[r] {
			r.state = stateWithdrawn
			continue
		}
		switch r.Chain.Op {
		case OpCancelVersion:
			r.state = stateWithdrawn
			if r.parent == nil {
				r.state = stateOrphan // no effect until what it names has come
			}
		case samvirke.OpCancel:
			if r.Chain.Conversation == "" {
				r.state = stateOrphan // it names nothing: no effect until a person decides
				continue
			}
			drop(stateWithdrawn)
			l.ender = r
			r.state = stateWithdrawn
			if r.orphan {
				r.state = stateOrphan
			}
		case samvirke.OpAddition:
			if l.ender != nil {
				r.state = stateWithdrawn
				continue
			}
			l.added = append(l.added, r)
			r.live()
		default: // N, M; an unknown status counts as a new version, and says so
			if r.Chain.Op != samvirke.OpNew && r.Chain.Op != samvirke.OpChange {
				r.flag(v, "unknown-status", "A message has a status that is neither new, change, addition nor cancellation.")
			}
			drop(stateReplaced)
			if l.ender != nil {
				l.ender = nil
				r.flag(v, "reopened", "A message follows the withdrawal of its conversation and counts again.")
			}
			l.head = r
			r.live()
		}
	}
	if len(gone) > 0 && l.ender == nil && len(l.live()) == 0 {
		l.ender = l.members[len(l.members)-1]
	}
	if l.ender != nil && byDocument(l.kind) {
		for _, r := range l.members {
			if r != l.ender && r.Sent.After(l.ender.Sent) && !l.ender.Sent.IsZero() {
				r.flag(v, "after-withdrawal", "A version was sent later than the withdrawal of the same document; it is not shown.")
			}
		}
	}
}

func (r *rec) live() {
	r.state = stateLive
	if r.orphan {
		r.state = stateOrphan
	}
}
