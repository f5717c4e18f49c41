package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

// act is one thing that somebody does in a case.
type act struct {
	kind, who string
	on        int // which earlier act it is about, counted from the newest of those that fit
	dies      int // the process dies at this commit after it began; 0: it lives
	kept      bool
}

// The kinds of acts.
const (
	actGoal   = "states a goal"
	actHidden = "states a goal that must not be passed on"
	actJoin   = "takes into the team"
	actLeave  = "lets leave the team"
	actChange = "changes its goal"
	actCancel = "withdraws"
	actAgain  = "sends again"
	actAdmit  = "admits"
)

// drawActs draws a case. Most begin with somebody who takes part, else there is nobody to tell.
func drawActs(t *rapid.T) []act {
	var acts []act
	for _, her := range []string{herGP, herPrivate} {
		if rapid.IntRange(0, 2).Draw(t, "takes part") > 0 {
			acts = append(acts, act{kind: actJoin, who: her})
		}
	}
	for range rapid.IntRange(1, 7).Draw(t, "acts") {
		a := act{kind: rapid.SampledFrom([]string{actGoal, actCancel, actLeave, actJoin, actChange, actAdmit, actHidden, actAgain}).Draw(t, "kind")}
		switch a.kind {
		case actGoal, actHidden:
			a.who = rapid.SampledFrom([]string{"hospital", "city", "gp"}).Draw(t, "who")
		case actChange, actCancel, actAgain, actAdmit:
			a.on = rapid.IntRange(0, 2).Draw(t, "on")
		case actJoin, actLeave:
			a.who = rapid.SampledFrom([]string{herGP, herPrivate}).Draw(t, "who")
		}
		acts = append(acts, a)
	}
	return acts
}

// deed is an act as it was sent.
type deed struct {
	party string
	write *gateway.Write // nil: xml
	xml   []byte
	id    string // message id
	conv  string
	op    samvirke.Op
	of    string // message id of what it takes back
	goal  bool
	event string // when an admission was
	other bool   // an admission to the other city
	over  bool   // withdrawn
	row   string // the gateway's id of the message
}

// tale is one case as it goes on.
type tale struct {
	w     *town
	n     int // the person
	deeds []*deed
}

func objectionNode() *fhir.Node {
	coding := func(system, code string) *fhir.Node {
		return fhir.NewArray(fhir.NewObject("system", system, "code", code))
	}
	return fhir.NewObject("resourceType", "Consent", "status", "active",
		"scope", fhir.NewObject("coding", coding("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy")),
		"category", fhir.NewArray(fhir.NewObject("coding", coding(fhir.SystemSection, "ForbeholdOmVideresending"))),
		"provision", fhir.NewObject("type", "deny"))
}

// earlier is what an act is about; nil when there is nothing.
func (s *tale) earlier(a act, fits func(*deed) bool) *deed {
	left := a.on
	var last *deed
	for _, d := range slices.Backward(s.deeds) {
		if fits(d) {
			last = d
			if left--; left < 0 {
				break
			}
		}
	}
	return last
}

// deedOf makes what is sent; nil when there is nothing that the act could be about.
func (s *tale) deedOf(a act, i int) *deed {
	id := fmt.Sprintf("%08d-0000-4000-8000-%012d", s.n, i)
	text := fmt.Sprintf("mål %d %s", i, s.mark())
	d := &deed{party: a.who, id: id, conv: id, op: samvirke.OpNew}
	w := &gateway.Write{Party: a.who, Patient: person(s.n), ID: id, At: s.w.now()}
	switch a.kind {
	case actGoal:
		w.Resources, d.goal = []*fhir.Node{goalNode(text)}, true
	case actHidden:
		w.Resources, d.goal = []*fhir.Node{goalNode(text), objectionNode()}, true
	case actJoin:
		d.party, w.Resources = "city", []*fhir.Node{teamNode(a.who, "add", w.At.Format(time.RFC3339), "")}
	case actLeave:
		d.party, w.Resources = "city", []*fhir.Node{teamNode(a.who, "remove", "", w.At.Add(-time.Second).Format(time.RFC3339))}
		w.Seen = s.seen()
	case actChange:
		of := s.earlier(a, func(d *deed) bool { return !d.over && d.goal })
		if of == nil {
			return nil
		}
		d.party, d.conv, d.op, d.goal = of.party, of.conv, samvirke.OpChange, true
		w.Op, w.Parent, w.Conversation, w.Resources = d.op, of.id, of.conv, []*fhir.Node{goalNode(text)}
	case actCancel:
		of := s.earlier(a, func(d *deed) bool { return d.op != samvirke.OpCancel }) // also what is withdrawn already
		if of == nil {
			return nil
		}
		return s.withdrawal(d, w, of)
	case actAgain:
		return s.earlier(a, func(*deed) bool { return true })
	case actAdmit:
		d.party, d.event, d.other = "hospital", fmt.Sprintf("2026-01-10T%02d:15:00", 8+i), a.on == 0
		d.xml = admissionTo(d.other, simulate.Admission{ID: id, Person: s.n, EventAt: d.event, Remark: s.mark()})
		return d
	}
	w.Party = d.party
	d.write = w
	return d
}

