package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// apiRoutes are the addresses of the JSON API, all below /api/v1:
//
//	GET  overview                   today's flow and the sums
//	GET  messages                   newest first; party, kind, status, from, to, person, before as on the page
//	POST messages/search            {"patient": identifier, "before": seq}: the messages about one person
//	GET  messages/{id}              one message with events, deliveries, attempts, receipts and notes
//	GET  plans                      the newest plans by sealed id
//	GET  plans/{person}             the plan itself; version=N for an older one
//	GET  plans/{person}/versions    its versions
//	GET  attention                  what waits for a person, grouped, with what can be done
//	GET  parties                    how each party does
//	GET  audit                      newest entries; before=N pages on
//
// Answers are JSON; errors are problem documents (RFC 9457) with a stable code. A person is named
// by a sealed id, except inside the plan.
func (s *Server) apiRoutes(m *http.ServeMux) {
	m.Handle("GET /api/v1/overview", s.api(s.apiOverview))
	m.Handle("GET /api/v1/messages", s.api(s.apiMessages))
	m.Handle("POST /api/v1/messages/search", s.api(s.apiSearch))
	m.Handle("GET /api/v1/messages/{id}", s.api(s.apiTrace))
	m.Handle("POST /api/v1/actions/{action}", s.api(s.apiAction))
	m.Handle("GET /api/v1/plans", s.api(s.apiPlans))
	m.Handle("GET /api/v1/plans/{person}", s.api(s.apiPlan))
	m.Handle("GET /api/v1/plans/{person}/versions", s.api(s.apiPlanVersions))
	m.Handle("GET /api/v1/attention", s.api(s.apiAttention))
	m.Handle("GET /api/v1/parties", s.api(s.apiParties))
	m.Handle("GET /api/v1/audit", s.api(s.apiAudit))
	m.Handle("GET /api/", s.api(func(*http.Request, *session) (any, error) { return nil, errNoPage }))
}

// api wraps a handler of the JSON API: it takes the session cookie or HTTP basic auth. A POST
// must be JSON, and with a session carry its token in X-CSRF-Token.
func (s *Server) api(h func(*http.Request, *session) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := s.sessions.find(s.cookie(r))
		is, err := s.stand(r, x)
		if err != nil {
			s.fail(w, r, nil, err)
			return
		}
		if !is {
			var ok bool
			if x, ok = s.basic(w, r); !ok {
				return
			}
		} else if r.Method == http.MethodPost && !sameToken(r.Header.Get("X-CSRF-Token"), x.csrf) {
			s.fail(w, r, x, errToken)
			return
		}
		if x.may.Load().bound() {
			s.fail(w, r, x, errBound)
			return
		}
		v, err := h(r, x)
		if err != nil {
			s.fail(w, r, x, err)
			return
		}
		writeJSON(w, http.StatusOK, "application/json", v)
	})
}

// basic checks user name and password of one request. What matched a short while ago is
// remembered as a keyed hash, so that not every request pays for the slow password hash.
func (s *Server) basic(w http.ResponseWriter, r *http.Request) (*session, bool) {
	deny := func(status int, p problem) (*session, bool) {
		p.Status = status
		w.Header().Set("WWW-Authenticate", `Basic realm="Samvirke", charset="UTF-8"`)
		writeJSON(w, status, "application/problem+json", p)
		return nil, false
	}
	user, password, ok := r.BasicAuth()
	if !ok {
		return deny(http.StatusUnauthorized, problemOf(errSignedIn))
	}
	x := &session{user: user}
	if s.guard.recall(user, password) {
		is, err := s.stand(r, x)
		if err != nil {
			s.fail(w, r, nil, err)
			return nil, false
		}
		if is {
			return x, true
		}
	}
	ok, wait, err := s.check(r.Context(), remoteIP(r), user, password)
	switch {
	case err != nil:
		s.fail(w, r, nil, err)
		return nil, false
	case wait > 0:
		w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
		return deny(http.StatusTooManyRequests, problem{Title: "Too many tries", Code: "too-many-tries", Detail: "Too many failed tries; wait and try again."})
	case !ok:
		return deny(http.StatusUnauthorized, problem{Title: "Sign in first", Code: "wrong-credential", Detail: "User name and password do not match."})
	}
	s.guard.learn(user, password)
	if _, err := s.stand(r, x); err != nil {
		s.fail(w, r, nil, err)
		return nil, false
	}
	return x, true
}

