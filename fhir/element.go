package fhir

// SystemElement is the identifier system under which a party that writes through the REST API names an
// element of the plan. Together with the sender it is the element's name: a later version with the same
// value is the same element, whatever it says.
const SystemElement = ExtBase + "NamingSystem/element"

// ElementName gives the value under SystemElement of a resource, "" when there is none.
func ElementName(n *Node) string {
	for _, id := range n.Get("identifier").Items() {
		if id.Get("system").Text() == SystemElement {
			return id.Get("value").Text()
		}
	}
	return ""
}
