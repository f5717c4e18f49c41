package careplan

import (
	"slices"

	"github.com/samvirke/samvirke"
)

// lineNamed names the line that a record stands on.
func (r *rec) lineNamed() lineName {
	root := r.findRoot()
	k := lineName{root.Key.Sender, root.Chain.Conversation, root.Kind}
	if k.conversation == "" {
		k.conversation = "?" + root.Key.MessageID
	}
	return k
}

// findRings finds the cycles that parents make, each with its smallest (orderTime, messageId).
func (v *liveness) findRings() {
	var path []*rec
	for _, r := range v.recs {
		path = path[:0]
		at := r
		for ; at != nil && !at.visited; at = at.parent {
			at.visited = true
			path = append(path, at)
		}
		if at == nil {
			continue
		}
		start := slices.Index(path, at)
		if start < 0 { // it meets one that was walked before
			continue
		}
		least := slices.MinFunc(path[start:], byOrder)
		for _, m := range path[start:] {
			m.ring = least
		}
	}
}

// findRoot gives the record whose line r stands on: the new message at the end of its parents, or the
// smallest of a cycle.
func (r *rec) findRoot() *rec {
	end := r
	for end.root == nil && end.ring == nil && end.Chain.Op != samvirke.OpNew && end.parent != nil && end.parent.state != stateQuarantine {
		end = end.parent
	}
	root := end.root
	switch {
	case root != nil:
	case end.ring != nil:
		root = end.ring
	default:
		root = end
	}
	for at := r; at != end; at = at.parent {
		at.root = root
	}
	end.root = root
	return root
}
