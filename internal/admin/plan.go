package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/queue"
)

// planRow is one plan in the list. Without the wish for names it says nothing about who it is.
type planRow struct {
	Person, Label, Name string
	At                  time.Time
	Version             int64
	Where               word
	Goals, Measures     int
	Unanswered          int
	Gaps, Flags         int
}

// plansPage is the data of the list of plans.
type plansPage struct {
	Rows  []planRow
	Named bool
	Full  bool // there may be more than are shown
}

func (s *Server) plans(w http.ResponseWriter, r *http.Request, x *session) error {
	return s.showPlans(w, r, x, false)
}

// plansNamed shows the list with names, which is a read of each person's data.
func (s *Server) plansNamed(w http.ResponseWriter, r *http.Request, x *session) error {
	return s.showPlans(w, r, x, true)
}

func (s *Server) showPlans(w http.ResponseWriter, r *http.Request, x *session, named bool) error {
	p, patients, err := s.plansData(r.Context(), named)
	if err != nil {
		return err
	}
	if named && len(patients) > 0 {
		entries := make([]samvirke.Audit, len(patients))
		for i, patient := range patients {
			entries[i] = samvirke.Audit{Who: x.user, Action: "read-name", Object: "plans", Patient: patient}
		}
		if err := s.note(r.Context(), entries...); err != nil {
			return err
		}
	}
	live := "list"
	if named {
		live = ""
	}
	s.render(w, r, x, http.StatusOK, "plans", view{Title: "Plans", Section: "plans", Live: live, Data: p})
	return nil
}

func (s *Server) plansData(ctx context.Context, named bool) (*plansPage, []string, error) {
	list, err := s.store.Patients(ctx, MaxPlans)
	if err != nil {
		return nil, nil, fmt.Errorf("list plans: %w", err)
	}
	p := &plansPage{Named: named, Full: len(list) == MaxPlans}
	var patients []string
	for _, v := range list {
		pl, _, err := s.readPlan(ctx, v.Patient, 0)
		if err != nil {
			return nil, nil, err
		}
		row := planRow{Person: s.sealer.seal(v.Patient), Label: s.sealer.label(v.Patient), At: v.At, Version: v.Version,
			Where: whereabouts(pl), Goals: len(pl.Goals), Measures: len(pl.Measures), Gaps: len(dueGaps(pl.Gaps, s.now())), Flags: len(pl.Flags)}
		for _, m := range pl.Measures {
			if m.Kind == "proposal" && m.Status == "requested" {
				row.Unanswered++
			}
		}
		if named && pl.Person.Name != nil {
			row.Name = pl.Person.Name.Text
		}
		patients = append(patients, v.Patient)
		p.Rows = append(p.Rows, row)
	}
	return p, patients, nil
}

// whereabouts says in a word where the person is, from the newest stay.
func whereabouts(p *careplan.Plan) word {
	if p.Person.Deceased != nil {
		return word{"deceased", "calm", "–", ""}
	}
	var newest *careplan.Stay
	for i := range p.Stays {
		if p.Stays[i].Status != "entered-in-error" && (newest == nil || startOf(p.Stays[i]) >= startOf(*newest)) {
			newest = &p.Stays[i]
		}
	}
	if newest == nil {
		return word{"no stay known", "calm", "○", ""}
	}
	return stayWord(*newest, openReady(p, newest.ID) != nil)
}

func startOf(s careplan.Stay) string {
	if s.Start != nil {
		return s.Start.Text
	}
	return ""
}

func openReady(p *careplan.Plan, stay string) *careplan.Ready {
	for i := range p.Ready {
		if p.Ready[i].Stay == stay && p.Ready[i].End == nil {
			return &p.Ready[i]
		}
	}
	return nil
}

func stayWord(s careplan.Stay, ready bool) word {
	switch s.Status {
	case "planned":
		return word{"admission planned", "wait", "…", ""}
	case "in-progress":
		if ready {
			return word{"in hospital, ready for discharge", "warn", "●", ""}
		}
		return word{"in hospital", "busy", "●", ""}
	case "finished":
		return word{"discharged", "ok", "✓", ""}
	case "entered-in-error":
		return word{"withdrawn", "calm", "–", "The admission was reported by mistake."}
	}
	return word{s.Status, "calm", "?", ""}
}

