package kith

import (
	"github.com/samvirke/samvirke/fhir"
)

// What FHIR and the Norwegian base profile of AllergyIntolerance demand and no message says.

// listAnaphylaxis is the list of AnafylaktiskeReaksjoner. The schema names none. Messages write 1 with the text
// "Ja"; list 7497, types of reaction, has 1 for an anaphylactic one too, but its 2 is no "Nei".
const listAnaphylaxis = "anaphylaxis"

// systemReaction is the code system of manifestations as the base profile fixes it, slip of the pen ("uid") and all.
//
// Source: no-basis-AllergyIntolerance, AllergyIntolerance.reaction.manifestation.coding.system.
const systemReaction = "urn:uid:2.16.578.1.12.4.1.1.7497"

// finishAllergy sets the clinical status (rule ait-1; the base profile: active unless refuted) and the one reaction that
// the base profile wants: the anaphylactic one that the message tells of, else one that is absent for a reason.
func finishAllergy(a *fhir.Arena, n *fhir.Node) {
	status := "active"
	if n.Extension(extURL("end")) != nil { // an item of an epicrisis whose time is over
		status = "inactive"
	}
	n.Set("clinicalStatus", conceptOf(a, a.Texts("system", "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code", status)))
	reaction, coding := a.Object(usualKeys), a.Texts("system", systemReaction)
	if anaphylactic(n) {
		coding.Set("code", a.String("1"))
		coding.Set("display", a.String("Anafylaktisk reaksjon"))
	} else {
		reaction.Set("extension", a.Array(absent(a)))
		coding.Set("_code", withExt(a, absent(a)))
		coding.Set("_display", withExt(a, absent(a)))
	}
	reaction.Set("manifestation", a.Array(conceptOf(a, coding)))
	n.Set("reaction", a.Array(reaction))
}

func anaphylactic(n *fhir.Node) bool {
	return n.Extension(extURL("anaphylaxis")).At("valueCoding.code").Text() == "1"
}

// absent says that a value which FHIR demands is not known.
func absent(a *fhir.Arena) *fhir.Node { return a.Texts("url", extAbsent, "valueCode", "unknown") }

// ownAllergy tells whether status and reaction of an AllergyIntolerance say no more than finishAllergy does.
func ownAllergy(n *fhir.Node) bool {
	own := fhir.NewObject()
	for _, x := range n.Get("extension").Items() {
		own.Append("extension", x.Clone())
	}
	finishAllergy(nil, own)
	for _, key := range []string{"clinicalStatus", "reaction"} {
		if have := n.Get(key); have != nil && string(have.Bytes()) != string(own.Get(key).Bytes()) {
			return false
		}
	}
	return true
}
