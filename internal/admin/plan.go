package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
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
	Conflicts           int
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
	p, patients, err := s.plansData(r.Context(), x, named)
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

func (s *Server) plansData(ctx context.Context, x *session, named bool) (*plansPage, []string, error) {
	list, err := s.store.Patients(ctx, MaxPlans)
	if err != nil {
		return nil, nil, fmt.Errorf("list plans: %w", err)
	}
	p := &plansPage{Named: named, Full: len(list) == MaxPlans}
	var patients []string
	for _, v := range list {
		pl, seen, err := s.readPlanFor(ctx, x, v.Patient, 0)
		if errors.Is(err, queue.ErrNotFound) {
			continue // nothing of it is for this person
		}
		if err != nil {
			return nil, nil, err
		}
		if x.may.Load().bound() {
			v.At, v.Version = newestOf(pl), seen.Version // when the plan changed may be more than they may know
		}
		row := planRow{Person: s.sealer.seal(v.Patient), Label: s.sealer.label(v.Patient), At: v.At, Version: v.Version,
			Where: whereabouts(pl), Goals: len(pl.Goals), Measures: len(pl.Measures), Gaps: len(dueGaps(pl.Gaps, s.now())), Flags: len(pl.Flags)}
		for _, m := range pl.Measures {
			if m.Kind == "proposal" && m.Status == "requested" {
				row.Unanswered++
			}
		}
		if pl.Shared != nil {
			for _, c := range pl.Shared.Conflicts {
				row.Conflicts += btoi(c.Status != "resolved")
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
	case "onleave", "on-leave":
		return word{"on leave from hospital", "wait", "◐", ""}
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
	_, _, err = s.readPlanFor(r.Context(), x, patient, 0)
	if err != nil && !errors.Is(err, queue.ErrNotFound) {
		return fmt.Errorf("search plans: %w", err)
	}
	if err != nil {
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
	if err := s.fillSources(ctx, patient, &p); err != nil {
		return nil, v, err
	}
	return &p, v, nil
}

// fillSources tells each source which message of this gateway it is and when that came: facts that
// a stored plan leaves out, so that its bytes do not depend on the order of arrival.
func (s *Server) fillSources(ctx context.Context, patient string, p *careplan.Plan) error {
	records, err := s.recordsOf(ctx, patient)
	if err != nil {
		return err
	}
	fillFrom(records, p)
	return nil
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
	p, err := s.planData(r.Context(), x, patient, version)
	if errors.Is(err, queue.ErrNotFound) {
		return s.noPlan(w, r, x, patient, version)
	}
	if err != nil {
		return err
	}
	if err := s.noteRead(r, x, "read-plan", fmt.Sprintf("plan version %d", p.Version.Version), patient); err != nil {
		return err
	}
	s.render(w, r, x, http.StatusOK, "plan", view{Title: "Plan", Section: "plans", Live: "plan:" + p.PersonID, Data: p})
	return nil
}

// noPlan says that a person is known but has no such plan: a message that needs attention or was
// refused makes none.
func (s *Server) noPlan(w http.ResponseWriter, r *http.Request, x *session, patient string, version int64) error {
	if err := s.noteRead(r, x, "read-plan", "no plan", patient); err != nil {
		return err
	}
	s.render(w, r, x, http.StatusNotFound, "no-plan", view{Title: "No plan", Section: "plans",
		Data: map[string]any{"Person": s.sealer.seal(patient), "Label": s.sealer.label(patient), "Version": version}})
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

func (s *Server) planData(ctx context.Context, x *session, patient string, version int64) (*planPage, error) {
	pl, v, err := s.readPlanFor(ctx, x, patient, version)
	if err != nil {
		return nil, err
	}
	p := s.planPageOf(patient, pl, v, x)
	p.Latest = v.Version
	if p.may.bound() {
		return p, nil // versions and what caused them are more than they may know
	}
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
	p.Frozen = p.Frozen || v.Version != p.Latest
	return p, nil
}

// planPageOf makes the page of a plan that was read or folded.
func (s *Server) planPageOf(patient string, pl *careplan.Plan, v queue.PlanVersion, x *session) *planPage {
	p := &planPage{Plan: pl, PersonID: s.sealer.seal(patient), Label: s.sealer.label(patient), Version: v, Where: whereabouts(pl), Now: s.now(),
		sealer: s.sealer, may: x.may.Load(), Frozen: s.opt.Decider == nil}
	p.index()
	p.Instruments = instruments(p)
	p.Picture = pictureOf(s.draw(pl, p.Now))
	p.OpenGaps = dueGaps(pl.Gaps, p.Now)
	return p
}

// readPlanFor reads a plan as far as this person may see it: one version of the stored plan, or for those who
// look as one organisation what the rules show to that organisation now.
func (s *Server) readPlanFor(ctx context.Context, x *session, patient string, version int64) (*careplan.Plan, queue.PlanVersion, error) {
	g := x.may.Load()
	if !g.bound() {
		return s.readPlan(ctx, patient, version)
	}
	if _, err := s.store.Plan(ctx, patient, 0); err != nil {
		return nil, queue.PlanVersion{}, fmt.Errorf("read plan: %w", err)
	}
	pl, records, err := s.foldFor(ctx, g, patient, s.viewer(ctx, g))
	if err != nil {
		return nil, queue.PlanVersion{}, err
	}
	if len(pl.Sources) == 0 {
		return nil, queue.PlanVersion{}, fmt.Errorf("read plan: %w", queue.ErrNotFound)
	}
	fillFrom(records, pl)
	return pl, queue.PlanVersion{Patient: patient, At: s.now()}, nil
}

// newestOf is when the newest thing that is shown was received.
func newestOf(p *careplan.Plan) time.Time {
	var t time.Time
	for _, src := range p.Sources {
		if src.Received.After(t) {
			t = src.Received
		}
	}
	return t
}
