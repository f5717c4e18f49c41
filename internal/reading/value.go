package reading

import (
	"html/template"
	"strings"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/codes"
)

// chips are the code systems whose codes people read: they stand beside the words.
func chip(number string) bool {
	switch number {
	case "7110", "7170", "7171", "7180", "7210", "7220", "8480", "8221":
		return true
	}
	return false
}

// coding shows a coding: its display, else the register's, else the code as it came. The code stands in
// the title, and beside the words where people use it or no list knows it.
func (r *reader) coding(n *fhir.Node) []Span {
	system, code, display := r.take(n.Get("system")), r.take(n.Get("code")), r.take(n.Get("display"))
	r.use(n.Get("version"))
	r.use(n.Get("userSelected"))
	if system == fhir.SystemSection && display == "" {
		return []Span{{Text: sectionTitle(code), Title: code}}
	}
	number := codes.NumberOf(system)
	official, verdict := r.codes.Lookup(system, code)
	if display == "" {
		display = official
	}
	list := number
	if name := r.codes.Name(system); name != "" && !strings.HasSuffix(name, number) {
		list = strings.TrimSpace(number + " " + name)
	} else if number == "" {
		list = system
	}
	switch {
	case code == "":
		return texts(display)
	case display == "" || verdict == codes.Unknown:
		raw := Span{Text: "kode " + code, Class: "code", Title: strings.TrimSpace("Kodeliste " + list)}
		if verdict == codes.Unknown {
			raw.Class = "raw"
		}
		if number != "" && !chip(number) {
			raw.Text = number + ": " + code
			if verdict == codes.Unknown {
				raw.Title = "Koden " + code + " finnes ikke i kodeliste " + list
			}
		} else if name := r.codes.Name(system); name != "" {
			raw = Span{Text: name + " " + code, Class: "code"}
		} else if name := international(system); name != "" {
			raw = Span{Text: name + " " + code, Class: "code", Title: system}
		}
		return append(texts(display), raw)
	case chip(number):
		return []Span{text(display), {Text: strings.TrimSpace(r.codes.Name(system) + " " + code), Class: "code"}}
	}
	title := strings.TrimSpace("Kode " + code + " i kodeliste " + list)
	if list == "" {
		title = "Kode " + code
	}
	if r.codes.Drifts(system, code, display) {
		title += ", der kalt «" + official + "»"
	}
	return []Span{{Text: display, Title: title}}
}

// concept shows a CodeableConcept: the words as written first, then what the codings add to them.
func (r *reader) concept(n *fhir.Node) []Span {
	if n == nil {
		return nil
	}
	out := texts(r.take(n.Get("text")))
	for _, c := range n.Get("coding").Items() {
		for i, s := range r.coding(c) {
			if len(out) > 0 && s.Class == "" {
				if i == 0 && same(out[0].Text, s.Text) {
					out[0].Title = s.Title
					continue
				}
				s.Class = "soft"
			}
			out = append(out, s)
		}
	}
	return out
}

// international names the code systems from abroad that Norwegian messages use.
func international(system string) string {
	switch system {
	case "http://loinc.org":
		return "LOINC"
	case "http://snomed.info/sct":
		return "SNOMED CT"
	case "http://hl7.org/fhir/sid/icd-10":
		return "ICD-10"
	}
	return ""
}

func same(a, b string) bool {
	return strings.EqualFold(strings.Join(strings.Fields(a), " "), strings.Join(strings.Fields(b), " "))
}

func texts(s string) []Span {
	if strings.TrimSpace(s) == "" {
		return nil
	}
	return []Span{{Text: s}}
}

// primitive shows a leaf: what the source called it where that is known, else as people write it.
func (r *reader) primitive(v, more *fhir.Node, path string) []Span {
	raw := r.take(v)
	if c := more.Extension(fhir.ExtSourceCoding).Get("valueCoding"); c != nil {
		if spans := r.coding(c); len(spans) > 0 {
			spans[0].Title = joined([]string{spans[0].Title, "i FHIR " + raw}, ", ")
			return spans
		}
	}
	if d := more.Extension(fhir.ExtDisplay).Get("valueString"); d != nil {
		return []Span{{Text: r.take(d), Title: raw}}
	}
	if v.IsBool() {
		if raw == "true" {
			return texts("Ja")
		}
		return texts("Nei")
	}
	if v.IsNumber() {
		return texts(strings.Replace(raw, ".", ",", 1))
	}
	if isCodeKey(path) {
		if w := codeWord(raw); w != "" {
			return []Span{{Text: w, Title: raw}}
		}
	}
	if dateShape.MatchString(raw) && isTimeKey(path) {
		return texts(moment(raw))
	}
	return texts(raw)
}

// datatype shows an object of one of FHIR's data types as people write it; nothing for any other. What it
// shows is marked; what it does not is left for facts.
func (r *reader) datatype(v *fhir.Node, path string) []Span {
	has := func(keys ...string) bool {
		for _, k := range keys {
			if v.Get(k) != nil {
				return true
			}
		}
		return false
	}
	switch {
	case has("coding") || has("text") && !has("div", "time", "author", "status", "family", "given", "line", "resourceType", "timing") && onlyKeys(v, "text", "coding"):
		return r.concept(v)
	case has("reference") || has("display") && !has("code", "system"):
		return r.reference(v)
	case has("identifier") && onlyKeys(v, "identifier", "type"):
		return r.reference(v)
	case has("family", "given") || strings.HasSuffix(path, ".name") && has("text"):
		return r.name(v)
	case has("line", "city", "postalCode"):
		return r.address(v)
	case has("value") && (has("unit", "comparator") || strings.HasSuffix(strings.ToLower(path), "quantity")):
		return r.quantity(v)
	case has("value") && has("system", "type") && strings.HasSuffix(strings.ToLower(path), "identifier"):
		return r.identifier(v)
	case has("value") && has("system", "use") && strings.HasSuffix(path, "telecom"):
		return r.contact(v)
	case has("start", "end") && onlyKeys(v, "start", "end"):
		return r.period(v)
	case has("text") && has("time", "author", "authorString", "authorReference", "extension"):
		return texts(r.take(v.Get("text")))
	case has("code", "display") && has("system", "display") && !has("resourceType", "coding"):
		return r.coding(v)
	case has("code") && onlyKeys(v, "code"):
		if c := v.Get("code"); !c.IsObject() {
			return r.coding(v)
		}
	}
	return nil
}

