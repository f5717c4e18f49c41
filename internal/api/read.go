package api

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/samvirke/samvirke/fhir"
)

// weak writes a version as ETag.
func weak(version string) string { return `W/"` + version + `"` }

// read answers GET type/id.
func (c *call) read() error {
	if c.typ == "AuditEvent" {
		return c.readAudit()
	}
	shape, err := c.shape()
	if err != nil {
		return err
	}
	ch, err := c.open(planIn(c.id))
	if err != nil {
		return err
	}
	it := ch.find(c.typ + "/" + c.id)
	if it == nil {
		return c.withdrawn(ch)
	}
	c.api.stamp(ch, it)
	if err := c.seen(ch, "read-plan"); err != nil {
		return err
	}
	if c.unchanged(it.version, it.updated) {
		return c.notModified()
	}
	return c.reply(http.StatusOK, shape.apply(it.Resource))
}

// seen audits a read of one plan.
func (c *call) seen(ch *chart, action string) error {
	return c.api.audit(c.ctx, c.party.ID, action, c.typ+"/"+c.id, ch.patient)
}

// withdrawn answers for what is not there now: gone when this party could see it once, else not found.
func (c *call) withdrawn(ch *chart) error {
	list := c.api.timeline(ch).versions[c.typ+"/"+c.id]
	if err := c.seen(ch, "read-plan"); err != nil {
		return err
	}
	if len(list) == 0 || list[len(list)-1].id != "" {
		return errNotFound
	}
	_, outcome := answerOf(errGone)
	return &outcomeError{status: http.StatusGone, outcome: outcome, tag: weak(gone(list[len(list)-1].at))}
}

// gone is the version id of a withdrawal.
func gone(at time.Time) string { return "withdrawn-" + at.UTC().Format("20060102150405.000") }

// unchanged sets ETag and Last-Modified and tells whether the caller has this version.
//
// Source: RFC 9110 section 13.2.2: If-Modified-Since counts only without If-None-Match.
func (c *call) unchanged(version string, updated time.Time) bool {
	h := c.w.Header()
	h.Set("ETag", weak(version))
	h.Set("Last-Modified", updated.UTC().Format(http.TimeFormat))
	if tags := c.r.Header.Values("If-None-Match"); len(tags) > 0 {
		return matches(tags, version)
	}
	since, err := http.ParseTime(c.r.Header.Get("If-Modified-Since"))
	return err == nil && !updated.Truncate(time.Second).After(since)
}

// matches tells whether a list of entity tags names a version.
func matches(headers []string, version string) bool {
	for _, header := range headers {
		for _, tag := range strings.Split(header, ",") {
			if tag = strings.TrimSpace(tag); tag == "*" || tag == weak(version) || tag == `"`+version+`"` {
				return true
			}
		}
	}
	return false
}

// vread answers GET type/id/_history/version.
func (c *call) vread() error {
	shape, err := c.shape()
	if err != nil {
		return err
	}
	ch, err := c.open(planIn(c.id))
	if err != nil {
		return err
	}
	if err := c.seen(ch, "read-plan"); err != nil {
		return err
	}
	ref := c.typ + "/" + c.id
	list := c.api.timeline(ch).versions[ref]
	for _, v := range slices.Backward(list) {
		if v.id == "" && gone(v.at) == c.vid {
			_, outcome := answerOf(errGone)
			return &outcomeError{status: http.StatusGone, outcome: outcome}
		}
		if v.id == c.vid && v.id != "" {
			n := c.api.past(ch, ref, v)
			if n == nil {
				break
			}
			if c.unchanged(v.id, v.at) {
				return c.notModified()
			}
			return c.reply(http.StatusOK, shape.apply(n))
		}
	}
	return errNotFound
}

// past gives a resource as it stood in one of its versions.
func (a *api) past(ch *chart, ref string, v version) *fhir.Node {
	items := a.export(a.at(ch, v.at), ch.plan)
	for i := range items {
		if items[i].Ref() == ref && items[i].digest == v.digest {
			setMeta(items[i].Resource, v.id, v.at)
			return items[i].Resource
		}
	}
	if it := ch.find(ref); it != nil {
		if a.stamp(ch, it); it.version == v.id {
			return it.Resource
		}
	}
	return nil
}