// planSearch finds the plan of a typed identifier; it is a POST so that the number stands in no address.
func (s *Server) planSearch(w http.ResponseWriter, r *http.Request, x *session) error {
	patient, err := s.findPatient(r.Context(), r.PostForm.Get("patient"))
	if err != nil {
		return err
	}
	if err := s.note(r.Context(), samvirke.Audit{Who: x.user, Action: "search", Object: "plans", Patient: patient}); err != nil {
		return err
	}
	versions, err := s.store.PlanVersions(r.Context(), patient)
	if err != nil {
		return fmt.Errorf("search plans: %w", err)
	}
	if len(versions) == 0 {
		x.setFlash("There is no plan for this identifier. A plan begins with the first message about the person.")
		http.Redirect(w, r, "/plans", http.StatusSeeOther)
		return nil
	}
	http.Redirect(w, r, "/plans/"+s.sealer.seal(patient), http.StatusSeeOther)
	return nil
}

// readPlan reads one version of a plan, 0 = the newest.
func (s *Server) readPlan(ctx context.Context, patient string, version int64) (*careplan.Plan, queue.PlanVersion, error) {
	v, err := s.store.Plan(ctx, patient, version)
	if err != nil {
		return nil, v, fmt.Errorf("read plan: %w", err)
	}
	var p careplan.Plan
	if err := json.Unmarshal(v.Body, &p); err != nil {
		return nil, v, fmt.Errorf("read plan version %d: %w", v.Version, err)
	}
	return &p, v, nil
}

// planPage is the data of one person's plan.
type planPage struct {
	*careplan.Plan
	PersonID, Label string
	Version         queue.PlanVersion
	Latest          int64
	Versions        []versionRow
	SourceList      []sourceView
	Instruments     []instrumentView
	OpenGaps        []careplan.Gap // gaps whose time has come
	LaterGaps       []careplan.Gap // gaps that only count from a later time on
	Where           word
	byKey           map[string]sourceView
	orgs            map[string]string
}

// versionRow is one stored version.
type versionRow struct {
	queue.PlanVersion
	Kind    string
	Current bool
}

// sourceView is one source with the number under which the page cites it.
type sourceView struct {
	careplan.Source
	Number int
}

// citation is what stands behind a value: its sources, and what the value is, for those who hear the page.
type citation struct {
	What    string
	Sources []sourceView
	Missing int
}

// Cite gives the citation for a value.
func (p *planPage) Cite(what string, from []string) citation {
	c := citation{What: what}
	for _, k := range from {
		if s, ok := p.byKey[k]; ok {
			c.Sources = append(c.Sources, s)
		} else {
			c.Missing++
		}
	}
	slices.SortFunc(c.Sources, func(a, b sourceView) int { return a.Number - b.Number })
	return c
}

// Org names an organisation by its HER-id, as the plan's own sources name it.
func (p *planPage) Org(her string) string {
	if n := p.orgs[her]; n != "" {
		return n
	}
	if her == "coordinator" || her == "" {
		return or(her, "nobody yet")
	}
	return "HER " + her
}

// Time shows a value that is a time.
func (p *planPage) Time(text string) template.HTML { return planTime(text) }

// ReadyOf gives the discharge-ready periods of one stay.
func (p *planPage) ReadyOf(stay string) []careplan.Ready {
	var list []careplan.Ready
	for _, r := range p.Ready {
		if r.Stay == stay {
			list = append(list, r)
		}
	}
	return list
}

// StayWord says how a stay stands.
func (p *planPage) StayWord(st careplan.Stay) word {
	return stayWord(st, openReady(p.Plan, st.ID) != nil)
}

// Proposals are measures that somebody was asked to take on.
func (p *planPage) Proposals() []careplan.Measure {
	return p.measures(func(m careplan.Measure) bool { return m.Kind == "proposal" })
}

// OtherMeasures are the measures that are not proposals: ordered, ongoing or done.
func (p *planPage) OtherMeasures() []careplan.Measure {
	return p.measures(func(m careplan.Measure) bool { return m.Kind != "proposal" })
}

func (p *planPage) measures(want func(careplan.Measure) bool) []careplan.Measure {
	var list []careplan.Measure
	for _, m := range p.Measures {
		if want(m) {
			list = append(list, m)
		}
	}
	return list
}

// MeasureWord says how a measure stands.
func (p *planPage) MeasureWord(m careplan.Measure) word { return taskWord(m.Status) }

// AnswerWord says what an answer was.
func (p *planPage) AnswerWord(a careplan.Answer) word { return taskWord(a.Status) }

