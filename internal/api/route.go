package api

import (
	"net/http"
	"slices"
	"strings"
)

// Levels of a route.
const (
	levelSystem   = "system"
	levelType     = "type"
	levelInstance = "instance"
	levelVersion  = "version"
)

// route is one interaction. The CapabilityStatement is written from the same table.
type route struct {
	method, level, tail string
	// types are the resources that have it; nil: those for which the resource table says so.
	types []string
	// code is the interaction's code in the CapabilityStatement (value sets type- and system-restful-interaction);
	// "" for operations and what has no code.
	code string
	// operation is the canonical URL of an operation's definition.
	operation string
	// open needs no party.
	open bool
	// wants is asked of the resource's row when types is nil.
	wants func(*resource) bool
	run   func(*call) error
}

// name is what the metrics call it.
func (r *route) name() string {
	switch {
	case r.code != "" && r.level != levelSystem:
		return r.code
	case r.tail != "":
		return strings.TrimLeft(r.tail, "$_")
	case r.code != "":
		return r.code
	}
	return "other"
}

// has tells whether the route exists for a type.
func (r *route) has(a *api, typ string) bool {
	if r.level == levelSystem {
		return true
	}
	if r.types != nil {
		return slices.Contains(r.types, typ)
	}
	row := a.resources[typ]
	return row != nil && (r.wants == nil || r.wants(row))
}

// routes lists every interaction of this server.
func routes(writes, subscriptions bool) []route {
	operation := operationBase
	list := []route{
		{method: "GET", level: levelSystem, tail: "metadata", open: true, run: (*call).metadata},
		{method: "GET", level: levelInstance, code: "read", run: (*call).read},
		{method: "GET", level: levelVersion, tail: "_history", code: "vread", run: (*call).vread, wants: versioned},
		{method: "GET", level: levelInstance, tail: "_history", code: "history-instance", run: (*call).history, wants: versioned},
		{method: "GET", level: levelType, tail: "_history", code: "history-type", run: (*call).historyType, wants: versioned},
		{method: "GET", level: levelType, code: "search-type", run: (*call).search, wants: searched},
		{method: "POST", level: levelType, tail: "_search", code: "search-type", run: (*call).search, wants: searched},
		{method: "GET", level: levelInstance, tail: "$everything", types: []string{"CarePlan"}, operation: operation + "CarePlan-everything", run: (*call).everything},
		{method: "GET", level: levelInstance, tail: "$everything", types: []string{"Patient"}, operation: "http://hl7.org/fhir/OperationDefinition/Patient-everything", run: (*call).everything},
		{method: "POST", level: levelType, tail: "$validate", operation: "http://hl7.org/fhir/OperationDefinition/Resource-validate", run: (*call).validate, wants: creatable},
	}
	if subscriptions {
		list = append(subscriptionRoutes(writes), list...)
	}
	if !writes {
		return list
	}
	return append(list,
		route{method: "POST", level: levelType, code: "create", run: (*call).create, wants: creatable},
		route{method: "PUT", level: levelInstance, code: "update", run: (*call).update, wants: updatable},
		route{method: "DELETE", level: levelInstance, code: "delete", run: (*call).remove, wants: deletable},
		route{method: "POST", level: levelSystem, code: "transaction", run: (*call).bundle},
	)
}

func versioned(r *resource) bool { return r.versioned }
func searched(r *resource) bool  { return len(r.params) > 0 }
func creatable(r *resource) bool { return r.create }
func updatable(r *resource) bool { return r.update }
func deletable(r *resource) bool { return r.remove }

// Methods are those that the handler answers, with a refusal where a path does not have one.
func Methods() []string {
	return []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
}

// find gives the route of a request, after who calls is known. A path that no route has is not found, for
// everybody alike; one that exists with other methods only is told as that.
func (a *api) find(c *call, known bool) (*route, error) {
	method := c.r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	var there *route
	for i := range a.routes {
		r := &a.routes[i]
		if !known || r.level != c.level() || r.tail != c.tail || !r.has(a, c.typ) {
			continue
		}
		if r.method == method {
			if !r.open {
				return r, a.identify(c)
			}
			return r, nil
		}
		there = r
	}
	if there == nil {
		return nil, errNotFound
	}
	if !there.open {
		if err := a.identify(c); err != nil {
			return there, err
		}
	}
	return there, errMethod
}

// allowed lists the methods that a path has.
func (a *api) allowed(c *call) string {
	var list []string
	for i := range a.routes {
		if r := &a.routes[i]; r.level == c.level() && r.tail == c.tail && r.has(a, c.typ) && !slices.Contains(list, r.method) {
			list = append(list, r.method)
			if r.method == http.MethodGet {
				list = append(list, http.MethodHead)
			}
		}
	}
	return strings.Join(list, ", ")
}
