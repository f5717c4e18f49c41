package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/queue"
)

// Decider takes what a person decides about a plan. It becomes a message like any other: kept, traced, and part of
// the plan as a record, so that it can be withdrawn and the plan stays a function of its records.
type Decider interface {
	Submit(ctx context.Context, w gateway.Write) (gateway.Result, error)
	// SeenIn gives the keys of the records that a version of a plan holds, 0 for the newest.
	SeenIn(ctx context.Context, patient string, version int64) ([]string, error)
}

// Faults of decisions.
var (
	errNoDecider = &samvirke.Fault{Class: samvirke.Invalid, Code: "no-decisions", Safe: "This gateway takes no decisions here."}
	errNoWriter  = &samvirke.Fault{Class: samvirke.Invalid, Code: "no-coordinating-party",
		Safe: "No party of this gateway is the coordinating unit, so a decision would have no organisation behind it. Give one party the role coordinator in the configuration."}
	errGone    = &samvirke.Fault{Class: samvirke.Invalid, Code: "changed-meanwhile", Safe: "The plan has changed since the page was made, and this is no longer to be decided. Load the page again."}
	errNotHere = &samvirke.Fault{Class: samvirke.Invalid, Code: "not-made-here",
		Safe: "The link was sent by another organisation, so only that organisation can withdraw it."}
)

// decision is one thing that a person decides.
type decision struct {
	action  string // as it stands in the audit
	object  string
	reason  string
	role    string // the capacity in the record; "" when being a person is enough
	seen    []string
	parts   []*fhir.Node
	op      samvirke.Op
	parent  string
	party   samvirke.Party
	patient string
}

// openPerson reads the person of the address, and that decisions are taken at all.
func (s *Server) openPerson(r *http.Request) (string, error) {
	patient, ok := s.sealer.open(r.PathValue("person"))
	if !ok {
		return "", fmt.Errorf("open plan: %w", queue.ErrNotFound)
	}
	if s.opt.Decider == nil {
		return "", errNoDecider
	}
	return patient, nil
}

// writer is the party as which a person decides: their own organisation, else the coordinating unit.
func (s *Server) writer(ctx context.Context, g *standing, patient ...string) (samvirke.Party, error) {
	list := s.parties(ctx)
	for _, p := range list {
		for _, h := range g.her {
			if slices.Contains(p.HER, h) {
				return p.Party, nil
			}
		}
	}
	if len(g.her) > 0 {
		return samvirke.Party{}, errNoWriter
	}
	for _, p := range list {
		if p.HasRole(samvirke.RoleCoordinator) && (s.opt.Coordinates == nil || s.opt.Coordinates(p.Party, patient...)) {
			return p.Party, nil
		}
	}
	var only *samvirke.Party // the coordinating unit is the municipality's; with one there is no doubt which
	for i := range list {
		if list[i].Role == "municipality" {
			if only != nil {
				return samvirke.Party{}, errNoWriter
			}
			only = &list[i].Party
		}
	}
	if only == nil {
		return samvirke.Party{}, errNoWriter
	}
	return *only, nil
}

// decide writes the audit, hands the decision to the gateway and goes back to the plan.
func (s *Server) decide(w http.ResponseWriter, r *http.Request, x *session, d decision, done string) error {
	if d.party.ID == "" {
		party, err := s.writer(r.Context(), x.may.Load(), d.patient)
		if err != nil {
			return err
		}
		d.party = party
	}
	system, value, _ := strings.Cut(d.patient, "|")
	write := gateway.Write{Party: d.party.ID, Person: x.user, Patient: samvirke.Identifier{System: system, Value: value}, Resources: d.parts, Seen: d.seen, Op: d.op, Parent: d.parent}
	if d.role != "" {
		write.Roles = []string{d.role}
	}
	entry := samvirke.Audit{Who: x.user, Action: d.action, Object: d.object, Patient: d.patient, Reason: d.reason}
	if err := s.note(r.Context(), entry); err != nil {
		return err
	}
	res, err := s.opt.Decider.Submit(r.Context(), write)
	if err == nil && res.Fault != nil {
		err = res.Fault
	}
	if err != nil {
		entry.Action += "-failed"
		return errors.Join(err, s.note(context.WithoutCancel(r.Context()), entry))
	}
	if res.IsPending() {
		done = "It is kept and will count as soon as its turn comes."
	}
	x.setFlash(done)
	http.Redirect(w, r, "/plans/"+s.sealer.seal(d.patient), http.StatusSeeOther)
	return nil
}