func taskWord(status string) word {
	switch status {
	case "requested":
		return word{"waits for an answer", "wait", "…", "Nobody has taken it on yet."}
	case "accepted":
		return word{"accepted", "ok", "✓", ""}
	case "rejected":
		return word{"declined", "stop", "✕", ""}
	case "answered":
		return word{"answered", "busy", "→", "Answered with a change."}
	case "active":
		return word{"ongoing", "busy", "●", ""}
	case "completed", "done":
		return word{"done", "ok", "✓", ""}
	case "cancelled":
		return word{"ended", "calm", "–", ""}
	}
	return word{status, "calm", "?", ""}
}

func (s *Server) plan(w http.ResponseWriter, r *http.Request, x *session) error {
	patient, ok := s.sealer.open(r.PathValue("person"))
	if !ok {
		return fmt.Errorf("open plan: %w", queue.ErrNotFound)
	}
	version, err := versionOf(r.URL.Query().Get("version"))
	if err != nil {
		return err
	}
	p, err := s.planData(r.Context(), patient, version)
	if err != nil {
		return err
	}
	if err := s.noteRead(r, x, "read-plan", fmt.Sprintf("plan version %d", p.Version.Version), patient); err != nil {
		return err
	}
	s.render(w, r, x, http.StatusOK, "plan", view{Title: "Plan", Section: "plans", Live: "plan:" + p.PersonID, Data: p})
	return nil
}

func versionOf(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil || v < 0 {
		return 0, &samvirke.Fault{Class: samvirke.Invalid, Code: "bad-version", Safe: "The version could not be read."}
	}
	return v, nil
}

func (s *Server) planData(ctx context.Context, patient string, version int64) (*planPage, error) {
	pl, v, err := s.readPlan(ctx, patient, version)
	if err != nil {
		return nil, err
	}
	p := &planPage{Plan: pl, PersonID: s.sealer.seal(patient), Label: s.sealer.label(patient), Version: v, Where: whereabouts(pl)}
	versions, err := s.store.PlanVersions(ctx, patient)
	if err != nil {
		return nil, fmt.Errorf("list plan versions: %w", err)
	}
	slices.SortFunc(versions, func(a, b queue.PlanVersion) int { return cmp.Compare(b.Version, a.Version) })
	kindOf := make(map[string]string)
	for _, src := range pl.Sources {
		kindOf[src.MessageID] = src.Kind
	}
	for _, src := range pl.History {
		kindOf[src.MessageID] = src.Kind
	}
	for _, o := range versions {
		p.Versions = append(p.Versions, versionRow{PlanVersion: o, Kind: kindOf[o.MessageID], Current: o.Version == v.Version})
		p.Latest = max(p.Latest, o.Version)
	}
	p.index()
	p.Instruments = instruments(p)
	p.OpenGaps = dueGaps(pl.Gaps, s.now())
	for _, g := range pl.Gaps {
		if !g.Due.IsZero() && g.Due.After(s.now()) {
			p.LaterGaps = append(p.LaterGaps, g)
		}
	}
	return p, nil
}

// index numbers the sources by the time of what they tell, and gathers the names of organisations.
func (p *planPage) index() {
	p.byKey, p.orgs = make(map[string]sourceView), make(map[string]string)
	keys := slices.Sorted(maps.Keys(p.Sources))
	slices.SortStableFunc(keys, func(a, b string) int { return sourceTime(p.Sources[a]).Compare(sourceTime(p.Sources[b])) })
	for i, k := range keys {
		src := p.Sources[k]
		if src.Key == "" {
			src.Key = k
		}
		v := sourceView{Source: src, Number: i + 1}
		p.byKey[k] = v
		p.SourceList = append(p.SourceList, v)
		p.addOrg(src.Sender, src.Name)
	}
	for _, st := range p.Stays {
		p.addOrg(st.Organiser, st.Name)
	}
	for _, m := range p.Team {
		p.addOrg(m.HER, m.Name)
	}
}

func (p *planPage) addOrg(her, name string) {
	if name = strings.TrimSpace(name); her != "" && name != "" && p.orgs[her] == "" {
		p.orgs[her] = name
	}
}

func sourceTime(s careplan.Source) time.Time {
	for _, t := range []time.Time{s.Event, s.Sent, s.Received} {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

func dueGaps(list []careplan.Gap, now time.Time) []careplan.Gap {
	var due []careplan.Gap
	for _, g := range list {
		if g.Due.IsZero() || !g.Due.After(now) {
			due = append(due, g)
		}
	}
	return due
}

// TaskWord says how a task stands.
func (p *planPage) TaskWord(status string) word { return taskWord(status) }
