package kith

import (
	"bytes"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
)

// Bounds of the quick look.
const (
	// maxSniff is how far into a message the quick look reads. Unit: bytes. What it wants stands
	// before the attachments.
	maxSniff = 4 << 20
	// maxSniffValue is the longest value taken over; a longer one counts as not found. Unit: bytes.
	maxSniffValue = 200
)

// Namespaces of the roots that this format reads.
const (
	nsEpikrise = "http://www.kith.no/xmlstds/epikrise" // 1.0; later versions append a date
	nsAppRec   = "http://www.kith.no/xmlstds/apprec/"  // + date of the version
)

// versions gives the version of a payload standard by the namespace of its root.
//
// Source: standards/no README sections 2.1 and 7.
var versions = map[string]string{
	"http://www.kith.no/xmlstds/po/Pasientlogistikk/2009-06-30":                 "1.5",
	"http://www.kith.no/xmlstds/po/Innleggelsesrapport/2009-06-30":              "1.5",
	"http://www.kith.no/xmlstds/po/HelseopplysningerVedSoknad/2009-06-30":       "1.5",
	"http://www.kith.no/xmlstds/po/TverrfagligEpikrise/2009-06-30":              "1.5",
	"http://www.kith.no/xmlstds/po/Konsultasjon/2009-06-30":                     "1.5",
	"http://www.kith.no/xmlstds/po/OverforingMedisinskeOpplysninger/2009-06-30": "1.5",
	"http://www.kith.no/xmlstds/po/OrienteringOmTjenestetilbud/2009-06-30":      "1.5",
	"http://www.kith.no/xmlstds/po/MeldingFravar/2009-06-30":                    "1.5",
	"http://www.kith.no/xmlstds/po/Pasientlogistikk/2012-04-01":                 "1.6",
	"http://www.kith.no/xmlstds/po/Innleggelsesrapport/2012-04-01":              "1.6",
	"http://www.kith.no/xmlstds/po/HelseopplysningerVedSoknad/2012-04-01":       "1.6",
	"http://www.kith.no/xmlstds/po/TverrfagligEpikrise/2012-04-01":              "1.6",
	"http://www.kith.no/xmlstds/po/HelseopplysningerTilLege/2012-04-01":         "1.6",
	"http://www.kith.no/xmlstds/po/MedisinskeOpplysninger/2012-04-01":           "1.6",
	"http://www.kith.no/xmlstds/po/OrienteringOmTjenestetilbud/2012-04-01":      "1.6",
	"http://www.kith.no/xmlstds/dialog/2006-10-11":                              "1.0",
	"http://www.kith.no/xmlstds/dialog/2013-01-23":                              "1.1",
	"http://ehelse.no/xmlstds/henvisning/2017-11-30":                            "2.0",
	"http://www.kith.no/xmlstds/henvisning/2005-07-08":                          "1.0",
	"http://www.kith.no/xmlstds/henvisning/2012-02-15":                          "1.1",
	"http://www.kith.no/xmlstds/epikrise":                                       "1.0",
	"http://www.kith.no/xmlstds/epikrise/2006-09-23":                            "1.1",
	"http://www.kith.no/xmlstds/epikrise/2012-02-15":                            "1.2",
	"http://www.kith.no/xmlstds/apprec/2004-11-21":                              "1.0",
	"http://www.kith.no/xmlstds/apprec/2012-02-15":                              "1.1",
}

// sniff looks for the root and a handful of values by a scan over the tags, without building
// anything. It reads what is broken further on as far as it goes, so that a refusal can still name the
// message; ok is false for what has no root of ours.
func sniff(raw []byte) (mapping.Sniffed, bool) {
	raw = plainBytes(raw)
	if len(raw) > maxSniff {
		raw = raw[:maxSniff]
	}
	s := sniffer{scan: tagScan{src: raw}}
	if !s.run() {
		return mapping.Sniffed{}, false
	}
	out := mapping.Sniffed{
		Format: Name, Kind: first(kindOf(s.kind), s.implied), Version: s.version, ExternalID: s.id,
		GeneratedAt: s.time(),
	}
	if s.patient != "" {
		out.Patient = samvirke.Identifier{System: fhir.SystemOf(s.patientType), Type: s.patientType, Value: fhir.NormalizePerson(s.patient)}.Key()
	}
	return out, true
}

