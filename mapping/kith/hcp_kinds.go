package kith

import (
	"strings"
	"sync"

	"github.com/samvirke/samvirke/fhir"
)

// Kinds and versions of the messages without a separate header: epicrises and referrals 1.x.
//
// The older versions have type codes of their own ("E", "H"). Everybody else here knows one name per kind; the code as
// written stays in MessageHeader.eventCoding.

// Kinds without a separate header.
const (
	kindEpicrisis = "EPIKRISE"
	kindReferral  = "HENVISNING"
)

// nsReferral begins the namespaces of referrals 1.x; the date of the version follows.
const nsReferral = kithNS + "/henvisning/"

// kindOf is the name of the kind that a type code of list 8279 means.
//
// Source: standards/no README section 2.1.
func kindOf(code string) string {
	switch code {
	case "E":
		return kindEpicrisis
	case "H":
		return kindReferral
	}
	return code
}

// typeCode is the code of list 8279 that a version of a kind goes by, with its text. A version that could not be
// read counts as the newest.
func typeCode(kind, version string) (code, display string) {
	switch {
	case kind == kindEpicrisis && (version == "1.0" || version == "1.1"):
		return "E", "Epikrise"
	case kind == kindEpicrisis:
		return kind, "Epikrise"
	case kind == kindReferral && version == "1.0":
		return "H", "Henvisning"
	case kind == kindReferral:
		return kind, "Henvisning"
	}
	return kind, ""
}

// hcpKind is the kind of a message without a separate header, by the namespace of its root.
func hcpKind(uri string) string {
	switch {
	case uri == nsEpikrise || strings.HasPrefix(uri, nsEpikrise+"/"):
		return kindEpicrisis
	case strings.HasPrefix(uri, nsReferral):
		return kindReferral
	}
	return ""
}

// withHCPTables adds the tables of the messages without a separate header.
func withHCPTables(t map[string]*table) map[string]*table {
	t[kindEpicrisis] = &table{kind: kindEpicrisis, root: sync.OnceValue(epikriseTable), payload: "Message", releases: []release{
		{"1.0", hcpNames(nsEpikrise)}, {"1.1", hcpNames(nsEpikrise + "/2006-09-23")}, {"1.2", hcpNames(nsEpikrise + "/2012-02-15")}}}
	shared := []string{"po", kithNS + "/po/poKomponent/2009-06-30", "fk1", kithNS + "/felleskomponent1"}
	t[kindReferral] = &table{kind: kindReferral, root: sync.OnceValue(referralTable), payload: "Message", releases: []release{
		{"1.0", hcpNames(nsReferral+"2005-07-08", shared...)}, {"1.1", hcpNames(nsReferral+"2012-02-15", shared...)}},
		prefixes: [][2]string{{"root", ""}, {"po", "po"}, {"fk1", "fk1"}}}
	t[kindReceipt] = &table{kind: kindReceipt, root: sync.OnceValue(appRecTable), payload: "AppRec", releases: []release{
		{"1.0", hcpNames(nsAppRec + "2004-11-21")}, {"1.1", hcpNames(nsAppRec + "2012-02-15")}}}
	return t
}

// hcpNames are the namespaces of a message without a separate header; more are those of components.
func hcpNames(uri string, more ...string) namespaces {
	n := namespaces{"root": uri, "b64": kithNS + "/base64container"}
	for i := 0; i+1 < len(more); i += 2 {
		n[more[i]] = more[i+1]
	}
	return n
}

// sourceVersion is the version that a canonical message came in; "" for one from elsewhere.
func (r *reader) sourceVersion() string {
	return r.bundle.First("MessageHeader").Extension(fhir.ExtMessageVersion).Get("valueString").Text()
}

