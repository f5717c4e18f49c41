package careplan

import (
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

// Events of a stay beyond those of code list 9121. A native Encounter tells of them by its status; a
// mapping may write them as ExtEvent.
const (
	eventPlanned   = "planned"
	eventLeave     = "leave"
	eventBack      = "leave-end"
	eventCancelled = "cancelled"
	eventError     = "entered-in-error"
)

// extLeave is the period of the leave that an Encounter is, or was latest, on: valuePeriod.
const extLeave = fhir.ExtBase + "StructureDefinition/leave-period"

// statesStay tells whether an Encounter of this message is a fact about the stay: the national messages
// state events, and assessments and answers only say in which stay they were made.
func (x extractor) statesStay() bool {
	return x.native() && x.kind != "assessment" && x.kind != "task-answer"
}

// ownStay reads a native Encounter: what its status, its history, its leave and its period tell of.
//
// Source: careplan.md section 6.
func (x extractor) ownStay(n *fhir.Node, c *content) {
	s := ownStay{Kind: concept(firstItem(n.Get("type"))).Text}
	for _, id := range n.Get("identifier").Items() {
		s.name(id.Get("value").Text())
	}
	for _, ref := range n.Get("episodeOfCare").Items() {
		s.name(x.point(ref).ID)
	}
	if cl := n.Get("class"); cl.Get("code").Text() != "" {
		s.Class = &coded{Code: cl.Get("code").Text(), System: cl.Get("system").Text(), Text: first(cl.Get("display").Text(), cl.Get("code").Text())}
	}
	x.stayEvents(n, &s)
	var rest content
	for _, ext := range n.Get("extension").Items() {
		if ext.Get("url").Text() == fhir.ExtEvent {
			var ev event
			for _, sub := range ext.Get("extension").Items() {
				readEventDetail(&ev, sub)
			}
			s.Events = append(s.Events, ev)
		}
	}
	x.disposition(n.At("hospitalization.dischargeDisposition"), &rest)
	s.Out, s.Dead = rest.Out, rest.Dead
	if len(s.Events) > 0 {
		c.course().Stays = append(c.course().Stays, s)
	}
}

func (s *ownStay) name(id string) {
	if id != "" && !contains(s.IDs, id) {
		s.IDs = append(s.IDs, id)
	}
}

func (s *ownStay) tell(code, when string) {
	s.Events = append(s.Events, event{Code: code, Time: when})
}

// stayEvents works out what has happened, and which of it the message was sent for.
func (x extractor) stayEvents(n *fhir.Node, s *ownStay) {
	status := n.Get("status").Text()
	start, end := n.At("period.start").Text(), n.At("period.end").Text()
	switch status {
	case "planned":
		s.Main = eventPlanned
		s.tell(eventPlanned, start)
		return
	case "entered-in-error":
		s.Main = eventError
		if start != "" {
			s.tell(eventAdmitted, start) // names the stay
		}
		s.tell(eventError, "")
		return
	case "cancelled":
		s.Main = eventCancelled
		if start != "" {
			s.tell(eventPlanned, start)
		}
		s.tell(eventCancelled, end)
		return
	}
	if start != "" {
		s.tell(eventAdmitted, start)
	}
	s.Main = eventAdmitted
	if x.leaves(n, s, status) {
		s.Main = eventBack
	}
	switch status {
	case "onleave":
		s.Main = eventLeave
	case "finished":
		s.Main = eventDischarged
		s.tell(eventDischarged, end)
	default:
		if end != "" && !strings.Contains(" unknown ", " "+status+" ") {
			s.Main = eventDischarged
			s.tell(eventDischarged, end)
		}
	}
}

// leaves tells of the leaves that the status history and the leave period name, and whether one has ended.
func (x extractor) leaves(n *fhir.Node, s *ownStay, status string) (back bool) {
	left := false
	for _, h := range n.Get("statusHistory").Items() {
		switch h.Get("status").Text() {
		case "planned":
			s.tell(eventPlanned, h.At("period.start").Text())
		case "onleave":
			s.tell(eventLeave, h.At("period.start").Text())
			if t := h.At("period.end").Text(); t != "" {
				s.tell(eventBack, t)
				back = true
			} else {
				left = true
			}
		}
	}
	p := n.Extension(extLeave).Get("valuePeriod")
	switch t := p.Get("start").Text(); {
	case t != "":
		s.tell(eventLeave, t)
	case status == "onleave" && !left:
		s.tell(eventLeave, "") // when is not said: when the message was written
	}
	if t := p.Get("end").Text(); t != "" {
		s.tell(eventBack, t)
		back = true
	}
	return back && status != "onleave"
}

// booking names a check-up by its identifier, so that a later message can cancel or move it.
func (x extractor) booking(n *fhir.Node, a checkup, cancelled bool, c *content) {
	id := first(fhir.ElementName(n), firstItem(n.Get("identifier")).Get("value").Text())
	switch {
	case cancelled && (id != "" || x.native() && a.Start != ""):
		c.course().Booked = append(c.course().Booked, appointment{ID: id, Start: a.Start, Place: a.Place, Note: a.Note})
	case !cancelled && id != "" && x.native():
		c.course().Booked = append(c.course().Booked, appointment{ID: id, Row: len(c.Checkups), Start: a.Start, Place: a.Place, Note: a.Note})
	}
}
