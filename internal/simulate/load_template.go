package simulate

import (
	_ "embed"
	"fmt"
	"strings"
	"time"
)

//go:embed template/report.xml
var reportXML string

//go:embed template/log.xml
var logXML string

// template is a message cut at its "{name}" marks, so that filling it is a row of appends.
type template struct {
	parts []string // text, name, text, name, ..., text
}

func newTemplate(text string) template {
	var t template
	for {
		before, rest, found := strings.Cut(text, "{")
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			t.parts = append(t.parts, text)
			return t
		}
		t.parts = append(t.parts, before, name)
		text = after
	}
}

// fill appends the message; value gives what stands for a name.
func (t template) fill(b []byte, value func(b []byte, name string) []byte) []byte {
	for i, p := range t.parts {
		if i%2 == 0 {
			b = append(b, p...)
		} else {
			b = value(b, p)
		}
	}
	return b
}

// HER-ids of what Load sends and where to; sink i (from 0) has sinkHER(i).
const (
	LoadEnterprise = "8150001" // the sender's enterprise
	LoadUnit       = "8150002" // the sender's communication party
)

// sinkHER gives enterprise and communication party of the i-th sink.
func sinkHER(i int) []string {
	return []string{fmt.Sprint(8160001 + 10*i), fmt.Sprint(8160002 + 10*i)}
}

// chainStep is one message of a patient's stay as Load generates it.
type chainStep struct {
	kind, display string
	op            string // for reports
	events        string // for logistics messages
	after         time.Duration
}

// chain is the stay of one generated patient: five logistics messages and three reports, of which two
// change the one before. Everything hangs on the admission time.
func chain() []chainStep {
	return []chainStep{
		{kind: "LOG_INNLAGT", display: "Melding om innlagt pasient", events: "MeldingInnlagtPasient 1"},
		{kind: "INNLEGGELSESRAPPORT", display: "Innleggelsesrapport", op: "N", after: 2 * time.Hour},
		{kind: "INNLEGGELSESRAPPORT", display: "Innleggelsesrapport", op: "M", after: 4 * time.Hour},
		{kind: "LOG_UTSKRIVNINGSKLAR", display: "Melding om utskrivningsklar pasient", events: "MeldingUtskrivningsklarPasient 1 3", after: 48 * time.Hour},
		{kind: "LOG_AVMELDING", display: "Avmelding av utskrivningsklar pasient", events: "AvmeldingUtskrivningsklarPasient 1 4", after: 54 * time.Hour},
		{kind: "INNLEGGELSESRAPPORT", display: "Innleggelsesrapport", op: "M", after: 60 * time.Hour},
		{kind: "LOG_UTSKRIVNINGSKLAR", display: "Melding om utskrivningsklar pasient", events: "MeldingUtskrivningsklarPasient 1 3", after: 90 * time.Hour},
		{kind: "LOG_UTSKREVET", display: "Melding om utskrevet pasient", events: "MeldingOmUtskrevetPasient 2", after: 96 * time.Hour},
	}
}

func eventName(code string) string {
	switch code {
	case "1":
		return "Pasient innlagt"
	case "2":
		return "Pasient utskrevet"
	case "3":
		return "Pasient utskrivningsklar"
	}
	return "Avmelding av utskrivningsklar pasient"
}

// message is one generated message.
type message struct {
	step           *chainStep
	id             string
	parent, first  string // for changes
	person         string
	born           string
	admitted       time.Time
	hygiene        int
	number, length int // position in the chain, for the remark
}

const local = "2006-01-02T15:04:05"

// writer turns messages into bytes.
type writer struct {
	report, log template
	sender      string
	receiver    string
	copies      string
}

// newWriter makes one for messages to sinks, of which the first has the index first.
func newWriter(first, sinks int) *writer {
	w := &writer{report: newTemplate(reportXML), log: newTemplate(logXML)}
	w.sender = organisation("Simulert sykehus", LoadEnterprise, "Simulert avdeling", LoadUnit)
	for i := range sinks {
		her := sinkHER(first + i)
		org := organisation(fmt.Sprintf("Simulert mottaker %d", first+i+1), her[0], "Sykepleietjeneste", her[1])
		if i == 0 {
			w.receiver = org
			continue
		}
		w.copies += `<OtherReceiver><RoleReceiver V="COP" DN="Kopimottaker"/>` + org + `</OtherReceiver>`
	}
	return w
}

func organisation(name, her, inner, innerHER string) string {
	ident := func(id string) string {
		return `<Ident><Id>` + id + `</Id><TypeId V="HER" DN="HER-id" S="2.16.578.1.12.4.1.1.9051"/></Ident>`
	}
	return `<Organisation><OrganisationName>` + name + `</OrganisationName>` + ident(her) +
		`<Organisation><OrganisationName>` + inner + `</OrganisationName>` + ident(innerHER) + `</Organisation></Organisation>`
}

func (w *writer) write(b []byte, m *message) []byte {
	t := w.log
	if m.step.op != "" {
		t = w.report
	}
	at := m.admitted.Add(m.step.after)
	return t.fill(b, func(b []byte, name string) []byte {
		switch name {
		case "id":
			return append(b, m.id...)
		case "gen":
			return at.AppendFormat(b, local)
		case "day":
			return at.AppendFormat(b, time.DateOnly)
		case "fnr":
			return append(b, m.person...)
		case "born":
			return append(b, m.born...)
		case "given":
			return append(b, "Testperson"...)
		case "sender":
			return append(b, w.sender...)
		case "receiver":
			return append(b, w.receiver...)
		case "copies":
			return append(b, w.copies...)
		case "kind":
			return append(b, m.step.kind...)
		case "kinddn":
			return append(b, m.step.display...)
		case "op":
			return append(b, m.step.op...)
		case "opdn":
			if m.step.op == "M" {
				return append(b, "Endring"...)
			}
			return append(b, "Ny"...)
		case "hygiene":
			return append(b, byte('0'+m.hygiene))
		case "ref":
			return appendRef(b, m)
		case "event":
			return appendEvents(b, m, at)
		}
		panic("simulate: template names " + name) // a programmer's mistake
	})
}

func appendRef(b []byte, m *message) []byte {
	if m.step.op != "M" {
		return b
	}
	b = append(append(b, "<ConversationRef><RefToParent>"...), m.parent...)
	b = append(append(b, "</RefToParent><RefToConversation>"...), m.first...)
	return append(b, "</RefToConversation></ConversationRef>"...)
}

func appendEvents(b []byte, m *message, at time.Time) []byte {
	element, codes, _ := strings.Cut(m.step.events, " ")
	b = fmt.Appendf(b, "<p1:%s>", element)
	if element == "MeldingOmUtskrevetPasient" {
		b = append(b, `<UtskrevetTil><Uttilstand V="1" DN="Som levende" S="2.16.578.1.12.4.1.1.8431"/>`+
			`<UtTil V="1" DN="Bosted/arbeidssted" S="2.16.578.1.12.4.1.1.8408"/></UtskrevetTil>`...)
	}
	for code := range strings.FieldsSeq(codes) {
		when := at
		if code == "1" {
			when = m.admitted
		}
		b = fmt.Appendf(b, `<TidsfestetHendelse><Hendelsekode V="%s" DN="%s" S="2.16.578.1.12.4.1.1.9121"/><TidspunktForHendelse V="%s"/><Anslag>false</Anslag>`+
			`<Merknad>Melding %d av %d i oppholdet</Merknad></TidsfestetHendelse>`, code, eventName(code), when.Format(local), m.number+1, m.length)
	}
	return fmt.Appendf(b, "</p1:%s>", element)
}
