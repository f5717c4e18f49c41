package admin

import (
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/queue"
)

// planItem is one thing in a plan, in words, for comparing two versions.
type planItem struct {
	Section, Key, Title string
	Facts               []fact
}

type fact struct {
	Name, Text string
	Shown      template.HTML
}

// change is one difference between two versions.
type change struct {
	Section, Title, How string // How is "added", "removed" or "changed"
	Facts               []factChange
}

type factChange struct {
	Name     string
	Old, New template.HTML
	HasOld   bool
	HasNew   bool
}

// diffSection are the changes of one part of the plan.
type diffSection struct {
	Name    string
	Changes []change
}

// diffPage is the data of the comparison.
type diffPage struct {
	PersonID, Label string
	From, To        queue.PlanVersion
	Versions        []queue.PlanVersion
	Sections        []diffSection
	Count           int
}

func (s *Server) planDiff(w http.ResponseWriter, r *http.Request, x *session) error {
	patient, ok := s.sealer.open(r.PathValue("person"))
	if !ok {
		return fmt.Errorf("open plan: %w", queue.ErrNotFound)
	}
	to, err := versionOf(r.URL.Query().Get("to"))
	if err != nil {
		return err
	}
	newer, toV, err := s.readPlan(r.Context(), patient, to)
	if err != nil {
		return err
	}
	from, err := versionOf(r.URL.Query().Get("from"))
	if err != nil {
		return err
	}
	if from == 0 && r.URL.Query().Get("from") == "" {
		from = toV.Version - 1
	}
	older, fromV := &careplan.Plan{}, queue.PlanVersion{}
	if from > 0 {
		if older, fromV, err = s.readPlan(r.Context(), patient, from); err != nil {
			return err
		}
	}
	p := &diffPage{PersonID: s.sealer.seal(patient), Label: s.sealer.label(patient), From: fromV, To: toV}
	if p.Versions, err = s.store.PlanVersions(r.Context(), patient); err != nil {
		return fmt.Errorf("list plan versions: %w", err)
	}
	slices.SortFunc(p.Versions, func(a, b queue.PlanVersion) int { return int(b.Version - a.Version) })
	for _, c := range comparePlans(older, newer, namesOf(older, newer)) {
		if n := len(p.Sections); n == 0 || p.Sections[n-1].Name != c.Section {
			p.Sections = append(p.Sections, diffSection{Name: c.Section})
		}
		last := &p.Sections[len(p.Sections)-1]
		last.Changes = append(last.Changes, c)
		p.Count++
	}
	entry := samvirke.Audit{Who: x.user, Action: "read-plan", Object: fmt.Sprintf("plan versions %d and %d", fromV.Version, toV.Version), Patient: patient}
	if err := s.note(r.Context(), entry); err != nil {
		return err
	}
	s.render(w, r, x, http.StatusOK, "diff", view{Title: "What changed in the plan", Section: "plans", Data: p})
	return nil
}

// comparePlans lists what differs between two versions, in the order of the plan page.
func comparePlans(older, newer *careplan.Plan, org func(her string) string) []change {
	before, after := planItems(older, org), planItems(newer, org)
	old := make(map[string]planItem, len(before))
	for _, it := range before {
		old[it.Section+"\x00"+it.Key] = it
	}
	seen := make(map[string]bool, len(after))
	var list []change
	for _, it := range after {
		k := it.Section + "\x00" + it.Key
		seen[k] = true
		was, ok := old[k]
		if !ok {
			list = append(list, change{Section: it.Section, Title: it.Title, How: "added", Facts: factChanges(nil, it.Facts)})
			continue
		}
		if f := factChanges(was.Facts, it.Facts); len(f) > 0 || was.Title != it.Title {
			if was.Title != it.Title {
				f = append([]factChange{{Name: "text", Old: text(was.Title), New: text(it.Title), HasOld: true, HasNew: true}}, f...)
			}
			list = append(list, change{Section: it.Section, Title: it.Title, How: "changed", Facts: f})
		}
	}
	for _, it := range before {
		if !seen[it.Section+"\x00"+it.Key] {
			list = append(list, change{Section: it.Section, Title: it.Title, How: "removed", Facts: factChanges(it.Facts, nil)})
		}
	}
	slices.SortStableFunc(list, func(a, b change) int { return slices.Index(sections, a.Section) - slices.Index(sections, b.Section) })
	return list
}

// sections in the order of the plan page.
var sections = []string{"Person", "Stay", "Goals", "Proposals and measures", "Services", "Function", "Diagnoses", "Check-ups", "Aids",
	"Contacts", "Notes", "Team", "Tasks", "Gaps", "Flags"}

func factChanges(before, after []fact) []factChange {
	var list []factChange
	for _, a := range after {
		i := slices.IndexFunc(before, func(b fact) bool { return b.Name == a.Name })
		switch {
		case i < 0:
			list = append(list, factChange{Name: a.Name, New: a.Shown, HasNew: true})
		case before[i].Text != a.Text:
			list = append(list, factChange{Name: a.Name, Old: before[i].Shown, New: a.Shown, HasOld: true, HasNew: true})
		}
	}
	for _, b := range before {
		if !slices.ContainsFunc(after, func(a fact) bool { return a.Name == b.Name }) {
			list = append(list, factChange{Name: b.Name, Old: b.Shown, HasOld: true})
		}
	}
	return list
}

