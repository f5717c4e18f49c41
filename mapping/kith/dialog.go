package kith

import (
	"slices"
	"strings"
	"sync"

	"github.com/samvirke/samvirke"
)

// Dialogue messages: one payload (Dialogmelding), many types. What sets the types apart is in the header, in the
// code lists of their topics, and in the documents that may follow the first one.

// kindExtract is the type of an extract of the record: a dialogue message, then components of the record.
const kindExtract = "EPJ-EKSTRAKT"

// dialogRelease is a version of the dialogue message; date stands at the end of its namespace.
func dialogRelease(version, date string) release {
	return release{version, headNames(
		kithNS+"/dialog/"+date,
		"epj1", kithNS+"/epj/epj1/2008-02-20", "epj2", kithNS+"/epj/epj2/2008-02-20", "epj3", kithNS+"/epj/epj3/2008-02-20",
		"m1", kithNS+"/epj/meta/2008-02-20", "epjs", kithNS+"/epj/EPJEkstrakt/2008-02-20", "epjt", kithNS+"/epj/EPJTilleggsinfo/2008-02-20",
	)}
}

// dialogPrefixes are those of the output: the payload has none.
var dialogPrefixes = [][2]string{{"root", ""}, {"fk1", "fk1"}}

// extractPrefixes are dialogPrefixes and those of the components of the record.
var extractPrefixes = [][2]string{{"root", ""}, {"fk1", "fk1"}, {"epj1", "epj1"}, {"epj2", "epj2"}, {"epj3", "epj3"},
	{"epjs", "epj-s"}, {"epjt", "epj-t"}, {"m1", "m1"}}

// dialogTables are the tables of the dialogue messages, by kind.
//
// Source: standards/no README sections 2.1 and 5; the types of citizen dialogue are those of code list 8279.
func dialogTables() map[string]*table {
	v10, v11 := dialogRelease("1.0", "2006-10-11"), dialogRelease("1.1", "2013-01-23")
	out := map[string]*table{kindExtract: {
		root: sync.OnceValue(func() *el { return dialogHead(extractDocuments()...) }), payload: "Dialogmelding", releases: []release{v10}, prefixes: extractPrefixes}}
	root := sync.OnceValue(func() *el { return dialogHead() })
	add := func(releases []release, kinds ...string) {
		for _, k := range kinds {
			out[k] = &table{root: root, payload: "Dialogmelding", releases: releases, prefixes: dialogPrefixes}
		}
	}
	both := []release{v10, v11}
	add(both, "DIALOG_FORESPORSEL", "DIALOG_SVAR", "DIALOG_NOTAT")
	add([]release{v10}, "DIALOG_AVVIK")
	add([]release{v11}, "DIALOG_HELSEFAGLIG", "DIALOG_STATUS_HENVISNING")
	for _, k := range citizenKinds() {
		add(both, citizenPrefix+k)
		out[citizenPrefix+k].unchecked = []string{"http://hl7.org/fhir", "http://ehelse.no/xmlstds/Map/"}
	}
	for kind, t := range out {
		t.kind = kind
	}
	return out
}

const citizenPrefix = "DIALOG_INNBYGGER_"

// citizenKinds are the types of citizen dialogue behind their common beginning.
func citizenKinds() []string {
	return []string{
		"AVTALEUTSENDING", "DIGITALBRUKER", "EKONSULTASJON", "EKONTAKT", "FINN_DOKUMENTER", "HELSEPERSONELL", "HELSEREGISTER",
		"HENT_BEHANDLER", "HENT_DOKUMENTER", "HL7_DOKUMENTNOTIFIKASJON", "HREG_INNSYN_BRUK", "HREG_INNSYN_HELSEOPPLYSNINGER",
		"HREG_INNSYN_UTLEVERING", "HREG_MELDE_FEIL", "HREG_OPPFORING", "HREG_SLETTING_ELLER_SPERRING", "JOURNAL", "KOORDINATOR",
		"MELDINGSFORMIDLING", "OPPGAVE", "RESEPTFORNYELSE", "SAMTYKKE", "TEST", "TIMEONSKE", "TIMER", "TIMERESERVASJON",
		"TJENESTEOVERSIKT",
	}
}

// isDialog tells whether a kind is one of those of dialogTables.
func isDialog(kind string) bool {
	switch kind {
	case kindExtract, "DIALOG_FORESPORSEL", "DIALOG_SVAR", "DIALOG_NOTAT", "DIALOG_AVVIK", "DIALOG_HELSEFAGLIG", "DIALOG_STATUS_HENVISNING":
		return true
	}
	rest, ok := strings.CutPrefix(kind, citizenPrefix)
	return ok && slices.Contains(citizenKinds(), rest)
}

// dialogEnvelope completes what a dialogue message says about itself: it has no status of its own, each one is new.
func dialogEnvelope(env *samvirke.Envelope) {
	if isDialog(env.Kind) {
		env.Op = samvirke.OpNew
	}
}

// dialogHead is the header around a dialogue message, with the documents that may follow it.
func dialogHead(known ...knownDocument) *el {
	h := headTable(dialogue())
	h.kids[2] = furtherDocuments(known)
	return h
}

// dialogue are the rows of the payload.
func dialogue() *el {
	return group("root", "Dialogmelding", "1", inline{},
		leafEl("root", "SakstypeKodet", "?", cv(), "category[0].coding[]"),
		leafEl("root", "Sakstype", "?", text(), "category[0].text"),
		enquiry("*", talk{"Foresporsel", "CommunicationRequest"}).then(afterEnquiry),
		note(),
	)
}

// in11 marks an element that version 1.0 does not have.
func (e *el) in11() *el { e.since = "1.1"; return e }

// many11 marks an element that version 1.0 has once only.
func (e *el) many11() *el { e.manySince = "1.1"; return e.remark("once in 1.0") }

// kid gives the row below e of that name.
func (e *el) kid(name string) *el {
	return e.kids[slices.IndexFunc(e.kids, func(k *el) bool { return k.name == name })]
}