func writeJSON(w http.ResponseWriter, status int, kind string, v any) {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		http.Error(w, "the answer could not be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	w.Write(append(b, '\n')) //nolint:errcheck // the reader has gone; nothing to do about it
}

// apiMessage is a message without the patient key: Person is the sealed id that plan and
// message addresses take.
type apiMessage struct {
	samvirke.Message
	Patient string `json:"patient,omitempty"` // shadows the key, stays empty
	Person  string `json:"person,omitempty"`
}

func (s *Server) apiMessageOf(m samvirke.Message) apiMessage {
	return apiMessage{Message: m, Person: s.sealer.seal(m.Patient)}
}

type apiDelivery struct {
	samvirke.Delivery
	Patient  string             `json:"patient,omitempty"`
	Lane     string             `json:"lane,omitempty"` // shadows the lane key, which holds the patient key
	Person   string             `json:"person,omitempty"`
	Overdue  bool               `json:"overdue"`
	Attempts []samvirke.Attempt `json:"attempt_list,omitempty"`
	Receipts []samvirke.Receipt `json:"receipts,omitempty"`
	Count    int                `json:"attempts"`
}

func (s *Server) apiDeliveryOf(v deliveryView) apiDelivery {
	d := apiDelivery{Delivery: v.Delivery, Person: s.sealer.seal(v.Delivery.Patient), Overdue: v.Overdue, Attempts: v.Attempt, Count: v.Attempts}
	for _, r := range v.Receipt {
		d.Receipts = append(d.Receipts, r.Receipt)
	}
	return d
}

func (s *Server) apiOverview(r *http.Request, _ *session) (any, error) {
	p, err := s.overviewData(r.Context())
	if err != nil {
		return nil, err
	}
	t := p.Totals
	return map[string]any{
		"today":      p.Today,
		"messages":   map[string]any{"in": t.Accepted, "received": t.Received, "processed": t.Processed, "refused": t.Refused, "attention": t.Attention, "quarantined": t.Quarantined, "closed": t.Closed, "adds_up": t.MessagesAddUp()},
		"deliveries": map[string]any{"made": t.Made, "acknowledged": t.Confirmed, "taken_no_receipt_due": t.Taken, "receipt_awaited": t.Awaited, "waiting": t.Waiting, "stopped": t.Stopped, "given_up": t.GivenUp, "overdue": p.Overdue},
	}, nil
}

func (s *Server) apiMessages(r *http.Request, x *session) (any, error) {
	_, f, patient, err := s.readFilter(r.URL.Query())
	if err != nil {
		return nil, err
	}
	if patient != "" {
		if err := s.noteRead(r, x, "list-messages", "messages", patient); err != nil {
			return nil, err
		}
	}
	return s.apiList(r, f)
}

func (s *Server) apiList(r *http.Request, f queue.MessageFilter) (any, error) {
	f.Limit = PageSize
	list, err := s.store.Messages(r.Context(), f)
	if err != nil {
		return nil, err
	}
	out := make([]apiMessage, 0, len(list))
	for _, m := range list {
		out = append(out, s.apiMessageOf(m))
	}
	answer := map[string]any{"messages": out}
	if len(list) == PageSize {
		answer["before"] = list[len(list)-1].Seq
	}
	return answer, nil
}

// apiSearch lists the messages about one person, named by identifier in the body.
func (s *Server) apiSearch(r *http.Request, x *session) (any, error) {
	var q struct {
		Patient string `json:"patient"`
		Before  int64  `json:"before"`
	}
	if err := readJSON(r, &q, "patient and, to page on, before"); err != nil {
		return nil, err
	}
	patient, err := s.findPatient(r.Context(), strings.TrimSpace(q.Patient))
	if err != nil {
		return nil, err
	}
	if err := s.note(r.Context(), samvirke.Audit{Who: x.user, Action: "search", Object: "messages", Patient: patient}); err != nil {
		return nil, err
	}
	return s.apiList(r, queue.MessageFilter{Patient: patient, Before: q.Before})
}

// readJSON reads a small JSON object; fields names what it may hold, for the error text.
func readJSON(r *http.Request, into any, fields string) error {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return &samvirke.Fault{Class: samvirke.Invalid, Code: "not-json", Safe: "The body must be application/json."}
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return errTooLarge
	}
	if err != nil {
		return &samvirke.Fault{Class: samvirke.Invalid, Code: "bad-json", Safe: "The body must be an object with " + fields + "."}
	}
	return nil
}

// apiAction is what the forms do, for the command line: the gateway owns its store while it runs.
func (s *Server) apiAction(r *http.Request, x *session) (any, error) {
	if !x.may.Load().may(RoleAdmin) {
		if err := s.noteRefused(r, x); err != nil {
			return nil, err
		}
		return nil, errRole
	}
	do, there := map[string]func(ctx context.Context, who, id, reason string) error{
		"resend": s.resendOne, "reprocess": s.actions.Reprocess, "give-up": s.actions.GiveUp,
	}[r.PathValue("action")]
	if r.PathValue("action") == "erase" && s.opt.Erase != nil {
		do, there = s.opt.Erase, true
	}
	if hold, is := s.holdActions()[r.PathValue("action")]; is {
		do, there = hold, true
	}
	if !there {
		return nil, errNoPage
	}
	var q struct {
		ID     string `json:"id"`
		Reason string `json:"reason"`
	}
	if err := readJSON(r, &q, "id and reason"); err != nil {
		return nil, err
	}
	if err := do(r.Context(), x.user, q.ID, q.Reason); err != nil {
		return nil, fmt.Errorf("act: %w", err)
	}
	if r.PathValue("action") == "erase" {
		q.ID = "" // whom it was about is gone
	}
	return map[string]string{"id": q.ID, "action": r.PathValue("action")}, nil
}

