package careplan

import "slices"

// Who counts, who the person is and who takes part, brought up to date by the records that came and those that no
// longer count. Lists of sources grow by copies: plans that were given out keep theirs.

// recount brings the lists of records that count up to date.
func (k *memory) recount() {
	for _, r := range k.settled {
		k.beside = k.beside || !r.counts
		if r.was == r.counts {
			continue
		}
		if r.was = r.counts; r.counts {
			k.live, _ = insert(k.live, r, byOrder)
			k.keyed, _ = insert(k.keyed, r, byIdentity)
			k.came, k.says = append(k.came, r), k.says|r.says
		} else {
			k.live, k.keyed = remove(k.live, r, byOrder), remove(k.keyed, r, byIdentity)
			k.gone, k.lost = append(k.gone, r), k.lost|r.says
		}
	}
	slices.SortFunc(k.came, byOrder)
}

// remove takes x out of a sorted list that has it.
func remove[T any](list []T, x T, order func(a, b T) int) []T {
	at, found := slices.BinarySearchFunc(list, x, order)
	if !found {
		return list
	}
	return slices.Delete(list, at, at+1)
}

// without gives a sorted list without a key; it never changes the list it is given, which others may share.
func without(from []string, key string) []string {
	at, found := slices.BinarySearch(from, key)
	if !found {
		return from
	}
	return slices.Concat(from[:at], from[at+1:])
}

// sourceLists changes lists of sources. What several values rest on alike is one list, and stays one.
type sourceLists struct{ done []sourceChange }

// sourceChange is one list with a key more or less.
type sourceChange struct {
	from, to []string
	key      string
	more     bool
}

func (l *sourceLists) change(from []string, key string, more bool) []string {
	for i := range l.done {
		if d := &l.done[i]; d.key == key && d.more == more && len(d.from) == len(from) && len(from) > 0 && &d.from[0] == &from[0] {
			return d.to
		}
	}
	step := without
	if more {
		step = addFrom
	}
	to := step(from, key)
	l.done = append(l.done, sourceChange{from, to, key, more})
	return to
}

// The facts about the person that records may hold.
const (
	wordName = iota
	wordBirth
	wordSex
	wordAddress
	wordPhone
	wordDead     // as those say who may
	wordDeadSaid // as anybody says
	wordsOfPerson
)

// keptWord is the latest word for a fact about the person, and the record that said it last.
type keptWord struct {
	v    *Value
	last *rec
}

// follow brings a word up to date. It gives false when all records have to be asked.
func (w *keptWord) follow(k *memory, get func(*rec) string) bool {
	v, last := w.v, w.last
	for _, r := range k.came {
		text := wordOf(r, get)
		switch {
		case text == "":
			continue
		case v == nil:
			return false
		case text == v.Text:
			v = &Value{Text: text, From: k.lists.change(v.From, r.key, true)}
			if byOrder(r, last) > 0 {
				last = r
			}
		case byOrder(r, last) > 0:
			return false
		}
	}
	for _, r := range k.gone {
		if text := wordOf(r, get); text == "" || v != nil && text != v.Text {
			continue
		}
		if v == nil || r == last || len(v.From) < 2 {
			return false
		}
		v = &Value{Text: v.Text, From: k.lists.change(v.From, r.key, false)}
	}
	w.v, w.last = v, last
	return true
}

// takeSubject names the person and lists who speaks of them under that name.
func (f *fold) takeSubject(v *liveness, g *rights) {
	k := f.kept
	if k == nil || k.all || g != nil {
		f.subject(v.recs)
		f.best(g)
		f.identifier()
	} else {
		f.p.Patient = k.patient
		f.subject(k.arrivals)
		if from := k.identifier; f.p.Patient != k.patient {
			f.identifier()
		} else {
			for _, r := range k.came {
				if r.Subject == k.patient {
					from = k.lists.change(from, r.key, true)
				}
			}
			for _, r := range k.gone {
				if r.Subject == k.patient {
					from = k.lists.change(from, r.key, false)
				}
			}
			f.identify(from)
		}
	}
	if k != nil {
		k.patient, k.identifier = f.p.Patient, f.p.Person.Identifier.From
	}
}

// takeTeam runs team, unless the records that came only add to what was said of those who take part.
func (f *fold) takeTeam() {
	k := f.kept
	if k == nil {
		f.team(&teamFold{})
		return
	}
	if k.all || len(k.gone) > 0 || len(k.came) > 0 && k.came[0] != f.live[len(f.live)-len(k.came)] {
		k.team = teamFold{}
		f.team(&k.team)
		return
	}
	k.team.members = slices.Clone(k.team.members)
	for _, r := range k.came {
		k.team.say(r)
	}
	for _, r := range k.came {
		k.team.rest(r, func(from []string, key string) []string { return k.lists.change(from, key, true) })
	}
	f.p.Team = k.team.list()
}
