package api

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/samvirke/samvirke/fhir"
)

// MaxHistoryPlans bounds the plans that one history of a type looks at: each is folded at every point of its past.
// Unit: plans.
const MaxHistoryPlans = 200

var errLongHistory = invalid("too-costly", "this history leads through more plans than one request looks at; narrow it with _since, or ask for fewer entries")

// moment is one version of one resource in the history of a type.
type moment struct {
	ch      *chart
	ref     string
	v       version
	created bool
}

// historyType answers GET type/_history: the versions of all resources of a type that the caller may see, newest first,
// by the same charts as every read. Plans are looked at in the order in which they last changed, only as far as the page
// needs; so there is no total.
//
// Source: FHIR R4, http.html section 3.1.0.13.
func (c *call) historyType() error {
	shape, err := c.shape()
	if err != nil {
		return err
	}
	window, err := c.historyWindow()
	if err != nil {
		return err
	}
	select {
	case c.api.wide <- struct{}{}:
		defer func() { <-c.api.wide }()
	default:
		return errBusy
	}
	found, err := c.moments(window)
	if err != nil {
		return err
	}
	page := found[min(window.skip, len(found)):]
	next := len(page) > window.count
	page = page[:min(window.count, len(page))]
	var patients []string
	for _, m := range page {
		if !slices.Contains(patients, m.ch.patient) {
			patients = append(patients, m.ch.patient)
		}
	}
	if err := c.api.auditAll(c.ctx, c.party.ID, "history-plan", c.typ, patients); err != nil {
		return err
	}
	entries := fhir.NewArray()
	for _, m := range page {
		if e := c.historyEntry(m.ch, m.ref, m.v, m.created, shape); e != nil {
			entries.Add(e)
		}
	}
	links := fhir.NewArray(fhir.NewObject("relation", "self", "url", c.base()+c.typ+"/_history"+window.query(window.skip)))
	if next && window.count > 0 {
		links.Add(fhir.NewObject("relation", "next", "url", c.base()+c.typ+"/_history"+window.query(window.skip+window.count)))
	}
	return c.reply(http.StatusOK, bundleOf("history", -1, links, entries))
}

// moments gives the newest versions, at least as many as the window asks for and one more where there are.
func (c *call) moments(w window) ([]moment, error) {
	list, err := c.api.o.Store.Patients(c.ctx, MaxPatients)
	if err != nil {
		return nil, err
	}
	wanted := w.skip + w.count + 1
	var out []moment
	looked := 0
	for _, p := range list {
		if err := c.ctx.Err(); err != nil {
			return nil, err
		}
		// A plan has no version that is newer than its last change: what comes after it cannot stand before this page's end.
		if p.At.Before(w.since) || len(out) >= wanted && out[wanted-1].v.at.After(p.At) {
			break
		}
		if looked++; looked > MaxHistoryPlans {
			return nil, errLongHistory
		}
		ch, err := c.chart(c.api.o.PlanID(p.Patient), p.Patient)
		if errors.Is(err, errForbidden) || errors.Is(err, errNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if ch.view.Patient != p.Patient && len(list) > 1 {
			continue // another identifier of a person whose plan stands in the list under its first one
		}
		out = append(out, c.momentsOf(ch, w.since)...)
		slices.SortStableFunc(out, func(a, b moment) int {
			return cmp.Or(b.v.at.Compare(a.v.at), strings.Compare(a.ref, b.ref))
		})
	}
	return out, nil
}

// momentsOf lists the versions in one plan, of each resource the newest first.
func (c *call) momentsOf(ch *chart, since time.Time) []moment {
	var out []moment
	for ref, list := range c.api.timeline(ch).versions {
		if !strings.HasPrefix(ref, c.typ+"/") {
			continue
		}
		for i, v := range slices.Backward(list) {
			if v.at.Before(since) {
				break
			}
			out = append(out, moment{ch, ref, v, i == 0 || list[i-1].id == ""})
		}
	}
	return out
}
