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
	p := &f.p.Person
	_, id, _ := strings.Cut(f.p.Patient, "|")
	system, _, _ := strings.Cut(f.p.Patient, "|")
	p.Identifier = Value{Text: id, System: system}
	for _, r := range f.keyed {
		if r.Subject == f.p.Patient {
			p.Identifier.From = append(p.Identifier.From, r.key)
		}
	}
	pick := f.latestWord
	p.Name = pick(func(r *rec) string { return r.facts.Person.Name })
	p.BirthDate = pick(func(r *rec) string { return r.facts.Person.Birth })
	p.Sex = pick(func(r *rec) string { return r.facts.Person.Sex })
	p.Address = pick(func(r *rec) string { return r.facts.Person.Address })
	p.Phone = pick(func(r *rec) string { return r.facts.Person.Phone })
	f.death(pick)
}

// latestWord is the latest word for a fact about the person; all live records that say the same stand behind it.
func (f *fold) latestWord(get func(*rec) string) *Value {
	var v *Value
	same := 0
	for i := len(f.live) - 1; i >= 0; i-- { // latest first
		r := f.live[i]
		if r.facts.Person == nil {
			continue
		}
		t := get(r)
		if t == "" || v != nil && t != v.Text {
			continue
		}
		if v == nil {
			v = &Value{Text: t}
		}
		same++
	}
	if v == nil {
		return nil
	}
	v.From = make([]string, 0, same)
	for _, r := range f.keyed {
		if r.facts.Person != nil && get(r) == v.Text {
			v.From = append(v.From, r.key)
		}
	}
	return v
}

// death takes the word of a death notice, of a hospital whose patient left it dead, and of the population
// register. Anybody else may be mistaken or early: that is asked about and ends nothing.
//
// Source: careplan.md section 7, item 4.
func (f *fold) death(pick func(func(*rec) string) *Value) {
	counts := func(r *rec) bool {
		return r.Kind == kindDead || r.facts.Dead || r.has(roleAuthority) || r.has(rolePerson)
	}
	f.p.Person.Deceased = pick(func(r *rec) string {
		if !counts(r) {
			return ""
		}
		return r.facts.Person.Deceased
	})
	if f.dead() {
		return
	}
	if v := pick(func(r *rec) string { return r.facts.Person.Deceased }); v != nil {
		f.flag("death-unconfirmed", "A message says that the person is dead, but there is no death notice.", slices.Clone(v.From)...)
		f.task("death-unconfirmed", "Find out whether the person is dead.", "coordinator", "requested", v.From...)
	}
}

// dead tells whether the person is dead as far as those know who may say so. Death ends timers, tasks and courses;
// with the notice withdrawn everything returns.
func (f *fold) dead() bool { return f.p.Person.Deceased != nil }

// team lists every organisation that contributed or was addressed by a live message.
func (f *fold) team() {
	type member struct {
		Member
		said int // how often a record names it
	}
	var members []*member // few: searched faster than a map
	find := func(her string) *member {
		for _, m := range members {
			if m.HER == her {
				return m
			}
		}
		return nil
	}
	add := func(o *org, role string) {
		if o == nil || o.HER == "" {
			return
		}
		m := find(o.HER)
		if m == nil {
			m = &member{Member: Member{HER: o.HER}}
			members = append(members, m)
		}
		m.said++
		if o.Name != "" {
			m.Name = o.Name // the latest: live is in order
		}
		if roleRank(role) < roleRank(m.Role) {
			m.Role = role
		}
	}
	rest := func(o *org, key string) {
		if o == nil || o.HER == "" {
			return
		}
		m := find(o.HER)
		if m.From == nil {
			m.From = make([]string, 0, m.said)
		}
		if len(m.From) == 0 || m.From[len(m.From)-1] != key {
			m.From = append(m.From, key)
		}
	}
	for _, r := range f.live {
		from, to := rolesOf(r.Kind)
		add(r.facts.From, from)
		for i := range r.facts.To {
			o := &r.facts.To[i]
			role := to
			if o.Person {
				role = "gp"
			}
			add(o, role)
		}
	}
	for _, r := range f.keyed { // by key, so that the sources are too
		rest(r.facts.From, r.key)
		for i := range r.facts.To {
			rest(&r.facts.To[i], r.key)
		}
	}
	f.stated(func(o *org, role string, keys []string) {
		add(o, role)
		m := find(o.HER)
		for _, k := range keys {
			m.From = addFrom(m.From, k)
		}
	})
	slices.SortFunc(members, func(a, b *member) int { return strings.Compare(a.HER, b.HER) })
	for _, m := range members {
		f.p.Team = append(f.p.Team, m.Member)
	}
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
