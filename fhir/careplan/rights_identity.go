package careplan

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// link is the word of an authority that two identifiers are one person's.
type link struct {
	a, b string
	rec  *rec
}

// link takes the links of those who may state them: an identity authority, or a person who decided. Nobody
// else's count, and nothing is ever made of names and birth dates. Source: careplan.md section 7.
func (g *rights) link() {
	for _, r := range g.live {
		for _, l := range r.facts.rights().Links {
			switch {
			case l.Other == r.Subject:
			case r.has(roleAuthority) || r.has(rolePerson):
				g.links = append(g.links, link{r.Subject, l.Other, r})
			default:
				g.flag("link-without-authority", "A message links two identifiers, but its sender may not do so; they stay apart.", r.key)
			}
		}
	}
}

// class are all keys that live links tie to one, sorted; the one itself is always among them.
func class(links []link, of string) []string {
	in := map[string]bool{of: true}
	for grown := true; grown; {
		grown = false
		for _, l := range links {
			if in[l.a] != in[l.b] {
				in[l.a], in[l.b], grown = true, true, true
			}
		}
	}
	return slices.Sorted(maps.Keys(in))
}

// Class gives all patient keys, sorted, that live links say are the same person as subject, which is always
// among them. It counts what Options.Subject counts: links by an identity authority or a person, until they are withdrawn.
//
// Whoever has the records of subject only asks again with the records of every key that came back, until
// no further key does. A record that links must be found under each of its Links, not only under its subject.
//
// Source: careplan.md section 7.
func Class(records []Record, subject string) []string {
	if !stateRights(records) {
		return []string{subject}
	}
	_, g := newPile(records).settled()
	if g == nil {
		return []string{subject}
	}
	return class(g.links, subject)
}

// Links are the patient keys other than its subject that a record says are the same person; nil for nearly
// all records. Whether they count is for Class to say.
func (r *Record) Links() []string {
	if !r.statesRights() {
		return nil
	}
	var out []string
	for _, l := range r.contents().rights().Links {
		if l.Other != r.Subject && !contains(out, l.Other) {
			out = append(out, l.Other)
		}
	}
	return out
}

// ofClass leaves the records of one person. A withdrawal of a link acts whichever of the two persons it names.
func ofClass(records []Record, keys []string) []Record {
	linking := map[Key]string{} // records that link -> subject
	for i := range records {
		if len(records[i].Links()) > 0 {
			linking[records[i].Key] = records[i].Subject
		}
	}
	var out []Record
	for _, r := range records {
		subject := r.Subject
		if about, ok := linking[Key{r.Key.Sender, first(r.Chain.Parent, r.Chain.Conversation)}]; ok && isCancel(r.Chain.Op) {
			subject = about
		}
		if contains(keys, subject) {
			out = append(out, r)
		}
	}
	return out
}

// better tells whether a patient is rather known by a than by b: a national number before any other, then the smallest.
func better(a, b string) bool {
	return b == "" || cmp.Or(cmp.Compare(subjectRank(a), subjectRank(b)), strings.Compare(a, b)) < 0
}

// identities lists the identifiers that visible links tie together, and names the person by the best of them.
func (f *fold) identities(g *rights) []Identity {
	var links []link
	for _, l := range g.links {
		if f.counted(l.rec.key) != nil {
			links = append(links, l)
		}
	}
	if len(links) == 0 {
		return nil
	}
	keys := class(links, f.p.Patient)
	var out []Identity
	for _, k := range keys {
		id := Identity{Patient: k}
		for _, l := range links {
			if l.a == k || l.b == k {
				id.From = addFrom(id.From, l.rec.key)
			}
		}
		out = append(out, id)
	}
	slices.SortFunc(out, func(a, b Identity) int {
		return cmp.Or(cmp.Compare(subjectRank(a.Patient), subjectRank(b.Patient)), strings.Compare(a.Patient, b.Patient))
	})
	return out
}

// best is the identifier the plan is shown under, also when it is known from a link only.
func (f *fold) best(g *rights) {
	if g == nil {
		return
	}
	for _, id := range f.identities(g) {
		if better(id.Patient, f.p.Patient) {
			f.p.Patient = id.Patient
		}
	}
}

// masters finds two active plans under identifiers that turned out to be one person. A person picks the one
// that goes on, by a plan of theirs that replaces the other. Source: careplan.md section 7, item 3.
func (f *fold) masters(g *rights, list []Identity) {
	latest, replaced := map[string]*rec{}, map[string]*rec{}
	for r := range f.with(ofRights) {
		facts := r.facts.rights()
		if facts == nil || facts.Master == nil {
			continue
		}
		latest[r.Subject] = r
		if r.has(rolePerson) || r.has(roleCoordinator) {
			for _, k := range facts.Master.Replaces {
				replaced[k] = r
			}
		}
	}
	var active []string
	for i := range list {
		id := &list[i]
		r := latest[id.Patient]
		switch by := replaced[id.Patient]; {
		case r == nil:
		case by != nil && by.Subject != id.Patient && contains(keysOf(list), by.Subject):
			id.Plan, id.From = "replaced", addFrom(id.From, by.key)
		case r.facts.rights().Master.Status == "active" || r.facts.rights().Master.Status == "on-hold":
			id.Plan, id.From = "active", addFrom(id.From, r.key)
			active = append(active, r.key)
		default:
			id.Plan, id.From = "ended", addFrom(id.From, r.key)
		}
	}
	if len(active) < 2 || f.p.Person.Deceased != nil {
		return
	}
	slices.Sort(active)
	f.flag("two-plans", "Two identifiers turned out to be one person, and both have an active plan.", slices.Clone(active)...)
	f.addGap("two-plans", "Two active plans of one person: one must be picked.", "", parseMoment("").at, active...)
	f.task("two-plans", "Pick the plan that goes on.", "coordinator", "requested", active...)
}

func keysOf(list []Identity) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = list[i].Patient
	}
	return out
}