// Recognises tells by the root alone; see mapping.Recogniser.
func (f *Format) Recognises(raw []byte) bool {
	raw = plainBytes(raw)
	scan := tagScan{src: raw[:min(len(raw), maxSniff)]}
	for {
		switch t, ok := scan.next(); {
		case !ok || t.kind == tagEnd:
			return false
		case t.kind == tagStart:
			_, _, _, ours := rootNamed(t.local, spaceIn(t))
			return ours
		}
	}
}

// spaceIn is the namespace that a tag declares for its own prefix; of several the last counts.
func spaceIn(t tag) string {
	var uri []byte
	for name, v := range attributes(t.body) {
		prefix, local, ok := bytes.Cut(name, []byte(":"))
		if string(prefix) == "xmlns" && bytes.Equal(local, t.prefix) && (ok || len(t.prefix) == 0) {
			uri = v
		}
	}
	return value(uri)
}

// plainBytes gives bytes in which tags can be found: UTF-16, told by its byte order mark or by a
// zero beside the first "<", becomes UTF-8; all else is returned as it is, since in every other encoding that is
// read the tags are ASCII.
func plainBytes(raw []byte) []byte {
	if len(raw) < 4 {
		return raw
	}
	big := raw[0] == 0xFE && raw[1] == 0xFF || raw[0] == 0 && raw[1] == '<'
	little := raw[0] == 0xFF && raw[1] == 0xFE || raw[0] == '<' && raw[1] == 0
	if !big && !little {
		return raw
	}
	n := min(len(raw), maxSniff) / 2
	units := make([]uint16, n)
	for i := range units {
		a, b := uint16(raw[2*i]), uint16(raw[2*i+1])
		if big {
			a, b = b, a
		}
		units[i] = a | b<<8
	}
	return []byte(strings.TrimPrefix(string(utf16.Decode(units)), "\ufeff"))
}

// sniffer walks over the tags of one message. Its stack holds the local names of the open elements
// as far as they matter; deeper ones are only counted.
type sniffer struct {
	scan  tagScan
	depth int
	stack [8][]byte
	// spaces are the namespace declarations seen on the way down, with the depth they belong to.
	spaces []declared
	root   string
	// want is the value that the next text belongs to, nil when none.
	want *string

	kind, id, version, generated, patient, patientType string
	// implied is the kind that the root's namespace tells where the message leaves its type out.
	implied string
	// ident is value and type of the Ident being read: of several the one counts that patientRef would take.
	ident [2]string
	done  bool
}

type declared struct {
	depth       int
	prefix, uri string
}

func (s *sniffer) run() bool {
	for !s.done {
		t, ok := s.scan.next()
		if !ok {
			break
		}
		switch t.kind {
		case tagText:
			if s.want != nil && *s.want == "" {
				*s.want = value(t.body)
			}
		case tagEnd:
			s.want = nil
			s.up()
		case tagStart:
			if !s.start(t) {
				return false
			}
		}
		if s.depth == 0 && s.root == "" && t.kind != tagText {
			return false
		}
	}
	return s.root != ""
}

func (s *sniffer) up() {
	if s.depth > 0 {
		s.depth--
	}
	for n := len(s.spaces); n > 0 && s.spaces[n-1].depth > s.depth; n = len(s.spaces) {
		s.spaces = s.spaces[:n-1]
	}
	if s.depth == 0 {
		s.done = true
	}
}

func (s *sniffer) start(t tag) bool {
	s.want = nil
	s.depth++
	if s.depth <= len(s.stack) {
		s.stack[s.depth-1] = t.local
		s.declare(t)
	}
	if s.depth == 1 {
		if !s.begin(t) {
			return false
		}
	} else if s.depth <= len(s.stack) {
		s.look(t)
	}
	if t.empty {
		s.want = nil
		s.up()
	}
	return true
}