// history answers GET type/id/_history: newest first, with paging by _count and _cursor, and _since and _at.
func (c *call) history() error {
	shape, err := c.shape()
	if err != nil {
		return err
	}
	window, err := c.historyWindow()
	if err != nil {
		return err
	}
	ch, err := c.open(planIn(c.id))
	if err != nil {
		return err
	}
	if err := c.seen(ch, "read-plan"); err != nil {
		return err
	}
	ref := c.typ + "/" + c.id
	list := slices.Clone(c.api.timeline(ch).versions[ref])
	if len(list) == 0 {
		return errNotFound
	}
	entries := fhir.NewArray()
	total, skipped, next := 0, 0, false
	for i, v := range slices.Backward(list) {
		if v.at.Before(window.since) {
			break
		}
		if total++; skipped < window.skip {
			skipped++
			continue
		}
		if len(entries.Items()) == window.count {
			next = true
			continue
		}
		if e := c.historyEntry(ch, ref, v, i == 0 || list[i-1].id == "", shape); e != nil {
			entries.Add(e)
		}
	}
	links := fhir.NewArray(fhir.NewObject("relation", "self", "url", c.base()+ref+"/_history"+window.query(window.skip)))
	if next {
		links.Add(fhir.NewObject("relation", "next", "url", c.base()+ref+"/_history"+window.query(window.skip+window.count)))
	}
	return c.reply(http.StatusOK, bundleOf("history", total, links, entries))
}

// historyEntry is one version; created tells whether the resource was not there before.
func (c *call) historyEntry(ch *chart, ref string, v version, created bool, shape shape) *fhir.Node {
	e := fhir.NewObject("fullUrl", c.base()+ref)
	if v.id == "" {
		e.Set("request", fhir.NewObject("method", "DELETE", "url", ref))
		e.Set("response", fhir.NewObject("status", "204", "etag", weak(gone(v.at)), "lastModified", fhir.Instant(v.at.UTC().Truncate(time.Millisecond))))
		return e
	}
	n := c.api.past(ch, ref, v)
	if n == nil {
		return nil
	}
	e.Set("resource", shape.apply(n))
	method, url, status := "PUT", ref, "200"
	if created {
		method, url, status = "POST", c.typ, "201"
	}
	e.Set("request", fhir.NewObject("method", method, "url", url))
	e.Set("response", fhir.NewObject("status", status, "etag", weak(v.id), "lastModified", fhir.Instant(v.at.UTC().Truncate(time.Millisecond))))
	return e
}

// bundleOf makes a Bundle; a total below zero is not told, no entries are left out.
func bundleOf(typ string, total int, links, entries *fhir.Node) *fhir.Node {
	b := fhir.NewObject("resourceType", "Bundle", "type", typ)
	if total >= 0 {
		b.Set("total", fhir.Number(itoa(total)))
	}
	if links != nil && len(links.Items()) > 0 {
		b.Set("link", links)
	}
	if len(entries.Items()) > 0 {
		b.Set("entry", entries)
	}
	return b
}

// everything answers $everything on a Patient or a CarePlan: all that belongs to the plan.
func (c *call) everything() error {
	shape, err := c.shape()
	if err != nil {
		return err
	}
	if len(c.id) != idLength {
		return errNotFound // the master plan and the person only
	}
	ch, err := c.open(planIn(c.id))
	if err != nil {
		return err
	}
	if err := c.seen(ch, "read-plan"); err != nil {
		return err
	}
	it := ch.find(c.typ + "/" + c.id)
	if it == nil {
		return errNotFound
	}
	entries := fhir.NewArray()
	sum := ""
	for i := range ch.items {
		e := &ch.items[i]
		c.api.stamp(ch, e)
		sum += e.Ref() + e.version
		mode := "include"
		if e == it {
			mode = "match"
		}
		entries.Add(fhir.NewObject("fullUrl", c.base()+e.Ref(), "resource", shape.apply(e.Resource), "search", fhir.NewObject("mode", mode)))
	}
	if c.unchanged(short(sum), c.api.timeline(ch).latest()) {
		return c.notModified()
	}
	links := fhir.NewArray(fhir.NewObject("relation", "self", "url", c.base()+c.typ+"/"+c.id+"/$everything"))
	return c.reply(http.StatusOK, bundleOf("searchset", 1, links, entries))
}
