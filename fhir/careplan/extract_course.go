package careplan

import (
	"strconv"
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

// Extensions and codes of the course of rehabilitation.
const (
	extOutcome       = fhir.ExtBase + "StructureDefinition/course-outcome"   // EpisodeOfCare, valueCode
	extZone          = fhir.ExtBase + "StructureDefinition/zone"             // CarePlan of a zone plan, valueCode green|yellow|red
	extBehalf        = fhir.ExtBase + "StructureDefinition/on-behalf-reason" // Goal, valueString: why kin speaks for the patient
	categoryZonePlan = "zone-plan"
	scaleSmiley      = "smiley"
	scaleLight       = "light"
)

// native tells whether a kind is one of our own messages, whose resources say what they are. The
// national kinds are in capitals.
func (x extractor) native() bool { return x.kind == strings.ToLower(x.kind) }

// course reads a resource about the course of rehabilitation.
func (x extractor) course(e fhir.Entry, c *content) {
	n := e.Resource
	switch e.Type {
	case "EpisodeOfCare":
		x.episode(n, c)
	case "CarePlan":
		x.ownPlan(e, c)
	case "Communication", "CommunicationRequest":
		if e.Type == "CommunicationRequest" && x.b.First("Communication") != nil {
			return // the question of another, told again by who answers it
		}
		if x.native() || strings.HasPrefix(x.kind, "DIALOG_") {
			x.talk(n, c)
		}
	}
}

// courseFacts gives the facts about the course, made when there are none yet.
func (c *content) course() *courseFacts {
	m := c.rare()
	if m.Course == nil {
		m.Course = &courseFacts{}
	}
	return m.Course
}

func (x extractor) episode(n *fhir.Node, c *content) {
	id := ownIdentifier(n)
	ep := episode{Name: fhir.ElementName(n), ID: id.Get("value").Text(), System: id.Get("system").Text(), Status: n.Get("status").Text(),
		Kind: concept(firstItem(n.Get("type"))).Text, Start: n.At("period.start").Text(), End: n.At("period.end").Text()}
	if v := n.Extension(extOutcome); v != nil {
		ep.Outcome = first(v.Get("valueCode").Text(), concept(v.Get("valueCodeableConcept")).Code, v.Get("valueString").Text())
	}
	c.course().Courses = append(c.course().Courses, ep)
}

// ownIdentifier is the first identifier that is more than a name given through our own API.
func ownIdentifier(n *fhir.Node) *fhir.Node {
	for _, id := range n.Get("identifier").Items() {
		if id.Get("system").Text() != fhir.SystemElement {
			return id
		}
	}
	return nil
}

// ownPlan reads a CarePlan that is not the shared one: a zone of a zone plan, or an organisation's own
// plan. Activities that stand in the plan itself become measures.
//
// Source: careplan.md section 2.
func (x extractor) ownPlan(e fhir.Entry, c *content) {
	n := e.Resource
	if hasCodeText(n.Get("category"), categoryZonePlan) {
		x.zone(n, c)
		return
	}
	refs := x.activities(e, c)
	if len(n.Get("partOf").Items()) == 0 {
		return
	}
	p := ownPlan{Name: fhir.ElementName(n), ID: ownIdentifier(n).Get("value").Text(), Title: first(n.Get("title").Text(), concept(firstItem(n.Get("category"))).Text),
		Status: n.Get("status").Text(), Start: n.At("period.start").Text(), End: n.At("period.end").Text(), Note: noteText(n), Measures: refs}
	for _, g := range n.Get("goal").Items() {
		p.Goals = append(p.Goals, x.point(g))
	}
	c.course().Plans = append(c.course().Plans, p)
}

// activities takes the activities of a plan: those written out become measures, and all are named.
func (x extractor) activities(e fhir.Entry, c *content) (refs []named) {
	n := e.Resource
	proposed := n.Get("intent").Text() == "proposal"
	ended := strings.Contains(" revoked entered-in-error ", " "+n.Get("status").Text()+" ")
	list := n.Get("activity").Items()
	for i, a := range list {
		d := a.Get("detail")
		if d == nil {
			if ref := a.Get("reference"); ref != nil {
				refs = append(refs, x.point(ref))
			}
			continue
		}
		code := concept(d.Get("code"))
		m := measure{Ref: e.FullURL + "#" + strconv.Itoa(i), Text: first(code.Text, d.Get("description").Text()), Kind: "order"}
		if code.Code != "" {
			m.Code = &coded{Code: code.Code, System: code.System, Text: codingText(d.Get("code"))}
		}
		if t := d.Get("description").Text(); t != m.Text {
			m.Note = t
		}
		m.Period = first(strings.Trim(d.At("scheduledPeriod.start").Text()+"/"+d.At("scheduledPeriod.end").Text(), "/"), d.Get("scheduledString").Text())
		if len(list) == 1 { // one plan per planned intervention: its identifier is that of the intervention
			for _, id := range n.Get("identifier").Items() {
				m.IDs = append(m.IDs, id.Get("value").Text())
			}
		}
		switch status := d.Get("status").Text(); {
		case ended || status == "cancelled" || status == "entered-in-error" || status == "stopped":
			x.stopped(m, concept(d.Get("statusReason")).Text, c)
			continue
		case status == "completed":
			m.Kind = "done"
		case proposed:
			m.Kind = "proposal"
		}
		before := len(c.Measures)
		if c.addMeasure(m); len(c.Measures) > before {
			refs = append(refs, named{Ref: m.Ref, Type: "ServiceRequest", Text: m.Text})
		}
	}
	return refs
}

// stopped notes a measure that is no more, with the reason that its source gives.
func (x extractor) stopped(m measure, reason string, c *content) {
	if m.Text == "" && m.Code == nil {
		return
	}
	s := stop{Text: m.Text, IDs: m.IDs, Reason: first(reason, m.Note)}
	if m.Code != nil {
		s.Code = m.Code.Code
	}
	c.course().Stops = append(c.course().Stops, s)
}

func (x extractor) zone(n *fhir.Node, c *content) {
	z := zone{Name: fhir.ElementName(n), Colour: colourOf(n.Extension(extZone).Get("valueCode").Text()), Signs: n.Get("description").Text()}
	for _, a := range n.Get("addresses").Items() {
		e, ok := x.resolve(a.Get("reference").Text())
		if !ok {
			continue
		}
		z.Colour = first(z.Colour, colourOf(e.Resource.Extension(extZone).Get("valueCode").Text()), colourOf(concept(e.Resource.Get("code")).Code))
		z.Signs = first(z.Signs, concept(e.Resource.Get("code")).Text)
	}
	for _, a := range n.Get("activity").Items() {
		d := a.Get("detail")
		t := first(d.Get("description").Text(), concept(d.Get("code")).Text, x.point(a.Get("reference")).Text)
		if t != "" {
			z.Measures = append(z.Measures, t)
		}
	}
	switch n.Get("status").Text() {
	case "revoked", "entered-in-error", "completed":
		z.Ended = true
	}
	if z.Colour != "" {
		c.course().Zones = append(c.course().Zones, z)
	}
}

// colourOf reads the colour of a zone or of a traffic light; "" for anything else.
func colourOf(s string) string {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "green", "g", "grønn", "grøn":
		return "green"
	case "yellow", "y", "gul":
		return "yellow"
	case "red", "r", "rød":
		return "red"
	}
	return ""
}

