package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/queue"
)

// thenView tells whose knowledge of what time a plan page shows.
type thenView struct {
	At        time.Time
	Party     partyRef // ID "" when the gateway itself is asked
	Everybody bool
	// Told, Waiting: what had been sent to the party by then; the view says what it was allowed to see, this what
	// had reached it.
	Told, Waiting int
	LastTold      time.Time
	Changes       int
	Form          thenForm
}

// thenForm asks for time and party.
type thenForm struct {
	PersonID, Label string
	At              string // for an input of type datetime-local
	Party           string
	Parties         []gateway.PartyState
	Fault           string
}

// thenPage is the form alone, or with what came out.
type thenPage struct {
	Form     thenForm
	Plan     *planPage
	Sections []diffSection
	Count    int
}

// maxThenRows bounds how many deliveries are counted.
const maxThenRows = 500

var errThen = &samvirke.Fault{Class: samvirke.Invalid, Code: "bad-time", Safe: "Give a date and a time of day, for instance 2026-03-12T09:00."}

// then shows what a party knew at a time: the plan as the messages received until then gave it, less what the
// party was not allowed to see, and what has come since.
func (s *Server) then(w http.ResponseWriter, r *http.Request, x *session) error {
	patient, ok := s.sealer.open(r.PathValue("person"))
	if !ok {
		return fmt.Errorf("open plan: %w", queue.ErrNotFound)
	}
	q := r.URL.Query()
	p := &thenPage{Form: thenForm{PersonID: s.sealer.seal(patient), Label: s.sealer.label(patient), At: q.Get("at"), Party: q.Get("party"), Parties: s.parties(r.Context())}}
	if p.Form.At == "" {
		p.Form.At = s.now().In(oslo()).Format("2006-01-02T15:04")
		if err := s.noteRead(r, x, "open-time-machine", "plan", patient); err != nil {
			return err
		}
		s.render(w, r, x, http.StatusOK, "then", view{Title: "Who knew what, when", Section: "plans", Data: p})
		return nil
	}
	at, err := thenTime(p.Form.At)
	if err != nil {
		return err
	}
	if err := s.fillThen(r, x, patient, at, p); err != nil {
		return err
	}
	object := fmt.Sprintf("plan as %s knew it at %s", or(p.Form.Party, "the gateway"), at.UTC().Format(time.RFC3339))
	if err := s.noteRead(r, x, "read-plan", object, patient); err != nil {
		return err
	}
	s.render(w, r, x, http.StatusOK, "then", view{Title: "Who knew what, when", Section: "plans", Data: p})
	return nil
}

// thenTime reads what a field for date and time sends; it is Norwegian time.
func thenTime(text string) (time.Time, error) {
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, strings.TrimSpace(text), oslo()); err == nil {
			// A minute that is named is over: what came within it was known.
			if layout != "2006-01-02T15:04:05" {
				t = t.Add(time.Minute - time.Nanosecond)
			}
			return t, nil
		}
	}
	return time.Time{}, errThen
}

func (s *Server) fillThen(r *http.Request, x *session, patient string, at time.Time, p *thenPage) error {
	o := careplan.Options{Until: at}
	ref := partyRef{}
	if p.Form.Party != "" {
		i := slices.IndexFunc(p.Form.Parties, func(o gateway.PartyState) bool { return o.ID == p.Form.Party })
		if i < 0 {
			return &samvirke.Fault{Class: samvirke.Invalid, Code: "unknown-party", Safe: "There is no such party."}
		}
		party := p.Form.Parties[i]
		ref = partyRef{ID: party.ID, Name: party.Name}
		v := partyViewer(party.Party, at)
		o.Viewer = &v
		if err := s.tookPart(r.Context(), &party.Party, patient, o); err != nil {
			return err
		}
	}
	old, records, err := s.foldPlan(r.Context(), patient, o)
	if err != nil {
		return err
	}
	o.Until = time.Time{}
	if o.Viewer != nil {
		now := *o.Viewer
		now.At = s.now()
		o.Viewer = &now
	}
	today, _, err := s.foldPlan(r.Context(), patient, o)
	if err != nil {
		return err
	}
	p.Sections = comparePlans(old, today)
	for _, sec := range p.Sections {
		p.Count += len(sec.Items)
	}
	t := &thenView{At: at, Party: ref, Everybody: ref.ID == "", Changes: p.Count, Form: p.Form}
	if err := s.countTold(r.Context(), patient, at, t); err != nil {
		return err
	}
	fillFrom(records, old)
	p.Plan = s.planPageOf(patient, old, queue.PlanVersion{At: at}, x)
	p.Plan.Frozen, p.Plan.Then, p.Plan.Now = true, t, at
	p.Plan.OpenGaps = dueGaps(old.Gaps, at)
	p.Plan.Picture = pictureOf(s.draw(old, at)) // what was stale then, not now
	return nil
}

