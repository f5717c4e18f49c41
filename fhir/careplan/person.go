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
	for _, r := range f.live {
		if r.Subject == f.p.Patient {
			p.Identifier.From = append(p.Identifier.From, r.key)
		}
	}
	pick := func(get func(*person) string) *Value {
		var v *Value
		for i := len(f.live) - 1; i >= 0; i-- { // latest first
			r := f.live[i]
			if r.facts.Person == nil {
				continue
			}
			t := get(r.facts.Person)
			if t == "" || v != nil && t != v.Text {
				continue
			}
			if v == nil {
				v = &Value{Text: t}
			}
			v.From = append(v.From, r.key)
		}
		if v != nil {
			slices.Sort(v.From)
		}
		return v
	}
	p.Name = pick(func(x *person) string { return x.Name })
	p.BirthDate = pick(func(x *person) string { return x.Birth })
	p.Sex = pick(func(x *person) string { return x.Sex })
	p.Address = pick(func(x *person) string { return x.Address })
	p.Phone = pick(func(x *person) string { return x.Phone })
	p.Deceased = pick(func(x *person) string { return x.Deceased })
	slices.Sort(p.Identifier.From)
}

// team lists every organisation that contributed or was addressed by a live message.
func (f *fold) team() {
	members := map[string]*Member{}
	var order []string
	add := func(o *org, role, key string) {
		if o == nil || o.HER == "" {
			return
		}
		m := members[o.HER]
		if m == nil {
			m = &Member{HER: o.HER}
			members[o.HER] = m
			order = append(order, o.HER)
		}
		if o.Name != "" {
			m.Name = o.Name // the latest: live is in order
		}
		if roleRank(role) < roleRank(m.Role) {
			m.Role = role
		}
		if !contains(m.From, key) {
			m.From = append(m.From, key)
		}
	}
	for _, r := range f.live {
		from, to := rolesOf(r.Kind)
		add(r.facts.From, from, r.key)
		for i := range r.facts.To {
			o := &r.facts.To[i]
			role := to
			if o.Person {
				role = "gp"
			}
			add(o, role, r.key)
		}
	}
	slices.Sort(order)
	for _, h := range order {
		slices.Sort(members[h].From)
		f.p.Team = append(f.p.Team, *members[h])
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