// withdrawal takes something back. That of an admission is addressed to another city than the admission was.
func (s *tale) withdrawal(d *deed, w *gateway.Write, of *deed) *deed {
	d.party, d.conv, d.op, d.of, d.over = of.party, of.conv, samvirke.OpCancel, of.id, true
	for _, o := range s.deeds {
		o.over = o.over || o.party == of.party && o.conv == of.conv
	}
	if of.xml != nil {
		d.xml = admissionTo(!of.other, simulate.Admission{ID: d.id, Person: s.n, Op: "C", Parent: of.id, Conversation: of.conv, EventAt: of.event, Remark: s.mark()})
		return d
	}
	w.Party, w.Op, w.Parent, w.Conversation = d.party, d.op, of.id, of.conv
	d.write = w
	return d
}

// admissionTo addresses an admission to the city or to the other city.
func admissionTo(other bool, a simulate.Admission) []byte {
	text := a.XML()
	if other {
		text = bytes.ReplaceAll(text, []byte("<Id>"+simulate.AdmissionCity+"<"), []byte("<Id>"+herOther+"<"))
		text = bytes.ReplaceAll(text, []byte("<Id>"+simulate.AdmissionNursing+"<"), []byte("<Id>"+herOtherNursing+"<"))
	}
	return text
}

// seen are the records that whoever acts now has seen: all.
func (s *tale) seen() (out []string) {
	recs, err := s.w.records(key(s.n))
	if err != nil {
		return nil // it is asked for again by the checks
	}
	for i := range recs {
		out = append(out, recs[i].Key.String())
	}
	return out
}

// send sends an act until it is taken and processed, in as many lives of the process as that takes.
func (s *tale) send(d *deed) error {
	ctx := context.Background()
	for range 20 {
		var err error
		if d.write != nil {
			var res gateway.Result
			if res, err = s.w.g.Submit(ctx, *d.write); err == nil && res.Fault != nil {
				return res.Fault
			}
			d.row = res.MessageID
		} else {
			var ans connectors.Answer
			if ans, err = s.w.g.Receive(ctx, connectors.Incoming{Party: d.party, Body: d.xml, Size: int64(len(d.xml)), ContentType: "application/xml"}); err == nil && ans.Fault != nil {
				return ans.Fault
			}
			d.row = ans.MessageID
		}
		if err == nil {
			err = s.processed(d.row)
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, queue.ErrFailed) {
			return err
		}
		if err := s.w.reopen(); err != nil {
			return err
		}
	}
	return errors.New("not taken in 20 tries")
}

// processed waits for the end of a message; queue.ErrFailed when the process died before.
func (s *tale) processed(row string) error {
	return wait("the message is processed", func() (bool, error) {
		m, err := s.w.store.Message(context.Background(), row)
		if err != nil || m.Status == samvirke.MessageProcessed {
			return true, err
		}
		if m.Status != samvirke.MessageReceived {
			return true, fmt.Errorf("message is %s: %s %s", m.Status, m.Fault, m.FaultText)
		}
		s.w.life.mu.Lock()
		defer s.w.life.mu.Unlock()
		if s.w.life.over {
			return true, queue.ErrFailed
		}
		return false, nil
	})
}
