package careplan

import (
	"github.com/samvirke/samvirke/fhir"
)

// Events of code list 9121 that the fold acts on.
const (
	eventAdmitted   = "1"
	eventDischarged = "2"
	eventReady      = "3"
	eventNotReady   = "4"
	eventExpected   = "5"
	eventDead       = "13"
)

// The kinds of the patient logistics messages.
const (
	kindAdmitted   = "LOG_INNLAGT"
	kindReady      = "LOG_UTSKRIVNINGSKLAR"
	kindNotReady   = "LOG_AVMELDING"
	kindDischarged = "LOG_UTSKREVET"
	kindDead       = "LOG_DOD"
)

// mainEvent is the event a logistics message exists for.
func mainEvent(kind string) string {
	switch kind {
	case kindAdmitted:
		return eventAdmitted
	case kindReady:
		return eventReady
	case kindNotReady:
		return eventNotReady
	case kindDischarged:
		return eventDischarged
	case kindDead:
		return eventDead
	}
	return ""
}

func (x extractor) encounter(n *fhir.Node, c *content) {
	if x.statesStay() {
		x.ownStay(n, c)
		return
	}
	if len(c.Events) > 0 && mainEvent(x.kind) != "" {
		return
	}
	p := n.Get("period")
	for _, side := range [...]struct{ field, code string }{{"start", eventAdmitted}, {"end", eventDischarged}} {
		t := p.Get(side.field).Text()
		if t == "" {
			continue
		}
		ev := event{Code: side.code, Time: t}
		for _, sub := range p.Get("_" + side.field).Extension(fhir.ExtEvent).Get("extension").Items() {
			readEventDetail(&ev, sub)
		}
		ev.Code, ev.Time = side.code, t
		c.Events = append(c.Events, ev)
	}
	for _, ext := range n.Get("extension").Items() {
		if ext.Get("url").Text() != fhir.ExtEvent {
			continue
		}
		var ev event
		for _, sub := range ext.Get("extension").Items() {
			readEventDetail(&ev, sub)
		}
		c.Events = append(c.Events, ev)
	}
	h := n.Get("hospitalization")
	x.disposition(h.Get("dischargeDisposition"), c)
}

// Code lists of the discharge: where to, and in which state. Source: standards/no README 3.2.
const (
	systemDischargedTo = fhir.OIDVolven + "8408"
	systemStateAtEnd   = fhir.OIDVolven + "8431"
)

func (x extractor) disposition(n *fhir.Node, c *content) {
	for _, cd := range n.Get("coding").Items() {
		code := cd.Get("code").Text()
		if cd.Get("system").Text() == systemStateAtEnd {
			c.Dead = code == "2" || code == "3"
			continue
		}
		if c.Out == nil || cd.Get("system").Text() == systemDischargedTo {
			c.Out = &coded{Text: first(cd.Get("display").Text(), n.Get("text").Text(), code), Code: code, System: cd.Get("system").Text()}
		}
	}
	if t := n.Get("text").Text(); c.Out == nil && t != "" {
		c.Out = &coded{Text: t}
	}
}

// readEventDetail reads one sub-extension of ExtEvent. The two events that are the period of
// the Encounter carry theirs on _start and _end.
func readEventDetail(ev *event, ext *fhir.Node) {
	switch ext.Get("url").Text() {
	case "code":
		ev.Code = first(ext.At("valueCoding.code").Text(), ext.Get("valueCode").Text(), concept(ext.Get("valueCodeableConcept")).Code)
		if ev.Text == "" {
			ev.Text = ext.At("valueCoding.display").Text()
		}
	case "text":
		ev.Text = ext.Get("valueString").Text()
	case "time":
		ev.Time = first(ext.Get("valueDateTime").Text(), ext.Get("valueDate").Text())
	case "estimate":
		ev.Estimate = ext.Get("valueBoolean").Text() == "true"
	case "note":
		ev.Note = ext.Get("valueString").Text()
	case "place":
		ev.Place = ext.Get("valueString").Text()
	}
}

// settleEvents gives an uncoded event of a logistics message its meaning when there is only one
// it can have, and makes sure that a death notice says so.
func (x extractor) settleEvents(c *content) {
	want := mainEvent(x.kind)
	switch {
	case want == "":
		return
	case want == eventDead:
		c.die(eventDead)
		return
	case want == eventDischarged && c.Dead:
		defer c.die(eventDischarged)
	}
	uncoded := -1
	for i, ev := range c.Events {
		switch ev.Code {
		case want:
			return
		case "":
			if uncoded >= 0 {
				return
			}
			uncoded = i
		}
	}
	if uncoded >= 0 {
		c.Events[uncoded].Code = want
	}
}

// die says that the person is dead since an event of this code, at an unknown time without one.
func (c *content) die(code string) {
	if c.Person == nil {
		c.Person = &person{}
	}
	for _, ev := range c.Events {
		if ev.Code == code || ev.Code == "" && code == eventDead {
			c.Person.Deceased = first(c.Person.Deceased, ev.Time)
		}
	}
	c.Person.Deceased = first(c.Person.Deceased, "true")
}
