package kith

import (
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

// A medicine is a Medication of its own to which a MedicationStatement or MedicationAdministration refers:
// the Norwegian base profile of MedicationStatement allows no bare code.

// toMedication begins the paths of what a message says about the medicine itself.
const toMedication = "medicationReference>Medication."

// findMedication finds the medicine of a statement. Statements from elsewhere may hold it, or name it by a code
// alone; both read like a Medication beside them.
func (s *step) findMedication(r *reader, c cursor) []cursor {
	ref := c.obj.Get(s.key)
	med := r.resolve(ref, s.typ)
	if id, ok := strings.CutPrefix(ref.Get("reference").Text(), "#"); ok {
		for _, held := range c.res.Get("contained").Items() {
			if held.Get("resourceType").Text() == s.typ && held.Get("id").Text() == id {
				med = held
			}
		}
	}
	if code := c.obj.Get("medicationCodeableConcept"); med == nil && code != nil {
		med = fhir.NewObject("resourceType", s.typ, "code", code)
	}
	if med == nil {
		return nil
	}
	return []cursor{{res: med, obj: med, ref: ref, order: c.order}}
}
