package careplan

import (
	"strconv"
	"strings"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan/function"
)

// Extensions of an assessment. Source: function.md section 4.
const (
	extSetting  = fhir.ExtBase + "StructureDefinition/setting"  // valueCode: standard, usual
	extInformer = fhir.ExtBase + "StructureDefinition/informer" // valueCode: citizen, kin, staff, observed
	extAid      = fhir.ExtBase + "StructureDefinition/aid"      // valueBoolean or valueString: done with an aid
	extDerived  = fhir.ExtBase + "StructureDefinition/derived"  // valueCode: rule that derived it
)

// panels reads every panel with its members and returns all Observations it used.
func (x extractor) panels(c *content) []bool {
	used := make([]bool, len(x.b.Entries()))
	for i := range x.b.Entries() {
		o := &x.b.Entries()[i]
		if o.Type != "Observation" {
			continue
		}
		n := o.Resource
		members := n.Get("hasMember").Items()
		if len(members) == 0 || hidden(n) {
			continue
		}
		used[i] = true
		p := x.panelOf(n, instrumentOf(n))
		if s := scoreOf(n); s.Value != "" && !isSectionPanel(n) {
			s.Total = true
			p.Scores = append(p.Scores, s)
		}
		p.Scores = append(p.Scores, components(n, "")...)
		var order []string
		groups := map[string]*panel{}
		for _, m := range members {
			at, ok := x.place(m.Get("reference").Text())
			if !ok || used[at] {
				continue
			}
			e := &x.b.Entries()[at]
			if e.Type != "Observation" || hidden(e.Resource) {
				continue
			}
			used[at] = true
			own := instrumentOf(e.Resource)
			name := first(p.Instrument, own, "unknown")
			if own != "" && !sameFamily(own, name) {
				name = own // one panel of the source may hold several scales; they never share a line
			}
			g := groups[name]
			if g == nil {
				g = &panel{Instrument: name, Date: p.Date, DateSource: p.DateSource, Note: p.Note, More: p.More}
				if name != p.Instrument && p.Instrument != "" {
					g.More = x.moreOf(e.Resource, name, p.More)
				}
				if len(order) == 0 { // nearly always the only one
					g.Scores = make([]score, 0, len(members))
				}
				groups[name] = g
				order = append(order, name)
			}
			if g.Date == "" {
				g.Date, g.DateSource = effective(e.Resource), dateSource(e.Resource)
			}
			g.More = x.moreOf(e.Resource, name, g.More)
			g.Scores = appendScores(g.Scores, e.Resource, name)
		}
		if len(p.Scores) > 0 {
			name := first(p.Instrument, "unknown")
			if groups[name] == nil {
				g := p
				g.Instrument, g.Scores = name, nil
				groups[name] = &g
				order = append([]string{name}, order...)
			}
			groups[name].Scores = append(p.Scores, groups[name].Scores...)
		}
		for _, name := range order {
			c.Panels = append(c.Panels, *groups[name])
		}
	}
	return used
}

// panelOf opens the panel of an Observation.
func (x extractor) panelOf(n *fhir.Node, instrument string) panel {
	return panel{Instrument: instrument, Date: effective(n), DateSource: dateSource(n), Note: noteText(n), More: x.moreOf(n, instrument, nil)}
}

// moreOf reads what an Observation says of how it was made; what base has stays. nil when it says nothing.
func (x extractor) moreOf(n *fhir.Node, instrument string, base *panelMore) *panelMore {
	var m panelMore
	if base != nil {
		m = *base
	}
	if m.Setting == "" {
		m.Setting = settingOf(n)
	}
	if v := n.Extension(extInformer); v != nil && m.Informer == "" {
		m.Informer = strings.ToLower(first(v.Get("valueCode").Text(), v.Get("valueString").Text(), concept(v.Get("valueCodeableConcept")).Code))
	}
	if v := n.Extension(extDerived); v != nil && m.Derived == "" {
		m.Derived = first(v.Get("valueCode").Text(), "derived")
	}
	if m.Assessor == "" {
		for _, p := range n.Get("performer").Items() {
			m.Assessor = first(m.Assessor, x.assessor(p))
		}
	}
	if m.Protocol == "" && instrument != "" {
		m.Protocol = protocolOf(n, instrument)
	}
	if m.Form == "" {
		for _, d := range n.Get("derivedFrom").Items() {
			if ref := d.Get("reference").Text(); x.isForm(ref) {
				m.Form = ref
			}
		}
	}
	if m == (panelMore{}) {
		return nil
	}
	if base != nil && m == *base {
		return base
	}
	kept := m // so that nothing is made for the many that say nothing
	return &kept
}