func text(s string) template.HTML { return template.HTML(template.HTMLEscapeString(s)) }

// facts pairs names with texts; empty texts are left out.
func facts(pairs ...string) []fact {
	var list []fact
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			list = append(list, fact{Name: pairs[i], Text: pairs[i+1], Shown: planTime(pairs[i+1])})
		}
	}
	return list
}

func valueText(v *careplan.Value) string {
	if v == nil {
		return ""
	}
	return or(v.Text, v.Code)
}

// planItems lists what a plan holds, each under a key that stays the same from version to version.
func planItems(p *careplan.Plan, org func(her string) string) []planItem {
	var l []planItem
	add := func(section, key, title string, f []fact) { l = append(l, planItem{section, key, title, f}) }
	if id := p.Person.Identifier.Text; id != "" {
		add("Person", "person", "Person", facts("name", valueText(p.Person.Name), "birth date", valueText(p.Person.BirthDate), "sex", valueText(p.Person.Sex),
			"address", valueText(p.Person.Address), "phone", valueText(p.Person.Phone), "deceased", valueText(p.Person.Deceased)))
	}
	for _, s := range p.Stays {
		add("Stay", s.ID, "Stay at "+or(s.Name, org(s.Organiser)), facts("status", s.Status, "admitted", valueText(s.Start), "discharged", valueText(s.End),
			"expected ready", valueText(s.Expected), "destination", valueText(s.Destination)))
	}
	for _, r := range p.Ready {
		add("Stay", r.Stay+" ready "+r.Set.Text, "Ready for discharge", facts("set", r.Set.Text, "ended", valueText(r.End), "because", r.Why))
	}
	for _, g := range p.Goals {
		add("Goals", g.ID, g.Text, facts("status", g.Status, "by", valueText(g.Due), "from", valueText(g.Start)))
	}
	for _, m := range p.Measures {
		f := facts("status", taskWord(m.Status).Text, "evaluation", valueText(m.Evaluation), "period", m.Period, "note", m.Note, "carried by", orgOr(org, m.Owner))
		for _, a := range m.Answers {
			f = append(f, facts("answer of "+org(a.By), strings.TrimSuffix(taskWord(a.Status).Text+": "+a.Reason, ": "))...)
		}
		add("Proposals and measures", m.ID, m.Text, f)
	}
	for _, s := range p.Services {
		add("Services", s.Owner+s.System+s.Code+s.Text, s.Text, facts("provider", s.Provider, "from", s.Start, "until", s.End, "amount", s.Amount, "note", s.Note))
	}
	l = append(l, functionItems(p)...)
	for _, d := range p.Diagnoses {
		add("Diagnoses", d.Owner+d.System+or(d.Code, d.Text), strings.TrimSpace(d.Code+" "+d.Text), nil)
	}
	for _, c := range p.Checkups {
		add("Check-ups", c.ID, "Check-up", facts("when", c.Start, "where", c.Place, "note", c.Note))
	}
	for _, a := range p.Aids {
		add("Aids", a.Owner+a.Code+a.Text, a.Text, facts("status", a.Status))
	}
	for _, c := range p.Contacts {
		add("Contacts", c.Owner+c.Kind+c.Name, c.Name, facts("role", c.Role, "phone", strings.Join(c.Phone, ", "), "note", c.Note))
	}
	for _, n := range p.Notes {
		add("Notes", n.Owner+n.Heading.Code+n.Heading.Text, or(n.Heading.Text, "Note"), facts("text", n.Text))
	}
	for _, m := range p.Team {
		add("Team", m.HER, or(m.Name, org(m.HER)), facts("role", m.Role))
	}
	for _, t := range p.Tasks {
		add("Tasks", t.ID, t.Text, facts("status", taskWord(t.Status).Text, "for", orgOr(org, t.For)))
	}
	for _, g := range p.Gaps {
		add("Gaps", g.Rule+g.Text, g.Text, facts("rule", g.Rule))
	}
	for _, f := range p.Flags {
		add("Flags", f.Code+f.Text, f.Text, facts("code", f.Code))
	}
	return l
}

// namesOf names organisations as either version names them.
func namesOf(plans ...*careplan.Plan) func(her string) string {
	all := &planPage{Plan: &careplan.Plan{Sources: map[string]careplan.Source{}}}
	for _, p := range plans {
		maps.Copy(all.Sources, p.Sources)
		all.Stays = append(all.Stays, p.Stays...)
		all.Team = append(all.Team, p.Team...)
	}
	all.index()
	return all.Org
}

func orgOr(org func(string) string, her string) string {
	if her == "" {
		return ""
	}
	return org(her)
}

func functionItems(p *careplan.Plan) []planItem {
	var l []planItem
	for _, a := range p.Function {
		it := planItem{Section: "Function", Key: a.ID, Title: instrumentName(a) + ", " + or(shortDate(a.Date), "no date")}
		for _, s := range a.Scores {
			name := s.Text
			if n, ok := iplosNames[s.Code]; ok && a.Instrument == "iplos" {
				name = n[0]
			}
			it.Facts = append(it.Facts, facts(or(name, s.Code), scoreText(a.Instrument == "iplos", s))...)
		}
		l = append(l, it)
	}
	return l
}
