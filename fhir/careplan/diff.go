package careplan

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"
)

// Change is one visible difference between two versions of a plan.
type Change struct {
	// Path names the value for machines: list, id of the item, field.
	Path string `json:"path"`
	// Label names it for people.
	Label string `json:"label"`
	// Old is "" for what is new, New is "" for what is gone.
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
	// From are the sources of the new value, of the old one when it is gone.
	From []string `json:"from,omitempty"`
}

// Diff lists what a reader sees differently: first what is new or changed in the order of the
// new plan, then what is gone in the order of the old one. Either may be nil.
func Diff(old, new *Plan) []Change {
	before := map[string]leaf{}
	for _, l := range leaves(old) {
		before[l.path] = l
	}
	var out []Change
	kept := map[string]bool{}
	for _, l := range leaves(new) {
		o, ok := before[l.path]
		kept[l.path] = true
		if ok && o.text == l.text {
			continue
		}
		out = append(out, Change{Path: l.path, Label: l.label, Old: o.text, New: l.text, From: l.from})
	}
	for _, l := range leaves(old) {
		if !kept[l.path] {
			out = append(out, Change{Path: l.path, Label: l.label, Old: l.text, From: l.from})
		}
	}
	return out
}

// SamePlan tells whether two versions show the same: nobody needs to be told of the second.
//
// It leaves out what a reader of the plan does not see as content: History, Sources and the From
// lists. So a repeated fact from a further message is the same plan, but it is a new version to
// store, because provenance changed: a version is stored when JSON differs, and told when
// SamePlan is false. A duplicate message changes neither.
func SamePlan(a, b *Plan) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a == b {
		return true
	}
	return bytes.Equal(visibleBytes(a), visibleBytes(b))
}

// Shown is a digest of what SamePlan compares: plans with equal digests show the same. The zero digest
// is that of no plan.
func (p *Plan) Shown() [sha256.Size]byte {
	if p == nil {
		return [sha256.Size]byte{}
	}
	return sha256.Sum256(visibleBytes(p))
}

// visibleBytes is what the leaves of a plan say, one after the other: the same walk as leaves without
// the cost of naming each.
func visibleBytes(p *Plan) []byte {
	l := &leafList{flat: make([]byte, 0, 16<<10)}
	l.walk(p)
	return l.flat
}

// leaf is one visible value of a plan.
type leaf struct {
	path, label, text string
	from              []string
}

type leafList struct {
	list []leaf
	used map[string]int
	flat []byte // when not nil, leaves are only written here
}

// item opens one item of a list; items without an id of their own are named by what they say,
// and by number when several say the same.
func (l *leafList) item(list, id, label string) func(field, text string, from []string) {
	if l.flat != nil {
		l.say(list, id)
		return func(field, text string, _ []string) {
			if text != "" {
				l.say(field, text)
			}
		}
	}
	base := list + "/" + id
	n := l.used[base]
	l.used[base]++
	if n > 0 {
		base += "~" + strconv.Itoa(n)
	}
	return func(field, text string, from []string) {
		if text == "" {
			return
		}
		lab := label
		if field != "" {
			lab = strings.TrimSpace(label + " · " + field)
		}
		path := base + "/" + strings.ReplaceAll(field, " ", "-")
		n := l.used[path]
		l.used[path]++
		if n > 0 {
			path += "~" + strconv.Itoa(n)
		}
		l.list = append(l.list, leaf{path: path, label: lab, text: text, from: from})
	}
}

// say writes two words, each with its length in front so that no two different plans say the same.
func (l *leafList) say(words ...string) {
	for _, w := range words {
		l.flat = binary.AppendUvarint(l.flat, uint64(len(w)))
		l.flat = append(l.flat, w...)
	}
}

func opt(v *Value) (string, []string) {
	if v == nil {
		return "", nil
	}
	return v.Text, v.From
}

// leaves lists every visible value of a plan in its order.
func leaves(p *Plan) []leaf {
	if p == nil {
		return nil
	}
	l := &leafList{used: map[string]int{}}
	l.walk(p)
	return l.list
}