// assessor names the person or role that a performer is; an organisation is the sender's own affair.
func (x extractor) assessor(ref *fhir.Node) string {
	if e, ok := x.resolve(ref.Get("reference").Text()); ok && e.Type == "Organization" || ref.Get("type").Text() == "Organization" {
		return ""
	}
	if name := x.named(ref); name != "" {
		return name
	}
	if e, ok := x.resolve(ref.Get("reference").Text()); ok && e.Type == "PractitionerRole" {
		return concept(firstItem(e.Resource.Get("code"))).Text
	}
	return ""
}

func (x extractor) isForm(ref string) bool {
	if e, ok := x.resolve(ref); ok {
		return e.Type == "QuestionnaireResponse"
	}
	return strings.Contains(ref, "QuestionnaireResponse/")
}

// settingOf reads where an assessment was made, from the extension or from a component; "" for any other word.
func settingOf(n *fhir.Node) string {
	var s string
	if v := n.Extension(extSetting); v != nil {
		s = first(v.Get("valueCode").Text(), v.Get("valueString").Text(), concept(v.Get("valueCodeableConcept")).Code)
	}
	for _, k := range n.Get("component").Items() {
		if s == "" && isSetting(k) {
			v := concept(k.Get("valueCodeableConcept"))
			s = first(v.Code, k.Get("valueString").Text())
		}
	}
	switch s = strings.ToLower(s); s {
	case function.SettingStandard, function.SettingUsual:
		return s
	}
	return ""
}

// aidOf reads what was used: a name, "true" or "false".
func aidOf(aid *fhir.Node) string {
	return first(aid.Get("valueString").Text(), aid.Get("valueCode").Text(), aid.Get("valueBoolean").Text(), concept(aid.Get("valueCodeableConcept")).Text)
}

func isSetting(component *fhir.Node) bool {
	for _, cd := range component.At("code.coding").Items() {
		if cd.Get("system").Text() == systemFunction && cd.Get("code").Text() == "setting" {
			return true
		}
	}
	return false
}

// single reads an Observation that belongs to no panel: a total or a timed test. Others of the
// same instrument and date in the message that belong to no panel either join it.
func (x extractor) single(n *fhir.Node, c *content) {
	if hidden(n) || isSectionPanel(n) {
		return
	}
	instrument := first(instrumentOf(n), "unknown")
	if instrument == "icf" && x.qualified(n, c) {
		return
	}
	scores := appendScores(nil, n, instrument)
	if len(scores) == 0 || len(scores) == 1 && scores[0].Value == "" && !scores[0].NotRelevant {
		return
	}
	p := panel{Instrument: instrument, Date: effective(n), DateSource: dateSource(n), Scores: scores, More: x.moreOf(n, instrument, nil)}
	x.join(p, c)
}

// join adds an assessment, or its values to one of the same instrument, date and circumstances that stands alone too.
func (x extractor) join(p panel, c *content) {
	key := p.Instrument + "|" + p.Date + "|" + p.DateSource
	if m := p.More; m != nil {
		key += "|" + m.Setting + "|" + m.Informer + "|" + m.Assessor + "|" + m.Protocol + "|" + m.Derived + "|" + m.Form
	}
	if i, ok := x.panelAt[key]; ok && p.Instrument != "unknown" {
		c.Panels[i].Scores = append(c.Panels[i].Scores, p.Scores...)
		return
	}
	x.panelAt[key] = len(c.Panels)
	c.Panels = append(c.Panels, p)
}

// appendScores adds what one Observation states: its value, and its components, for COPM those of one problem.
func appendScores(list []score, n *fhir.Node, instrument string) []score {
	parts := components(n, "")
	if instrument == "copm" && len(parts) > 0 {
		words := first(n.Get("valueString").Text(), noteText(n), concept(n.Get("code")).Text)
		return append(list, components(n, words)...)
	}
	if s := scoreOf(n); s.Value != "" || s.NotRelevant || len(parts) == 0 {
		if aid := n.Extension(extAid); aid != nil {
			s.more().Aid = aidOf(aid)
		}
		list = append(list, s)
	}
	return append(list, parts...)
}

// components reads the components of an Observation as values of their own.
func components(n *fhir.Node, problem string) []score {
	items := n.Get("component").Items()
	if len(items) == 0 {
		return nil
	}
	out := make([]score, 0, len(items))
	for _, k := range items {
		if isSetting(k) {
			continue
		}
		s := scoreOf(k)
		if s.Value == "" {
			continue
		}
		if s.Note = ""; problem != "" {
			s.more().Problem = problem
		}
		out = append(out, s)
	}
	return out
}

