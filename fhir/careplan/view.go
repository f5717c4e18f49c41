package careplan

import "slices"

// hide drops what the viewer may not see, after liveness. Source: careplan.md section 8.
func (v *liveness) hide(viewer Viewer) {
	hidden := map[string]bool{}
	lines := v.lines[:0:0]
	for _, l := range v.lines {
		drop := l.head != nil && !l.head.visibleTo(viewer)
		var members []*rec
		for _, r := range l.members {
			if drop || !r.visibleTo(viewer) {
				hidden[r.key] = true
			} else {
				members = append(members, r)
			}
		}
		l.members = members
		l.added = slices.DeleteFunc(l.added, func(r *rec) bool { return hidden[r.key] })
		if l.ender != nil && hidden[l.ender.key] || len(members) == 0 {
			continue
		}
		if !drop {
			lines = append(lines, l)
		}
	}
	v.lines = lines
	for _, r := range v.recs {
		if r.line == nil && !r.visibleTo(viewer) {
			hidden[r.key] = true
		}
	}
	gone := func(r *rec) bool { return hidden[r.key] }
	v.recs = slices.DeleteFunc(v.recs, gone)
	v.loose = slices.DeleteFunc(v.loose, gone)
	v.dups = slices.DeleteFunc(v.dups, func(r *rec) bool { return hidden[r.key] || !r.visibleTo(viewer) })
	v.flags = slices.DeleteFunc(v.flags, func(fl Flag) bool {
		return slices.ContainsFunc(fl.From, func(k string) bool { return hidden[k] })
	})
}

func (r *rec) visibleTo(viewer Viewer) bool {
	if !r.NoForwarding {
		return true
	}
	for _, h := range viewer.HER {
		if h == r.Key.Sender || contains(r.Original, h) || r.facts.From != nil && r.facts.From.Inner == h {
			return true
		}
	}
	return false
}
