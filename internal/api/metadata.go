package api

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/gateway"
)

// operationBase is where the operations of our own are defined.
const operationBase = fhir.ExtBase + "OperationDefinition/"

// backport is where the operations of the R4 Subscriptions Backport are defined.
const backport = "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/"

// metadata answers GET metadata: what this server can do, and no more. It is written from the tables that
// route and search.
func (c *call) metadata() error {
	a := c.api
	rest := fhir.NewObject("mode", "server",
		"security", fhir.NewObject("service", fhir.NewArray(fhir.NewObject("text", "Bearer token or client certificate")),
			"description", "Bearer token or client certificate of a configured party. A plan can be read by the members of its team while their membership lasts and by parties that were sent something about the person, as far as consent and limits let them; every read is audited. The purpose of a read can be given in the header X-Purpose-Of-Use."))
	names := make([]string, 0, len(a.resources))
	for name := range a.resources {
		names = append(names, name)
	}
	slices.Sort(names)
	rest.SetText("documentation", "A transaction becomes one message: it creates elements of one patient's plan, and changes or withdraws (PUT and DELETE with an id, with or without ifMatch) elements of the caller's own that were written together; anything else is refused with transaction-limit and can stand in a batch. The history of a type is told newest first, of the plans that the caller may see; it looks at 200 plans at most.")
	resources := fhir.NewArray()
	for _, name := range names {
		resources.Add(a.capability(a.resources[name]))
	}
	rest.Set("resource", resources)
	for i := range a.routes {
		if r := &a.routes[i]; r.level == levelSystem && r.code == "transaction" {
			rest.Append("interaction", fhir.NewObject("code", "transaction"))
			rest.Append("interaction", fhir.NewObject("code", "batch"))
		}
	}
	rest.Append("operation", fhir.NewObject("name", "process-message", "definition", "http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message"))
	return c.reply(http.StatusOK, fhir.NewObject("resourceType", "CapabilityStatement",
		"status", "active", "date", fhir.Instant(a.started), "kind", "instance", "software", fhir.NewObject("name", "Samvirke", "version", a.o.Version),
		"implementation", fhir.NewObject("description", "Samvirke gateway: shared care plans for systems", "url", strings.TrimSuffix(c.base(), "/")),
		"fhirVersion", "4.0.1", "format", fhir.NewArray(mediaJSON, mediaXML, "json", "xml"), "rest", fhir.NewArray(rest)))
}

// capability is one resource of the statement.
func (a *api) capability(row *resource) *fhir.Node {
	n := fhir.NewObject("type", row.name)
	if row.name == typeSubscription {
		n.Set("supportedProfile", fhir.NewArray(profileSubscription))
		for _, t := range gateway.Topics() {
			n.Append("extension", fhir.NewObject("url", extTopic, "valueCanonical", t))
		}
	}
	n.SetText("documentation", row.doc)
	var seen []string
	operations := fhir.NewArray()
	for i := range a.routes {
		r := &a.routes[i]
		if r.level == levelSystem || !r.has(a, row.name) {
			continue
		}
		if r.code != "" && !slices.Contains(seen, r.code) {
			seen = append(seen, r.code)
			n.Append("interaction", fhir.NewObject("code", r.code))
		}
		if r.operation != "" && !slices.ContainsFunc(operations.Items(), func(o *fhir.Node) bool { return o.Get("definition").Text() == r.operation }) {
			operations.Add(fhir.NewObject("name", strings.TrimPrefix(r.tail, "$"), "definition", r.operation))
		}
	}
	if row.versioned {
		n.SetText("versioning", "versioned")
		if row.shared {
			n.SetText("versioning", "versioned-update")
		}
		n.Set("readHistory", fhir.Bool(true))
	} else if len(seen) > 0 {
		n.SetText("versioning", "no-version")
	}
	if len(seen) > 0 {
		n.Set("updateCreate", fhir.Bool(false))
		n.Set("conditionalCreate", fhir.Bool(row.create))
		n.SetText("conditionalRead", "full-support")
		n.Set("conditionalUpdate", fhir.Bool(false))
		n.SetText("conditionalDelete", "not-supported")
	}
	a.capabilitySearch(n, row)
	if len(operations.Items()) > 0 {
		n.Set("operation", operations)
	}
	return n
}

func (a *api) capabilitySearch(n *fhir.Node, row *resource) {
	for _, p := range row.params {
		if p.kind == kindReference {
			n.Append("searchInclude", fhir.String(row.name+":"+p.name))
		}
	}
	var back []string
	for _, other := range a.resources {
		for _, p := range other.params {
			if p.kind == kindReference && len(row.params) > 0 && row.name != typeSubscription && (p.target == nil || slices.Contains(p.target, row.name)) {
				back = append(back, other.name+":"+p.name)
			}
		}
	}
	slices.Sort(back)
	for _, name := range back {
		n.Append("searchRevInclude", fhir.String(name))
	}
	params := slices.Clone(row.params)
	slices.SortFunc(params, func(a, b searchParam) int { return cmp.Compare(a.name, b.name) })
	for _, p := range params {
		n.Append("searchParam", fhir.NewObject("name", p.name, "type", p.kind, "documentation", p.doc))
	}
}
