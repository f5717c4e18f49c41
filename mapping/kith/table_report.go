package kith

import (
	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/fhir"
)

// Rows of the rest of the two reports, and the payloads themselves.

func otherProfessions(card string) *el {
	return group("po", "OpplysningerAndreFaggrupper", card, sec("OpplysningerAndreFaggrupper"),
		group("po", "AndreFagrapporter", "?", sec("AndreFagrapporter"),
			leafEl("po", "BehandlingStart", "?", date(), "@BehandlingStart.valueDate"),
			leafEl("po", "StatusInnleggelse", "?", text(), "@StatusInnleggelse.valueString"),
			leafEl("po", "StatusBehandlingsstart", "?", text(), "@StatusBehandlingsstart.valueString"),
			leafEl("po", "ForventetStatusUtskriving", "?", text(), "@ForventetStatusUtskriving.valueString"),
			group("po", "AnsvarligRapport", "?", to("author[0]>PractitionerRole"), professional("fk1")...),
			sectionText("*"),
		),
		measuresWanted(),
		assessments(),
	)
}

func aids() *el {
	return group("po", "OpplysningerOmHjelpemidler", "?", sec("OpplysningerOmHjelpemidler"),
		group("po", "FasteHjelpemidler", "*", to("@fixed-aids[]"),
			leafEl("po", "Briller", "?", cs("9113"), "%Briller.valueCoding"),
			leafEl("po", "HjelpemiddelHorsel", "?", cs("9114"), "%HjelpemiddelHorsel.valueCoding"),
			leafEl("po", "Pacemaker", "?", boolean(), "%Pacemaker.valueBoolean"),
			remarkRow("po", "%remark.valueString"),
		),
		group("po", "StatusHjelpemiddel", "*", to("entry[]>DeviceRequest"),
			leafEl("po", "Status", "1", aidStatus(), "status"),
			group("po", "Hjelpemiddelbeskrivelse", "1", inline{},
				leafEl("po", "Sekvensnummer", "?", integer(), "@sequence.valueInteger"),
				leafEl("po", "HjelpemiddelkodeRTV", "?", cv(), "codeCodeableConcept.coding[]"),
				leafEl("po", "BetegnelseHjelpemiddel", "1", text(), "codeCodeableConcept.text"),
			),
		),
	)
}

// aidStatus maps the status of an aid; the list has no published number.
func aidStatus() codec {
	return mapCodec{list: "aid-status", pairs: [][3]string{
		{"1", "completed", "Er i bruk"}, {"2", "active", "Bestilt"}, {"6", "active", "Aktiv"},
	}, other: "unknown"}
}

func assistedCommunication() *el {
	return group("po", "InfoAssistertKommunikasjon", "*", sec("InfoAssistertKommunikasjon"),
		group("po", "AssistertKommunikasjon", "1", inline{},
			group("po", "PersonTolkebehov", "?", to("@needs-interpreter.valueReference>RelatedPerson"), person("fk1", "")...),
			leafEl("po", "Horselsvikt", "?", boolean(), "@Horselsvikt.valueBoolean"),
			leafEl("po", "Synsvikt", "?", boolean(), "@Synsvikt.valueBoolean"),
			leafEl("po", "BehovTolkSprak", "?", cs("3303"), "@BehovTolkSprak.valueCoding"),
			group("po", "PreferertTolk", "?", to("@interpreter.valueReference>RelatedPerson"), person("fk1", "")...),
			leafEl("po", "BehovOpphortDato", "?", ts(), "@BehovOpphortDato.valueDateTime"),
			remarkRow("po", "@remark.valueString"),
		))
}

func reservations() *el {
	return group("po", "InfoReservasjon", "*", sec("InfoReservasjon"),
		group("po", "ReservasjonOnske", "+", to("entry[]>Consent").with(reservation),
			leafEl("po", "Gjelder", "1", text(), "policyRule.text"),
			group("po", "FramsattAv", "1", to("performer[0]>RelatedPerson"), person("fk1", "")...),
			leafEl("po", "FramsattDato", "1", scalarCodec{scalar: timeScalar{levelDateTime}}, "dateTime"),
			group("po", "TrukketTilbakeAv", "?", to("@withdrawn.%by.valueReference>RelatedPerson"), person("fk1", "")...),
			leafEl("po", "TrukketTilbakeDato", "?", date(), "@withdrawn.%date.valueDate"),
			remarkRow("po", "@remark.valueString"),
		))
}

