package reading

import (
	"html/template"
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

// place puts a resource into a block in the form that its type is read in.
func (r *reader) place(b *Block, e fhir.Entry) {
	n := e.Resource
	b.CardsFirst = b.CardsFirst || len(b.Medicines) == 0
	switch {
	case r.quiet[n] && !r.left(n, e.Type):
		// It stands at the top of the page.
	case r.shown[n] && !r.left(n, e.Type):
		// A second mention: by name, so that it is found where it is shown.
		b.Cards = append(b.Cards, Card{Title: r.nameOf(e, 0)})
	case e.Type == "MedicationStatement" || e.Type == "MedicationAdministration" || e.Type == "MedicationRequest":
		r.shown[n] = true
		b.CardsFirst = len(b.Cards) > 0
		b.Medicines = append(b.Medicines, r.medicine(e))
	case e.Type == "Observation" && n.Get("hasMember") != nil && b.Function == nil && r.isFunction(n):
		r.shown[n] = true
		b.Function = r.function(e)
	case e.Type == "DocumentReference":
		// Files have a list of their own at the end of the page.
	default:
		b.Cards = append(b.Cards, r.card(e))
	}
}

// card shows a resource: a title that says what it is, then all else by name.
func (r *reader) card(e fhir.Entry) Card {
	n := e.Resource
	r.shown[n] = true
	r.depth++
	defer func() { r.depth-- }()
	if e.Type == "PractitionerRole" {
		return r.person(e)
	}
	c := Card{Title: r.titleOf(e)}
	switch e.Type {
	case "Flag", "AllergyIntolerance":
		c.Tone = "warn"
	case "RelatedPerson", "Organization", "Practitioner", "Condition":
	default:
		c.Kind = kindWord(e.Type)
	}
	c.badges(r, e)
	c.Lead = r.lead(n)
	if t := n.Get("text"); t.Get("div") != nil {
		c.Text = r.narrative(t)
	}
	for _, key := range []string{"hasMember", "member"} {
		for _, ref := range n.Get(key).Items() {
			if m, ok := r.resolve(ref); ok && r.depth < MaxDepth && !r.shown[m.Resource] {
				r.use(ref)
				c.Cards = append(c.Cards, r.card(m))
			}
		}
	}
	c.Facts = r.facts(n, e.Type)
	if len(c.Title) == 0 {
		c.Title, c.Kind = texts(kindWord(e.Type)), ""
	}
	return c
}

// titles are the fields that say what a resource is about, by type, the first one that is there.
func titles(typ string) []string {
	switch typ {
	case "Condition", "Flag", "AllergyIntolerance", "Procedure", "ServiceRequest", "Observation", "Questionnaire":
		return []string{"code"}
	case "Goal":
		return []string{"description"}
	case "DeviceRequest":
		return []string{"codeCodeableConcept", "codeReference"}
	case "Appointment":
		return []string{"start", "serviceType", "description"}
	case "Communication":
		return []string{"topic"}
	case "CommunicationRequest":
		return []string{"category"}
	case "ClinicalImpression":
		return []string{"description"}
	case "Consent":
		return []string{"policyRule", "category"}
	case "MedicationStatement", "MedicationAdministration", "MedicationRequest":
		return []string{"medicationCodeableConcept"}
	case "Organization", "Location", "HealthcareService", "Practitioner", "RelatedPerson", "Person":
		return []string{"name"}
	case "OperationOutcome":
		return []string{"issue"}
	case "CarePlan", "Task", "QuestionnaireResponse", "List":
		return []string{"title", "description", "code", "questionnaire"}
	case "Medication", "Substance":
		return []string{"code"}
	case "DocumentReference":
		return []string{"description"}
	}
	return nil
}

func (r *reader) titleOf(e fhir.Entry) []Span {
	for _, key := range titles(e.Type) {
		v := e.Resource.Get(key)
		for _, item := range itemsOf(v) {
			if item == nil {
				continue
			}
			if e.Type == "OperationOutcome" {
				item = item.Get("details")
			}
			path := e.Type + "." + key
			var spans []Span
			switch {
			case item.IsObject():
				spans = r.datatype(item, path)
			case item != nil:
				spans = r.primitive(item, companion(e.Resource, key, 0, v.IsArray()), path)
			}
			if len(spans) > 0 {
				return spans
			}
		}
	}
	return nil
}

// badges are short words beside the title.
func (c *Card) badges(r *reader, e fhir.Entry) {
	n := e.Resource
	if x := n.Extension(fhir.ExtMainDiagnosis).Get("valueBoolean"); x != nil && r.take(x) == "true" {
		c.Title = append(c.Title, Span{Text: "Hoveddiagnose", Class: "badge"})
	}
	for _, rel := range n.Get("relationship").Items() {
		for _, s := range r.concept(rel) {
			s.Class = "badge"
			c.Title = append(c.Title, s)
		}
	}
	for _, k := range n.Get("serviceCategory").Items() {
		if k.At("coding.0.code").Text() == "InformasjonOmTime" {
			r.use(k) // the heading says it
		}
	}
	if e.Type == "ServiceRequest" && n.Get("intent").Text() == "proposal" {
		r.take(n.Get("intent"))
		c.Title = append(c.Title, Span{Text: "Forslag", Class: "badge"})
	}
	for _, q := range n.Get("qualification").Items() {
		c.Title = append(c.Title, soft(r.concept(q.Get("code")))...)
	}
	for _, k := range n.Get("category").Items() {
		if k.At("coding.0.system").Text() == fhir.SystemSection {
			if w := joinSpans(r.concept(k)); w != "" {
				c.Kind = w
			}
		}
	}
}

// lead are the texts that say most: what is asked, answered, told.
func (r *reader) lead(n *fhir.Node) []string {
	var out []string
	for _, p := range n.Get("payload").Items() {
		if s := p.Get("contentString"); s != nil {
			if t := r.take(s); strings.TrimSpace(t) != "" {
				out = append(out, t)
			}
		}
	}
	if v := n.Get("valueString"); strings.ContainsAny(v.Text(), "\n") || len(v.Text()) > 80 {
		out = append(out, r.take(v)) // a text of its own, not a value beside a label
	}
	return out
}

// Medicine is one medicine of a table.
type Medicine struct {
	Name     []Span
	Strength []Span
	Dosage   [][]Span
	Use      []Span
	Period   []Span
	Facts    []Fact
	Text     template.HTML
	Stopped  bool
}

func (r *reader) medicine(e fhir.Entry) Medicine {
	n := e.Resource
	m := Medicine{Name: r.titleOf(e)}
	own := func(name string) *fhir.Node { return n.Extension(fhir.ExtBase + "StructureDefinition/" + name) }
	if d, ok := r.resolve(n.Get("medicationReference")); ok {
		r.use(n.Get("medicationReference"))
		r.shown[d.Resource] = true
		m.Name = r.titleOf(d)
		m.Facts = r.facts(d.Resource, d.Type)
	}
	if q := own("strength").Get("valueQuantity"); q != nil {
		m.Strength = r.quantity(q)
	}
	if f := own("form").Get("valueCoding"); f != nil {
		m.Strength = append(m.Strength, r.coding(f)...)
	}
	for _, d := range itemsOf(n.Get("dosage")) {
		if t := d.Get("text"); t != nil {
			m.Dosage = append(m.Dosage, texts(r.take(t)))
		}
		if u := d.Extension(fhir.ExtBase + "StructureDefinition/use").Get("valueCoding"); u != nil {
			m.Use = append(m.Use, r.coding(u)...)
		}
		for _, key := range []string{"doseAndRate"} {
			for _, q := range d.Get(key).Items() {
				if v := q.Get("doseQuantity"); v != nil {
					m.Dosage = append(m.Dosage, r.quantity(v))
				}
			}
		}
	}
	if p := n.Get("effectivePeriod"); p != nil {
		m.Period = r.period(p)
	} else if t := n.Get("effectiveDateTime"); t != nil {
		m.Period = r.primitive(t, n.Get("_effectiveDateTime"), e.Type+".effectiveDateTime")
	}
	if more := n.Get("_status"); more.Extension(fhir.ExtSourceCoding) != nil {
		m.Use = append(m.Use, soft(r.primitive(n.Get("status"), more, e.Type+".status"))...)
	}
	switch n.Get("status").Text() {
	case "stopped", "entered-in-error", "not-taken":
		m.Stopped = true
	}
	if len(m.Name) == 0 {
		m.Name = texts("Legemiddel uten navn")
	}
	if t := n.Get("text"); t.Get("div") != nil {
		m.Text = r.narrative(t)
	}
	m.Facts = append(m.Facts, r.facts(n, e.Type)...)
	return m
}

// Function is a mapping of function: the variables with their scores.
type Function struct {
	Facts []Fact
	Rows  []FunctionRow
}

// FunctionRow is one variable. Score is 1 to 5; 9 and anything else have no bar.
type FunctionRow struct {
	Variable []Span
	Score    string
	Words    string
	Bar      int
	Notes    []string
	Facts    []Fact
}

// isFunction tells whether a panel holds scored variables of function.
func (r *reader) isFunction(panel *fhir.Node) bool {
	for _, ref := range panel.Get("hasMember").Items() {
		if e, ok := r.resolve(ref); ok {
			switch e.Resource.At("code.coding.0.system").Text() {
			case fhir.SystemFunction, fhir.SystemGAF:
				return true
			}
		}
	}
	return false
}

func (r *reader) function(e fhir.Entry) *Function {
	f := &Function{}
	date := e.Resource.Get("effectiveDateTime")
	if date != nil {
		f.Facts = append(f.Facts, one("Vurdert", r.primitive(date, e.Resource.Get("_effectiveDateTime"), "Observation.effectiveDateTime")...))
	}
	r.use(e.Resource.Get("code"))
	for _, ref := range e.Resource.Get("hasMember").Items() {
		r.use(ref)
		if m, ok := r.resolve(ref); ok {
			f.Rows = append(f.Rows, r.variable(m, date.Text()))
		}
	}
	f.Facts = append(f.Facts, r.facts(e.Resource, "Observation")...)
	return f
}

func (r *reader) variable(e fhir.Entry, panelDate string) FunctionRow {
	n := e.Resource
	r.shown[n] = true
	row := FunctionRow{Variable: r.concept(n.Get("code"))}
	if v := n.Get("valueInteger"); v != nil {
		row.Score = r.take(v)
	} else if v := n.Get("valueCodeableConcept"); v != nil {
		row.Score = v.At("coding.0.code").Text()
		r.use(v.Get("coding"))
	}
	if n.At("code.coding.0.system").Text() == fhir.SystemFunction {
		row.Words, row.Bar = scoreWords(row.Score)
	}
	for _, note := range n.Get("note").Items() {
		row.Notes = append(row.Notes, r.take(note.Get("text")))
	}
	if at := n.Get("effectiveDateTime"); at != nil && at.Text() == panelDate {
		r.use(at) // stands with the panel
	}
	row.Facts = r.facts(n, e.Type)
	return row
}

// scoreWords tells what a score of IPLOS means; 9 is no number but "not relevant".
func scoreWords(score string) (words string, bar int) {
	switch score {
	case "1":
		return "Ingen problem eller utfordring", 1
	case "2":
		return "Klarer det selv, men med vansker eller hjelpemidler", 2
	case "3":
		return "Middels bistandsbehov", 3
	case "4":
		return "Store bistandsbehov", 4
	case "5":
		return "Fullt bistandsbehov", 5
	case "9":
		return "Ikke relevant", 0
	case "":
		return "Ikke vurdert", 0
	}
	return "Ukjent skår", 0
}
