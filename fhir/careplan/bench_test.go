package careplan

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

// course gives n records of one person: strokes of bad luck, one course after the other.
func course(tb testing.TB, n int) []Record {
	tb.Helper()
	var out []Record
	for round := 0; len(out) < n; round++ {
		for i, m := range strokeCourse() {
			if i == 1 {
				continue // the repeat
			}
			if round > 0 {
				m.id = m.id[:9] + fmt.Sprintf("%04d", round) + m.id[13:]
				if m.parent != "" {
					m.parent = m.parent[:9] + fmt.Sprintf("%04d", round) + m.parent[13:]
					m.conv = m.parent
				}
				m.sent = m.sent.AddDate(0, round, 0)
				for j, r := range m.resources {
					r = r.Clone()
					if p := r.Get("period"); p != nil {
						for _, k := range []string{"start", "end"} {
							if t, err := time.Parse(time.RFC3339, p.Get(k).Text()); err == nil {
								p.SetText(k, stamp(t.In(oslo).AddDate(0, round, 0)))
							}
						}
					}
					m.resources[j] = r
				}
			}
			out = append(out, m.record(tb))
		}
	}
	return out[:n]
}

// years gives n records of one person over as many stays as it takes: of each stay the notices, a withdrawn one
// among them, the reports of both sides with 17 function variables and their changes, goals, measures and the
// answers to them, assessments, notes, and a dialogue with the physiotherapist.
func years(tb testing.TB, n int) []Record {
	tb.Helper()
	var out []Record
	for round := 0; len(out) < n; round++ {
		out = append(out, oneStay(round)...)
	}
	return stored(tb, out[:n])
}

// oneStay gives the records of one stay and what follows from it, in the order of sending.
func oneStay(round int) []Record {
	day := worldBase.AddDate(0, 0, 40*round)
	when := func(d, h int) string {
		return day.AddDate(0, 0, d).Add(time.Duration(h) * time.Hour).Format(time.RFC3339)
	}
	var out []Record
	add := func(sender, to, kind string, d int, c *content) *Record {
		c.From, c.To = &org{HER: sender, Name: orgNames[sender]}, []org{{HER: to, Inner: to + "9", Name: orgNames[to]}}
		c.Person = &person{Name: "Oda Testdal", Birth: "1965-07-15", Sex: "female"}
		id := uuid(100*round + len(out))
		r := Record{Key: Key{sender, id}, Subject: "urn:oid:2.16.578.1.12.4.1.4.1|" + testFNR, Kind: kind, Mapping: "test/1",
			MessageID: "gw-" + id, SenderName: orgNames[sender], Author: "Department of " + orgNames[sender], Original: []string{to, to + "9"},
			Chain: Chain{Op: samvirke.OpNew, Conversation: id}, Sent: day.AddDate(0, 0, d).Add(time.Duration(len(out)) * time.Minute)}
		r.Receive = r.Sent.Add(2 * time.Second)
		r.fill(c)
		out = append(out, r)
		return &out[len(out)-1]
	}
	on := func(r *Record, op samvirke.Op, of Record) {
		r.Chain = Chain{Op: op, Parent: of.Key.MessageID, Conversation: of.Chain.Conversation}
	}
	stay := func(code string, d int) *content {
		return &content{Events: []event{{Code: eventAdmitted, Time: when(0, 0)}, {Code: code, Time: when(d, 1)}}}
	}
	iplos := func(change int) *content {
		p := panel{Instrument: "iplos", Date: when(-4, 0)[:10], DateSource: "remark"}
		for v := 1; v <= 17; v++ {
			p.Scores = append(p.Scores, score{coded: coded{Code: fmt.Sprint(v), System: fhir.SystemFunction, Text: "variable"}, Value: fmt.Sprint(1 + (v+change+round)%5)})
		}
		return &content{Panels: []panel{p}, Services: []service{
			{coded: coded{Text: "Home nursing", Code: "15", System: fhir.SystemService}, Provider: "Granli home care"},
			{coded: coded{Text: "Safety alarm", Code: "6", System: fhir.SystemService}, Provider: "Granli home care"}},
			Contacts: []contactRow{{Kind: "kin", Name: "Per Testdal", Role: "brother", Phone: []string{"00000001"}}, {Kind: "unit", Name: "Granli home care", Phone: []string{"00000002"}}}}
	}
	report := func(v int) *content {
		return &content{
			Diagnoses: []diagnosis{{coded: coded{Text: "Cerebral infarction", Code: fmt.Sprint("I63.", round%10), System: "icd"}, Main: true}, {coded: coded{Text: "Hypertension", Code: "I10", System: "icd"}}},
			Goals:     []goal{{Text: fmt.Sprint("Walks indoors without help, stay ", round), Due: when(50, 0)[:10], By: "patient"}, {Text: "Showers alone", Due: when(80, 0)[:10]}},
			Measures: []measure{{Ref: "urn:uuid:" + uuid(7000+round), Text: "Walking training", Kind: "proposal", Eval: when(30, 0)[:10]}, {Ref: "urn:uuid:" + uuid(8000+round), Text: "Speech therapy", Kind: "proposal"},
				{Ref: "urn:uuid:" + uuid(9000+round), Text: "Medication reviewed", Kind: "done"}},
			Checkups: []checkup{{Start: when(60, 0), Place: "Outpatient clinic", Booked: true}},
			Aids:     []aid{{coded: coded{Text: "Walker", Code: "1", System: "aids"}, Status: "needed"}},
			Notes:    []note{{Heading: coded{Text: "Soneplan"}, Text: "Green: as usual. Yellow: ring the home care."}, {Heading: coded{Text: "Status", Code: "S"}, Text: fmt.Sprint("State at discharge ", round, " version ", v)}},
		}
	}
	answer := func(n int, status string) *content {
		return &content{Answers: []answer{{Ref: "urn:uuid:" + uuid(n+round), Status: status, At: when(12, 2)}}}
	}
	add(hospital, town, kindAdmitted, 0, &content{Events: []event{{Code: eventAdmitted, Time: when(0, 0)}}})
	first := *add(town, hospital, kindAdmissionReport, 1, iplos(0))
	on(add(town, hospital, kindAdmissionReport, 1, iplos(1)), samvirke.OpChange, first)
	add(hospital, town, "assessment", 4, &content{Panels: []panel{{Instrument: "barthel-20", Date: when(4, 0)[:10], Scores: []score{{coded: coded{Code: "96761-2", System: systemLOINC}, Value: "6", Total: true}}}}})
	add(hospital, town, kindReady, 5, stay(eventReady, 5))
	add(hospital, town, kindNotReady, 6, stay(eventNotReady, 6))
	wrong := *add(hospital, town, kindReady, 8, stay(eventReady, 8))
	on(add(hospital, town, kindReady, 8, &content{}), samvirke.OpCancel, wrong)
	add(hospital, town, kindReady, 9, stay(eventReady, 9))
	add(hospital, town, kindDischarged, 10, stay(eventDischarged, 10))
	out10 := *add(hospital, town, kindDischargeReport, 10, report(1))
	on(add(hospital, town, kindDischargeReport, 11, report(2)), samvirke.OpChange, out10)
	add(town, hospital, "task-answer", 12, answer(7000, "accepted"))
	add(town, hospital, "task-answer", 12, answer(8000, "rejected"))
	add(physio, gp, "assessment", 20, &content{Panels: []panel{{Instrument: "tug", Date: when(20, 0)[:10], Scores: []score{{coded: coded{Code: "444680009", System: systemSNOMED}, Value: "14.5", Unit: "s", Total: true}}}}})
	add(physio, gp, "DIALOG", 21, &content{Notes: []note{{Heading: coded{Text: "Question"}, Text: fmt.Sprint("May we go on, week ", round)}}})
	add(gp, town, "MEDISINSKE_OPPLYSNINGER", 25, &content{Diagnoses: []diagnosis{{coded: coded{Text: "Cerebral infarction", Code: "I639", System: "icd"}}}, Notes: []note{{Heading: coded{Text: "Plan"}, Text: fmt.Sprint("Control in week ", round)}}})
	return out
}

