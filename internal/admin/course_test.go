package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/queue"
)

// The person of the course: an official test number with a name of our own.
const (
	testNumber  = "13116900216"
	testPatient = systemFNR + "|" + testNumber
	testName    = "Solveig Bakkerud"
)

// course fills a fake store with an invented stroke course.
type course struct {
	t     *testing.T
	st    *fakeStore
	plan  careplan.Plan
	clock time.Time
	n     int
}

func oslotime(text string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04:05", text, oslo())
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

var courseNow = oslotime("2026-01-25 14:05:30")

func testParties(context.Context) []gateway.PartyState {
	return []gateway.PartyState{
		{Party: samvirke.Party{ID: "fjellheim", Name: "Fjellheim sykehus", Role: "hospital", HER: []string{"90001", "90011"}, Receipts: samvirke.ReceiptAppRec, Accepts: []samvirke.Accept{{Format: "kith", Versions: []string{"1.6"}}}}, Breaker: "closed", LastOK: oslotime("2026-01-25 13:31:02")},
		{Party: samvirke.Party{ID: "sjoevik", Name: "Sjøvik kommune, sykepleietjenesten", Role: "municipality", HER: []string{"90002", "90021"}, Receipts: samvirke.ReceiptAppRec, Accepts: []samvirke.Accept{{Format: "kith", Versions: []string{"1.6", "1.5"}}}}, Breaker: "closed", Stopped: 2, Awaited: 1, LastOK: oslotime("2026-01-25 13:02:11")},
		{Party: samvirke.Party{ID: "brygga-gp", Name: "Brygga legesenter", Role: "gp", HER: []string{"90003"}, Receipts: samvirke.ReceiptNone, Accepts: []samvirke.Accept{{Format: "fhir-notification"}}}, Breaker: "open", RetryAt: courseNow.Add(42 * time.Second), Waiting: 3, Oldest: oslotime("2026-01-25 11:20:10"), LastOK: oslotime("2026-01-24 09:00:03"), LastFault: "unreachable"},
	}
}

const rawXML = `<?xml version="1.0" encoding="UTF-8"?><MsgHead xmlns="http://www.kith.no/xmlstds/msghead/2006-05-24"><MsgInfo><Type V="%s" DN="Test"/><MsgId>%s</MsgId><Patient><FamilyName>Bakkerud</FamilyName><GivenName>Solveig</GivenName><Ident><Id>` + testNumber + `</Id></Ident></Patient></MsgInfo></MsgHead>`

func (c *course) at(text string) *course { c.clock = oslotime(text); return c }

func (c *course) event(msg, del, party string, name samvirke.EventName, after time.Duration, detail string) {
	c.st.addEvent(samvirke.Event{At: c.clock.Add(after), MessageID: msg, DeliveryID: del, Party: party, Patient: testPatient, Name: name, Detail: detail})
}

// message adds one processed message with its events up to routing.
func (c *course) message(party, kind string, op samvirke.Op) string {
	c.n++
	id := fmt.Sprintf("m%04d", c.n)
	ext := fmt.Sprintf("6f1c2d3e-0000-4000-8000-%012d", c.n)
	env, err := json.Marshal(samvirke.Envelope{Format: "kith", Kind: kind, Version: "1.6", ID: ext, Op: op,
		Receivers: []samvirke.Address{{Role: "primary", Levels: []samvirke.AddressLevel{{Kind: "organisation", Name: "Sjøvik kommune", IDs: []samvirke.Identifier{{Type: "HER", Value: "90002"}}}, {Kind: "organisation", Name: "Sykepleietjenesten", IDs: []samvirke.Identifier{{Type: "HER", Value: "90021"}}}}}}})
	if err != nil {
		c.t.Fatal(err)
	}
	raw := fmt.Appendf(nil, rawXML, kind, ext)
	c.st.messages = append(c.st.messages, queue.MessageDetail{Message: samvirke.Message{ID: id, Seq: int64(c.n), Party: party, Format: "kith", Kind: kind,
		Version: "1.6", ExternalID: ext, Patient: testPatient, GeneratedAt: c.clock.Add(-3 * time.Second), ReceivedAt: c.clock, Status: samvirke.MessageProcessed,
		Checksum: checksum(raw), Size: int64(len(raw)), ContentType: "application/xml", Raw: raw}, Envelope: env,
		Notes: []byte(`[{"path":"MsgHead/MsgInfo/Sender/Organisation/Address","code":"not-carried","text":"the address of the sender has no place in the receiver's form"}]`)})
	c.event(id, "", party, samvirke.EventReceived, 0, "")
	c.event(id, "", party, samvirke.EventReceiptMade, 3*time.Millisecond, "AppRec 1.1, accepted")
	c.event(id, "", party, samvirke.EventPlanChanged, 3*time.Millisecond, "")
	c.event(id, "", "", samvirke.EventRouted, 4*time.Millisecond, "2 receivers")
	c.answer(id, party, ext, kind)
	return id
}

func (c *course) delivery(msg, party string, purpose samvirke.Purpose, kind, rule string) *samvirke.Delivery {
	id := fmt.Sprintf("d%04d", len(c.st.deliveries)+1)
	body := fmt.Appendf(nil, rawXML, kind, id)
	c.st.deliveries = append(c.st.deliveries, samvirke.Delivery{ID: id, Seq: int64(len(c.st.deliveries) + 1), MessageID: msg, Party: party, Purpose: purpose,
		Lane: samvirke.LaneKey(party, testPatient, purpose), Patient: testPatient, ExternalID: id, Kind: kind, Format: "kith", Version: "1.6",
		ContentType: "application/xml", Rule: rule, State: samvirke.DeliveryQueued, CreatedAt: c.clock, Checksum: checksum(body), Size: int64(len(body)), Body: body})
	return &c.st.deliveries[len(c.st.deliveries)-1]
}

// answer adds our receipt to the sender, sent and taken.
func (c *course) answer(msg, party, ext, kind string) {
	d := c.delivery(msg, party, samvirke.PurposeReceipt, "APPREC", "")
	c.try(d, 6*time.Millisecond, 9*time.Millisecond, "HTTP 202", "")
	d.State, d.SentAt = samvirke.DeliverySent, c.clock.Add(15*time.Millisecond)
	c.st.receipts = append(c.st.receipts, samvirke.Receipt{ID: "r" + d.ID, Direction: samvirke.Outbound, Party: party, MessageID: msg, DeliveryID: d.ID,
		ExternalID: "x" + d.ID, At: c.clock, ReceiptContent: samvirke.ReceiptContent{Status: samvirke.ReceiptOK, OriginalID: ext, OriginalKind: kind}})
}

// try adds one attempt and the event of its outcome.
func (c *course) try(d *samvirke.Delivery, after, took time.Duration, answer, fault string) {
	d.Attempts++
	a := samvirke.Attempt{DeliveryID: d.ID, Number: d.Attempts, At: c.clock.Add(after), Took: took, Answer: answer, Fault: fault}
	name := samvirke.EventSent
	if fault != "" {
		a.Class, name = samvirke.Transient, samvirke.EventWaiting
		a.FaultText = "connection refused"
	}
	c.st.attempts[d.ID] = append(c.st.attempts[d.ID], a)
	c.event(d.MessageID, d.ID, d.Party, samvirke.EventSending, after, "")
	c.event(d.MessageID, d.ID, d.Party, name, after+took, "")
}

// forward adds a delivery that is taken and accepted by receipt.
func (c *course) forward(msg, party, kind, rule string) *samvirke.Delivery {
	d := c.delivery(msg, party, samvirke.PurposeForward, kind, rule)
	c.try(d, 8*time.Millisecond, 14*time.Millisecond, "HTTP 202", "")
	d.State, d.SentAt, d.DoneAt, d.ExpectBy = samvirke.DeliveryAcknowledged, c.clock.Add(22*time.Millisecond), c.clock.Add(1900*time.Millisecond), c.clock.Add(96*time.Hour)
	c.st.receipts = append(c.st.receipts, samvirke.Receipt{ID: "r" + d.ID, Direction: samvirke.Inbound, Party: party, MessageID: msg, DeliveryID: d.ID,
		ExternalID: "x" + d.ID, At: d.DoneAt, ReceiptContent: samvirke.ReceiptContent{Status: samvirke.ReceiptOK}})
	c.event(msg, d.ID, party, samvirke.EventAcknowledged, 1900*time.Millisecond, "AppRec 1.1")
	return d
}

// notice adds a plan-changed notice that is taken.
func (c *course) notice(msg string) *samvirke.Delivery {
	d := c.delivery(msg, "brygga-gp", samvirke.PurposeNotice, "plan-changed", "gp-is-told")
	c.try(d, 9*time.Millisecond, 31*time.Millisecond, "HTTP 200", "")
	d.State, d.SentAt = samvirke.DeliverySent, c.clock.Add(40*time.Millisecond)
	return d
}

// version stores the plan as it stands now.
func (c *course) version(msg string) {
	body, err := json.Marshal(c.plan)
	if err != nil {
		c.t.Fatal(err)
	}
	c.st.plans = append(c.st.plans, queue.PlanVersion{Patient: testPatient, Version: int64(len(c.st.plans) + 1), At: c.clock, MessageID: msg, Body: body})
}

func (c *course) source(key, msg, kind, her, name, author string) []string {
	if c.plan.Sources == nil {
		c.plan.Sources = map[string]careplan.Source{}
	}
	c.plan.Sources[key] = careplan.Source{Key: key, MessageID: msg, Kind: kind, Sender: her, Name: name, Author: author,
		Event: c.clock.Add(-20 * time.Minute), Sent: c.clock.Add(-3 * time.Second), Received: c.clock, Mapping: "kith 1", State: "live"}
	return []string{key}
}

func val(text string, from []string) *careplan.Value { return &careplan.Value{Text: text, From: from} }

const hospital, municipality = "90001", "90002"

// newCourse plays the stroke course up to the discharge and the municipality's answers.
func newCourse(t *testing.T) *course {
	t.Helper()
	c := &course{t: t, st: newFakeStore()}
	c.admission()
	c.readiness()
	c.discharge()
	c.trouble()
	c.st.settings[settingDay] = `{"day":"2026-01-25","accepted":8,"processed":8,"confirmed":6,"taken":14}`
	return c
}

func (c *course) admission() {
	c.at("2026-01-10 22:40:00")
	m := c.message("fjellheim", "LOG_INNLAGT", samvirke.OpNew)
	from := c.source("90001/1", m, "LOG_INNLAGT", hospital, "Fjellheim sykehus", "Slagenheten")
	c.plan.Patient = testPatient
	c.plan.Person = careplan.Person{Identifier: careplan.Value{Text: testNumber, From: from}, Name: val(testName, from), BirthDate: val("1969-11-13", from), Sex: val("kvinne", from)}
	c.plan.Stays = []careplan.Stay{{ID: "stay/1 a", Organiser: hospital, Name: "Fjellheim sykehus", Status: "in-progress", Start: val("2026-01-10T22:15:00+01:00", from), From: from}}
	c.plan.Team = []careplan.Member{{HER: hospital, Name: "Fjellheim sykehus", Role: "hospital", From: from}, {HER: municipality, Name: "Sjøvik kommune", Role: "municipality", From: from}}
	c.plan.Gaps = []careplan.Gap{{Rule: "R15", Text: "Admission without an admission report from the municipality", Due: c.clock.Add(24 * time.Hour), From: from}}
	c.version(m)
	c.forward(m, "sjoevik", "LOG_INNLAGT", "addressees")
	c.notice(m)
	c.st.addEvent(samvirke.Event{At: c.clock.Add(time.Minute), MessageID: m, Party: "fjellheim", Name: samvirke.EventDuplicate})

	c.at("2026-01-11 10:05:12")
	m = c.message("sjoevik", "INNLEGGELSESRAPPORT", samvirke.OpNew)
	from = c.source("90002/2", m, "INNLEGGELSESRAPPORT", municipality, "Sjøvik kommune", "Hjemmesykepleien, sone nord")
	c.plan.Gaps = []careplan.Gap{{Rule: "no-goal", Text: "The plan has no goal yet", From: from}, {Rule: "no-coordinator", Text: "No coordinator has been named", From: from}}
	c.plan.Services = []careplan.Service{{Value: careplan.Value{Text: "Helsetjenester i hjemmet", Code: "15", System: "urn:oid:2.16.578.1.12.4.1.1.9151", From: from}, Owner: municipality, Start: "2025-08-01", Amount: "3 visits a week"},
		{Value: careplan.Value{Text: "Praktisk bistand: daglige gjøremål", Code: "1", From: from}, Owner: municipality, Start: "2025-08-01"}}
	c.plan.Function = append(c.plan.Function, iplosAssessment("f1", "2026-01-09", from, 1, 2, 1, 2, 2, 3, 1, 1, 2, 1, 1, 2, 1, 2, 1, 9, 9))
	c.plan.Contacts = []careplan.Contact{{Kind: "kin", Name: "Amund Bakkerud", Role: "sønn", Phone: []string{"99 99 00 01"}, Owner: municipality, From: from}, {Kind: "professional", Name: "Ragnhild Tveitå", Role: "primærsykepleier", Phone: []string{"99 99 00 02"}, Owner: municipality, From: from}}
	c.plan.Notes = []careplan.Note{{Heading: careplan.Value{Text: "Sammenfatning", From: from}, Text: "Klarer seg stort sett selv hjemme. Går turer når det er tørt.\nBruker høreapparat.", Owner: municipality}}
	c.version(m)
	c.forward(m, "fjellheim", "INNLEGGELSESRAPPORT", "addressees")
	c.notice(m)

	c.at("2026-01-11 12:00:40")
	m = c.message("sjoevik", "INNLEGGELSESRAPPORT", samvirke.OpChange)
	c.plan.History = []careplan.Source{{Key: "90002/2", Kind: "INNLEGGELSESRAPPORT", MessageID: "m0002", Sender: municipality, Name: "Sjøvik kommune", Sent: c.clock.Add(-2 * time.Hour), State: "replaced"}}
	c.plan.Function[0] = iplosAssessment("f1", "2026-01-09", from, 1, 2, 1, 2, 2, 3, 2, 1, 2, 1, 1, 2, 1, 2, 1, 9, 9)
	c.version(m)
	c.forward(m, "fjellheim", "INNLEGGELSESRAPPORT", "addressees")
	c.notice(m)
}

func (c *course) readiness() {
	stay := &c.plan.Stays[0]
	c.at("2026-01-15 09:12:00")
	m := c.message("fjellheim", "assessment", samvirke.OpNew)
	from := c.source("90001/4", m, "assessment", hospital, "Fjellheim sykehus", "Fysioterapeut")
	c.plan.Function = append(c.plan.Function, barthel("b1", "2026-01-15", 6, from))
	c.version(m)
	c.notice(m)
	for i, step := range []struct{ at, kind, event string }{{"2026-01-19 10:20:00", "LOG_UTSKRIVNINGSKLAR", "2026-01-19T10:15:00+01:00"}, {"2026-01-19 17:12:00", "LOG_AVMELDING", "2026-01-19T17:05:00+01:00"}, {"2026-01-24 09:00:00", "LOG_UTSKRIVNINGSKLAR", "2026-01-24T08:50:00+01:00"}} {
		c.at(step.at)
		m := c.message("fjellheim", step.kind, samvirke.OpNew)
		from := c.source(fmt.Sprintf("90001/%d", 5+i), m, step.kind, hospital, "Fjellheim sykehus", "Slagenheten")
		if i == 1 {
			r := &c.plan.Ready[0]
			r.End, r.Why, stay.WithdrawnN = val(step.event, from), "withdrawn", 1
		} else {
			stay.ReadyCount++
			c.plan.Ready = append(c.plan.Ready, careplan.Ready{Stay: stay.ID, Set: *val(step.event, from), From: from})
		}
		c.version(m)
		c.forward(m, "sjoevik", step.kind, "addressees")
		c.notice(m)
		if i == 1 {
			c.unanswered()
		}
	}
}

// unanswered adds an epicrisis whose receipt never came.
func (c *course) unanswered() {
	c.at("2026-01-20 08:00:00")
	m := c.message("fjellheim", "EPIKRISE", samvirke.OpNew)
	d := c.delivery(m, "sjoevik", samvirke.PurposeForward, "EPIKRISE", "copies")
	c.try(d, 8*time.Millisecond, 20*time.Millisecond, "HTTP 202", "")
	d.State, d.SentAt, d.ExpectBy = samvirke.DeliverySent, c.clock.Add(28*time.Millisecond), c.clock.Add(96*time.Hour)
}

func (c *course) discharge() {
	stay := &c.plan.Stays[0]
	c.at("2026-01-25 11:20:00")
	m := c.message("fjellheim", "LOG_UTSKREVET", samvirke.OpNew)
	from := c.source("90001/8", m, "LOG_UTSKREVET", hospital, "Fjellheim sykehus", "Slagenheten")
	stay.Status, stay.End, stay.Destination = "finished", val("2026-01-25T11:00:00+01:00", from), val("Kommunal institusjon, korttidsopphold", from)
	c.plan.Ready[1].End, c.plan.Ready[1].Why = val("2026-01-25T11:00:00+01:00", from), "discharged"
	c.version(m)
	c.forward(m, "sjoevik", "LOG_UTSKREVET", "addressees")
	d := c.delivery(m, "brygga-gp", samvirke.PurposeNotice, "plan-changed", "gp-is-told")
	for i, after := range []time.Duration{10 * time.Millisecond, 2 * time.Second, 7 * time.Second, 25 * time.Second} {
		c.try(d, after, time.Duration(3+i)*time.Millisecond, "", "unreachable")
	}
	d.State, d.Fault, d.FaultText, d.DueAt = samvirke.DeliveryWaiting, "unreachable", "connection refused", courseNow.Add(40*time.Second)

	c.at("2026-01-25 13:00:05")
	m = c.message("fjellheim", "UTSKRIVNINGSRAPPORT", samvirke.OpNew)
	from = c.source("90001/9", m, "UTSKRIVNINGSRAPPORT", hospital, "Fjellheim sykehus", "Lege Torstein Hauglid")
	c.plan.Gaps = c.plan.Gaps[1:]
	c.plan.Diagnoses = []careplan.Diagnosis{{Value: careplan.Value{Code: "I63.5", Text: "Hjerneinfarkt", From: from}, Main: true, Owner: hospital}, {Value: careplan.Value{Code: "J15.9", Text: "Bakteriell pneumoni", From: from}, Owner: hospital}}
	c.plan.Goals = []careplan.Goal{{ID: "g1", Text: "Gå inne uten hjelpemiddel", Due: val("2026-04-22", from), Status: "active", Owner: hospital, From: from}, {ID: "g2", Text: "Klare morgenstell selv", Due: val("2026-03-25", from), Status: "active", Owner: hospital, From: from}}
	for i, text := range []string{"Gangtrening fem ganger i uken", "Trening i personlig stell", "Logopedi to ganger i uken"} {
		c.plan.Measures = append(c.plan.Measures, careplan.Measure{ID: fmt.Sprint("p", i), Text: text, Kind: "proposal", Status: "requested", Requester: hospital, Evaluation: val("2026-03-25", from), From: from})
	}
	c.plan.Measures = append(c.plan.Measures, careplan.Measure{ID: "d1", Text: "Trombolyse", Kind: "done", Status: "completed", Requester: hospital, Owner: hospital, Period: "2026-01-10", From: from})
	c.plan.Checkups = []careplan.Checkup{{ID: "k1", Start: "2026-04-20T10:30:00+02:00", Place: "Slagpoliklinikken, Fjellheim sykehus", Booked: true, Owner: hospital, From: from}}
	c.plan.Aids = []careplan.Aid{{Value: careplan.Value{Text: "Rullator", From: from}, Status: "in use", Owner: hospital}}
	c.version(m)
	c.forward(m, "sjoevik", "UTSKRIVNINGSRAPPORT", "addressees")

	c.at("2026-01-25 13:30:50")
	m = c.message("sjoevik", "DIALOG_HELSEFAGLIG", samvirke.OpNew)
	from = c.source("90002/10", m, "DIALOG_HELSEFAGLIG", municipality, "Sjøvik kommune", "Tildelingskontoret")
	for i := range 3 {
		p := &c.plan.Measures[i]
		p.Status, p.Owner = "accepted", municipality
		a := careplan.Answer{By: municipality, Status: "accepted", At: c.clock, From: from}
		if i == 2 {
			p.Status, p.Owner, a.Status, a.Reason = "requested", "", "rejected", "Ingen kapasitet hos logoped før april"
		}
		p.Answers = []careplan.Answer{a}
	}
	c.plan.Flags = []careplan.Flag{{Code: "R10", Text: "Ready for discharge was set and withdrawn once", From: from}}
	c.plan.Tasks = []careplan.Task{{ID: "t1", Text: "Find somebody for: Logopedi to ganger i uken", For: "coordinator", Status: "requested", Rule: "R1", From: from}}
	c.plan.Function = append(c.plan.Function, iplosAssessment("f2", "2026-01-25", from, 2, 3, 1, 3, 3, 4, 3, 2, 4, 1, 2, 4, 1, 2, 2, 1, 9), barthel("b2", "2026-01-24", 11, from))
	c.version(m)
	c.forward(m, "fjellheim", "DIALOG_HELSEFAGLIG", "addressees")
}

// trouble adds what needs a person: a stopped delivery, an overdue receipt, messages of each bad status.
func (c *course) trouble() {
	c.at("2026-01-25 13:40:00")
	for _, kind := range []string{"LOG_INNLAGT", "LOG_UTSKREVET"} {
		m := c.message("fjellheim", kind, samvirke.OpNew)
		d := c.delivery(m, "sjoevik", samvirke.PurposeForward, kind, "municipality")
		c.try(d, 8*time.Millisecond, 20*time.Millisecond, "HTTP 202", "")
		d.State, d.SentAt, d.Fault, d.FaultText = samvirke.DeliveryStopped, c.clock.Add(28*time.Millisecond), "receipt-rejected", "E10: patient not known to this service"
		c.event(m, d.ID, "sjoevik", samvirke.EventRejected, 4*time.Second, "AppRec 1.1: E10")
		c.event(m, d.ID, "sjoevik", samvirke.EventStopped, 4*time.Second, "refused by the receiver")
		c.st.receipts = append(c.st.receipts, samvirke.Receipt{ID: "r" + d.ID, Direction: samvirke.Inbound, Party: "sjoevik", MessageID: m, DeliveryID: d.ID, At: c.clock.Add(4 * time.Second),
			ReceiptContent: samvirke.ReceiptContent{Status: samvirke.ReceiptRejected, Errors: []samvirke.ReceiptError{{Code: "E10", Display: "Ugyldig meldingsidentifikator", Detail: "Pasienten er ikke kjent i denne tjenesten"}}}})
	}
	c.at("2026-01-25 13:50:00")
	for _, bad := range []struct {
		status      samvirke.MessageStatus
		fault, text string
	}{{samvirke.MessageAttention, "unknown-sender", "the sender's HER-id belongs to no party"}, {samvirke.MessageQuarantined, "message-id-reused", "the same message id came with other content"}, {samvirke.MessageRefused, "check-digit", "the patient identifier has a wrong check digit"}, {samvirke.MessageReceived, "", ""}, {samvirke.MessageClosed, "unknown-format", "ended by a person"}} {
		m := c.message("fjellheim", "LOG_INNLAGT", samvirke.OpNew)
		i := slices.IndexFunc(c.st.messages, func(x queue.MessageDetail) bool { return x.ID == m })
		c.st.messages[i].Status, c.st.messages[i].Fault, c.st.messages[i].FaultText = bad.status, bad.fault, bad.text
	}
}

func iplosAssessment(id, date string, from []string, values ...int) careplan.Assessment {
	a := careplan.Assessment{ID: id, Instrument: "iplos", Date: date, DateSource: "remark", Line: "iplos", Owner: municipality, Baseline: id == "f1", From: from}
	for i, v := range values {
		s := careplan.Score{Value: careplan.Value{Code: fmt.Sprint(i + 1), System: systemIPLOS, Text: iplosNames[fmt.Sprint(i+1)][0], From: from}, HigherIs: "worse", Min: 1, Max: 5}
		if v == 9 {
			s.NotRelevant, s.Shown = true, "9"
		} else {
			n := float64(v)
			s.Number, s.Shown = &n, fmt.Sprint(v)
		}
		a.Scores = append(a.Scores, s)
	}
	return a
}

func barthel(id, date string, total float64, from []string) careplan.Assessment {
	return careplan.Assessment{ID: id, Instrument: "barthel-20", Line: "barthel-20", Date: date, Owner: hospital, From: from,
		Scores: []careplan.Score{{Value: careplan.Value{Text: "Total", Code: "96761-2", System: "http://loinc.org", From: from}, Number: &total, Shown: fmt.Sprint(total), Min: 0, Max: 20, HigherIs: "better"}}}
}