// mark reads a progress mark; false for any other Observation. A value outside the scale is kept as text.
//
// Source: function.md sections 1 (rule 2) and 5.10.
func (x extractor) mark(n *fhir.Node, c *content) bool {
	m := mark{Name: fhir.ElementName(n)}
	for _, cd := range n.At("code.coding").Items() {
		if cd.Get("system").Text() != systemFunction {
			continue
		}
		switch cd.Get("code").Text() {
		case scaleSmiley:
			m.Scale = scaleSmiley
		case "traffic-light":
			m.Scale = scaleLight
		}
	}
	if m.Scale == "" {
		return false
	}
	if s := n.Get("status").Text(); hidden(n) || s == "preliminary" || s == "registered" {
		return true // nothing is stated, and nothing else may read it as a score
	}
	s := scoreOf(n)
	if v := n.Get("valueCodeableConcept"); v != nil {
		s.Value = first(concept(v).Code, s.Value)
	}
	m.At, m.Note, m.Value = effective(n), noteText(n), strings.TrimSpace(s.Value)
	if m.Scale == scaleLight {
		if colour := colourOf(m.Value); colour != "" {
			m.Value = colour
		} else {
			m.Bad = true
		}
	} else if v, err := strconv.Atoi(m.Value); err != nil || v < 1 || v > 5 {
		m.Bad = true
	} else {
		m.Value = strconv.Itoa(v)
	}
	c.course().Marks = append(c.course().Marks, m)
	return true
}