// declare notes the namespace declarations of a tag.
func (s *sniffer) declare(t tag) {
	if len(t.body) < len(`xmlns=""`) || !bytes.Contains(t.body, []byte("xmlns")) {
		return
	}
	for name, v := range attributes(t.body) {
		switch prefix, local, ok := bytes.Cut(name, []byte(":")); {
		case !ok && string(name) == "xmlns":
			s.spaces = append(s.spaces, declared{s.depth, "", value(v)})
		case ok && string(prefix) == "xmlns":
			s.spaces = append(s.spaces, declared{s.depth, string(local), value(v)})
		}
	}
}

func (s *sniffer) space(prefix []byte) string {
	for i := len(s.spaces) - 1; i >= 0; i-- {
		if s.spaces[i].prefix == string(prefix) {
			return s.spaces[i].uri
		}
	}
	return ""
}

// begin decides by the root whether the message is one of ours.
func (s *sniffer) begin(t tag) (ok bool) {
	s.root, s.version, s.implied, ok = rootNamed(t.local, s.space(t.prefix))
	return ok
}

// rootNamed tells by the root of a message whether it is one of ours, and what its namespace says of version and kind.
func rootNamed(local []byte, uri string) (root, version, kind string, ok bool) {
	switch string(local) {
	case "MsgHead":
		return "MsgHead", "", "", uri == nsMsgHead
	case "AppRec":
		return "AppRec", versions[uri], "", strings.HasPrefix(uri, nsAppRec)
	case "Message":
		return "Message", versions[uri], hcpKind(uri), strings.HasPrefix(uri, "http://www.kith.no/xmlstds/")
	}
	return "", "", "", false
}

// look takes what stands at the current place.
func (s *sniffer) look(t tag) {
	at := func(names ...string) bool {
		if s.depth != len(names)+1 {
			return false
		}
		for i, n := range names {
			if n != "*" && string(s.stack[i+1]) != n {
				return false
			}
		}
		return true
	}
	switch s.root {
	case "MsgHead":
		switch {
		case at("MsgInfo", "Type"):
			s.take(&s.kind, t)
		case at("MsgInfo", "MsgId"):
			s.want = &s.id
		case at("MsgInfo", "GenDate"):
			s.want = &s.generated
		case at("MsgInfo", "Patient", "Ident"):
			s.ident = [2]string{}
		case at("MsgInfo", "Patient", "Ident", "Id"):
			s.want = &s.ident[0]
		case at("MsgInfo", "Patient", "Ident", "TypeId"):
			s.take(&s.ident[1], t)
			if s.patient == "" || rankOf(s.ident[1]) < rankOf(s.patientType) {
				s.patient, s.patientType = s.ident[0], s.ident[1]
			}
		case at("Document", "RefDoc", "Content", "*"):
			s.version = versions[s.space(t.prefix)]
			s.done = true
		}
	case "Message":
		switch {
		case at("Type"):
			s.take(&s.kind, t)
		case at("MsgId"):
			s.want = &s.id
		case at("GenDate"):
			s.take(&s.generated, t)
		case at("*", "Patient", "OffId"):
			s.want = &s.patient
		case at("*", "Patient", "TypeOffId"):
			s.take(&s.patientType, t)
			s.done = true
		}
	case "AppRec":
		switch {
		case at("MsgType"):
			s.take(&s.kind, t)
		case at("Id"):
			s.want = &s.id
		case at("GenDate"):
			s.want = &s.generated
		case at("Sender"):
			s.done = true
		}
	}
}

// take reads @V of a tag into to unless it holds a value already: the first one counts.
func (s *sniffer) take(to *string, t tag) {
	if *to != "" {
		return
	}
	for name, v := range attributes(t.body) {
		if string(name) == "V" {
			*to = value(v)
			return
		}
	}
}

// value gives a text as it is meant: entities resolved, white space around dropped; "" when it is
// absurdly long.
func value(b []byte) string {
	b = bytes.TrimSpace(b)
	if len(b) > maxSniffValue {
		return ""
	}
	s := string(b)
	if strings.IndexByte(s, '&') >= 0 {
		s = unescape.Replace(s)
	}
	return strings.ToValidUTF8(s, "\ufffd")
}

// unescape knows the five entities that XML defines; a numeric one stays as it is.
var unescape = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&quot;", `"`, "&apos;", "'", "&amp;", "&")

// time is when the sender made the message; zero when that cannot be read.
func (s *sniffer) time() time.Time {
	at, _ := timeOf(s.generated)
	return at
}
