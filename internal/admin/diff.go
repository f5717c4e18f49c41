package admin

import (
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/queue"
)

// changedItem is one thing in the plan that differs between two versions.
type changedItem struct {
	Kind, Title, How string // How is "added", "removed" or "changed"
	Facts            []factChange
	Cite             citation
	base             string
}

// factChange is one value of it, before and after.
type factChange struct {
	Name           string
	Old, New       template.HTML
	HasOld, HasNew bool
}

// diffSection are the changes of one part of the plan.
type diffSection struct {
	Name  string
	Items []changedItem
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
	if r.URL.Query().Get("from") == "" {
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
	p.Sections = comparePlans(older, newer)
	for _, sec := range p.Sections {
		p.Count += len(sec.Items)
	}
	entry := samvirke.Audit{Who: x.user, Action: "read-plan", Object: fmt.Sprintf("plan versions %d and %d", fromV.Version, toV.Version), Patient: patient}
	if err := s.note(r.Context(), entry); err != nil {
		return err
	}
	s.render(w, r, x, http.StatusOK, "diff", view{Title: "What changed in the plan", Section: "plans", Data: p})
	return nil
}

// partNames name the parts of a plan as the paths of careplan.Diff begin; the order is that of the plan page.
var partNames = [...][2]string{{"person", "Person"}, {"stay", "Stay"}, {"ready", "Ready for discharge"}, {"goal", "Goals"}, {"measure", "Measures"},
	{"function", "Function"}, {"service", "Services"}, {"aid", "Aids"}, {"diagnosis", "Diagnoses"}, {"checkup", "Check-ups"},
	{"contact", "People"}, {"team", "Organisations"}, {"note", "Notes"}, {"task", "Tasks"}, {"gap", "Gaps"}, {"flag", "Flags"}}

// comparePlans puts what careplan.Diff finds into the order and words of the plan page.
func comparePlans(older, newer *careplan.Plan) []diffSection {
	before, after := titles(older), titles(newer)
	both := bothPlans(older, newer)
	var items []changedItem
	for _, c := range careplan.Diff(older, newer) {
		base, field := splitPath(c)
		i := slices.IndexFunc(items, func(it changedItem) bool { return it.base == base })
		if i < 0 {
			title, is := after[base]
			old, was := before[base]
			it := changedItem{base: base, Kind: itemKind(c.Label), Title: or(title, old), How: "changed", Cite: both.cite(itemKind(c.Label), c.From)}
			switch {
			case !was:
				it.How = "added"
			case !is:
				it.How = "removed"
			}
			items = append(items, it)
			i = len(items) - 1
		}
		if field == "" && items[i].How != "changed" {
			continue // it is the title
		}
		items[i].Facts = append(items[i].Facts, factChange{Name: both.factName(field), Old: both.factText(field, c.Old), New: both.factText(field, c.New),
			HasOld: c.Old != "", HasNew: c.New != ""})
	}
	return inSections(items)
}

func inSections(items []changedItem) []diffSection {
	var list []diffSection
	for _, part := range partNames {
		sec := diffSection{Name: part[1]}
		for _, it := range items {
			if strings.HasPrefix(it.base, part[0]+"/") {
				sec.Items = append(sec.Items, it)
			}
		}
		if len(sec.Items) > 0 {
			list = append(list, sec)
		}
	}
	rest := diffSection{Name: "Other"}
	for _, it := range items {
		if !slices.ContainsFunc(partNames[:], func(part [2]string) bool { return strings.HasPrefix(it.base, part[0]+"/") }) {
			rest.Items = append(rest.Items, it)
		}
	}
	if len(rest.Items) > 0 {
		list = append(list, rest)
	}
	return list
}

// splitPath cuts a path into the item and the field; the field in words stands in the label.
func splitPath(c careplan.Change) (base, field string) {
	i := strings.LastIndexByte(c.Path, '/')
	if i < 0 {
		return c.Path, ""
	}
	_, field, _ = strings.Cut(c.Label, " · ")
	return c.Path[:i], field
}

func itemKind(label string) string {
	kind, _, _ := strings.Cut(label, " · ")
	return kind
}

// titles gives for each item of a plan what it says of itself.
func titles(p *careplan.Plan) map[string]string {
	m := make(map[string]string)
	for _, c := range careplan.Diff(nil, p) {
		base, field := splitPath(c)
		if _, ok := m[base]; !ok || field == "" {
			m[base] = itemKind(c.Label)
		}
		if field == "" && c.New != "" {
			m[base] = c.New
		}
	}
	return m
}

// bothPlans knows the sources and organisations of both versions.
func bothPlans(plans ...*careplan.Plan) *planPage {
	all := &planPage{Plan: &careplan.Plan{Sources: map[string]careplan.Source{}}}
	for _, p := range plans {
		maps.Copy(all.Sources, p.Sources)
		all.Stays = append(all.Stays, p.Stays...)
		all.Team = append(all.Team, p.Team...)
	}
	all.index()
	return all
}

// factName puts names in the place of HER-ids and times into words.
func (p *planPage) factName(field string) string {
	words := strings.Fields(field)
	for i, w := range words {
		if n := p.orgs[w]; n != "" {
			words[i] = n
		} else if t, err := time.Parse(time.RFC3339, w); err == nil {
			words[i] = t.In(oslo()).Format("2 Jan 2006 15:04")
		}
	}
	return or(strings.Join(words, " "), "text")
}

func (p *planPage) factText(field, text string) template.HTML {
	switch {
	case field == "owner" && text != "":
		return template.HTML(template.HTMLEscapeString(p.Org(text)))
	case strings.HasPrefix(field, "answer of "):
		status, reason, _ := strings.Cut(text, " ")
		return template.HTML(template.HTMLEscapeString(strings.TrimSuffix(taskWord(status).Text+": "+reason, ": ")))
	case field == "status":
		return template.HTML(template.HTMLEscapeString(taskWord(text).Text))
	}
	return planTime(text)
}