func (x extractor) talk(n *fhir.Node, c *content) {
	switch n.Get("status").Text() {
	case "entered-in-error", "not-done", "preparation", "draft", "revoked":
		return
	}
	t := talk{Name: fhir.ElementName(n), At: first(n.Get("sent").Text(), n.Get("authoredOn").Text()), Category: concept(firstItem(n.Get("category"))).Code}
	var words []string
	for _, p := range n.Get("payload").Items() {
		if s := p.Get("contentString").Text(); s != "" {
			words = append(words, s)
		}
	}
	if s := noteText(n); s != "" {
		words = append(words, s)
	}
	if s := concept(n.Get("topic")).Text; s != "" {
		words = append([]string{s}, words...)
	}
	t.Text = strings.Join(words, "\n")
	for _, key := range []string{"about", "basedOn"} {
		for _, ref := range n.Get(key).Items() {
			t.About = append(t.About, x.point(ref))
		}
	}
	for _, ref := range n.Get("inResponseTo").Items() {
		t.Answers = first(t.Answers, normalID(ref.At("identifier.value").Text()), ref.Get("reference").Text())
	}
	for _, ref := range n.Get("recipient").Items() {
		if h := x.herOf(ref); h != "" && !contains(t.To, h) {
			t.To = append(t.To, h)
		}
	}
	if t.Text != "" {
		c.course().Talks = append(c.course().Talks, t)
	}
}

// point reads a reference; what it leads to in the message is named by what it says.
func (x extractor) point(ref *fhir.Node) named {
	p := named{Ref: ref.Get("reference").Text(), ID: ref.At("identifier.value").Text(), Type: ref.Get("type").Text(), Text: ref.Get("display").Text()}
	e, ok := x.resolve(p.Ref)
	if !ok {
		if typ, _, found := strings.Cut(p.Ref, "/"); found && p.Type == "" && !strings.Contains(typ, ":") {
			p.Type = typ
		}
		return p
	}
	p.Type = e.Type
	code := concept(e.Resource.Get("code"))
	if e.Type == "Goal" {
		code = concept(e.Resource.Get("description"))
	}
	p.Text, p.Code = first(code.Text, p.Text), code.Code
	p.ID = first(p.ID, firstItem(e.Resource.Get("identifier")).Get("value").Text())
	return p
}

// herOf is the HER-id of an organisation at a reference, "" when it has none.
func (x extractor) herOf(ref *fhir.Node) string {
	if id := ref.Get("identifier"); id.Get("system").Text() == fhir.SystemHER {
		return fhir.NormalizeHER(id.Get("value").Text())
	}
	return senderOf(fhir.AddressOf(x.b, ref))
}

func hasCodeText(list *fhir.Node, code string) bool {
	for _, cc := range list.Items() {
		for _, cd := range cc.Get("coding").Items() {
			if cd.Get("code").Text() == code {
				return true
			}
		}
	}
	return false
}
