package kith

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/mapping"
)

// kindReceipt is the message type of an application receipt.
const kindReceipt = "APPREC"

// appRecNamespace gives namespace and MIGversion of a receipt version; ok is false for an unknown one.
func appRecNamespace(version string) (ns, mig string, ok bool) {
	switch version {
	case "1.0":
		return "http://www.kith.no/xmlstds/apprec/2004-11-21", "1.0 2004-11-21", true
	case "1.1":
		return "http://www.kith.no/xmlstds/apprec/2012-02-15", "v1.1 2012-02-15", true
	}
	return "", "", false
}

// AppRecVersion gives the version of the receipt that the standard of a message asks for. A message
// whose version could not be read gets the newer one.
//
// Source: standards/no README section 7.3, rule 9.
func AppRecVersion(kind, version string) string {
	old := false
	switch {
	case kind == "E" || kind == "H":
		old = true
	case kind == "EPIKRISE":
		old = version == "1.0" || version == "1.1"
	case strings.HasPrefix(kind, "DIALOG_") || kind == kindExtract || kind == "HENVISNING":
		old = version == "1.0"
	default:
		old = version == "1.5"
	}
	if old {
		return "1.0"
	}
	return "1.1"
}

// renderAppRec writes the receipt that a receiver of a message gives to its sender. Sender and
// receiver stand in it as they stood in the message, with all levels and identifiers.
func (f *Format) renderAppRec(env *samvirke.Envelope, receiver int, c samvirke.ReceiptContent, t mapping.Target) (*mapping.Rendered, error) {
	version := t.Version
	if version == "" {
		version = AppRecVersion(env.Kind, env.Version)
	}
	if err := checkReceipt(env, receiver, c, version, t); err != nil {
		return nil, err
	}
	ns, mig, _ := appRecNamespace(version)
	to := env.Receivers[receiver]
	fromRole, toRole := receiptRoles(version, env.Kind, to.Role == "copy")
	out := &mapping.Rendered{ContentType: ContentType, ExternalID: t.NewID, Kind: kindReceipt, Version: version}

	issued, note := issueDate(env, c, t.Now)
	if note != nil {
		out.Notes = append(out.Notes, *note)
	}
	hcp := withoutHeader(env.Kind)
	var room [renderRoom]byte // stays on the stack
	w := xmlText(room[:0]).
		raw(`<?xml version="1.0" encoding="UTF-8"?>`+"\n"+`<AppRec xmlns="`).raw(ns).raw(`">`).
		code("MsgType", kindReceipt, "Applikasjonskvittering").
		leaf("MIGversion", mig).
		leaf("GenDate", norwegianTime(t.Now)).
		leaf("Id", t.NewID).
		open("Sender").code("Role", fromRole[0], fromRole[1]).hcp(to, hcp).close("Sender").
		open("Receiver").code("Role", toRole[0], toRole[1]).hcp(env.Sender, hcp).close("Receiver").
		code("Status", string(c.Status), receiptStatusDisplay(string(c.Status)))
	for _, e := range c.Errors {
		w = w.receiptError(e)
	}
	original, _ := typeCode(kindOf(first(c.OriginalKind, env.Kind)), env.Version)
	w = w.open("OriginalMsgId").
		code("MsgType", original, env.KindDisplay).
		leaf("IssueDate", issued).
		leaf("Id", first(c.OriginalID, env.ID)).
		close("OriginalMsgId").close("AppRec")
	out.Body = append(make([]byte, 0, len(w)), w...) // it lives until it is delivered: not a byte too many
	return out, nil
}

// withoutHeader tells the kinds of the generation whose addresses are HCPs already, so that a receipt repeats
// them as they stand.
//
// Source: standards/no README section 1.
func withoutHeader(kind string) bool {
	switch kind {
	case "EPIKRISE", "E", "HENVISNING", "H":
		return true
	}
	return false
}

