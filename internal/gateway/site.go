package gateway

import (
	"bytes"
	"slices"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/route"
	"github.com/samvirke/samvirke/mapping"
)

// readSite brings a message to the standard's meaning where its sender is known to differ.
func (g *Gateway) readSite(party string, p *mapping.Parsed) {
	l := g.parties[party]
	if l == nil || p == nil || p.Bundle == nil || l.Site.IsZero() {
		return
	}
	p.Notes = append(p.Notes, l.Site.Incoming(p.Bundle)...)
	if l.Site.InvertEstimates { // what the format finds odd in an estimate is odd in the standard's reading only
		p.Warnings = slices.DeleteFunc(p.Warnings, func(f *samvirke.Fault) bool { return f.Code == "estimate" })
	}
}

// signed tells whether a message bears a signature of its own: such bytes are passed on or not, never
// written anew.
func signed(raw []byte) bool {
	return bytes.Contains(raw, []byte("http://www.w3.org/2000/09/xmldsig#"))
}

// passedOn tells whether a receiver gets the very bytes that came: it is addressed by them, reads their format
// and version, and neither the sender nor the receiver differs from the standard in what they say.
func (g *Gateway) passedOn(m *samvirke.Message, p *mapping.Parsed, c route.Choice, written bool) bool {
	env := &p.Envelope
	if c.Format != env.Format || c.Version != "" && c.Version != env.Version || c.Addressee < 0 {
		return false
	}
	return !written && !mapping.Adjusted(p.Notes) || signed(m.Raw)
}
