package careplan

import "time"

// attach puts a message that repeats no admission time on the only stay of that hospital open at
// the time of its event. Source: careplan.md section 3.1, "Encounter key".
func (f *fold) attach(n notice, list, ghosts []*stay) []*stay {
	ev := n.main
	open := openAt(list, ev)
	if len(open) == 0 {
		if g := openAt(ghosts, ev); len(g) == 1 {
			open = g
		}
	}
	switch {
	case len(open) == 1:
		f.addAll(open[0], n.all)
		return list
	case len(open) > 1:
		f.unattached(ev, "several stays were open at that time")
		return list
	case ev.Code != eventReady && ev.Code != eventDischarged:
		f.unattached(ev, "no stay was open at that time")
		return list
	}
	// The patient is, or was, in hospital: the stay exists although its admission is unknown.
	s := &stay{sender: ev.rec.Key.Sender, name: ev.rec.SenderName, unknown: true}
	f.addAll(s, n.all)
	if ev.Code == eventReady {
		f.unattached(ev, "no stay was open at that time")
	}
	return append(list, s)
}

// noTime asks about a message of a stay that names no event with a time.
func (f *fold) noTime(r *rec) {
	f.unattached(&stayEvent{rec: r}, "the message names no time")
}

func openAt(list []*stay, ev *stayEvent) []*stay {
	var out []*stay
	for _, s := range list {
		if s.sender != ev.rec.Key.Sender || s.planned || !s.unknown && s.start.at.After(ev.at) {
			continue
		}
		if s.end.text != "" && !s.end.day && s.end.at.Before(ev.at) || s.end.day && s.end.at.Add(24*time.Hour).Before(ev.at) {
			continue
		}
		out = append(out, s)
	}
	return out
}

func (f *fold) unattached(ev *stayEvent, why string) {
	f.flag("unattached-event", "An event of a hospital stay could not be tied to a stay: "+why+".", ev.rec.key)
	f.task("unattached-event", "Decide which stay the event belongs to: "+why+".", "coordinator", "requested", ev.rec.key)
}

func (f *fold) checkAdmission(ev *stayEvent) {
	if ev.Estimate && ev.rec.Kind == kindAdmitted {
		f.flag("odd-estimate", "The admission is marked as an estimate; it is taken as having happened.", ev.rec.key)
	}
}

// expectations lets other reports of the hospital (the early notice) tell the expected day of
// its only open stay; they never open or end one. It tells whether there were any such reports.
func (f *fold) expectations(list []*stay) (some bool) {
	for r := range f.with(ofStay) {
		if isStayKind(r.Kind) || r.Kind == kindDead {
			continue
		}
		for _, ev := range eventsOf(r) {
			if ev.Code != eventExpected && !(ev.Code == eventReady && ev.Estimate) {
				continue
			}
			some = true
			told := ev // others may be tied to it as it stands
			told.Code, told.at = eventExpected, r.order
			if open := openAt(list, &told); len(open) == 1 {
				open[0].add(&told)
			}
		}
	}
	return some
}
