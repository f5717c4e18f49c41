package careplan

import (
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

func (x extractor) condition(n *fhir.Node, c *content) {
	d := diagnosis{coded: concept(n.Get("code"))}
	d.Main = n.Extension(fhir.ExtMainDiagnosis).Get("valueBoolean").Text() == "true"
	if d.coded != (coded{}) {
		c.Diagnoses = append(c.Diagnoses, d)
	}
}

func (x extractor) goal(n *fhir.Node, c *content) {
	desc := concept(n.Get("description"))
	g := goal{Text: desc.Text, Start: n.Get("startDate").Text()}
	if desc.Code != "" {
		g.Code = &coded{Code: desc.Code, System: desc.System, Text: codingText(n.Get("description"))}
	}
	for _, t := range n.Get("target").Items() {
		if g.Due == "" {
			g.Due = t.Get("dueDate").Text()
		}
	}
	if ref := n.At("expressedBy.reference").Text(); ref != "" {
		typ, _, _ := strings.Cut(ref, "/")
		if e, ok := x.resolve(ref); ok {
			typ = e.Type
		}
		switch typ {
		case "Patient":
			g.By = "patient"
		case "RelatedPerson":
			g.By = "kin"
		case "Practitioner", "PractitionerRole":
			g.By = "professional"
		}
	}
	switch n.Get("lifecycleStatus").Text() {
	case "cancelled", "entered-in-error", "rejected":
		return
	}
	if g.Text != "" || g.Code != nil {
		c.Goals = append(c.Goals, g)
		if why := n.Extension(extBehalf).Get("valueString").Text(); why != "" && g.By == "kin" {
			c.course().OnBehalf = append(c.course().OnBehalf, behalf{Goal: g.Text, Reason: why})
		}
	}
}

func (x extractor) request(e fhir.Entry, c *content) {
	n := e.Resource
	if hasCode(n.Get("category"), fhir.SystemSection, "EksisterendeTjeneste") {
		x.service(n, c)
		return
	}
	m := measureOf(e)
	status := n.Get("status").Text()
	switch intent := n.Get("intent").Text(); {
	case intent == "option", status == "entered-in-error", status == "revoked", status == "draft":
		if status == "revoked" && intent != "option" && intent != "proposal" && x.native() {
			x.stopped(m, noteText(n), c)
		}
		return // a shadow assessment never leaves its system; the rest states nothing
	case intent == "proposal":
		m.Kind = "proposal"
	case status == "completed":
		m.Kind = "done"
	default:
		m.Kind = "order"
	}
	if v := n.Extension(fhir.ExtEvaluation); v != nil {
		m.Eval = first(v.Get("valueDate").Text(), v.Get("valueDateTime").Text())
	}
	m.Period = periodText(n)
	before := len(c.Measures)
	if c.addMeasure(m); x.native() && len(c.Measures) > before {
		if where := concept(firstItem(n.Get("bodySite"))); where.Code != "" {
			c.course().Sites = append(c.course().Sites, site{Row: before, Code: where.Code})
		}
	}
}

func (x extractor) procedure(e fhir.Entry, c *content) {
	m := measureOf(e)
	switch e.Resource.Get("status").Text() {
	case "in-progress", "preparation", "on-hold":
		m.Kind = "order"
	case "not-done", "entered-in-error":
		return
	default:
		m.Kind = "done"
	}
	m.Period = periodText(e.Resource)
	c.addMeasure(m)
}

func measureOf(e fhir.Entry) measure {
	code := concept(e.Resource.Get("code"))
	m := measure{Ref: e.FullURL, Text: code.Text, Note: noteText(e.Resource)}
	if code.Code != "" {
		m.Code = &coded{Code: code.Code, System: code.System, Text: codingText(e.Resource.Get("code"))}
	}
	for _, id := range e.Resource.Get("identifier").Items() {
		if v := id.Get("value").Text(); v != "" {
			m.IDs = append(m.IDs, v)
		}
	}
	return m
}

func (c *content) addMeasure(m measure) {
	if m.Text != "" || m.Code != nil {
		c.Measures = append(c.Measures, m)
	}
}

func (x extractor) service(n *fhir.Node, c *content) {
	s := service{coded: concept(n.Get("code")), Note: noteText(n),
		Start: first(n.At("occurrencePeriod.start").Text(), n.Get("occurrenceDateTime").Text()),
		End:   n.At("occurrencePeriod.end").Text()}
	var by []string
	for _, p := range n.Get("performer").Items() {
		if t := first(p.Get("display").Text(), x.orgName(p.Get("reference").Text())); t != "" {
			by = append(by, t)
		}
	}
	s.Provider = strings.Join(by, ", ")
	q := n.Get("quantityQuantity")
	s.Amount = strings.TrimSpace(q.Get("value").Text() + " " + first(q.Get("unit").Text(), q.Get("code").Text()))
	for _, ext := range n.Get("extension").Items() {
		switch ext.Get("url").Text() {
		case fhir.ExtBase + "StructureDefinition/private":
			s.Private = ext.Get("valueBoolean").Text() == "true"
		case fhir.ExtBase + "StructureDefinition/service-information":
			s.Note = strings.Trim(ext.Get("valueString").Text()+"\n"+s.Note, "\n")
		}
	}
	if s.coded != (coded{}) {
		c.Services = append(c.Services, s)
	}
}

func (x extractor) orgName(ref string) string {
	if e, ok := x.resolve(ref); ok && e.Type == "Organization" {
		return e.Resource.Get("name").Text()
	}
	return ""
}

func (x extractor) appointment(n *fhir.Node, c *content) {
	a := checkup{Start: first(n.Get("start").Text(), n.At("requestedPeriod.0.start").Text()), Note: noteText(n)}
	cancelled := false
	switch n.Get("status").Text() {
	case "entered-in-error":
		return
	case "cancelled", "noshow":
		cancelled = true
	case "booked", "arrived", "fulfilled", "checked-in":
		a.Booked = true
	}
	for _, p := range n.Get("participant").Items() {
		ref := p.Get("actor")
		e, ok := x.resolve(ref.Get("reference").Text())
		switch {
		case ok && e.Type == "Patient":
		case ok && (e.Type == "Location" || e.Type == "Organization"):
			a.Place = first(a.Place, e.Resource.Get("name").Text(), ref.Get("display").Text())
		default:
			a.Place = first(a.Place, ref.Get("display").Text(), x.named(ref))
		}
	}
	if t := n.Extension(fhir.ExtBase + "StructureDefinition/tentative-time").Get("valueString").Text(); t != "" && a.Start == "" {
		a.Start = t // in words: "week 12"
	}
	if !cancelled {
		c.Checkups = append(c.Checkups, a)
	}
	x.booking(n, a, cancelled, c)
}

func (x extractor) device(n *fhir.Node, c *content) {
	a := aid{coded: concept(n.Get("codeCodeableConcept"))}
	if a.coded == (coded{}) {
		a.Text = n.At("codeReference.display").Text()
	}
	switch status, intent := n.Get("status").Text(), n.Get("intent").Text(); {
	case status == "entered-in-error" || status == "revoked":
		return
	case intent == "proposal" || intent == "plan":
		a.Status = "needed"
	case status == "completed":
		a.Status = "in use"
	default:
		a.Status = "ordered"
	}
	if a.coded != (coded{}) {
		c.Aids = append(c.Aids, a)
	}
}

func hasCode(list *fhir.Node, system, code string) bool {
	for _, cc := range list.Items() {
		for _, cd := range cc.Get("coding").Items() {
			if cd.Get("system").Text() == system && cd.Get("code").Text() == code {
				return true
			}
		}
	}
	return false
}

func codingText(cc *fhir.Node) string { return firstItem(cc.Get("coding")).Get("display").Text() }

func periodText(n *fhir.Node) string {
	for _, k := range []string{"occurrencePeriod", "performedPeriod"} {
		if p := n.Get(k); p != nil {
			return strings.Trim(p.Get("start").Text()+"/"+p.Get("end").Text(), "/")
		}
	}
	for _, k := range []string{"occurrenceDateTime", "performedDateTime", "performedString"} {
		if t := n.Get(k).Text(); t != "" {
			return t
		}
	}
	return n.At("occurrenceTiming.code.text").Text()
}