func (s *Server) apiTrace(r *http.Request, x *session) (any, error) {
	p, err := s.traceData(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if err := s.noteRead(r, x, "read-message", p.Message.ID, p.Message.Patient); err != nil {
		return nil, err
	}
	events, err := s.store.Events(r.Context(), queue.EventFilter{MessageID: p.Message.ID, Limit: maxTraceRows})
	if err != nil {
		return nil, err
	}
	deliveries := []apiDelivery{}
	for _, d := range p.Deliveries {
		deliveries = append(deliveries, s.apiDeliveryOf(d))
	}
	notes := p.Notes
	if notes == nil {
		notes = []mappingNote{}
	}
	answers := []apiDelivery{}
	for _, d := range p.Answers {
		answers = append(answers, s.apiDeliveryOf(d))
	}
	return map[string]any{"message": s.apiMessageOf(p.Message), "events": events, "deliveries": deliveries, "receipts_to_sender": answers,
		"notes": notes, "plan_version": p.PlanVersion, "explanation": p.Explain}, nil
}

func (s *Server) apiPlans(r *http.Request, _ *session) (any, error) {
	list, err := s.store.Patients(r.Context(), MaxPlans)
	if err != nil {
		return nil, err
	}
	type row struct {
		Person  string    `json:"person"`
		Version int64     `json:"version"`
		At      time.Time `json:"at"`
	}
	rows := make([]row, 0, len(list))
	for _, v := range list {
		rows = append(rows, row{s.sealer.seal(v.Patient), v.Version, v.At})
	}
	return map[string]any{"plans": rows}, nil
}

// apiPlan gives the stored plan as it is: the one answer that names the person.
func (s *Server) apiPlan(r *http.Request, x *session) (any, error) {
	patient, ok := s.sealer.open(r.PathValue("person"))
	if !ok {
		return nil, queue.ErrNotFound
	}
	version, err := versionOf(r.URL.Query().Get("version"))
	if err != nil {
		return nil, err
	}
	v, err := s.store.Plan(r.Context(), patient, version)
	if err != nil {
		return nil, err
	}
	if err := s.noteRead(r, x, "read-plan", "plan version "+strconv.FormatInt(v.Version, 10), patient); err != nil {
		return nil, err
	}
	return map[string]any{"version": v.Version, "at": v.At, "message_id": v.MessageID, "plan": json.RawMessage(v.Body)}, nil
}

func (s *Server) apiPlanVersions(r *http.Request, x *session) (any, error) {
	patient, ok := s.sealer.open(r.PathValue("person"))
	if !ok {
		return nil, queue.ErrNotFound
	}
	if err := s.noteRead(r, x, "list-plan-versions", "plan", patient); err != nil {
		return nil, err
	}
	list, err := s.store.PlanVersions(r.Context(), patient)
	if err != nil {
		return nil, err
	}
	type row struct {
		Version   int64     `json:"version"`
		At        time.Time `json:"at"`
		MessageID string    `json:"message_id"`
	}
	rows := make([]row, 0, len(list))
	for _, v := range list {
		rows = append(rows, row{v.Version, v.At, v.MessageID})
	}
	return map[string]any{"versions": rows}, nil
}

func (s *Server) apiAttention(r *http.Request, x *session) (any, error) {
	p, err := s.attentionData(r.Context())
	if err == nil {
		err = s.addSaid(r, x, p.Stopped)
	}
	return p, err
}

func (s *Server) apiParties(r *http.Request, _ *session) (any, error) {
	return map[string]any{"parties": s.parties(r.Context())}, nil
}

func (s *Server) apiAudit(r *http.Request, _ *session) (any, error) {
	before, err := versionOf(r.URL.Query().Get("before"))
	if err != nil {
		return nil, err
	}
	list, err := s.store.Audits(r.Context(), before, 2*PageSize)
	if err != nil {
		return nil, err
	}
	type row struct {
		samvirke.Audit
		Patient string `json:"patient,omitempty"`
		Person  string `json:"person,omitempty"`
	}
	rows := make([]row, 0, len(list))
	for _, a := range list {
		rows = append(rows, row{Audit: a, Person: s.sealer.seal(a.Patient)})
	}
	return map[string]any{"entries": rows}, nil
}
