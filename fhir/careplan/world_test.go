package careplan

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/samvirke/samvirke"
	"pgregory.net/rapid"
)

// world is one generated case: what the properties are checked on.
type world struct {
	Records []Record
	Perm    []int
	Cuts    []bool
	Repeat  []int // indexes of records that come again, later
	Shift   time.Duration
	Line    []Record // one conversation of its own: N and then only M and A, each on the one before
	Cancel  Record   // withdraws Line
	Early   bool
	Where   []int // where the records of Line are put among Records
}

var (
	worldSenders = []string{hospital, town, gp}
	worldKinds   = []string{kindAdmitted, kindReady, kindNotReady, kindDischarged, kindAdmissionReport, kindDischargeReport, "EPIKRISE", "task-answer", "assessment"}
	worldBase    = time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)
)

// drawWorld draws 1-30 records of three senders: every operation, parents that are known, unknown, their
// own or part of a cycle, clocks up to two days off, ids used twice, late and early arrival.
func drawWorld(t *rapid.T) world { return drawWorldUpTo(t, 30) }

// drawWorldUpTo is drawWorld with another limit to the number of records.
func drawWorldUpTo(t *rapid.T, most int) world {
	skew := map[string]time.Duration{}
	for _, s := range worldSenders {
		skew[s] = time.Duration(rapid.IntRange(-48*60, 48*60).Draw(t, "skew "+s)) * time.Minute
	}
	n := rapid.IntRange(1, most).Draw(t, "records")
	w := world{}
	for i := range n {
		w.Records = append(w.Records, drawRecord(t, i, n, skew, w.Records))
	}
	w.Perm = rapid.Permutation(seq(n)).Draw(t, "order")
	w.Cuts = drawCuts(t, "cuts", n)
	w.Repeat = rapid.SliceOfN(rapid.IntRange(0, n-1), 0, 5).Draw(t, "repeats")
	w.Shift = time.Duration(rapid.IntRange(1, 10*24*60).Draw(t, "shift")) * time.Minute
	w.drawLine(t, skew)
	return w
}

// drawCuts draws after which of n records a batch ends: one in four, as every end costs a fold.
func drawCuts(t *rapid.T, name string, n int) []bool {
	return rapid.SliceOfN(rapid.Map(rapid.IntRange(0, 3), func(i int) bool { return i == 3 }), n, n).Draw(t, name)
}

