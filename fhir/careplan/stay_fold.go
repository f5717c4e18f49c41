package careplan

import (
	"slices"
	"time"
)

// transferGap is how long a stay may stay open after one at another hospital began.
// Source: careplan.md section 6.
const transferGap = 24 * time.Hour

// finishOf is finish, and a Folder keeps what was said.
func (f *fold) finishOf(s *stay) {
	from := f.mark()
	f.finish(s)
	if f.kept != nil {
		s.said = f.since(from)
	}
}

// finish folds the events of one stay in event order and shows it.
func (f *fold) finish(s *stay) {
	slices.SortFunc(s.events, byEvent)
	slices.Sort(s.from)
	s.out = Stay{ID: s.id(), Organiser: s.sender, Name: s.name, Status: "in-progress", From: s.from,
		Class: s.class, Kind: s.kind, Identifiers: s.ids}
	switch {
	case s.withdrawn != nil:
		s.out.Status = "entered-in-error"
		f.flag("admission-withdrawn", "The admission was withdrawn but later messages of the stay still stand.", s.from...)
	case s.unknown:
		f.addGap(gapStartUnknown, "The admission of a stay is not known.", s.out.ID, time.Time{}, s.from...)
	default:
		s.out.Start = f.value(s.start.text, s.carriers()...)
	}
	ready := f.readyPeriods(s)
	s.ready = ready
	if s.class != nil || len(s.ids) > 0 || s.told != nil || s.kind != nil || s.planned {
		away := f.leaves(s)
		if s.withdrawn == nil {
			s.out.Status = s.progress(away)
		}
	}
	if s.out.End != nil && s.withdrawn == nil {
		s.out.Status = "finished"
		if end := s.end; !s.unknown && !end.day && end.at.Before(s.start.at) {
			f.flag("end-before-start", "The discharge stands before the admission.", s.from...)
		}
	}
	if len(ready) > 0 && (s.out.Status == "planned" || s.out.Status == "cancelled") {
		f.flag("ready-without-stay", "Discharge-ready was set on a stay that has not begun.", ready[0].From...)
	}
	s.out.ReadyCount = len(ready)
}

// carriers are the records that state the admission time shown.
func (s *stay) carriers() []string {
	var keys []string
	for _, c := range s.claims {
		if c.start.at.Equal(s.start.at) && c.start.day == s.start.day && !contains(keys, c.key) {
			keys = append(keys, c.key)
		}
	}
	slices.Sort(keys)
	return keys
}

// readyPeriods walks the events: discharge-ready set, withdrawn, set again, discharged.
func (f *fold) readyPeriods(s *stay) []Ready {
	var list []Ready
	open, asked := -1, -1 // the period that has not ended, and its task
	for i := range s.events {
		ev := s.events[i]
		v := Value{Text: ev.when.text, From: ev.rec.own}
		if v.Text == "" {
			v.Text = formatTime(ev.rec.order)
		}
		switch ev.Code {
		case eventReady:
			if ev.Estimate {
				s.expect(v)
			}
			if open >= 0 {
				list[open].From = addFrom(list[open].From, ev.rec.key)
				if !ev.repeat {
					f.flag("ready-repeated", "Discharge-ready was told again while it already stood.", ev.rec.key)
				}
				continue
			}
			if ev.repeat && slices.ContainsFunc(list, func(r Ready) bool { return r.Set.Text == v.Text }) {
				continue
			}
			if s.out.End != nil {
				f.flag("ready-after-discharge", "Discharge-ready was set after the discharge.", ev.rec.key)
				continue
			}
			open = len(list)
			list = append(list, Ready{Stay: s.out.ID, Set: v, Planned: ev.Estimate, From: ev.rec.own})
			asked = f.readyTask(s, ev)
		case eventNotReady:
			if open < 0 {
				if ev.repeat {
					continue
				}
				f.unattached(ev, "discharge-ready did not stand at that time")
				continue
			}
			list[open].close(v, "withdrawn")
			f.readyDone(asked, "cancelled", ev.rec.key)
			open = -1
			s.out.WithdrawnN++
		case eventDischarged:
			f.discharged(s, ev, v)
			if open >= 0 {
				list[open].close(v, "discharged")
				f.readyDone(asked, "done", ev.rec.key)
				open = -1
			}
		case eventExpected:
			s.expect(v)
		case eventPlanned, eventLeave, eventBack, eventCancelled, eventError:
			// see leaves and progress
		default:
			f.flag("unknown-event", "A message about a stay holds an event that the plan does not know.", ev.rec.key)
		}
	}
	if open >= 0 && s.withdrawn != nil {
		list[open].close(Value{Text: formatTime(s.withdrawn.order), From: []string{s.withdrawn.key}}, "admission-withdrawn")
		f.readyDone(asked, "cancelled", s.withdrawn.key)
	}
	return list
}

func (s *stay) expect(v Value) { s.out.Expected = &v }

// discharged ends a stay; of two times the earlier is shown.
func (f *fold) discharged(s *stay, ev *stayEvent, v Value) {
	switch {
	case s.out.End == nil:
		s.out.End = &v
		s.end = ev.when
		out := ev.rec.facts.Out
		if ev.own != nil {
			out = ev.own.Out
		}
		if out != nil {
			s.out.Destination = &Value{Text: out.Text, Code: out.Code, System: out.System, From: ev.rec.own}
		}
	case s.out.End.Text == v.Text:
		s.out.End.From = addFrom(s.out.End.From, ev.rec.key)
	default:
		f.flag("discharged-twice", "Two live messages give different times of discharge; the earlier is shown.", s.out.End.From[0], ev.rec.key)
	}
}

func (r *Ready) close(v Value, why string) {
	r.End, r.Why = &v, why
	for _, k := range v.From {
		r.From = addFrom(r.From, k)
	}
}

// readyTask asks the unit that was told whether it can receive the patient: without an answer
// the municipality pays as if it had said no (standards/no README section 11). It gives the place of the task.
func (f *fold) readyTask(s *stay, ev *stayEvent) int {
	to := "coordinator"
	if list := ev.rec.facts.To; len(list) > 0 && list[0].HER != "" {
		to = list[0].HER
	}
	f.p.Tasks = append(f.p.Tasks, Task{ID: shortID("task", "discharge-ready", s.out.ID, ev.rec.key), For: to, Status: "requested",
		Rule: "discharge-ready", Text: "Answer whether the patient can be received.", From: ev.rec.own})
	return len(f.p.Tasks) - 1
}

func (f *fold) readyDone(at int, status, by string) {
	t := &f.p.Tasks[at]
	t.Status, t.From = status, addFrom(t.From, by)
}

// overlaps flags each stay that begins while an earlier one is open and that is no transfer. list is
// in order of start; of several open ones the latest is named, so that the flags stay as many as the stays.
func (f *fold) overlaps(list []*stay) {
	var before []*stay // those still open when the next one begins
	for _, b := range list {
		if b.withdrawn != nil || b.unknown || b.planned || b.out.Status == "cancelled" {
			continue
		}
		before = slices.DeleteFunc(before, func(a *stay) bool {
			return a.end.text != "" && a.end.at.Before(b.start.at.Add(transferGap))
		})
		if n := len(before); n > 0 {
			f.flag("overlapping-stays", "Two stays are open at the same time.", append(slices.Clone(before[n-1].from), b.from...)...)
		}
		before = append(before, b)
	}
}
