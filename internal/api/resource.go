package api

// Kinds of search parameters.
const (
	kindToken     = "token"
	kindReference = "reference"
	kindDate      = "date"
	kindString    = "string"
	kindURI       = "uri"
)

// searchParam is one search parameter of a resource.
//
// Source: FHIR R4, "Search Parameters" of each resource; custom ones say so in doc.
type searchParam struct {
	name, kind string
	// paths are where its values stand, dots between elements, arrays walked.
	paths []string
	// target are the types a reference may be of; nil: any.
	target []string
	doc    string
}

// resource is the row of one type in the table that routes, searches and the CapabilityStatement are made from.
type resource struct {
	name                                      string
	versioned, create, update, remove, shared bool
	params                                    []searchParam
	// summary are the elements of _summary=true besides the mandatory ones.
	summary []string
	doc     string
}

func token(name string, paths ...string) searchParam {
	return searchParam{name: name, kind: kindToken, paths: paths}
}

func date(name string, paths ...string) searchParam {
	return searchParam{name: name, kind: kindDate, paths: paths}
}

func text(name string, paths ...string) searchParam {
	return searchParam{name: name, kind: kindString, paths: paths}
}

func ref(name, target string, paths ...string) searchParam {
	p := searchParam{name: name, kind: kindReference, paths: paths}
	if target != "" {
		p.target = []string{target}
	}
	return p
}

// about are the two parameters for whom a resource is about.
func about(path string) []searchParam {
	return []searchParam{ref("patient", "Patient", path), ref("subject", "Patient", path)}
}

