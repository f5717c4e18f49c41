package fhir

import (
	"crypto/sha1"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
)

// Coding is a code with its system.
type Coding struct {
	System, Code, Display string
}

// Node writes a FHIR Coding; nil for an empty one.
func (c Coding) Node() *Node {
	if c == (Coding{}) {
		return nil
	}
	return NewObject("system", c.System, "code", c.Code, "display", c.Display)
}

// CodingOf reads a FHIR Coding.
func CodingOf(n *Node) Coding {
	return Coding{System: n.Get("system").Text(), Code: n.Get("code").Text(), Display: n.Get("display").Text()}
}

// Response says which message a message answers.
//
// Source: FHIR R4, MessageHeader.response.code (value set response-code).
type Response struct {
	// Identifier is the id of the message answered, without "urn:uuid:".
	Identifier string
	// Code is ok, transient-error or fatal-error.
	Code string
	// Details is the reference to an OperationOutcome; "" when there is none.
	Details string
}

// Header is what the head of a message (Bundle and MessageHeader) says.
type Header struct {
	// ID is Bundle.identifier without "urn:uuid:", or MessageHeader.id when the Bundle has none.
	ID string
	// Timestamp is Bundle.timestamp as time, and TimestampRaw as written.
	Timestamp    time.Time
	TimestampRaw string
	Event        Coding // eventUri reads as a Coding with only System
	// Op, Parent, Conversation, Version and PlanVersion come from our extensions.
	Op, Parent, Conversation, Version, PlanVersion string
	OpDisplay                                      string
	// SourceName, SourceSoftware and SourceEndpoint are MessageHeader.source.
	SourceName, SourceSoftware, SourceEndpoint string
	Sender                                     samvirke.Address
	// Receivers are the destinations with what is known about their receiver.
	Receivers []samvirke.Address
	Focus     []string
	Response  *Response
}

// HeaderOf reads the head of a message. ok is false when the Bundle has no MessageHeader at all.
func HeaderOf(b *Bundle) (h Header, ok bool) {
	m := b.First("MessageHeader")
	if m == nil {
		return h, false
	}
	h.ID = MessageID(b)
	h.TimestampRaw = b.Root.Get("timestamp").Text()
	h.Timestamp, _ = time.Parse(time.RFC3339Nano, h.TimestampRaw)
	h.Event = CodingOf(m.Get("eventCoding"))
	if uri := m.Get("eventUri").Text(); uri != "" {
		h.Event = Coding{System: uri}
	}
	op := m.Extension(ExtOp).Get("valueCoding")
	h.Op, h.OpDisplay = op.Get("code").Text(), op.Get("display").Text()
	h.Parent = m.Extension(ExtParent).Get("valueString").Text()
	h.Conversation = m.Extension(ExtConversation).Get("valueString").Text()
	h.Version = m.Extension(ExtMessageVersion).Get("valueString").Text()
	h.PlanVersion = m.Extension(ExtPlanVersion).Get("valueString").Text()
	src := m.Get("source")
	h.SourceName, h.SourceSoftware, h.SourceEndpoint = src.Get("name").Text(), src.Get("software").Text(), src.Get("endpoint").Text()
	h.Sender = AddressOf(b, m.Get("sender"))
	if len(h.Sender.Levels) == 0 {
		h.Sender = AddressOf(b, m.Get("responsible"))
	}
	if len(h.Sender.Levels) == 0 {
		h.Sender = addressOfEndpoint(h.SourceName, h.SourceEndpoint)
	}
	for i, d := range m.Get("destination").Items() {
		a := AddressOf(b, d.Get("receiver"))
		if len(a.Levels) == 0 {
			a = addressOfEndpoint(d.Get("name").Text(), d.Get("endpoint").Text())
		}
		a.Role = "copy"
		if i == 0 {
			a.Role = "primary"
		}
		h.Receivers = append(h.Receivers, a)
	}
	for _, f := range m.Get("focus").Items() {
		h.Focus = append(h.Focus, f.Get("reference").Text())
	}
	if r := m.Get("response"); r != nil {
		h.Response = &Response{
			Identifier: strings.TrimPrefix(r.Get("identifier").Text(), "urn:uuid:"),
			Code:       r.Get("code").Text(),
			Details:    r.At("details.reference").Text(),
		}
	}
	return h, true
}

// addressOfEndpoint is what a bare source or destination tells: its name, and the HER-id when the
// endpoint is one that Endpoint writes.
func addressOfEndpoint(name, endpoint string) samvirke.Address {
	l := samvirke.AddressLevel{Kind: "organisation", Name: name}
	if her, ok := strings.CutPrefix(endpoint, SystemHER+"."); ok && Check(TypeHER, her) == nil {
		l.IDs = []samvirke.Identifier{NewIdentifier(TypeHER, her)}
	}
	if l.Name == "" && l.IDs == nil {
		return samvirke.Address{}
	}
	return samvirke.Address{Levels: []samvirke.AddressLevel{l}}
}

// MessageID gives the id of a message: Bundle.identifier without "urn:uuid:", or MessageHeader.id.
func MessageID(b *Bundle) string {
	if id := strings.TrimPrefix(b.Root.At("identifier.value").Text(), "urn:uuid:"); id != "" {
		return id
	}
	return b.First("MessageHeader").Get("id").Text()
}

// EntryURL gives the fullUrl of the entry at a position (0 = MessageHeader) of a message: the same
// message id and position give the same URL, so that the same message gives the same bytes.
//
// Source: RFC 4122 section 4.3, name-based UUID with SHA-1.
func EntryURL(messageID string, position int) string {
	return "urn:uuid:" + NameUUID(messageID+"/"+strconv.Itoa(position))
}

// NameUUID gives the name-based UUID (version 5) of a name, in a name space of our own.
func NameUUID(name string) string {
	sum := sha1.Sum([]byte(ExtBase + name))
	u := sum[:16]
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	s := hex.EncodeToString(u)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// IsUUID tells whether s is a UUID as text, in either case.
func IsUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i] | 0x20
		switch i {
		case 8, 13, 18, 23:
			if s[i] != '-' {
				return false
			}
		default:
			if !(s[i] >= '0' && s[i] <= '9' || c >= 'a' && c <= 'f') {
				return false
			}
		}
	}
	return true
}

// MessageIdentifier is Bundle.identifier of a message with this id: a UUID as URI, any other text
// under a system of ours.
func MessageIdentifier(id string) *Node {
	if IsUUID(id) {
		return NewObject("system", SystemURI, "value", "urn:uuid:"+id)
	}
	return NewObject("system", ExtBase+"message-id", "value", id)
}
