package careplan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

// MaxItems is how many things of one sort (goals, measures, scores of a panel, notes ...) one message
// may state. Unit: items; a real report has a few dozen. Without a bound one message could make
// every later fold of that person slow.
const MaxItems = 1000

func (c *content) largest() int {
	n := max(len(c.To), len(c.Events), len(c.Diagnoses), len(c.Goals), len(c.Measures), len(c.Services), len(c.Panels),
		len(c.Checkups), len(c.Aids), len(c.Contacts), len(c.Notes), len(c.Answers))
	if c.More != nil {
		if s := c.More.Shared; s != nil {
			n = max(n, s.largest())
		}
		if r := c.More.Rights; r != nil {
			n = max(n, r.largest())
		}
		if k := c.More.Course; k != nil {
			n = max(n, k.largest())
		}
		n = max(n, len(c.More.Elements))
	}
	for i := range c.Panels {
		n = max(n, len(c.Panels[i].Scores))
	}
	return n
}

// FromMessage makes the record of one canonical message. b may be nil for a message that could
// not be mapped but whose envelope was read (a bare cancellation, for instance).
//
// Errors are *samvirke.Fault of class Invalid: "no-message", "no-message-id", "no-sender", "no-patient",
// "too-many-statements" (see MaxItems).
// The message is not changed; the record holds nothing of it but strings.
func FromMessage(b *fhir.Bundle, env *samvirke.Envelope, meta Meta) (Record, error) {
	if env == nil {
		return Record{}, refuse("no-message", "the message has no envelope")
	}
	r := Record{
		Key:       Key{Sender: senderOf(env.Sender), MessageID: normalID(env.ID)},
		Chain:     chainOf(env),
		Subject:   env.Patient.Key(),
		Kind:      env.Kind,
		Event:     env.EventAt.UTC(),
		Sent:      env.GeneratedAt.UTC(),
		Receive:   meta.Received.UTC(),
		MessageID: meta.MessageID,
		Mapping:   meta.Mapping,
		Original:  addressed(env), NoForwarding: env.NoForwarding, Seen: meta.Seen, Roles: meta.Roles,
	}
	switch {
	case r.Key.MessageID == "":
		return Record{}, refuse("no-message-id", "the message has no message id")
	case r.Key.Sender == "":
		return Record{}, refuse("no-sender", "the message has no identified sender")
	case r.Subject == "":
		return Record{}, refuse("no-patient", "the message has no patient identifier")
	}
	if len(env.Sender.Levels) > 0 {
		r.SenderName = env.Sender.Levels[0].Name
	}
	x := newExtractor(b, env.Kind)
	c := &content{From: orgOf(env.Sender)}
	for _, a := range env.Receivers {
		if o := orgOf(a); o != nil {
			c.To = append(c.To, *o)
		}
	}
	if b != nil {
		r.Author = x.author()
		r.NoForwarding = r.NoForwarding || x.noForwarding()
		if r.Chain.Op != samvirke.OpCancel { // a cancellation states nothing but that
			x.fill(c)
		}
	}
	if n := c.largest(); n > MaxItems {
		return Record{}, refuse("too-many-statements", "the message states more things of one sort than a plan can hold")
	}
	if meta.Room == nil {
		meta.Room = make([]byte, 0, 2<<10)
	}
	raw := appendContent(meta.Room[:0], c)
	if bytes.Contains(raw, []byte(`\ufffd`)) {
		// Bytes that are no UTF-8 were replaced: what counts is what can be stored.
		var err error
		if c, err = decodeContent(raw); err != nil {
			return Record{}, refuse("no-message", "the message has a value that cannot be kept")
		}
		raw = appendContent(raw[:0], c)
	}
	r.Content, r.facts, r.plain = raw, c, true
	if meta.CancelVersion && r.Chain.Op == samvirke.OpCancel && r.Chain.Parent != "" {
		r.Chain.Op = OpCancelVersion
	}
	r.clean()
	if r.Hash = meta.Checksum; r.Hash == "" {
		if b != nil {
			raw = b.Bytes()
		}
		sum := sha256.Sum256(raw)
		r.Hash = hex.EncodeToString(sum[:])
	}
	return r, nil
}

// clean replaces bytes that are no UTF-8, as storing would.
func (r *Record) clean() {
	op := string(r.Chain.Op)
	for _, s := range []*string{&r.Key.Sender, &r.Key.MessageID, &r.Chain.Conversation, &r.Chain.Parent, &op, &r.Subject, &r.Kind,
		&r.MessageID, &r.SenderName, &r.Author, &r.Mapping} {
		*s = strings.ToValidUTF8(*s, "\ufffd")
	}
	r.Chain.Op = samvirke.Op(op)
	for i := range r.Original {
		r.Original[i] = strings.ToValidUTF8(r.Original[i], "\ufffd")
	}
}

func refuse(code, safe string) error {
	return &samvirke.Fault{Class: samvirke.Invalid, Code: code, Safe: safe}
}

// senderOf is the sending enterprise, or the best other name the sender gives itself.
func senderOf(a samvirke.Address) string {
	if h := a.Enterprise(); h != "" {
		return h
	}
	if h := a.HER(); h != "" {
		return h
	}
	for _, l := range a.Levels {
		for _, id := range l.IDs {
			if id.Value != "" {
				return first(id.Type, id.System) + ":" + id.Value
			}
		}
	}
	return ""
}

func chainOf(env *samvirke.Envelope) Chain {
	c := Chain{Conversation: normalID(env.Conversation), Parent: normalID(env.Parent), Op: env.Op}
	if c.Op == "" {
		c.Op = samvirke.OpNew
	}
	if c.Op == samvirke.OpNew && c.Conversation == "" {
		c.Conversation = normalID(env.ID)
	}
	if c.Conversation == "" {
		c.Conversation = c.Parent
	}
	return c
}

// normalID makes ids comparable: a UUID is the same in capitals, with "urn:uuid:" or without.
// Any other id stays as written.
func normalID(s string) string {
	s = strings.TrimSpace(s)
	t := strings.TrimPrefix(strings.ToLower(s), "urn:uuid:")
	if len(t) == 36 && t[8] == '-' && t[13] == '-' && t[18] == '-' && t[23] == '-' {
		return t
	}
	return s
}

func addressed(env *samvirke.Envelope) []string {
	var out []string
	for _, a := range env.Receivers {
		for _, l := range a.Levels {
			one := samvirke.Address{Levels: []samvirke.AddressLevel{l}}
			if h := one.HER(); h != "" && !contains(out, h) {
				out = append(out, h)
			}
		}
	}
	return out
}

func orgOf(a samvirke.Address) *org {
	o := org{HER: senderOf(a)}
	if o.HER == "" {
		return nil
	}
	if h := a.HER(); h != o.HER {
		o.Inner = h
	}
	if len(a.Levels) > 0 {
		o.Name = a.Levels[0].Name
		o.Person = a.Levels[len(a.Levels)-1].Kind == "person"
	}
	return &o
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func first(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}
