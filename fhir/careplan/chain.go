package careplan

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
)

// States of a record, as Source.State shows them.
const (
	stateLive       = "live"
	stateReplaced   = "replaced"
	stateWithdrawn  = "withdrawn"
	stateOrphan     = "orphan"
	stateDuplicate  = "duplicate-id"
	stateQuarantine = "quarantined"
)

// rec is one record during a fold.
type rec struct {
	*Record
	facts *content
	key   string
	order time.Time
	state string
	line  *line
	// parent is the record this one changes or withdraws, when it is known and on the same line.
	parent *rec
	// orphan: it names a parent that is not here yet.
	orphan bool
}

// line is one conversation of one sender about one kind of message. The kind is part of it
// because some systems give all messages of a stay the same conversation: a discharge-ready
// notice must not replace the admission.
type line struct {
	sender, conversation, kind string

	members []*rec // after linearise: in order
	head    *rec
	added   []*rec
	ender   *rec // the cancellation in force
}

func (l *line) live() []*rec {
	if l.head == nil {
		return l.added
	}
	return append([]*rec{l.head}, l.added...)
}

// liveness is the outcome of step 1: which records count.
type liveness struct {
	recs  []*rec // all but dropped duplicates, sorted by (order, key)
	lines []*line
	dups  []*rec
	flags []Flag
	// loose are changes, additions and cancellations that name neither parent nor conversation.
	loose []*rec
}

// settle works out the chains of all records. Source: careplan.md sections 4 and 5.1.
func settle(records []Record) *liveness {
	v := &liveness{}
	v.dedupe(records)
	byID := map[Key]*rec{}
	owners := map[string]int{} // message id -> how many senders have one
	for _, r := range v.recs {
		byID[r.Key] = r
		owners[r.Key.MessageID]++
	}
	v.link(byID, owners)
	v.group()
	for _, l := range v.lines {
		v.linearise(l)
		v.scan(l)
	}
	v.dropEnded()
	return v
}

// dropEnded drops what was odd about conversations that were withdrawn: nothing of them is
// left to be odd. A withdrawal of something that never came stays flagged.
func (v *liveness) dropEnded() {
	ended := map[string]bool{}
	for _, l := range v.lines {
		if l.ender == nil {
			continue
		}
		for _, r := range l.members {
			if r.Chain.Op != samvirke.OpCancel || !r.orphan {
				ended[r.key] = true
			}
		}
	}
	v.flags = slices.DeleteFunc(v.flags, func(f Flag) bool {
		if f.Code == "message-id-reused" || f.Code == "after-withdrawal" {
			return false
		}
		return !slices.ContainsFunc(f.From, func(k string) bool { return !ended[k] })
	})
}

// dedupe keeps one record per key: the earliest received, on a tie the smallest hash. Others
// with the same hash are repeats and vanish; others with another hash are kept aside and flagged.
func (v *liveness) dedupe(records []Record) {
	all := make([]*rec, len(records))
	for i := range records {
		r := &records[i]
		all[i] = &rec{Record: r, facts: r.contents(), key: r.Key.String(), order: r.OrderTime(), state: stateLive}
	}
	slices.SortFunc(all, func(a, b *rec) int {
		return cmp.Or(strings.Compare(a.key, b.key), a.Receive.Compare(b.Receive),
			strings.Compare(a.Hash, b.Hash), strings.Compare(a.MessageID, b.MessageID), strings.Compare(a.Mapping, b.Mapping))
	})
	all = mappedAgain(all)
	for i := 0; i < len(all); {
		win := all[i]
		v.recs = append(v.recs, win)
		var seen []string
		for i++; i < len(all) && all[i].Key == win.Key; i++ {
			d := all[i]
			if d.Hash == win.Hash || contains(seen, d.Hash) {
				continue
			}
			seen = append(seen, d.Hash)
			d.state = stateDuplicate
			v.dups = append(v.dups, d)
			v.flags = append(v.flags, Flag{Code: "message-id-reused", From: []string{win.key},
				Text: "Another message with the same id and other content was set aside."})
		}
	}
	slices.SortFunc(v.recs, byOrder)
}