// resolve takes the choice of one candidate of a conflict. The person has seen the version that the form names:
// what came later is not overruled and opens the conflict again.
func (s *Server) resolve(w http.ResponseWriter, r *http.Request, x *session) error {
	patient, err := s.openPerson(r)
	if err != nil {
		return err
	}
	reason, err := maybeReason(r)
	if err != nil {
		return err
	}
	seen, err := strconv.ParseInt(or(r.PostForm.Get("seen"), "0"), 10, 64)
	if err != nil || seen < 0 {
		return errForm
	}
	pl, _, err := s.readPlanFor(r.Context(), x, patient, seen)
	if err != nil {
		return err
	}
	c, chosen := findCandidate(pl, r.PostForm.Get("conflict"), r.PostForm.Get("candidate"))
	newest, _, err := s.readPlanFor(r.Context(), x, patient, 0)
	if err != nil {
		return err
	}
	if now, _ := findCandidate(newest, r.PostForm.Get("conflict"), ""); chosen == nil || now == nil || now.Status == "resolved" {
		return errGone
	}
	page := &planPage{Plan: pl, may: x.may.Load()}
	if !page.mayResolve(*c) {
		return errors.Join(errRole, s.noteRefused(r, x))
	}
	d := decision{action: "resolve-conflict", object: c.Field, reason: reason, role: samvirke.RoleCoordinator, patient: patient, parts: []*fhir.Node{Resolution(c, chosen, reason)}}
	if d.seen, err = s.seenBy(r.Context(), x, patient, seen, pl); err != nil {
		return err
	}
	return s.decide(w, r, x, d, "Decided: "+fieldName(c.Field)+" is "+shortTime(chosen.Text)+". All sources stay; those concerned are told.")
}

// seenBy are the records that a person had seen: those of the version that was shown, or of what was shown of it.
func (s *Server) seenBy(ctx context.Context, x *session, patient string, version int64, pl *careplan.Plan) ([]string, error) {
	if !x.may.Load().bound() {
		return s.opt.Decider.SeenIn(ctx, patient, version)
	}
	var keys []string
	for k := range pl.Sources {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys, nil
}

// findCandidate finds a conflict by its id and a candidate by a record that states it; nil when there is none.
func findCandidate(p *careplan.Plan, conflict, record string) (*careplan.Conflict, *careplan.Candidate) {
	if p.Shared == nil {
		return nil, nil
	}
	for i := range p.Shared.Conflicts {
		c := &p.Shared.Conflicts[i]
		if c.ID != conflict {
			continue
		}
		for j := range c.Candidates {
			if slices.Contains(c.Candidates[j].From, record) {
				return c, &c.Candidates[j]
			}
		}
		return c, nil
	}
	return nil, nil
}

func ourCode(code string) *fhir.Node {
	return fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", careplan.SystemTask, "code", code)))
}

func withNote(n *fhir.Node, reason string) *fhir.Node {
	if reason != "" {
		n.Set("note", fhir.NewArray(fhir.NewObject("text", reason)))
	}
	return n
}

// Resolution is the decision as a Task: the value chosen and the records that stated it. reason may be "".
func Resolution(c *careplan.Conflict, chosen *careplan.Candidate, reason string) *fhir.Node {
	var value *fhir.Node
	switch {
	case chosen.Code == "" && chosen.Text == "": // the chosen statement is that there is no value any more
	case chosen.Code == "":
		value = fhir.NewObject("type", fhir.NewObject("text", "chosen"), "valueString", chosen.Text)
	default:
		coding := fhir.NewObject("code", chosen.Code)
		if chosen.System != "" {
			coding = fhir.NewObject("system", chosen.System, "code", chosen.Code)
		}
		value = fhir.NewObject("type", fhir.NewObject("text", "chosen"), "valueCodeableConcept",
			fhir.NewObject("coding", fhir.NewArray(coding), "text", or(chosen.Text, chosen.Code)))
	}
	outputs := fhir.NewArray()
	if value != nil {
		outputs.Add(value)
	}
	for _, key := range chosen.From {
		outputs.Add(fhir.NewObject("type", fhir.NewObject("text", "basis"), "valueString", key))
	}
	return withNote(fhir.NewObject("resourceType", "Task", "status", "completed", "intent", "order", "code", ourCode(careplan.TaskResolve),
		"focus", fhir.NewObject("reference", "Flag/"+c.ID), "output", outputs), reason)
}

// maybeReason reads a reason that may be left out.
func maybeReason(r *http.Request) (string, error) {
	reason := strings.Join(strings.Fields(r.PostForm.Get("reason")), " ")
	if utf8.RuneCountInString(reason) > MaxReason {
		return "", &samvirke.Fault{Class: samvirke.Invalid, Code: "reason-too-long", Safe: fmt.Sprintf("A reason has at most %d characters.", MaxReason)}
	}
	return reason, nil
}
