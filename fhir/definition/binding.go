package definition

import "github.com/samvirke/samvirke/fhir"

// bound checks a required binding of a code, Coding, CodeableConcept or Quantity. A value set whose
// codes are not in the tables is not checked.
func (c *checker) bound(b Binding, v *fhir.Node, at *place) {
	if !c.boundOK(b, v) {
		c.add(at, CodeBinding, "no code of the required value set "+b.ValueSet)
	}
}

func (s *Set) boundOK(b Binding, v *fhir.Node) bool {
	if b.Strength != "required" {
		return true
	}
	set := s.values[b.ValueSet]
	return set == nil || set.holds(v)
}

// holds tells whether a value has a code of the set: a text its own, a CodeableConcept one of its
// codings. A code without a system is looked for in all systems of the set.
func (vs *valueSet) holds(v *fhir.Node) bool {
	if v.IsString() {
		return vs.has("", v.Text())
	}
	if !v.IsObject() {
		return true // of a wrong shape, which is told elsewhere
	}
	if v.Get("coding") == nil && v.Get("text") == nil && (v.Get("code") != nil || v.Get("system") != nil) {
		return vs.has(v.Get("system").Text(), v.Get("code").Text())
	}
	for _, coding := range v.Get("coding").Items() {
		if vs.has(coding.Get("system").Text(), coding.Get("code").Text()) {
			return true
		}
	}
	return false
}

func (vs *valueSet) has(system, code string) bool {
	if system != "" {
		return vs.codes[system][code] || vs.codes[""][code]
	}
	for _, codes := range vs.codes {
		if codes[code] {
			return true
		}
	}
	return false
}