// mappedAgain keeps one record of a message that was mapped more than once: that of the latest mapping.
// It is the same message of this gateway, so it is no reuse of an id. all is sorted by key.
func mappedAgain(all []*rec) []*rec {
	out := all[:0]
	for i := 0; i < len(all); {
		first := len(out)
		key := all[i].Key
	next:
		for ; i < len(all) && all[i].Key == key; i++ {
			for j := first; j < len(out); j++ {
				if all[i].MessageID == "" || out[j].MessageID != all[i].MessageID || !out[j].Receive.Equal(all[i].Receive) {
					continue
				}
				if out[j].Mapping < all[i].Mapping {
					out[j] = all[i]
				}
				continue next
			}
			out = append(out, all[i])
		}
	}
	return out
}

func byOrder(a, b *rec) int { return cmp.Or(a.order.Compare(b.order), strings.Compare(a.key, b.key)) }

// link finds each record's parent and sets foreign changes and loose ones apart.
func (v *liveness) link(byID map[Key]*rec, owners map[string]int) {
	for _, r := range v.recs {
		op := r.Chain.Op
		if r.Chain.Parent != "" {
			r.parent = byID[Key{r.Key.Sender, r.Chain.Parent}]
		}
		if op == samvirke.OpNew {
			continue
		}
		target := first(r.Chain.Parent, r.Chain.Conversation)
		own := r.parent != nil || byID[Key{r.Key.Sender, target}] != nil
		switch {
		case target == "":
			r.flag(v, "no-parent", "A change or withdrawal names no earlier message.")
			v.loose = append(v.loose, r)
		case !own && owners[target] > 0:
			r.state = stateQuarantine
			r.flag(v, "foreign-change", "A change or withdrawal names a message of another organisation; it has no effect.")
		case r.Chain.Parent == "" && !byDocument(r.Kind):
			r.flag(v, "no-parent", "A change or withdrawal does not name the message it acts on, only the conversation.")
		case r.Chain.Parent != "" && r.parent == nil:
			r.orphan = true
			r.flag(v, "orphan", "A change or withdrawal names a message that has not arrived.")
		}
	}
}

func (r *rec) flag(v *liveness, code, text string) {
	v.flags = append(v.flags, Flag{Code: code, Text: text, From: []string{r.key}})
}

// byDocument tells kinds that are chained by the id of the document, without references
// between messages. Source: standards/no README sections 4 and 6.
func byDocument(kind string) bool { return kind == "EPIKRISE" || kind == "HENVISNING" }

// group sorts records into lines. A record stands on the line of the record it acts on.
func (v *liveness) group() {
	type id struct{ sender, conversation, kind string }
	lines := map[id]*line{}
	for _, r := range v.recs {
		if r.state == stateQuarantine {
			continue
		}
		root := r
		for range v.recs { // bounded: a cycle of parents ends here
			if root.Chain.Op == samvirke.OpNew || root.parent == nil || root.parent.state == stateQuarantine {
				break
			}
			root = root.parent
			if root == r {
				root = cycleRoot(r)
				break
			}
		}
		if inCycle(root) {
			root = cycleRoot(root)
		}
		k := id{root.Key.Sender, root.Chain.Conversation, root.Kind}
		if k.conversation == "" {
			k.conversation = "?" + root.Key.MessageID
		}
		l := lines[k]
		if l == nil {
			l = &line{sender: k.sender, conversation: k.conversation, kind: k.kind}
			lines[k] = l
			v.lines = append(v.lines, l)
		}
		l.members = append(l.members, r)
		r.line = l
	}
	slices.SortFunc(v.lines, func(a, b *line) int {
		return cmp.Or(strings.Compare(a.sender, b.sender), strings.Compare(a.conversation, b.conversation), strings.Compare(a.kind, b.kind))
	})
}

// inCycle tells whether following parents from r comes back to r.
func inCycle(r *rec) bool {
	slow, fast := r, r
	for fast != nil && fast.parent != nil {
		slow, fast = slow.parent, fast.parent.parent
		if slow == r || fast == r {
			return true
		}
		if slow == fast {
			return false // a cycle further up
		}
	}
	return false
}

// cycleRoot is the smallest (orderTime, messageId) of the cycle that r is part of.
func cycleRoot(r *rec) *rec {
	least := r
	for p := r.parent; p != nil && p != r; p = p.parent {
		if byOrder(p, least) < 0 {
			least = p
		}
	}
	return least
}