func (l *leafList) walk(p *Plan) {
	l.persons(p)
	for _, s := range p.Stays {
		add := l.item("stay", s.ID, "Stay "+s.Name)
		add("status", s.Status, s.From)
		for _, v := range []struct {
			name string
			v    *Value
		}{{"admitted", s.Start}, {"discharged", s.End}, {"expected ready", s.Expected}, {"discharged to", s.Destination}} {
			t, from := opt(v.v)
			add(v.name, t, from)
		}
		add("times ready", strconv.Itoa(s.ReadyCount), s.From)
		add("times withdrawn", strconv.Itoa(s.WithdrawnN), s.From)
	}
	for _, r := range p.Ready {
		add := l.item("ready", r.Stay, "Discharge-ready")
		add("set", r.Set.Text, r.Set.From)
		t, from := opt(r.End)
		add("ended", t, from)
		add("why ended", r.Why, r.From)
		add("planned", yes(r.Planned), r.From)
	}
	l.clinical(p)
	l.function(p)
	l.derived(p)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

func (l *leafList) persons(p *Plan) {
	add := l.item("person", "", "Person")
	add("identifier", p.Person.Identifier.Text, p.Person.Identifier.From)
	for _, v := range []struct {
		name string
		v    *Value
	}{{"name", p.Person.Name}, {"birth date", p.Person.BirthDate}, {"sex", p.Person.Sex}, {"address", p.Person.Address},
		{"phone", p.Person.Phone}, {"deceased", p.Person.Deceased}} {
		t, from := opt(v.v)
		add(v.name, t, from)
	}
	add("restricted", yes(p.Restricted), nil)
	for _, m := range p.Team {
		add := l.item("team", m.HER, "Team")
		add("", first(m.Name, m.HER), m.From)
		add("role", m.Role, m.From)
	}
	for _, c := range p.Contacts {
		add := l.item("contact", c.Owner+" "+c.Kind+" "+c.Name+" "+c.Role, "Contact")
		add("", c.Name, c.From)
		add("role", c.Role, c.From)
		add("phone", strings.Join(c.Phone, ", "), c.From)
		add("note", c.Note, c.From)
	}
}

func (l *leafList) clinical(p *Plan) {
	for _, d := range p.Diagnoses {
		add := l.item("diagnosis", d.Owner+" "+d.System+" "+first(d.Code, d.Text), "Diagnosis")
		add("", strings.TrimSpace(d.Code+" "+d.Text), d.From)
		add("main", yes(d.Main), d.From)
	}
	for _, g := range p.Goals {
		add := l.item("goal", g.ID, "Goal")
		add("", g.Text, g.From)
		t, from := opt(g.Due)
		add("due", t, from)
		t, from = opt(g.Start)
		add("start", t, from)
		add("expressed by", g.ExpressedBy, g.From)
	}
	for _, m := range p.Measures {
		add := l.item("measure", m.ID, "Measure "+m.Text)
		add("", m.Text, m.From)
		add("kind", m.Kind, m.From)
		add("status", m.Status, m.From)
		add("owner", m.Owner, m.From)
		t, from := opt(m.Evaluation)
		add("evaluation", t, from)
		add("period", m.Period, m.From)
		add("note", m.Note, m.From)
		for _, a := range m.Answers {
			add("answer of "+a.By+" "+formatTime(a.At), strings.TrimSpace(a.Status+" "+a.Reason), a.From)
		}
	}
	for _, s := range p.Services {
		add := l.item("service", s.Owner+" "+first(s.Code, s.Text), "Service")
		add("", s.Text, s.From)
		add("provider", s.Provider, s.From)
		add("private", yes(s.Private), s.From)
		add("period", strings.Trim(s.Start+"/"+s.End, "/"), s.From)
		add("amount", s.Amount, s.From)
		add("note", s.Note, s.From)
	}
	for _, c := range p.Checkups {
		add := l.item("checkup", c.ID, "Check-up")
		add("start", first(c.Start, "no time"), c.From)
		add("place", c.Place, c.From)
		add("booked", yes(c.Booked), c.From)
		add("note", c.Note, c.From)
	}
	for _, a := range p.Aids {
		add := l.item("aid", a.Owner+" "+first(a.Code, a.Text), "Aid")
		add("", a.Text, a.From)
		add("status", a.Status, a.From)
	}
	for _, n := range p.Notes {
		l.item("note", n.Owner+" "+n.Heading.System+" "+first(n.Heading.Code, n.Heading.Text), "Note "+n.Heading.Text)("", n.Text, n.Heading.From)
	}
}

func (l *leafList) function(p *Plan) {
	for _, a := range p.Function {
		add := l.item("function", a.ID, "Function "+a.Instrument+" "+a.Date)
		add("date", a.Date+" "+a.DateSource, a.From)
		add("variant", a.Variant, a.From)
		add("baseline", yes(a.Baseline), a.From)
		add("note", a.Note, a.From)
		for _, s := range a.Scores {
			name := s.Text
			shown := strings.TrimSpace(s.Shown + " " + s.Unit)
			switch {
			case s.NotRelevant:
				shown = "not relevant"
			case s.Invalid:
				shown += " (outside the scale)"
			}
			add(name+" "+s.Code, strings.TrimSpace(shown+" "+s.Note), s.From)
		}
	}
}

func (l *leafList) derived(p *Plan) {
	for _, t := range p.Tasks {
		add := l.item("task", t.ID, "Task for "+t.For)
		add("", t.Text, t.From)
		add("status", t.Status, t.From)
	}
	for _, g := range p.Gaps {
		add := l.item("gap", g.Rule+" "+g.Subject, "Gap "+g.Rule)
		add("", g.Text, g.From)
		add("due", formatTime(g.Due), g.From)
	}
	for _, f := range p.Flags {
		l.item("flag", f.Code, "Flag "+f.Code)("", f.Text, f.From)
	}
}
