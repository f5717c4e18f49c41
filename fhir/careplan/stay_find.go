package careplan

import "slices"

// manyStays is how many stays are searched faster one by one than found by their times.
const manyStays = 16

// staysByTime is a list of stays that grows, and finds them by the times of admission that are told of them.
type staysByTime struct {
	list []*stay
	at   map[int64][]*stay // by the second; of a long list only
	days bool              // a time of some is no more than a day
}

// add takes a further stay.
func (l *staysByTime) add(s *stay) {
	s.place = len(l.list)
	l.list = append(l.list, s)
	switch {
	case l.at != nil:
		l.note(s, s.keys...)
	case len(l.list) == manyStays:
		l.at = make(map[int64][]*stay, 4*manyStays)
		for _, o := range l.list {
			l.note(o, o.keys...)
		}
	}
}

// key notes a further time that is told of a stay of the list.
func (l *staysByTime) key(s *stay, start moment) {
	s.keys = append(s.keys, start)
	if l.at != nil {
		l.note(s, start)
	}
}

func (l *staysByTime) note(s *stay, times ...moment) {
	for _, m := range times {
		l.days = l.days || m.day
		if sec := m.at.Unix(); !slices.Contains(l.at[sec], s) {
			l.at[sec] = append(l.at[sec], s)
		}
	}
}

// find finds the stay with this admission time, see findStay.
func (l *staysByTime) find(sender string, start moment) *stay {
	if l.at == nil || l.days || start.day {
		return findStay(l.list, sender, start)
	}
	var out *stay // the first in the list
	for _, s := range l.at[start.at.Unix()] {
		if out != nil && out.place < s.place || s.sender != sender {
			continue
		}
		for _, k := range s.keys {
			if k.at.Equal(start.at) {
				out = s
				break
			}
		}
	}
	return out
}

// findStay finds the stay with this admission time: the same instant, or the only one of that
// day when either side knows no more than the day.
func findStay(list []*stay, sender string, start moment) *stay {
	var byDay *stay
	days := 0
	for _, s := range list {
		if s.sender != sender {
			continue
		}
		hit := false
		for _, k := range s.keys {
			if !k.day && !start.day && k.at.Equal(start.at) {
				return s
			}
			if (k.day || start.day) && k.date() != "" && k.date() == start.date() {
				hit = true
			}
		}
		if hit {
			byDay = s
			days++
		}
	}
	if days == 1 {
		return byDay
	}
	return nil
}