// checkReceipt refuses what must not be sent: a receipt for a receipt, one that nobody can be addressed
// with, an error on a positive one or none on a negative one.
func checkReceipt(env *samvirke.Envelope, receiver int, c samvirke.ReceiptContent, version string, t mapping.Target) error {
	fault := func(class samvirke.Class, code, text string) error {
		return &samvirke.Fault{Class: class, Code: code, Safe: text}
	}
	if env.Receipt != nil || env.Kind == kindReceipt {
		return fault(samvirke.Permanent, "receipt-for-receipt", "an application receipt is not answered with one")
	}
	if _, _, ok := appRecNamespace(version); !ok {
		return fault(samvirke.Internal, "receipt-version", "there is no application receipt of this version")
	}
	if receiver < 0 || receiver >= len(env.Receivers) {
		return fault(samvirke.Permanent, "no-receiver", "the message names no such receiver")
	}
	if !identified(env.Sender) {
		return fault(samvirke.Permanent, "no-sender", "the message names no sender that a receipt could be addressed to")
	}
	if t.NewID == "" || t.Now.IsZero() {
		return fault(samvirke.Internal, "receipt-target", "a receipt needs an id and a time of its own")
	}
	switch c.Status {
	case samvirke.ReceiptOK:
		if len(c.Errors) > 0 {
			return fault(samvirke.Internal, "receipt-content", "a positive receipt carries no errors")
		}
	case samvirke.ReceiptRejected, samvirke.ReceiptPartial:
		if len(c.Errors) == 0 {
			return fault(samvirke.Internal, "receipt-content", "a negative receipt must name an error")
		}
	default:
		return fault(samvirke.Internal, "receipt-content", "unknown receipt status")
	}
	return nil
}

func identified(a samvirke.Address) bool {
	for _, l := range a.Levels {
		for _, id := range l.IDs {
			if strings.TrimSpace(id.Value) != "" {
				return true
			}
		}
	}
	return false
}

// issueDate repeats GenDate as written where it is a dateTime, which the receipt demands. The HCP generation
// also allows a date or a time without seconds there: those are completed, with a note.
func issueDate(env *samvirke.Envelope, c samvirke.ReceiptContent, now time.Time) (string, *mapping.Note) {
	raw := strings.TrimSpace(first(c.OriginalIssued, env.GeneratedRaw))
	if date, clock, ok := strings.Cut(raw, "T"); ok && len(date) == 10 && isDate(date) {
		if hms, zone := splitZone(clock); (isClock(hms) || endOfDay(hms)) && (zone == "" || isZone(zone)) {
			return raw, nil
		}
	}
	note := &mapping.Note{Path: "AppRec/OriginalMsgId/IssueDate", Code: "derived", Text: "the message's time is no complete date and time"}
	at, ok := timeOf(raw)
	if !ok {
		at = env.GeneratedAt
	}
	if at.IsZero() {
		at = now
		note.Text = "the message has no readable time; the time of the receipt stands instead"
	}
	return norwegianTime(at), note
}

