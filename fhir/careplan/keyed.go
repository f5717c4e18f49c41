package careplan

import (
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

// Export is the FHIR form for others to keep. The ids of the resources that stand for the person as a
// whole are hashes without a key in FHIR, from which a person number could be guessed; here they come
// from keyed, which gets the patient key for the CarePlan and type + "/" + patient key for the others.
// It is nil for an empty plan.
func (p *Plan) Export(keyed func(name string) string) *fhir.Bundle {
	bundle := p.FHIR()
	if bundle == nil {
		return nil
	}
	rename := map[string]string{}
	for _, e := range bundle.Entries() {
		to := ""
		switch e.Type {
		case "CarePlan":
			to = keyed(p.Patient)
		case "Patient", "CareTeam":
			to = keyed(strings.ToLower(e.Type) + "/" + p.Patient)
		default:
			continue
		}
		rename[e.Type+"/"+e.ID] = e.Type + "/" + to
		e.Resource.Set("id", fhir.String(to))
	}
	for _, e := range bundle.Entries() {
		redirect(e.Resource, rename)
	}
	return bundle
}

// redirect changes references below n.
func redirect(n *fhir.Node, rename map[string]string) {
	for _, item := range n.Items() {
		redirect(item, rename)
	}
	for _, key := range n.Keys() {
		child := n.Get(key)
		if to, ok := rename[child.Text()]; ok && key == "reference" {
			n.Set(key, fhir.String(to))
			continue
		}
		redirect(child, rename)
	}
}