// onlyKeys tells whether an object has no other fields than these, their "_" companions and extensions.
func onlyKeys(v *fhir.Node, keys ...string) bool {
	for key := range v.Fields() {
		ok := key == "extension" || key == "id"
		for _, k := range keys {
			ok = ok || strings.TrimPrefix(key, "_") == k
		}
		if !ok {
			return false
		}
	}
	return true
}

func (r *reader) period(v *fhir.Node) []Span {
	return texts(period(r.take(v.Get("start")), r.take(v.Get("end"))))
}

func (r *reader) quantity(v *fhir.Node) []Span {
	s := strings.Replace(r.take(v.Get("value")), ".", ",", 1)
	if c := r.take(v.Get("comparator")); c != "" {
		s = c + " " + s
	}
	unit, code := r.take(v.Get("unit")), r.take(v.Get("code"))
	r.use(v.Get("system"))
	if unit == "" {
		unit = code
	}
	sp := text(strings.TrimSpace(s + " " + unit))
	if code != "" && code != unit {
		sp.Title = code
	}
	return []Span{sp}
}

// identifier shows a number with what it is; the number of a person is written in two groups.
func (r *reader) identifier(v *fhir.Node) []Span {
	value, system := r.take(v.Get("value")), r.take(v.Get("system"))
	kind := v.At("type.coding.0")
	name := r.take(kind.Get("display"))
	code := r.take(kind.Get("code"))
	r.use(kind.Get("system"))
	if t := r.take(v.At("type.text")); name == "" {
		name = t
	}
	if code == "" {
		code = fhir.TypeOf(system)
	}
	if n := identifierName(code); n != "" {
		if name != "" && !same(name, n) {
			code = name + " (" + code + ")"
		}
		name = n
	}
	if name == "" {
		name, code = code, ""
	}
	if value == "" {
		return []Span{{Text: name, Title: code}, {Text: "mangler", Class: "soft"}}
	}
	if name == "" {
		return texts(strings.TrimPrefix(value, "urn:uuid:"))
	}
	return []Span{{Text: name, Class: "soft", Title: code}, {Text: grouped(value), Class: "number"}}
}

func (r *reader) name(v *fhir.Node) []Span {
	var parts []string
	for _, k := range []string{"prefix", "given"} {
		for _, g := range v.Get(k).Items() {
			parts = append(parts, r.take(g))
		}
	}
	for _, x := range v.Get("extension").Items() {
		if extName(x.Get("url").Text()) == "no-basis-middlename" {
			parts = append(parts, r.take(x.Get("valueString")))
		}
	}
	parts = append(parts, r.take(v.Get("family")))
	for _, g := range v.Get("suffix").Items() {
		parts = append(parts, r.take(g))
	}
	full := strings.Join(strings.Fields(strings.Join(parts, " ")), " ")
	if t := r.take(v.Get("text")); t != "" && !same(t, full) {
		if full == "" {
			return texts(t)
		}
		return []Span{text(full), {Text: t, Class: "soft"}}
	}
	return texts(full)
}

func (r *reader) address(v *fhir.Node) []Span {
	var lines []string
	if t := r.take(v.Get("text")); t != "" {
		lines = append(lines, t)
	}
	for _, l := range v.Get("line").Items() {
		lines = append(lines, r.take(l))
	}
	for _, x := range v.Get("extension").Items() {
		if extName(x.Get("url").Text()) == "postbox" {
			lines = append(lines, r.take(x.Get("valueString")))
		}
	}
	lines = append(lines, strings.TrimSpace(r.take(v.Get("postalCode"))+" "+r.take(v.Get("city"))), r.take(v.Get("country")))
	out := texts(joined(lines, ", "))
	use, more := v.Get("use"), v.Get("_use")
	if len(out) == 0 || use == nil && more == nil {
		return out
	}
	if spans := r.primitive(use, more, "address.use"); len(spans) > 0 {
		spans[0].Class = "soft"
		out = append(out, spans...)
	}
	return out
}

// contact shows a telephone number or mail address as a link that this program makes: only digits
// and a plus sign go into it.
func (r *reader) contact(v *fhir.Node) []Span {
	value := r.take(v.Get("value"))
	system := r.take(v.Get("system"))
	kind := codeWord(system)
	use := r.primitive(v.Get("use"), v.Get("_use"), "telecom.use")
	if value == "" {
		return nil
	}
	s := Span{Text: value, Class: "number"}
	if number := onlyDial(value); system == "phone" && len(number) >= 3 {
		s.Href = template.URL("tel:" + number) //nolint:gosec // digits and plus only
	}
	label := Span{Text: kind, Class: "soft", Title: system}
	if len(use) > 0 {
		label.Text, label.Title = use[0].Text, use[0].Title
	}
	if label.Text == "Telefon" {
		return []Span{s}
	}
	return []Span{label, s}
}

func onlyDial(s string) string {
	return strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' || c == '+' {
			return c
		}
		return -1
	}, s)
}

func joined(parts []string, sep string) string {
	var out []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, sep)
}