// messageRows are the rows of Message around its one report or request.
func messageRows(kind string, content *el) *el {
	return group("root", "Message", "1", to("$MessageHeader"),
		leafEl("root", "Type", "?", typeCodec{cs("8279")}, "eventCoding"),
		leafEl("root", "MsgVersion", "?", ownVersion{text()}, "@message-variant.valueString"),
		leafEl("root", "MIGversion", "1", migText{text(), kind}, "@mig-version.valueString"),
		leafEl("root", "GenDate", "1", scalarCodec{scalar: timeScalar{levelInstant}, inV: true}, "$Bundle.timestamp"),
		leafEl("root", "MsgId", "1", msgIDCodec{}, "$Bundle.identifier"),
		leafEl("root", "Status", "?", cs("8323"), "@message-status.valueCoding"),
		content,
	)
}

// typeCodec is Type: the code as written. Another version than the one that came has its own code.
type typeCodec struct{ codingCodec }

// formAbsent is the ExtLexical code of a value that FHIR demands and the source leaves out.
const formAbsent = "absent"

func (k typeCodec) render(r *reader, s slot) (leaf, bool) {
	l, ok := k.codingCodec.render(r, s)
	n, _ := s.get()
	if lexicalOf(r, n) == formAbsent {
		return leaf{}, false
	}
	if r.sourceVersion() == r.version {
		return l, ok
	}
	code, display := typeCode(kindOf(strings.ToUpper(n.Get("code").Text())), r.version)
	return leaf{attrs: []attr{{"V", code}, {"DN", display}}}, true
}

// ownVersion is what only the version that came has.
type ownVersion struct{ codec }

func (k ownVersion) render(r *reader, s slot) (leaf, bool) {
	if r.sourceVersion() != r.version {
		return leaf{}, false // noted as not carried
	}
	return k.codec.render(r, s)
}

// migText is MIGversion: as written, or that of the version written instead.
type migText struct {
	codec
	kind string
}

func (k migText) render(r *reader, s slot) (leaf, bool) {
	if l, ok := k.codec.render(r, s); ok && r.sourceVersion() == r.version {
		return l, true
	}
	return k.absent(r), true
}

func (k migText) absent(r *reader) leaf {
	return leaf{text: map[string]string{
		kindEpicrisis + "1.0": "v1.0 2002-11-07", kindEpicrisis + "1.1": "v1.1 2006-09-23", kindEpicrisis + "1.2": "v1.2 2012-02-15",
		kindReferral + "1.0": "v1.0 2005-07-08", kindReferral + "1.1": "v1.1 2012-02-15",
	}[k.kind+r.version]}
}

// until is a value that versions before one write in another form.
type until struct {
	version       string
	before, since codec
}

func (k until) describe() (string, string) {
	t, codes := k.since.describe()
	return t, codes
}

func (k until) at(version string) codec {
	if version < k.version {
		return k.before
	}
	return k.since
}

func (k until) parse(b *builder, l *leaf, s slot) {
	k.at(versions[b.names["root"]]).parse(b, l, s)
}

func (k until) render(r *reader, s slot) (leaf, bool) { return k.at(r.version).render(r, s) }

// wholeScalar is an integer of the source that is a string in FHIR.
type wholeScalar struct{ stringScalar }

func (wholeScalar) kind() string { return "string (integer)" }

// freeCode is a CS whose code list the standard does not number: a Coding without a system. A system that stands there
// all the same cannot be written.
type freeCode struct{ codingCodec }

func csFree() codec { return freeCode{} }

func (freeCode) describe() (string, string) { return "Coding", "" }

func (k freeCode) render(r *reader, s slot) (leaf, bool) {
	l, ok := k.codingCodec.render(r, s)
	l.take("S")
	l.take("OT")
	return l, ok
}

// freeConcept is the same as a CodeableConcept.
type freeConcept struct{ conceptCodec }

func csFreeConcept() codec { return freeConcept{} }

func (freeConcept) describe() (string, string) { return "CodeableConcept", "" }

func (k freeConcept) render(r *reader, s slot) (leaf, bool) {
	l, ok := k.conceptCodec.render(r, s)
	l.take("S")
	l.take("OT")
	return l, ok
}
