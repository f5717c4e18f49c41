package reading

import (
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

// stays reads the events of every Encounter and the death of the patient.
func (r *reader) stays() {
	if n := r.bundle.First("Patient"); n != nil && n.Get("deceasedDateTime") != nil {
		if under := n.Get("_deceasedDateTime"); under.Extension(fhir.ExtEvent) != nil {
			r.page.Events = append(r.page.Events, r.event(under.Extension(fhir.ExtEvent), n.Get("deceasedDateTime"), under, "Pasienten er død"))
		}
	}
	for _, n := range r.bundle.All("Encounter") {
		p := n.Get("period")
		if t := p.Get("start"); t != nil {
			r.page.Events = append(r.page.Events, r.event(p.Get("_start").Extension(fhir.ExtEvent), t, p.Get("_start"), "Innlagt"))
		}
		for _, x := range n.Get("extension").Items() {
			if x.Get("url").Text() == fhir.ExtEvent {
				r.page.Events = append(r.page.Events, r.event(x, nil, nil, "Hendelse"))
			}
		}
		if t := p.Get("end"); t != nil {
			r.page.Events = append(r.page.Events, r.event(p.Get("_end").Extension(fhir.ExtEvent), t, p.Get("_end"), "Utskrevet"))
		}
		if len(r.page.Events) > 0 {
			last := &r.page.Events[len(r.page.Events)-1]
			if d := n.At("hospitalization.dischargeDisposition"); d != nil {
				last.Facts = append(last.Facts, one("Utskrevet til", r.concept(d)...))
			}
			last.Facts = append(last.Facts, r.facts(n, "Encounter")...)
			r.shown[n], r.quiet[n] = true, true
		}
	}
}

// event reads one event: the parts of the extension, and the time where that stands outside it,
// with what else is known of it.
func (r *reader) event(x, at, more *fhir.Node, word string) Event {
	e := Event{}
	path := "Encounter.ext(event)"
	if at != nil {
		e.When, e.Remark = r.eventTime(at, more)
	}
	for _, part := range x.Get("extension").Items() {
		r.use(part.Get("url"))
		switch part.Get("url").Text() {
		case "code":
			e.What = r.coding(part.Get("valueCoding"))
		case "text", "note":
			e.Texts = append(e.Texts, r.take(part.Get("valueString")))
		case "time":
			e.When, e.Remark = r.eventTime(part.Get("valueDateTime"), part.Get("_valueDateTime"))
		case "estimate":
			e.Expected = r.take(part.Get("valueBoolean")) == "true"
		case "place":
			e.Facts = append(e.Facts, one("Sted", text(r.take(part.Get("valueString")))))
		}
	}
	for _, part := range x.Get("extension").Items() {
		if r.left(part, path+".ext") {
			e.Facts = append(e.Facts, r.extension(part, path+".ext")...)
		}
	}
	if len(e.What) == 0 {
		if len(e.Texts) > 0 {
			e.What, e.Texts = texts(e.Texts[0]), e.Texts[1:]
		} else {
			e.What = texts(word)
		}
	}
	return e
}

// eventTime shows the time of an event; one that could not be read as the message wrote it.
func (r *reader) eventTime(at, more *fhir.Node) (when, remark string) {
	if at == nil {
		written := r.take(more.Extension(fhir.ExtAsWritten).Get("valueString"))
		if written == "" {
			return "", ""
		}
		return "«" + written + "»", "slik meldingen har det; kan ikke leses som tidspunkt"
	}
	raw := r.take(at)
	local := strings.Contains(more.Extension(fhir.ExtLexical).Get("valueCode").Text(), "local")
	return moment(raw), twiceRemark(raw, local)
}
