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
func (l *line) linearise() {
	if len(l.members) == 1 && l.members[0].parent != l.members[0] {
		return
	}
	opener := l.opener()
	var ready queue
	for _, r := range l.members {
		p := r.parent
		if p != nil && p.line != l {
			p = nil
		}
		if p != nil && r.ring == r {
			r.flag(&l.flags, "cycle", "Messages name each other as the earlier one; their order is a guess.")
			p = nil
		}
		if p == nil && r != opener {
			p = opener
		}
		if p == nil {
			ready = append(ready, r)
			continue
		}
		r.sibling, p.child = p.child, r
	}
	l.forks()
	ready.sort()
	out := l.members[:0:0]
	for len(ready) > 0 {
		r := ready.take()
		out = append(out, r)
		for c := r.child; c != nil; c = c.sibling {
			ready.put(c)
		}
	}
	l.members = out
}

// forks flags messages of a line that change or withdraw one and the same earlier message.
func (l *line) forks() {
	acts := func(r *rec) bool {
		return r.Chain.Parent != "" && (r.Chain.Op == samvirke.OpChange || r.Chain.Op == samvirke.OpCancel)
	}
	n := 0
	for _, r := range l.members {
		n += b2i(acts(r))
	}
	if n < 2 {
		return
	}
	on := make(map[string][]string, n)
	for _, r := range l.members {
		if acts(r) {
			on[r.Chain.Parent] = append(on[r.Chain.Parent], r.key)
		}
	}
	for _, keys := range on { // flags are put in order at the end
		if len(keys) > 1 {
			slices.Sort(keys)
			l.flags = append(l.flags, Flag{Code: "fork", From: keys, Text: "Two messages change the same earlier one."})
		}
	}
}

// opener is the first message of the conversation when it is on this line: it precedes every
// other member, also one whose own parent has not arrived. There is at most one.
func (l *line) opener() *rec {
	for _, o := range l.members {
		if o.Key.MessageID == l.conversation && o.Chain.Op == samvirke.OpNew && o.Chain.Parent == "" {
			return o
		}
	}
	return nil
}

// queue holds members whose parents are placed, as a heap: the next one first.
type queue []*rec

func (q queue) before(i, j int) bool {
	return cmp.Or(cmp.Compare(rank(q[i]), rank(q[j])), byOrder(q[i], q[j])) < 0
}

func (q queue) sort() {
	for i := len(q)/2 - 1; i >= 0; i-- {
		q.sink(i)
	}
}

func (q *queue) put(r *rec) {
	*q = append(*q, r)
	for i := len(*q) - 1; i > 0 && q.before(i, (i-1)/2); i = (i - 1) / 2 {
		(*q)[i], (*q)[(i-1)/2] = (*q)[(i-1)/2], (*q)[i]
	}
}

func (q *queue) take() *rec {
	r, last := (*q)[0], len(*q)-1
	(*q)[0] = (*q)[last]
	*q = (*q)[:last]
	q.sink(0)
	return r
}

func (q queue) sink(i int) {
	for {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(q); c++ {
			if q.before(c, least) {
				least = c
			}
		}
		if least == i {
			return
		}
		q[i], q[least] = q[least], q[i]
		i = least
	}
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
func (l *line) scan() {
	drop := func(state string) {
		if l.head != nil {
			l.head.state = state
		}
		for _, r := range l.added {
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
				r.flag(&l.flags, "unknown-status", "A message has a status that is neither new, change, addition nor cancellation.")
			}
			drop(stateReplaced)
			if l.ender != nil {
				l.ender = nil
				r.flag(&l.flags, "reopened", "A message follows the withdrawal of its conversation and counts again.")
			}
			l.head = r
			r.live()
		}
	}
	if len(gone) > 0 && l.ender == nil && l.head == nil && len(l.added) == 0 {
		l.ender = l.members[len(l.members)-1]
	}
	if l.ender != nil && byDocument(l.kind) {
		for _, r := range l.members {
			if r != l.ender && r.Sent.After(l.ender.Sent) && !l.ender.Sent.IsZero() {
				r.flag(&l.flags, "after-withdrawal", "A version was sent later than the withdrawal of the same document; it is not shown.")
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
