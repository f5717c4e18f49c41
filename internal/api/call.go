package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

// call is one request on its way through the house.
type call struct {
	api   *api
	w     http.ResponseWriter
	r     *http.Request
	ctx   context.Context
	party samvirke.Party
	// typ, id, vid and tail are what the path names: CarePlan / 1 / _history / 2; tail is _history, _search or an
	// operation with its dollar sign.
	typ, id, vid, tail string
	// query are the parameters of the URL and, for POST _search, of the body.
	query  url.Values
	posted bool
	format format
	// strict: the caller wants to be told of parameters that are not known (Prefer: handling=strict).
	strict bool
	// prefer is what a write answers with: representation (default), minimal or OperationOutcome.
	prefer string
}

// path takes the part of a URL below /fhir/ apart. ok is false for what no route can have.
func (c *call) path(path string) (ok bool) {
	rest, below := strings.CutPrefix(path, "/fhir")
	if !below {
		return false
	}
	rest = strings.Trim(rest, "/")
	if rest == "" {
		return true
	}
	parts := strings.Split(rest, "/")
	special := func(s string) bool { return strings.HasPrefix(s, "_") || strings.HasPrefix(s, "$") }
	if special(parts[0]) || parts[0] == "metadata" {
		c.tail = parts[0]
		return len(parts) == 1
	}
	c.typ, parts = parts[0], parts[1:]
	if len(parts) > 0 && !special(parts[0]) {
		c.id, parts = parts[0], parts[1:]
	}
	if len(parts) > 0 && special(parts[0]) {
		c.tail, parts = parts[0], parts[1:]
	}
	if len(parts) > 0 && c.tail == "_history" && c.id != "" {
		c.vid, parts = parts[0], parts[1:]
	}
	return len(parts) == 0
}

// level is how deep in the tree of resources a request points.
func (c *call) level() string {
	switch {
	case c.typ == "":
		return levelSystem
	case c.id == "":
		return levelType
	case c.vid != "":
		return levelVersion
	}
	return levelInstance
}

// options reads what the caller wishes of the answer: format, and the Prefer header.
//
// Source: FHIR R4, http.html sections 3.1.0.1.11 and 3.1.0.2.
func (c *call) options() error {
	q, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return errParameter
	}
	if len(c.r.URL.RawQuery) > MaxQuery {
		return errQueryLong
	}
	c.query = q
	for _, header := range c.r.Header.Values("Prefer") {
		for _, part := range strings.FieldsFunc(header, func(r rune) bool { return r == ',' || r == ';' }) {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			value = strings.Trim(strings.TrimSpace(value), `"`)
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "handling":
				c.strict = value == "strict"
			case "return":
				c.prefer = value
			}
		}
	}
	f, ok := negotiate(c.r.Header.Values("Accept"), q.Get("_format"), q.Get("_pretty"))
	if !ok {
		return errAccept
	}
	c.format = f
	return nil
}

// base is our FHIR address with a slash at the end.
func (c *call) base() string { return c.api.base(c.r) }

// reply sends a resource in the form wished for.
func (c *call) reply(status int, n *fhir.Node) error {
	body, err := c.format.bytes(n)
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", c.format.contentType())
	c.w.WriteHeader(status)
	_, _ = c.w.Write(body) // nobody to tell when the caller has gone
	return nil
}

// notModified ends a read whose answer the caller has.
func (c *call) notModified() error {
	c.w.WriteHeader(http.StatusNotModified)
	return nil
}

var errFormat = errors.New("the answer could not be written in the format wished for")
