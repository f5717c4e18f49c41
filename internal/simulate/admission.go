package simulate

import (
	"fmt"
	"strings"
)

// HER-ids of the invented parties in Admission. First the enterprise, then the communication party.
const (
	AdmissionHospital = "8000001"
	AdmissionWard     = "8000002"
	AdmissionCity     = "8000011"
	AdmissionNursing  = "8000012"
)

// Admission is a small LOG_INNLAGT of version 1.6 about a person who does not exist; tests and crash
// runs make thousands of them. Zero fields take the obvious value.
type Admission struct {
	// ID is the MsgId.
	ID string
	// Person numbers the invented person, see PersonNumber.
	Person int
	// Remark is written as Merknad of the event; a number in it lets a receiver check the order.
	Remark string
	// Op is N, M, A or C; "" means N. Parent and Conversation are written when Parent is set.
	Op, Parent, Conversation string
	// EventAt is the admission time, "2026-01-10T22:15:00" when empty.
	EventAt string
}

// XML writes the message.
func (a Admission) XML() []byte {
	if a.Op == "" {
		a.Op = "N"
	}
	if a.EventAt == "" {
		a.EventAt = "2026-01-10T22:15:00"
	}
	ref := ""
	if a.Parent != "" {
		if a.Conversation == "" {
			a.Conversation = a.Parent
		}
		ref = "<ConversationRef><RefToParent>" + a.Parent + "</RefToParent><RefToConversation>" + a.Conversation + "</RefToConversation></ConversationRef>"
	}
	return []byte(strings.NewReplacer("{id}", a.ID, "{fnr}", PersonNumber(a.Person), "{remark}", a.Remark, "{op}", a.Op, "{ref}", ref,
		"{event}", a.EventAt, "{h}", AdmissionHospital, "{w}", AdmissionWard, "{c}", AdmissionCity, "{n}", AdmissionNursing).Replace(admissionXML))
}

// PersonNumber makes the n-th of an endless row of synthetic person numbers: right check digits, month
// + 80 as in the national test register, so that no living person has it. n counts from 0.
//
// Source: standards/no README section 10.
func PersonNumber(n int) string {
	for tail := 0; ; tail++ {
		base := fmt.Sprintf("%02d%02d%02d%03d", 1+n%28, 81+(n/28)%12, 30+(n/336)%60, (n/20160*7+tail)%500)
		k1 := checkDigit(base, []int{3, 7, 6, 1, 8, 9, 4, 5, 2})
		if k1 == 10 {
			continue
		}
		k2 := checkDigit(base+fmt.Sprint(k1), []int{5, 4, 3, 2, 7, 6, 5, 4, 3, 2})
		if k2 != 10 {
			return fmt.Sprintf("%s%d%d", base, k1, k2)
		}
	}
}

func checkDigit(s string, weights []int) int {
	sum := 0
	for i, w := range weights {
		sum += int(s[i]-'0') * w
	}
	return (11 - sum%11) % 11
}

const admissionXML = `<?xml version="1.0" encoding="UTF-8"?>
<MsgHead xmlns="http://www.kith.no/xmlstds/msghead/2006-05-24">
  <MsgInfo>
    <Type V="LOG_INNLAGT" DN="Innlagt pasient"/>
    <MIGversion>v1.2 2006-05-24</MIGversion>
    <GenDate>2026-01-10T22:40:00</GenDate>
    <MsgId>{id}</MsgId>{ref}
    <Sender><Organisation>
      <OrganisationName>Fjordby sykehus</OrganisationName>
      <Ident><Id>{h}</Id><TypeId V="HER" DN="HER-id" S="2.16.578.1.12.4.1.1.9051"/></Ident>
      <Organisation><OrganisationName>Slagpost</OrganisationName>
        <Ident><Id>{w}</Id><TypeId V="HER" DN="HER-id" S="2.16.578.1.12.4.1.1.9051"/></Ident></Organisation>
    </Organisation></Sender>
    <Receiver><Organisation>
      <OrganisationName>Fjordby kommune</OrganisationName>
      <Ident><Id>{c}</Id><TypeId V="HER" DN="HER-id" S="2.16.578.1.12.4.1.1.9051"/></Ident>
      <Organisation><OrganisationName>Sykepleietjeneste</OrganisationName>
        <Ident><Id>{n}</Id><TypeId V="HER" DN="HER-id" S="2.16.578.1.12.4.1.1.9051"/></Ident></Organisation>
    </Organisation></Receiver>
    <Patient>
      <FamilyName>Prøvesen</FamilyName><GivenName>Torvild</GivenName>
      <Ident><Id>{fnr}</Id><TypeId V="FNR" DN="Fødselsnummer" S="2.16.578.1.12.4.1.1.8116"/></Ident>
    </Patient>
  </MsgInfo>
  <Document><RefDoc>
    <MsgType V="XML" DN="XML-instans"/>
    <Content>
      <p1:Pasientlogistikk xmlns:p1="http://www.kith.no/xmlstds/po/Pasientlogistikk/2012-04-01" xmlns="http://www.kith.no/xmlstds/po/poKomponent/2012-04-01" xmlns:fk1="http://www.kith.no/xmlstds/felleskomponent1">
        <InformasjonOmForsendelsen><Forsendelsesstatus V="{op}"/></InformasjonOmForsendelsen>
        <TilknyttetEnhet><Kontaktenhet>
          <fk1:OrganisationName>Slagpost</fk1:OrganisationName>
          <fk1:Ident><fk1:Id>SLAG</fk1:Id><fk1:TypeId V="LAV" DN="Lokal identifikator for avdelinger" S="2.16.578.1.12.4.1.1.9051"/></fk1:Ident>
        </Kontaktenhet></TilknyttetEnhet>
        <AnsvarForRapport><AnsvarligRapport>
          <fk1:FamilyName>Vaktsen</fk1:FamilyName>
          <fk1:Ident><fk1:Id>9999999</fk1:Id><fk1:TypeId V="HPR" DN="HPR-nummer" S="2.16.578.1.12.4.1.1.8116"/></fk1:Ident>
        </AnsvarligRapport></AnsvarForRapport>
        <p1:MeldingInnlagtPasient><TidsfestetHendelse>
          <Hendelsekode V="1" DN="Pasient innlagt" S="2.16.578.1.12.4.1.1.9121"/>
          <TidspunktForHendelse V="{event}"/>
          <Anslag>false</Anslag>
          <Merknad>{remark}</Merknad>
        </TidsfestetHendelse></p1:MeldingInnlagtPasient>
      </p1:Pasientlogistikk>
    </Content>
  </RefDoc></Document>
</MsgHead>
`
