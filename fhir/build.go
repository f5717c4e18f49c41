package fhir

import (
	"time"

	"github.com/samvirke/samvirke"
)

// Message builds a Bundle of type message. Entry URLs follow from the message id and the order of
// adding, so that the same calls give the same bytes.
//
//	m := NewMessage(id, at, Coding{System: SystemNativeMessage, Code: "assessment"})
//	m.From(sender); m.To(receiver)
//	m.Focus(m.Add(observation))
//	b := m.Bundle()
type Message struct {
	id        string
	root      *Node
	header    *Node
	entries   *Node
	addresses map[string]string
}

// NewMessage starts a message. id is the message id (a UUID, or what the source format has); at is
// the time of generation, written with its own zone offset.
func NewMessage(id string, at time.Time, event Coding) *Message {
	m := &Message{id: id, entries: NewArray(), addresses: map[string]string{}}
	m.header = NewObject("resourceType", "MessageHeader", "eventCoding", event.Node())
	m.root = NewObject("resourceType", "Bundle", "identifier", MessageIdentifier(id), "type", "message")
	if !at.IsZero() {
		m.root.SetText("timestamp", Instant(at))
	}
	m.Add(m.header)
	return m
}

// Instant writes a time as FHIR instant, with milliseconds only when there are any.
func Instant(at time.Time) string { return at.Format("2006-01-02T15:04:05.999Z07:00") }

// Header is the MessageHeader, for what has no method here.
func (m *Message) Header() *Node { return m.header }

// Add adds a resource and returns its fullUrl.
func (m *Message) Add(resource *Node) string {
	url := EntryURL(m.id, len(m.entries.items()))
	m.entries.Add(NewObject("fullUrl", url, "resource", resource))
	return url
}

// From sets the sender, and source.endpoint (which R4 demands) when no Source was given.
func (m *Message) From(a samvirke.Address) {
	if ref := m.AddAddress(a); ref != nil {
		m.header.Set("sender", ref)
	}
	if m.header.Get("source") == nil {
		m.header.Set("source", NewObject("name", innerName(a), "endpoint", Endpoint(a)))
	}
}

// Source sets MessageHeader.source.
func (m *Message) Source(name, software, endpoint string) {
	m.header.Set("source", NewObject("name", name, "software", software, "endpoint", endpoint))
}

// To adds a receiver; the first one is the primary.
func (m *Message) To(a samvirke.Address) {
	d := NewObject("name", innerName(a), "endpoint", Endpoint(a))
	if ref := m.AddAddress(a); ref != nil {
		d.Set("receiver", ref)
	}
	m.header.Append("destination", d)
}

// Endpoint is a stable address for parties that are known by HER-id and not by URL.
func Endpoint(a samvirke.Address) string {
	if her := a.HER(); her != "" {
		return SystemHER + "." + her
	}
	return "urn:uuid:" + NameUUID("unknown endpoint")
}

func innerName(a samvirke.Address) string {
	if len(a.Levels) == 0 {
		return ""
	}
	return a.Levels[len(a.Levels)-1].Name
}

// Focus adds what the message is about.
func (m *Message) Focus(url string) { m.header.Append("focus", NewObject("reference", url)) }

// Chain sets what the message does to its conversation; empty parts are left out.
func (m *Message) Chain(op samvirke.Op, parent, conversation string) {
	if op != "" {
		m.header.Append("extension", NewObject("url", ExtOp, "valueCoding", Coding{System: SystemOp, Code: string(op)}.Node()))
	}
	for _, e := range [][2]string{{ExtParent, parent}, {ExtConversation, conversation}} {
		if e[1] != "" {
			m.header.Append("extension", NewObject("url", e[0], "valueString", e[1]))
		}
	}
}

// Answer sets which message this one answers.
func (m *Message) Answer(r Response) {
	// The element is of type id: a bare UUID fits, "urn:uuid:" does not.
	n := NewObject("identifier", r.Identifier, "code", r.Code)
	if r.Details != "" {
		n.Set("details", NewObject("reference", r.Details))
	}
	m.header.Set("response", n)
}

// Bundle ends the building.
func (m *Message) Bundle() *Bundle {
	m.root.Set("entry", m.entries)
	b, err := BundleOf(m.root)
	if err != nil {
		panic("fhir: message without resource type: " + err.Error()) // a programmer's mistake, never input
	}
	return b
}