func join(lists ...[]searchParam) []searchParam {
	var out []searchParam
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

// common are the parameters that every resource has.
func common() []searchParam {
	return []searchParam{token("_id", "id"), date("_lastUpdated", "meta.lastUpdated")}
}

func words(s ...string) []string { return s }

// resources gives the table. What can be written is so only with writes.
func resources(writes bool) map[string]*resource {
	out := map[string]*resource{}
	for _, list := range [][]resource{planResources(), clinicalResources(), otherResources()} {
		for _, r := range list {
			if len(r.params) > 0 {
				r.params = join(common(), r.params)
			}
			if !writes {
				r.create, r.update, r.remove = false, false, false
			}
			out[r.name] = &r
		}
	}
	return out
}

// planResources are the plan and who takes part. The parameters of CarePlan and CareTeam are those that IHE
// Dynamic Care Planning and Dynamic Care Team Management demand of a server, and some more.
func planResources() []resource {
	return []resource{
		{
			name: "CarePlan", versioned: true, create: true, update: true, remove: true, shared: true,
			doc: "The shared plan (master) and, with partOf, the plans and zone plans of single organisations. Of the master, status, period, next evaluation and coordinator can be written, with If-Match.",
			params: join(about("subject"), []searchParam{
				token("status", "status"), token("intent", "intent"), token("category", "category"), token("identifier", "identifier"), date("date", "period"),
				ref("care-team", "CareTeam", "careTeam"), ref("goal", "Goal", "goal"), ref("activity-reference", "", "activity.reference"),
				ref("part-of", "CarePlan", "partOf"), ref("condition", "Condition", "addresses"), token("activity-code", "activity.detail.code"),
			}),
			summary: words("identifier", "basedOn", "replaces", "partOf", "status", "intent", "category", "title", "description", "subject", "encounter", "period", "created", "author", "addresses"),
		},
		{
			name: "CareTeam", versioned: true, update: true, shared: true,
			doc: "Who takes part, with periods. Each organisation writes its own membership, the coordinating unit all of them, with If-Match.",
			params: join(about("subject"), []searchParam{
				token("status", "status"), token("category", "category"), token("identifier", "identifier"), date("date", "period"), ref("participant", "", "participant.member"),
			}),
			summary: words("identifier", "status", "category", "name", "subject", "encounter", "period", "managingOrganization"),
		},
		{
			name: "Goal", versioned: true, create: true, update: true, remove: true,
			params: join(about("subject"), []searchParam{
				token("lifecycle-status", "lifecycleStatus"), token("achievement-status", "achievementStatus"), token("category", "category"),
				token("identifier", "identifier"), date("start-date", "startDate"), date("target-date", "target.dueDate"),
			}),
			summary: words("lifecycleStatus", "achievementStatus", "category", "priority", "description", "subject", "startDate", "startCodeableConcept", "statusDate", "expressedBy"),
		},
		{
			name: "ServiceRequest", versioned: true, create: true, update: true, remove: true,
			params: join(about("subject"), []searchParam{
				token("status", "status"), token("intent", "intent"), token("code", "code"), token("category", "category"), token("priority", "priority"),
				token("identifier", "identifier"), date("authored", "authoredOn"), date("occurrence", "occurrenceDateTime", "occurrencePeriod"),
				ref("requester", "", "requester"), ref("performer", "", "performer"), ref("based-on", "", "basedOn"), ref("encounter", "Encounter", "encounter"),
			}),
			summary: words("identifier", "basedOn", "replaces", "requisition", "status", "intent", "category", "priority", "doNotPerform", "code", "orderDetail", "subject", "encounter", "occurrenceDateTime", "occurrencePeriod", "occurrenceTiming", "authoredOn", "requester", "performerType", "performer", "bodySite"),
		},
		{
			name: "Task", versioned: true, create: true, update: true,
			doc: "The only place where acceptance lives: a party answers a proposal by writing the Task that asks it.",
			params: join(about("for"), []searchParam{
				token("status", "status"), token("intent", "intent"), token("code", "code"), token("priority", "priority"), token("identifier", "identifier"),
				ref("owner", "", "owner"), ref("requester", "", "requester"), ref("focus", "", "focus"), ref("based-on", "", "basedOn"), ref("part-of", "Task", "partOf"),
				date("modified", "lastModified"), date("authored-on", "authoredOn"), date("period", "executionPeriod"),
			}),
			summary: words("basedOn", "groupIdentifier", "partOf", "status", "statusReason", "businessStatus", "intent", "code", "description", "focus", "for", "encounter", "executionPeriod", "lastModified", "requester", "owner", "location"),
		},
		{
			name: "Communication", versioned: true, create: true, update: true, remove: true,
			params: join(about("subject"), []searchParam{
				token("status", "status"), token("category", "category"), token("identifier", "identifier"), date("sent", "sent"), date("received", "received"),
				ref("sender", "", "sender"), ref("recipient", "", "recipient"), ref("based-on", "", "basedOn"), ref("part-of", "", "partOf"), ref("encounter", "Encounter", "encounter"),
			}),
			summary: words("identifier", "basedOn", "partOf", "inResponseTo", "status", "statusReason", "priority", "reasonCode", "reasonReference", "subject"),
		},
		{
			name: "Flag", versioned: true,
			params:  join(about("subject"), []searchParam{token("identifier", "identifier"), date("date", "period"), ref("encounter", "Encounter", "encounter"), ref("author", "", "author")}),
			summary: words("identifier", "status", "category", "code", "subject", "period", "encounter", "author"),
		},
		{
			name: "Consent", versioned: true, create: true, update: true, remove: true,
			params: []searchParam{
				ref("patient", "Patient", "patient"), token("status", "status"), token("category", "category"), token("scope", "scope"), token("identifier", "identifier"),
				date("date", "dateTime"), date("period", "provision.period"), ref("organization", "", "organization"), ref("actor", "", "provision.actor.reference"),
			},
			summary: words("identifier", "status", "scope", "category", "patient", "dateTime", "performer", "organization", "sourceAttachment", "sourceReference", "policyRule", "provision"),
		},
	}
}

// clinicalResources are stays, courses and findings.
func clinicalResources() []resource {
	return []resource{
		{
			name: "Encounter", versioned: true,
			params: join(about("subject"), []searchParam{
				token("status", "status"), token("class", "class"), token("type", "type"), token("identifier", "identifier"), date("date", "period"),
				ref("service-provider", "", "serviceProvider"), ref("episode-of-care", "EpisodeOfCare", "episodeOfCare"),
			}),
			summary: words("identifier", "status", "class", "type", "serviceType", "subject", "episodeOfCare", "participant", "appointment", "reasonCode", "reasonReference", "diagnosis"),
		},
		{
			name: "EpisodeOfCare", versioned: true, create: true, update: true, remove: true,
			params: []searchParam{
				ref("patient", "Patient", "patient"), token("status", "status"), token("type", "type"), token("identifier", "identifier"), date("date", "period"),
				ref("organization", "", "managingOrganization"), ref("care-manager", "", "careManager"),
			},
			summary: words("status", "type", "diagnosis", "patient", "managingOrganization", "period"),
		},
		{
			name: "Observation", versioned: true, create: true, update: true, remove: true,
			doc: "Assessments of function and progress marks. Only their author corrects or withdraws them.",
			params: join(about("subject"), []searchParam{
				token("status", "status"), token("code", "code"), token("category", "category"), token("identifier", "identifier"),
				date("date", "effectiveDateTime", "effectivePeriod", "effectiveInstant"), ref("performer", "", "performer"), ref("has-member", "Observation", "hasMember"),
				ref("based-on", "", "basedOn"), ref("encounter", "Encounter", "encounter"), token("value-concept", "valueCodeableConcept"), text("value-string", "valueString"),
			}),
			summary: words("identifier", "basedOn", "partOf", "status", "code", "subject", "focus", "encounter", "effectiveDateTime", "effectivePeriod", "effectiveInstant", "issued", "performer", "valueQuantity", "valueCodeableConcept", "valueString", "valueBoolean", "valueInteger", "hasMember", "derivedFrom", "component"),
		},
		{
			name: "Condition", versioned: true, create: true, update: true, remove: true,
			params: join(about("subject"), []searchParam{
				token("clinical-status", "clinicalStatus"), token("verification-status", "verificationStatus"), token("code", "code"), token("category", "category"),
				token("identifier", "identifier"), date("onset-date", "onsetDateTime", "onsetPeriod"), date("recorded-date", "recordedDate"), ref("encounter", "Encounter", "encounter"),
			}),
			summary: words("identifier", "clinicalStatus", "verificationStatus", "code", "bodySite", "subject", "encounter", "onsetDateTime", "onsetPeriod", "recordedDate", "recorder", "asserter"),
		},
		{
			name: "Appointment", versioned: true, create: true, update: true, remove: true,
			params: []searchParam{
				ref("patient", "Patient", "participant.actor"), ref("actor", "", "participant.actor"), token("status", "status"), token("identifier", "identifier"),
				date("date", "start", "requestedPeriod"), token("service-type", "serviceType"),
			},
			summary: words("identifier", "status", "cancelationReason", "serviceCategory", "serviceType", "specialty", "appointmentType"),
		},
		{
			name: "DeviceRequest", versioned: true, create: true, update: true, remove: true,
			params: join(about("subject"), []searchParam{
				token("status", "status"), token("intent", "intent"), token("code", "codeCodeableConcept"), token("identifier", "identifier"), date("authored-on", "authoredOn"),
				ref("requester", "", "requester"), ref("performer", "", "performer"),
			}),
			summary: words("identifier", "basedOn", "priorRequest", "groupIdentifier", "status", "intent", "priority", "codeReference", "codeCodeableConcept", "subject", "encounter", "authoredOn", "requester", "performerType", "performer"),
		},
	}
}

// otherResources are the person, documents, and where everything comes from.
func otherResources() []resource {
	return []resource{
		{
			name: "Patient", versioned: true,
			doc: "Found by identifier with POST _search only: no number of a person stands in a URL.",
			params: []searchParam{
				token("identifier", "identifier"), token("gender", "gender"), date("birthdate", "birthDate"), date("death-date", "deceasedDateTime"),
			},
			summary: words("identifier", "active", "name", "telecom", "gender", "birthDate", "deceasedBoolean", "deceasedDateTime", "address", "managingOrganization", "link"),
		},
		{
			name: "DocumentReference", versioned: true,
			doc: "The free text of one message.",
			params: join(about("subject"), []searchParam{
				token("status", "status"), token("type", "type"), token("category", "category"), token("identifier", "masterIdentifier", "identifier"), date("date", "date"), ref("author", "", "author"),
			}),
			summary: words("masterIdentifier", "identifier", "status", "docStatus", "type", "category", "subject", "date", "author", "relatesTo", "description", "securityLabel", "content", "context"),
		},
		{
			name: "Provenance", versioned: true,
			doc: "Which message a resource rests on.",
			params: []searchParam{
				ref("target", "", "target"), ref("patient", "Patient", "target"), ref("agent", "", "agent.who", "agent.onBehalfOf"), date("recorded", "recorded"),
				date("when", "occurredDateTime", "occurredPeriod"), ref("entity", "", "entity.what"),
			},
			summary: words("target", "recorded", "entity"),
		},
		{
			name: "AuditEvent",
			doc:  "Who read or wrote what of one person's plan: all of it for the coordinating unit and the patient, its own for every other party.",
			params: []searchParam{
				ref("patient", "Patient", "entity.what"), date("date", "recorded"), token("subtype", "subtype"), token("outcome", "outcome"), ref("agent", "", "agent.who"),
				token("action", "action"), ref("entity", "", "entity.what"),
			},
			summary: words("type", "subtype", "action", "recorded", "outcome", "outcomeDesc", "purposeOfEvent"),
		},
		{
			name: typeSubscription, create: true, update: true, remove: true,
			doc: "The caller's own, to one topic: all plans it takes part in, or those that filters name (CarePlan?_id=, Type?patient=). Channel rest-hook on the machine that is configured for the party; content empty, id-only (default) or full-resource. A subscription is active when a handshake was taken; in error only its subscriber makes it active again, with status requested. Delete turns it off.",
			params: []searchParam{
				token("status", "status"), token("type", "channel.type"), token("payload", "channel.payload"),
				{name: "criteria", kind: kindString, paths: []string{"criteria"}}, {name: "url", kind: kindURI, paths: []string{"channel.endpoint"}},
			},
			summary: words("status", "contact", "end", "reason", "criteria", "error", "channel"),
		},
	}
}