func seq(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func drawRecord(t *rapid.T, i, n int, skew map[string]time.Duration, earlier []Record) Record {
	name := func(s string) string { return fmt.Sprintf("%s %d", s, i) }
	real := worldBase.Add(time.Duration(rapid.IntRange(0, 10*24*60).Draw(t, name("at"))) * time.Minute)
	sender := rapid.SampledFrom(worldSenders).Draw(t, name("sender"))
	r := Record{
		Key:     Key{sender, fmt.Sprint("m", i)},
		Subject: "urn:oid:2.16.578.1.12.4.1.4.1|" + testFNR,
		Kind:    rapid.SampledFrom(worldKinds).Draw(t, name("kind")),
		Sent:    real.Add(skew[sender]), SenderName: orgNames[sender],
		Receive: real.Add(time.Duration(rapid.IntRange(0, 3*24*60).Draw(t, name("delay"))) * time.Minute),
		Mapping: "test/1", Original: []string{town},
	}
	if rapid.IntRange(0, 9).Draw(t, name("reuse")) == 0 {
		r.Key.MessageID = fmt.Sprint("m", rapid.IntRange(0, n-1).Draw(t, name("id")))
	}
	r.Chain.Op = rapid.SampledFrom([]samvirke.Op{"N", "N", "M", "M", "A", "C"}).Draw(t, name("op"))
	target := fmt.Sprint("m", rapid.IntRange(0, n+2).Draw(t, name("target"))) // also unknown, own, cyclic
	r.Chain.Conversation = r.Key.MessageID
	if r.Chain.Op != samvirke.OpNew {
		r.Chain.Conversation = fmt.Sprint("m", rapid.IntRange(0, n).Draw(t, name("conversation")))
		switch rapid.IntRange(0, 5).Draw(t, name("reference")) {
		case 0: // none
		case 1:
			r.Chain.Conversation, r.Chain.Parent = target, target
		case 2:
			r.Chain.Conversation = ""
		default:
			r.Chain.Parent = target
		}
	}
	if len(earlier) > 0 && r.Chain.Op != samvirke.OpNew && rapid.Bool().Draw(t, name("true chain")) {
		e := earlier[rapid.IntRange(0, len(earlier)-1).Draw(t, name("on"))]
		r.Key.Sender, r.SenderName, r.Sent, r.Kind = e.Key.Sender, e.SenderName, real.Add(skew[e.Key.Sender]), e.Kind
		r.Chain.Parent, r.Chain.Conversation = e.Key.MessageID, first(e.Chain.Conversation, e.Key.MessageID)
	}
	if r.Kind == "EPIKRISE" {
		r.Chain.Parent, r.Chain.Conversation = "", fmt.Sprint("doc", i%3)
	}
	r.NoForwarding = rapid.IntRange(0, 9).Draw(t, name("forwarding")) == 0
	r.fill(drawContent(t, r.Kind, name))
	return r
}

// fill sets content and hash together.
func (r *Record) fill(c *content) {
	raw := encodeContent(c)
	r.Content, r.facts = raw, nil
	r.Hash = shortID("hash", string(raw), string(r.Chain.Op), r.Chain.Parent, r.Chain.Conversation, r.Kind, r.Sent.String())
}

func drawContent(t *rapid.T, kind string, name func(string) string) *content {
	c := &content{To: []org{{HER: town, Name: orgNames[town]}}}
	when := func(s string) string {
		m := worldBase.Add(time.Duration(rapid.IntRange(-5*24, 10*24).Draw(t, name(s))) * time.Hour)
		if rapid.IntRange(0, 4).Draw(t, name(s+" day")) == 0 {
			return m.Format("2006-01-02")
		}
		return m.Format(time.RFC3339)
	}
	word := func(s string) string { return fmt.Sprint(s, " ", rapid.IntRange(0, 4).Draw(t, name(s))) }
	if rapid.Bool().Draw(t, name("with person")) {
		c.Person = &person{Name: word("Oda"), Address: word("street")}
	}
	if code := mainEvent(kind); code != "" {
		if code != eventAdmitted && rapid.Bool().Draw(t, name("repeats admission")) {
			c.Events = append(c.Events, event{Code: eventAdmitted, Time: when("start")})
		}
		if code != eventReady && rapid.Bool().Draw(t, name("repeats ready")) {
			c.Events = append(c.Events, event{Code: eventReady, Time: when("ready")})
		}
		c.Events = append(c.Events, event{Code: code, Time: when("event"), Estimate: rapid.IntRange(0, 5).Draw(t, name("estimate")) == 0})
		return c
	}
	switch kind {
	case "task-answer":
		c.Answers = []answer{{Text: word("measure"), Status: rapid.SampledFrom([]string{"accepted", "rejected", "received"}).Draw(t, name("status"))}}
	case "assessment", kindAdmissionReport:
		c.Panels = []panel{{Instrument: "iplos", Date: when("assessed"), DateSource: "remark",
			Scores: []score{{coded: coded{Code: "7", System: "urn:oid:2.16.578.1.12.4.1.1.9111"}, Value: fmt.Sprint(rapid.IntRange(0, 10).Draw(t, name("score")))}}}}
	default:
		c.Goals = []goal{{Text: word("goal"), By: rapid.SampledFrom([]string{"", "patient"}).Draw(t, name("by"))}}
		c.Measures = []measure{{Text: word("measure"), Kind: rapid.SampledFrom([]string{"proposal", "order", "done"}).Draw(t, name("measure kind"))}}
		c.Diagnoses = []diagnosis{{coded: coded{Code: word("I6"), System: "x"}}}
		c.Notes = []note{{Heading: coded{Text: "Status"}, Text: word("note")}}
	}
	return c
}

// drawLine draws a conversation of one sender: a new report and changes or additions, each on the one
// before, with clocks and arrival at random, and its withdrawal.
func (w *world) drawLine(t *rapid.T, skew map[string]time.Duration) {
	sender := rapid.SampledFrom(worldSenders).Draw(t, "line sender")
	kind := rapid.SampledFrom(worldKinds).Draw(t, "line kind")
	switch kind {
	case "EPIKRISE": // has no references
		kind = "HELSEOPPL_SOKNAD"
	case kindAdmitted: // one that other events of the stay rest on leaves "entered in error": careplan.md section 6
		sender = physio
	}
	n := rapid.IntRange(1, 6).Draw(t, "line length")
	for i := range n + 1 {
		name := func(s string) string { return fmt.Sprintf("line %s %d", s, i) }
		r := Record{Key: Key{sender, fmt.Sprint("line", i)}, Subject: "urn:oid:2.16.578.1.12.4.1.4.1|" + testFNR, Kind: kind,
			Mapping: "test/1", Original: []string{town}, SenderName: orgNames[sender],
			Sent:    worldBase.Add(time.Duration(rapid.IntRange(-48*60, 12*24*60).Draw(t, name("sent"))) * time.Minute),
			Receive: worldBase.Add(time.Duration(rapid.IntRange(0, 13*24*60).Draw(t, name("received"))) * time.Minute)}
		r.Chain = Chain{Op: samvirke.OpNew, Conversation: "line0"}
		if i > 0 {
			r.Chain.Op = samvirke.OpChange
			r.Chain.Parent = fmt.Sprint("line", i-1)
			if i < n && rapid.IntRange(0, 3).Draw(t, name("addition")) == 0 {
				r.Chain.Op = samvirke.OpAddition
			}
		}
		c := &content{To: []org{{HER: physio, Name: orgNames[physio]}}, Person: &person{Phone: fmt.Sprint("line phone ", i)},
			Goals: []goal{{Text: fmt.Sprint("line goal ", i)}}, Measures: []measure{{Text: fmt.Sprint("line measure ", i), Kind: "proposal"}}}
		if code := mainEvent(kind); code != "" {
			when := worldBase.Add(time.Duration(rapid.IntRange(-5*24, 10*24).Draw(t, name("event"))) * time.Hour)
			c.Events = []event{{Code: code, Time: when.Format(time.RFC3339)}}
		}
		if kind == "task-answer" {
			c.Answers = []answer{{Text: fmt.Sprint("measure ", rapid.IntRange(0, 4).Draw(t, name("answer"))), Status: "accepted"}}
		}
		if i == n {
			r.Chain.Op = samvirke.OpCancel
			c = &content{}
		}
		r.fill(c)
		if i == n {
			w.Cancel = r
		} else {
			w.Line = append(w.Line, r)
		}
		w.Where = append(w.Where, rapid.IntRange(0, len(w.Records)).Draw(t, name("place")))
	}
}

// mixed puts extra records among the others at their drawn places.
func (w *world) mixed(extra ...Record) []Record {
	out := slices.Clone(w.Records)
	for i, r := range extra {
		out = slices.Insert(out, min(w.Where[i], len(out)), r)
	}
	return out
}

// clone gives a deep enough copy for a change of times.
func clone(list []Record) []Record {
	raw, err := json.Marshal(list)
	if err != nil {
		panic(err)
	}
	var out []Record
	if err := json.Unmarshal(raw, &out); err != nil {
		panic(err)
	}
	return out
}