// qualified reads the two qualifiers of an ICF activity: performance is what the person does in daily life, capacity
// what they can under test. Both are kept, neither stands for the other. Source: function.md section 5.9.
func (x extractor) qualified(n *fhir.Node, c *content) bool {
	found := false
	add := func(setting string, s score) {
		m := panelMore{}
		if more := x.moreOf(n, "icf", nil); more != nil {
			m = *more
		}
		m.Setting = setting
		found = true
		x.join(panel{Instrument: "icf", Date: effective(n), DateSource: dateSource(n), Scores: []score{s}, More: &m}, c)
	}
	code := concept(n.Get("code"))
	base, digits, dotted := strings.Cut(code.Code, ".")
	for _, k := range n.Get("component").Items() {
		s := scoreOf(k)
		s.coded = coded{Text: code.Text, Code: base, System: code.System}
		for _, cd := range k.At("code.coding").Items() {
			switch {
			case cd.Get("system").Text() != systemFunction || s.Value == "":
			case cd.Get("code").Text() == "performance":
				add(function.SettingUsual, s)
			case cd.Get("code").Text() == "capacity":
				add(function.SettingStandard, s)
			}
		}
	}
	if found || !dotted || n.Get("valueInteger") != nil || n.Get("valueQuantity") != nil || n.Get("valueCodeableConcept") != nil {
		return found
	}
	settings := [...]string{function.SettingUsual, function.SettingStandard}
	for i, s := range settings {
		if i >= len(digits) || digits[i] < '0' || digits[i] > '9' || i > 0 && !strings.HasPrefix(base, "d") {
			continue
		}
		if !strings.HasPrefix(base, "d") {
			s = "" // only activities have two
		}
		add(s, score{coded: coded{Text: code.Text, Code: base, System: code.System}, Value: digits[i : i+1]})
	}
	return found
}

// severity reads the severity of a FSIII condition as an assessment that is marked as derived.
// Source: function.md sections 4 and 5.8.
func (x extractor) severity(n *fhir.Node, c *content) {
	var code coded
	for _, cd := range n.At("code.coding").Items() {
		if cd.Get("system").Text() == function.SystemFSIII {
			code = coded{Text: first(n.At("code.text").Text(), cd.Get("display").Text()), Code: cd.Get("code").Text(), System: function.SystemFSIII}
		}
	}
	if code.Code == "" || n.Get("verificationStatus") != nil && hasAnyCode(n.Get("verificationStatus"), "entered-in-error") {
		return
	}
	s := score{coded: code, Note: noteText(n)}
	for _, cd := range n.At("severity.coding").Items() {
		if value, ok := function.Severity(cd.Get("code").Text()); ok && cd.Get("system").Text() == function.SystemFSIII {
			s.Value, s.NotRelevant = strconv.Itoa(value), value == 9
			s.more().Code, s.More.System = cd.Get("code").Text(), function.SystemFSIII
			break
		}
	}
	if s.Value == "" {
		switch text := concept(n.Get("severity")).Text; {
		case text != "":
			s.Value = text
			s.more().Words = true
		case function.HomeCare(code.Code):
			s.Value = "not recorded"
			s.more().Absent = "unknown"
		default:
			return
		}
	}
	when := first(n.Get("recordedDate").Text(), n.Get("onsetDateTime").Text())
	source := ""
	if when != "" {
		source = "responsible"
	}
	x.join(panel{Instrument: "fsiii", Date: when, DateSource: source, Scores: []score{s}, More: &panelMore{Derived: "fsiii-severity", Setting: settingOf(n)}}, c)
}

func hasAnyCode(cc *fhir.Node, code string) bool {
	for _, cd := range cc.Get("coding").Items() {
		if cd.Get("code").Text() == code {
			return true
		}
	}
	return false
}

func hidden(n *fhir.Node) bool {
	s := n.Get("status").Text()
	return s == "entered-in-error" || s == "cancelled"
}

func isSectionPanel(n *fhir.Node) bool {
	return hasCodeIn(n.Get("code"), fhir.SystemSection)
}

func hasCodeIn(cc *fhir.Node, system string) bool {
	for _, cd := range cc.Get("coding").Items() {
		if cd.Get("system").Text() == system {
			return true
		}
	}
	return false
}

func effective(n *fhir.Node) string {
	return first(n.Get("effectiveDateTime").Text(), n.At("effectivePeriod.start").Text(), n.Get("effectiveInstant").Text())
}

func dateSource(n *fhir.Node) string {
	if effective(n) == "" {
		return ""
	}
	if v := n.Get("_effectiveDateTime").Extension(fhir.ExtDateSource); v != nil {
		return v.Get("valueCode").Text()
	}
	return "responsible"
}