func reservation(a *fhir.Arena, n *fhir.Node) {
	n.Set("scope", privacyScope(a))
	n.Set("category", a.Array(markConcept(a, "ReservasjonOnske")))
}

func informationGiven(card string) *el {
	return group("po", "InfoInformasjonGitt", card, sec("InfoInformasjonGitt"),
		group("po", "InformasjonGitt", "+", to("entry[]>Communication"),
			leafEl("po", "TypeInformasjon", "?", cvConcept(), "topic"),
			leafEl("po", "BeskrivelseInformasjon", "?", text(), "payload[0].contentString"),
			leafEl("po", "MuntligInformasjon", "?", boolean(), "@oral.valueBoolean").default15("false"),
			group("po", "InformasjonGittTil", "1", to("recipient[0]>RelatedPerson"), person("fk1", "")...),
			leafEl("po", "InformasjonGittDato", "1", scalarCodec{scalar: timeScalar{levelDateTime}}, "sent"),
			group("po", "InformasjonGittAv", "1", to("sender>PractitionerRole"), professional("fk1")...),
		))
}

// checkups are the alternatives of InfoKontrolltime; the element's name stands in serviceCategory.
func checkups() *el {
	form := func(name string, kids ...*el) *el {
		init := func(a *fhir.Arena, n *fhir.Node) { n.Set("serviceCategory", a.Array(markConcept(a, name))) }
		is := func(n *fhir.Node) bool { return n.At("serviceCategory.0.coding.0.code").Text() == name }
		return group("po", name, "1", to("entry[0]>Appointment").with(init).of(is), kids...)
	}
	informed := func() *el {
		return group("po", "InformertOm", "?", to("@informed"),
			leafEl("po", "PasientInformert", "1", boolean(), "%patient.valueBoolean"),
			leafEl("po", "ParorendeInformert", "1", boolean(), "%relatives.valueBoolean"))
	}
	place := func() *el { return leafEl("po", "StedTime", "?", text(), "participant[0].actor.display") }
	appointment := form("InformasjonOmTime",
		leafEl("po", "BestiltKontrolltime", "1", boolMap{"booked", "proposed"}, "status"),
		leafEl("po", "TidspunktTime", "?", instant(), "start"),
		leafEl("po", "Varighet", "?", positive(), "minutesDuration"),
		place(), informed())
	order := form("KontrolltimeBestill",
		leafEl("po", "PasientParorendeBestiller", "1", boolean(), "@ordered-by-patient.valueBoolean"), informed())
	tentative := form("InformasjonOmTentativTime",
		leafEl("po", "TentativtTidspunktTime", "?", text(), "@tentative-time.valueString"),
		place(), remarkRow("po", "comment"), informed())
	tentative.since = "1.6"
	return group("po", "InfoKontrolltime", "*", sec("InfoKontrolltime"), choice("1", appointment, order, tentative))
}

// boolMap is a boolean as one of two codes.
type boolMap struct{ yes, no string }

func (k boolMap) describe() (string, string) { return "code", "true=" + k.yes + ", false=" + k.no }

func (k boolMap) parse(_ *builder, l *leaf, s slot) {
	v, form, ok := (boolScalar{}).read(l.text)
	if !ok {
		putScalar(boolScalar{}, l.text, s)
		return
	}
	code := k.no
	if v == "true" {
		code = k.yes
	}
	var ext *fhir.Node
	if form != "" {
		ext = lexical(s.arena, form)
	}
	s.set(s.arena.String(code), ext)
}

func (k boolMap) render(r *reader, s slot) (leaf, bool) {
	v, ext := s.get()
	form := lexicalOf(r, ext)
	switch v.Text() {
	case k.yes:
		r.use(v)
		return leaf{text: (boolScalar{}).write("true", form)}, true
	case k.no:
		r.use(v)
		return leaf{text: (boolScalar{}).write("false", form)}, true
	case "":
		return leaf{}, false
	}
	return leaf{text: "false"}, true
}

func contentType() *el {
	return group("po", "TypeInnholdIMelding", "1", inline{},
		leafEl("po", "TypeInnhold", "1", fallback{cvConcept(), []attr{{"V", "11"}, {"S", "2.16.578.1.12.4.1.1.9139"}, {"DN", "Utskrivningsrapport"}}}, "category[0]"),
		remarkRow("po", "@content-remark.valueString"),
	)
}