// countTold counts what had been sent to the party about the person by then.
func (s *Server) countTold(ctx context.Context, patient string, at time.Time, t *thenView) error {
	if t.Party.ID == "" {
		return nil
	}
	list, err := s.store.Deliveries(ctx, queue.DeliveryFilter{Party: t.Party.ID, Patient: patient, Limit: maxThenRows})
	if err != nil {
		return fmt.Errorf("list what was sent: %w", err)
	}
	for _, d := range list {
		if d.Purpose == samvirke.PurposeReceipt || d.CreatedAt.After(at) {
			continue
		}
		reached := d.SentAt
		if !d.DoneAt.IsZero() && d.State == samvirke.DeliveryAcknowledged {
			reached = d.DoneAt
		}
		if reached.IsZero() || reached.After(at) {
			t.Waiting++
			continue
		}
		t.Told++
		if reached.After(t.LastTold) {
			t.LastTold = reached
		}
	}
	return nil
}

// foldPlan folds the records about a person, those under linked identifiers with them.
func (s *Server) foldPlan(ctx context.Context, patient string, o careplan.Options) (*careplan.Plan, []queue.Record, error) {
	stored, err := s.recordsOf(ctx, patient)
	if err != nil {
		return nil, nil, err
	}
	records := make([]careplan.Record, 0, len(stored))
	for _, r := range stored {
		rec, err := careplan.ParseRecord(r.Body)
		if err != nil {
			return nil, nil, err
		}
		records = append(records, rec)
	}
	o.Subject = patient
	o.Off, o.Priority = s.opt.RulesOff, s.opt.Priority
	return careplan.FoldWith(records, o), stored, nil
}

// recordsOf reads the records under a patient's key and under the keys that the newest plan shows with it.
func (s *Server) recordsOf(ctx context.Context, patient string) ([]queue.Record, error) {
	keys := []string{patient}
	v, err := s.store.Plan(ctx, patient, 0)
	if err != nil && !errors.Is(err, queue.ErrNotFound) {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	if err == nil {
		var p struct {
			Rights *careplan.RightsPart `json:"rights"`
		}
		if err := json.Unmarshal(v.Body, &p); err != nil {
			return nil, fmt.Errorf("read plan version %d: %w", v.Version, err)
		}
		if p.Rights != nil {
			for _, id := range p.Rights.Identities {
				if !slices.Contains(keys, id.Patient) {
					keys = append(keys, id.Patient)
				}
			}
		}
	}
	var list []queue.Record
	for _, k := range keys {
		rs, err := s.store.Records(ctx, k)
		if err != nil {
			return nil, fmt.Errorf("read records of the plan: %w", err)
		}
		list = append(list, rs...)
	}
	return list, nil
}

// fillFrom tells each source which message it is, see fillSources.
func fillFrom(records []queue.Record, p *careplan.Plan) {
	byKey := make(map[string]queue.Record, len(records))
	for _, r := range records {
		if _, there := byKey[r.Key]; !there {
			byKey[r.Key] = r
		}
	}
	for k, src := range p.Sources {
		r := byKey[k]
		src.MessageID, src.Received = r.MessageID, r.ReceivedAt
		p.Sources[k] = src
	}
	for i := range p.History {
		r := byKey[p.History[i].Key]
		p.History[i].MessageID, p.History[i].Received = r.MessageID, r.ReceivedAt
	}
}
