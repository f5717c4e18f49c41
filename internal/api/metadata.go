package api

import (
	"net/http"

	"github.com/samvirke/samvirke/fhir"
)

// operationBase is where the operations of our own are defined.
const operationBase = fhir.ExtBase + "OperationDefinition/"

// backport is where the operations of the R4 Subscriptions Backport are defined.
const backport = "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/"

// metadata answers GET metadata: what this server can do, and no more.
func (a *api) metadata(w http.ResponseWriter, r *http.Request) error {
	operation := func(name, definition string) *fhir.Node {
		return fhir.NewObject("name", name, "definition", definition)
	}
	software := fhir.NewObject("name", "Samvirke", "version", a.o.Version)
	plan := fhir.NewObject("type", "CarePlan",
		"interaction", fhir.NewArray(fhir.NewObject("code", "read")),
		"versioning", "versioned",
		"conditionalRead", "not-match",
		"operation", fhir.NewArray(operation("everything", operationBase+"CarePlan-everything")))
	subscription := fhir.NewObject("type", "Subscription",
		"operation", fhir.NewArray(
			operation("status", backport+"backport-subscription-status"),
			operation("events", backport+"backport-subscription-events")))
	rest := fhir.NewObject("mode", "server",
		"security", fhir.NewObject("description", "Bearer token or client certificate of a configured party. A plan can be read by the members of its team and by parties that were sent something about the person; every read is audited."),
		"resource", fhir.NewArray(plan, subscription),
		"operation", fhir.NewArray(operation("process-message", "http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message")))
	write(w, http.StatusOK, fhir.NewObject("resourceType", "CapabilityStatement",
		"status", "active", "date", fhir.Instant(a.started), "kind", "instance", "software", software,
		"implementation", fhir.NewObject("description", "Samvirke gateway: shared care plans for systems", "url", a.base(r)),
		"fhirVersion", "4.0.1", "format", fhir.NewArray("application/fhir+json"), "rest", fhir.NewArray(rest)))
	return nil
}