// norwegianTime writes a time as the standard's messages do: Norwegian local time without zone, but with
// the offset in the hour that autumn has twice.
func norwegianTime(at time.Time) string {
	const layout, day = "2006-01-02T15:04:05", len(time.DateOnly)
	var room [len(layout) + len("+01:00")]byte // stays on the stack
	winter := at.UTC().Add(time.Hour)
	text := winter.Add(time.Hour).AppendFormat(room[:0], layout)
	if len(text) != len(layout) || osloOffset(string(text[:day]), string(text[day+1:])) != "+02:00" {
		text = winter.AppendFormat(room[:0], layout)
	}
	if len(text) != len(layout) || !twice(string(text[:day]), string(text[day+1:])) {
		return string(text)
	}
	if at.UTC().Hour() == 0 { // 02 local is 00 UTC before the clock is set back, 01 UTC after it
		return string(append(text, "+02:00"...))
	}
	return string(append(text, "+01:00"...))
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// renderRoom is what a receipt is written into before its size is known; a larger one grows. Unit: bytes.
const renderRoom = 4 << 10

// xmlText is XML that grows without a tree: a receipt is made for every message. Its methods append
// and give the longer text, so that what is appended to can stay on the stack of the caller.
type xmlText []byte

func (w xmlText) raw(s string) xmlText { return append(w, s...) }

func (w xmlText) open(tag string) xmlText { return append(append(append(w, '<'), tag...), '>') }

func (w xmlText) close(tag string) xmlText { return append(append(append(w, '<', '/'), tag...), '>') }

// text writes character data or the value of an attribute, with the very bytes of xml.EscapeText.
func (w xmlText) text(s string) xmlText {
	done := 0
	for i := 0; i < len(s); {
		c, width := s[i], 1
		if c > '>' && c < utf8.RuneSelf || c >= '(' && c < '<' || c == ' ' {
			i++ // nearly all there is
			continue
		}
		r := rune(c)
		if r >= utf8.RuneSelf {
			r, width = utf8.DecodeRuneInString(s[i:])
		}
		if esc := escaped(r, width); esc != "" {
			w = append(append(w, s[done:i]...), esc...)
			done = i + width
		}
		i += width
	}
	return append(w, s[done:]...)
}

// escaped is what stands for a character in XML, "" for the character itself. What XML cannot carry
// becomes the replacement character.
//
// Source: XML 1.0 sections 2.2 (Char) and 2.4.
func escaped(r rune, width int) string {
	switch r {
	case '"':
		return "&#34;"
	case '\'':
		return "&#39;"
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	case '\t':
		return "&#x9;"
	case '\n':
		return "&#xA;"
	case '\r':
		return "&#xD;"
	}
	if r < ' ' || r == 0xFFFE || r == 0xFFFF || r == utf8.RuneError && width == 1 {
		return "\uFFFD"
	}
	return ""
}

func (w xmlText) leaf(tag, s string) xmlText { return w.open(tag).text(s).close(tag) }

// optional writes a leaf unless it is empty.
func (w xmlText) optional(tag, s string) xmlText {
	if s == "" {
		return w
	}
	return w.leaf(tag, s)
}

func (w xmlText) attr(name, s string) xmlText {
	if s == "" {
		return w
	}
	return append(append(append(w, ' '), name...), '=', '"').text(s).raw(`"`)
}

func (w xmlText) code(tag, v, dn string) xmlText {
	return append(append(w, '<'), tag...).attr("V", v).attr("DN", dn).raw("/>")
}

func (w xmlText) receiptError(e samvirke.ReceiptError) xmlText {
	system := first(strings.TrimPrefix(e.System, "urn:oid:"), oidReceiptErrors)
	display := e.Display
	if display == "" && system == oidReceiptErrors {
		display = samvirke.ReceiptCodeDisplay(e.Code)
	}
	return w.raw("<Error").attr("V", e.Code).attr("S", system).attr("DN", display).attr("OT", e.Detail).raw("/>")
}

const oidReceiptErrors = "2.16.578.1.12.4.1.1.8221"

// hcp writes an address as HCP. asWritten keeps the order of identifiers; else, for a
// header whose identifiers have no main one, the HER-id comes first, since it is the address.
func (w xmlText) hcp(a samvirke.Address, asWritten bool) xmlText {
	w = w.open("HCP")
	if len(a.Levels) == 1 && a.Levels[0].Kind == levelPerson {
		return w.part("HCProf", a.Levels[0], asWritten).close("HCP")
	}
	w = w.open("Inst")
	var outer samvirke.AddressLevel
	inner := a.Levels
	if len(inner) > 0 && inner[0].Kind != levelPerson {
		outer, inner = inner[0], inner[1:]
	}
	w = w.level(outer, asWritten)
	for _, l := range inner {
		if l.Kind != levelPerson {
			w = w.part("Dept", l, asWritten)
		}
	}
	w = w.additional(outer, asWritten)
	for _, l := range inner {
		if l.Kind == levelPerson {
			w = w.part("HCPerson", l, asWritten)
		}
	}
	return w.close("Inst").close("HCP")
}

const (
	levelOrganisation = "organisation"
	levelDepartment   = "department"
	levelPerson       = "person"
)

func (w xmlText) part(tag string, l samvirke.AddressLevel, asWritten bool) xmlText {
	return w.open(tag).level(l, asWritten).additional(l, asWritten).close(tag)
}

// level writes name and main identifier.
func (w xmlText) level(l samvirke.AddressLevel, asWritten bool) xmlText {
	w = w.optional("Name", l.Name)
	if i := mainID(l, asWritten); i >= 0 {
		w = w.leaf("Id", l.IDs[i].Value).code("TypeId", l.IDs[i].Type, idTypeDisplay(l.IDs[i].Type))
	}
	return w
}

// additional writes the identifiers beside the main one.
func (w xmlText) additional(l samvirke.AddressLevel, asWritten bool) xmlText {
	m := mainID(l, asWritten)
	for i, id := range l.IDs {
		if i != m {
			w = w.open("AdditionalId").leaf("Id", id.Value).code("Type", id.Type, idTypeDisplay(id.Type)).close("AdditionalId")
		}
	}
	return w
}

func mainID(l samvirke.AddressLevel, asWritten bool) int {
	if len(l.IDs) == 0 {
		return -1
	}
	if !asWritten {
		for i, id := range l.IDs {
			if id.Type == "HER" {
				return i
			}
		}
	}
	return 0
}