// admissionReport is INNLEGGELSESRAPPORT.
func admissionReport() *el {
	return group("root", "Innleggelsesrapport", "1", inline{}, append(commonHead(),
		diagnoses(), medicalInformation(), medicine(), existingService(), function(), otherImportant(), nursing(),
		otherProfessions("?"), aids(), assistedCommunication(), reservations(), informationGiven("*"))...)
}

// dischargeReport is UTSKRIVNINGSRAPPORT.
func dischargeReport() *el {
	return group("root", "TverrfagligEpikrise", "1", inline{}, append(commonHead(),
		contentType(),
		stayInformation(),
		diagnoses(), medicalInformation(), medicine(), otherImportant(), nursing(),
		otherProfessions("*"), function(), serviceNeeds(), informationGiven("*"), assistedCommunication(), reservations(),
		checkups(), aids())...)
}

// stayInformation is OpplysningOpphold, each around one event.
func stayInformation() *el {
	events := eventRow("1", "1", "2")
	for i, f := range events.kids {
		inner := f
		only := inner.only
		outer := group("po", "OpplysningOpphold", "*", inner.place, &el{
			name: inner.name, ns: inner.ns, space: inner.space, min: 1, place: inline{}, kids: inner.kids,
		})
		if only != nil {
			outer.only = func(e *etree.Element) bool {
				k := childNamed(e, "TidsfestetHendelse")
				return k != nil && only(k)
			}
		}
		outer.after, outer.note = inner.after, inner.note
		events.kids[i] = outer
	}
	events.many = true
	return events
}

// logistics is one of the five kinds of patient logistics.
func logistics(child *el) *el {
	return group("root", "Pasientlogistikk", "1", inline{}, append(commonHead(), child)...)
}

func logisticsKinds() map[string]*el {
	return map[string]*el{
		"LOG_INNLAGT":          group("root", "MeldingInnlagtPasient", "1", inline{}, eventRow("1", "1", "2")),
		"LOG_UTSKRIVNINGSKLAR": group("root", "MeldingUtskrivningsklarPasient", "1", inline{}, eventRow("+", "1", "2")),
		"LOG_AVMELDING":        group("root", "AvmeldingUtskrivningsklarPasient", "1", inline{}, eventRow("+", "1", "2")),
		"LOG_DOD":              group("root", "OrienteringOmDod", "1", inline{}, eventRow("1", "13", "1", "2")),
		"LOG_UTSKREVET": group("root", "MeldingOmUtskrevetPasient", "1", inline{},
			group("po", "UtskrevetTil", "1", to("$Encounter.hospitalization"),
				leafEl("po", "Uttilstand", "?", listCoding{"8431"}, "dischargeDisposition"),
				leafEl("po", "UtTil", "1", listCoding{"8408"}, "dischargeDisposition"),
				remarkRow("po", "@remark.valueString"),
			),
			eventRow("1", "2", "1"),
			informationGiven("?"),
		),
	}
}

// listCoding is one of several codings of dischargeDisposition, told apart by their code list; one of
// another list stands in an extension.
type listCoding struct{ list string }

func (k listCoding) describe() (string, string) { return "Coding", k.list }

func (k listCoding) parse(_ *builder, l *leaf, s slot) {
	n := s.object()
	c := s.arena.Object(usualKeys)
	codingCodec{}.fill(l, s, c, true)
	if c.Get("system").Text() == fhir.OIDVolven+k.list {
		s.arena.Append(n, "coding", c)
		return
	}
	x := s.arena.Texts("url", extURL("disposition-"+k.list))
	x.Set("valueCoding", c)
	s.arena.Append(n, "extension", x)
}

func (k listCoding) render(r *reader, s slot) (leaf, bool) {
	n, _ := s.get()
	for _, c := range n.Get("coding").Items() {
		if c.Get("system").Text() == fhir.OIDVolven+k.list {
			return codingCodec{}.get(r, c)
		}
	}
	if x := n.Extension(extURL("disposition-" + k.list)); x != nil {
		return codingCodec{}.get(r, x.Get("valueCoding"))
	}
	return leaf{}, false
}