// BenchmarkFold: the limits are 2 ms for 300 records and 50 ms for 5,000.
func BenchmarkFold(b *testing.B) {
	for _, n := range []int{10, 30, 100} {
		list := course(b, n)
		b.Run(fmt.Sprint("course/", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Fold(list)
			}
		})
	}
	for _, n := range []int{300, 5000} {
		list := years(b, n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Fold(list)
			}
		})
	}
}

// BenchmarkApply brings a plan of 300 records up to date with one more, of every kind in turn. The limit is 0.3 ms. On a
// quiet machine it takes 0.12 ms: a notice of a stay 0.05, a report that replaces another, for which all items are listed
// again, 0.3 to 0.4. The map of sources, which each plan has of its own, is over a third of what it allocates.
func BenchmarkApply(b *testing.B) { benchmarkApply(b, 300, 17) }

// BenchmarkApplyShort does the same with a plan of 10 records, as most persons have.
func BenchmarkApplyShort(b *testing.B) { benchmarkApply(b, 10, 7) }

func benchmarkApply(b *testing.B, known, further int) {
	list := years(b, known+further)
	var f *Folder
	next := len(list)
	b.ReportAllocs()
	for b.Loop() {
		if next == len(list) {
			b.StopTimer()
			f = NewFolder(Options{})
			f.Apply(list[:known]...)
			f.Plan()
			next = known
			b.StartTimer()
		}
		f.Apply(list[next])
		f.Plan()
		next++
	}
}

// BenchmarkStored is the hot path of the gateway: read stored records, fold, encode.
func BenchmarkStored(b *testing.B) {
	for _, n := range []int{10, 30} {
		var raws [][]byte
		size := 0
		for _, r := range course(b, n) {
			raw, err := json.Marshal(r)
			if err != nil {
				b.Fatal(err)
			}
			raws = append(raws, raw)
			size += len(raw)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				list := make([]Record, len(raws))
				for i, raw := range raws {
					var err error
					if list[i], err = ParseRecord(raw); err != nil {
						b.Fatal(err)
					}
				}
				Fold(list).JSON()
			}
		})
	}
}

func BenchmarkFromMessage(b *testing.B) {
	m := strokeCourse()[2]
	bundle, env := m.build()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := FromMessage(bundle, env, Meta{Received: m.sent, MessageID: "x", Mapping: "test/1"}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTell is what follows a fold: encode the plan and see whether anybody must be told.
func BenchmarkTell(b *testing.B) {
	list := course(b, 10)
	old, plan := Fold(list[:9]), Fold(list)
	b.Run("JSON", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			plan.JSON()
		}
	})
	b.Run("SamePlan", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			SamePlan(old, plan)
		}
	})
}
