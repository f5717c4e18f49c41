package careplan

import (
	"slices"
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

func subjectRank(key string) int {
	system, _, _ := strings.Cut(key, "|")
	switch system {
	case fhir.SystemFNR:
		return 0
	case fhir.SystemDNR:
		return 1
	case fhir.SystemFHN:
		return 2
	}
	return 3
}

// person shows the latest live source of each fact about the person; all live records that say
// the same stand behind it.
func (f *fold) person() {
	p, pick := &f.p.Person, f.latestWord
	p.Name = pick(wordName, func(r *rec) string { return r.facts.Person.Name })
	p.BirthDate = pick(wordBirth, func(r *rec) string { return r.facts.Person.Birth })
	p.Sex = pick(wordSex, func(r *rec) string { return r.facts.Person.Sex })
	p.Address = pick(wordAddress, func(r *rec) string { return r.facts.Person.Address })
	p.Phone = pick(wordPhone, func(r *rec) string { return r.facts.Person.Phone })
	f.death(pick)
}

// identifier lists all records that call the person by the name of the plan.
func (f *fold) identifier() {
	n := 0
	for _, r := range f.keyed {
		n += b2i(r.Subject == f.p.Patient)
	}
	f.identify(f.sourcesWhere(n, func(r *rec) bool { return r.Subject == f.p.Patient }))
}

func (f *fold) identify(from []string) {
	system, id, _ := strings.Cut(f.p.Patient, "|")
	f.p.Person.Identifier = Value{Text: id, System: system, From: from}
}

// sourcesWhere are the keys of the n records that count and of which something is true. When it is true of all,
// every fact that rests on all has the same list.
func (f *fold) sourcesWhere(n int, is func(*rec) bool) []string {
	if n == 0 {
		return nil
	}
	if n == len(f.keyed) && f.everybody != nil {
		return f.everybody
	}
	from := make([]string, 0, n)
	for _, r := range f.keyed {
		if is(r) {
			from = append(from, r.key)
		}
	}
	if n == len(f.keyed) {
		f.everybody = from
	}
	return from
}

// wordOf is what a record says about the person; "" when it says nothing.
func wordOf(r *rec, get func(*rec) string) string {
	if r.facts.Person == nil {
		return ""
	}
	return get(r)
}

// latestWord is the latest word for a fact about the person; all live records that say the same stand behind it.
func (f *fold) latestWord(which int, get func(*rec) string) *Value {
	k := f.kept
	if k != nil && !k.all && k.words[which].follow(k, get) {
		return k.words[which].v
	}
	var w keptWord
	same := 0
	for i := len(f.live) - 1; i >= 0; i-- { // latest first
		r := f.live[i]
		t := wordOf(r, get)
		if t == "" || w.v != nil && t != w.v.Text {
			continue
		}
		if w.v == nil {
			w = keptWord{&Value{Text: t}, r}
		}
		same++
	}
	if w.v != nil {
		w.v.From = f.sourcesWhere(same, func(r *rec) bool { return wordOf(r, get) == w.v.Text })
	}
	if k != nil {
		k.words[which] = w
	}
	return w.v
}

// death takes the word of a death notice, of a hospital whose patient left it dead, and of the population
// register. Anybody else may be mistaken or early: that is asked about and ends nothing.
//
// Source: careplan.md section 7, item 4.
func (f *fold) death(pick func(int, func(*rec) string) *Value) {
	counts := func(r *rec) bool {
		return r.Kind == kindDead || r.facts.Dead || r.has(roleAuthority) || r.has(rolePerson)
	}
	f.p.Person.Deceased = pick(wordDead, func(r *rec) string {
		if !counts(r) {
			return ""
		}
		return r.facts.Person.Deceased
	})
	if f.dead() {
		return
	}
	if v := pick(wordDeadSaid, func(r *rec) string { return r.facts.Person.Deceased }); v != nil {
		f.flag("death-unconfirmed", "A message says that the person is dead, but there is no death notice.", slices.Clone(v.From)...)
		f.task("death-unconfirmed", "Find out whether the person is dead.", "coordinator", "requested", v.From...)
	}
}

// dead tells whether the person is dead as far as those know who may say so. Death ends timers, tasks and courses;
// with the notice withdrawn everything returns.
func (f *fold) dead() bool { return f.p.Person.Deceased != nil }

// team lists every organisation that contributed or was addressed by a live message.
func (f *fold) team(t *teamFold) {
	for _, r := range f.live {
		t.say(r)
	}
	for _, r := range f.keyed { // by key, so that the sources are too
		t.rest(r, func(from []string, key string) []string {
			if len(from) > 0 && from[len(from)-1] == key {
				return from
			}
			return append(from, key)
		})
	}
	f.stated(func(o *org, role string, keys []string) {
		t.add(o, role)
		m := t.find(o.HER)
		for _, k := range keys {
			m.From = addFrom(m.From, k)
		}
	})
	f.p.Team = t.list()
}

// teamFold is the team in the making.
type teamFold struct{ members []teamMember } // few: searched faster than a map

type teamMember struct {
	Member
	said int // how often a record names it
}

func (t *teamFold) find(her string) *teamMember {
	for i := range t.members {
		if t.members[i].HER == her {
			return &t.members[i]
		}
	}
	return nil
}

func (t *teamFold) add(o *org, role string) {
	if o == nil || o.HER == "" {
		return
	}
	m := t.find(o.HER)
	if m == nil {
		t.members = append(t.members, teamMember{Member: Member{HER: o.HER}})
		m = &t.members[len(t.members)-1]
	}
	m.said++
	if o.Name != "" {
		m.Name = o.Name // the latest: records come in order
	}
	if roleRank(role) < roleRank(m.Role) {
		m.Role = role
	}
}

// say takes whom a record names.
func (t *teamFold) say(r *rec) {
	from, to := rolesOf(r.Kind)
	t.add(r.facts.From, from)
	for i := range r.facts.To {
		o := &r.facts.To[i]
		role := to
		if o.Person {
			role = "gp"
		}
		t.add(o, role)
	}
}

// rest lets those whom a record names rest on it.
func (t *teamFold) rest(r *rec, grow func(from []string, key string) []string) {
	on := func(o *org) {
		if o == nil || o.HER == "" {
			return
		}
		m := t.find(o.HER)
		if m.From == nil {
			m.From = make([]string, 0, m.said)
		}
		m.From = grow(m.From, r.key)
	}
	on(r.facts.From)
	for i := range r.facts.To {
		on(&r.facts.To[i])
	}
}

// list gives the members, by HER-id.
func (t *teamFold) list() []Member {
	var out []Member
	if len(t.members) > 0 {
		out = make([]Member, len(t.members))
	}
	for i := range t.members {
		out[i] = t.members[i].Member
		out[i].From = slices.Clip(out[i].From)
	}
	slices.SortFunc(out, func(a, b Member) int { return strings.Compare(a.HER, b.HER) })
	return out
}

// rolesOf is what a kind tells about its sender and receiver. Source: standards/no README 3.2.
func rolesOf(kind string) (from, to string) {
	switch kind {
	case kindAdmitted, kindReady, kindNotReady, kindDischarged, "UTSKRIVNINGSRAPPORT", "HELSEOPPL_SOKNAD":
		return "hospital", "municipality"
	case "INNLEGGELSESRAPPORT":
		return "municipality", "hospital"
	case "ORIENTERING_TJENESTETILBUD", "HELSEOPPLYSNINGER_LEGE":
		return "municipality", "gp"
	case "MEDISINSKE_OPPLYSNINGER":
		return "gp", "municipality"
	case "EPIKRISE":
		return "hospital", ""
	}
	return "", ""
}

func roleRank(role string) int {
	switch role {
	case "municipality": // before hospital: municipal acute beds send logistics messages too
		return 0
	case "hospital":
		return 1
	case "gp":
		return 2
	case "":
		return 9
	}
	return 5
}
