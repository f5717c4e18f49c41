package careplan

import "slices"

// keptStays are the stays of the last fold. Nearly every message of a stay names its admission time and comes after
// those before it: then it makes one stay another, and no other.
type keptStays struct {
	list  []*stay
	early remarks // what was said before the single stays were folded
	late  remarks // and after
	stays []Stay
	ready []Ready
	// plain: every message names the admission time, to the minute, and none of the stays is known in part, from
	// native Encounters or after its withdrawal.
	plain bool
	last  *rec // the latest message of a stay
}

// takeStays runs stays, or folds the one stay again that can have become another, or none.
func (f *fold) takeStays() {
	k := f.kept
	if k == nil {
		f.stays()
		return
	}
	if k.unchanged(ofStay | ofMore) {
		f.showStays(&k.stays)
		return
	}
	if s := &k.stays; s.plain && !k.more && f.oneStay(s) {
		f.showStays(s)
		return
	}
	k.stays = keptStays{}
	f.stayed = &k.stays
	f.stays()
	f.stayed = nil
	s := &k.stays
	s.list, s.stays, s.ready, s.last = f.stayList, f.p.Stays, f.p.Ready, latestOf(f.live, ofStay)
	s.plain = s.plain && !slices.ContainsFunc(s.list, func(o *stay) bool { return o.unknown || o.withdrawn != nil || o.daily() })
}

// daily tells whether an admission time of a stay, or one that a message names it by, is no more than a day: such a
// message may belong to another stay once that has come.
func (s *stay) daily() bool {
	return s.start.day || slices.ContainsFunc(s.keys, func(m moment) bool { return m.day }) ||
		slices.ContainsFunc(s.claims, func(c claim) bool { return c.start.day })
}

// showStays shows what is remembered, and says again what was said about it.
func (f *fold) showStays(k *keptStays) {
	f.p.Stays, f.p.Ready, f.stayList = k.stays, k.ready, k.list
	f.repeat(&k.early)
	for _, s := range k.list {
		f.repeat(&s.said)
	}
	f.repeat(&k.late)
}

// oneStay takes the only message of a stay that came into the remembered stays. It gives false when all have to be
// folded.
func (f *fold) oneStay(k *keptStays) bool {
	var r *rec
	for _, m := range f.kept.settled {
		if m.says&ofStay == 0 {
			continue
		}
		if r != nil || m.line.size > 1 || m.line.head != m {
			return false
		}
		r = m
	}
	if r == nil || !isStayKind(r.Kind) || f.kept.lost&ofStay != 0 || latestOf(f.live, ofStay) != r {
		return false
	}
	evs := eventsOf(r)
	start, has := startOf(evs)
	if !has || start.day {
		return false
	}
	at, found := -1, 0
	for i, s := range k.list {
		if s.sender == r.Key.Sender && slices.ContainsFunc(s.keys, func(m moment) bool { return m.at.Equal(start.at) }) {
			at, found = i, found+1
		}
	}
	if found > 1 || found == 1 && r.Kind == kindAdmitted {
		return false
	}
	s := newStay(r, start)
	if found == 1 {
		s = k.list[at].again()
	}
	from := f.mark()
	s.claim(r, start)
	f.addAll(s, evs)
	k.early.add(f.since(from))
	f.drop(from)
	k.put(s, found == 1, at)
	f.finishOf(s)
	f.drop(from)
	k.stays, k.ready, k.last = make([]Stay, 0, len(k.list)), make([]Ready, 0, len(k.ready)+1), r
	for _, s := range k.list {
		k.stays, k.ready = append(k.stays, s.out), append(k.ready, s.ready...)
	}
	f.overlaps(k.list)
	k.late = f.since(from)
	f.drop(from)
	return true
}

// again is a stay that may get further messages: the one it was stays in the plans that show it.
func (s *stay) again() *stay {
	out := *s
	out.from, out.claims, out.events, out.keys = slices.Clip(s.from), slices.Clip(s.claims), slices.Clip(s.events), slices.Clip(s.keys)
	out.from, out.events = slices.Clone(out.from), slices.Clone(out.events) // which are put in order where they are
	return &out
}

// put puts a stay in its place, or in that of the one that it was.
func (k *keptStays) put(s *stay, known bool, at int) {
	if known {
		k.list = slices.Clone(k.list)
		k.list[at] = s
		return
	}
	at, _ = slices.BinarySearchFunc(k.list, s, byStart)
	k.list = slices.Insert(slices.Clone(k.list), at, s)
}
