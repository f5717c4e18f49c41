package careplan

import (
	"github.com/samvirke/samvirke/fhir"
)

// Export is the FHIR form for others to keep: the resources of ExportAs with the person's own plan id, as a
// Bundle of type collection. It is nil for an empty plan.
func (p *Plan) Export(keyed func(name string) string) *fhir.Bundle {
	entries := fhir.NewArray()
	for _, e := range p.ExportAs(keyed(p.Patient), keyed) {
		entries.Add(fhir.NewObject("fullUrl", fhir.ExtBase+e.Ref(), "resource", e.Resource))
	}
	root := fhir.NewObject("resourceType", "Bundle", "type", "collection")
	root.Set("entry", entries)
	bundle, err := fhir.BundleOf(root)
	if err != nil {
		return nil // cannot happen: every entry above has a type
	}
	return bundle
}

// ExportAs gives the resources of Elements with ids for others to keep. Those of Elements are hashes without a key,
// from which a person number or the words of an element could be guessed; here they come from keyed.
// The master CarePlan, the Patient and the CareTeam have plan itself as their id; all others have plan, a hyphen
// and 24 hex digits, so that an id tells which plan to look in.
func (p *Plan) ExportAs(plan string, keyed func(name string) string) []Element {
	list := p.Elements()
	rename := make(map[string]string, len(list))
	masters := 0
	for i := range list {
		e := &list[i]
		from := e.Ref()
		switch {
		case e.Type == "Patient", e.Type == "CareTeam", e.Type == "CarePlan" && masters == 0:
			e.ID = plan
		default:
			e.ID = PublicID(plan, e.Type, e.ID, keyed)
		}
		if e.Type == "CarePlan" {
			masters++
		}
		e.Resource.Set("id", fhir.String(e.ID))
		rename[from] = e.Ref()
	}
	for i := range list {
		redirect(list[i].Resource, rename)
	}
	return list
}

// PublicID is the id for others of an element with an id of Elements.
func PublicID(plan, resourceType, id string, keyed func(name string) string) string {
	hash := keyed("element/" + resourceType + "/" + id)
	return plan + "-" + hash[:min(len(hash), 24)]
}

// redirect changes references below n.
func redirect(n *fhir.Node, rename map[string]string) {
	if len(rename) == 0 {
		return
	}
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
