package careplan

import (
	"fmt"
	"slices"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"pgregory.net/rapid"
)

// sharedWorld is one generated case of shared fields: statements, receipts, chains, decisions.
type sharedWorld struct {
	Records []Record
	Perm    []int
	Clock   string // whose clock runs ahead
	Ahead   time.Duration
	From    int // how many of its messages were written before that
	Late    Record
	Choice  int
}

var sharedNames = []string{FieldNextEvaluation, FieldStatus, FieldCoordinator}

// drawShared draws 2-16 records of three senders about three fields: every operation, versions named or not,
// receipts, clocks up to two days off, late arrival, decisions with and without the role.
func drawShared(t *rapid.T) sharedWorld {
	skew := map[string]time.Duration{}
	for _, s := range worldSenders {
		skew[s] = time.Duration(rapid.IntRange(-48*60, 48*60).Draw(t, "skew "+s)) * time.Minute
	}
	w := sharedWorld{}
	n := rapid.IntRange(2, 16).Draw(t, "records")
	for i := range n {
		w.Records = append(w.Records, drawStatement(t, i, skew, w.Records))
	}
	w.Perm = rapid.Permutation(seq(n)).Draw(t, "order")
	w.Late = drawStatement(t, n, skew, nil)
	w.Late.Seen, w.Late.Key.Sender, w.Late.SenderName = []string{"nobody/nothing"}, physio, orgNames[physio]
	w.Choice = rapid.IntRange(0, 5).Draw(t, "choice")
	return w
}

func drawStatement(t *rapid.T, i int, skew map[string]time.Duration, earlier []Record) Record {
	name := func(s string) string { return fmt.Sprintf("%s %d", s, i) }
	sender := rapid.SampledFrom(worldSenders).Draw(t, name("sender"))
	real := worldBase.Add(time.Duration(rapid.IntRange(0, 4*24*60).Draw(t, name("at"))) * time.Minute)
	r := Record{Key: Key{sender, fmt.Sprint("s", i)}, Subject: "urn:oid:2.16.578.1.12.4.1.4.1|" + testFNR, Kind: "plan-write",
		Sent: real.Add(skew[sender]), Receive: real.Add(time.Duration(rapid.IntRange(0, 24*60).Draw(t, name("delay"))) * time.Minute),
		SenderName: orgNames[sender], Mapping: "test/1", Original: []string{town}}
	r.Chain = Chain{Op: samvirke.OpNew, Conversation: r.Key.MessageID}
	if len(earlier) > 0 {
		pick := func(s string) Record { return earlier[rapid.IntRange(0, len(earlier)-1).Draw(t, name(s))] }
		switch rapid.IntRange(0, 9).Draw(t, name("what")) {
		case 0, 1: // acts on an earlier message
			if e := pick("on"); e.Kind != KindReceipt {
				r.Key.Sender, r.SenderName, r.Sent = e.Key.Sender, e.SenderName, real.Add(skew[e.Key.Sender])
				r.Chain = Chain{Op: rapid.SampledFrom([]samvirke.Op{"M", "M", "A", "C"}).Draw(t, name("op")), Parent: e.Key.MessageID, Conversation: e.Chain.Conversation}
			}
		case 2, 3: // names the version it answers
			for k := range earlier {
				if rapid.Bool().Draw(t, name(fmt.Sprint("saw ", k, " of"))) {
					r.Seen = append(r.Seen, earlier[k].Key.String())
				}
			}
			if rapid.IntRange(0, 5).Draw(t, name("later")) == 0 {
				r.Seen = append(r.Seen, fmt.Sprint(town, "/s", i+1)) // which cannot be, but is claimed
			}
		case 4, 5: // acknowledges a delivery
			r.Kind = KindReceipt
			for k := range earlier {
				if earlier[k].Kind != KindReceipt && rapid.Bool().Draw(t, name(fmt.Sprint("got ", k, " of"))) {
					r.Seen = append(r.Seen, earlier[k].Key.String())
				}
			}
			r.fill(&content{})
			return r
		case 6:
			r.Roles = rapid.SampledFrom([][]string{{"coordinator", "person"}, {"person"}, {"coordinator"}}).Draw(t, name("roles"))
			for k := range earlier {
				r.Seen = append(r.Seen, earlier[k].Key.String())
			}
			c := &content{}
			c.shared().Resolutions = []decidedConflict{{Conflict: conflictID(rapid.SampledFrom(sharedNames).Draw(t, name("field")), ""), Value: drawValue(t, name)}}
			r.fill(c)
			return r
		}
	}
	r.fill(drawFields(t, r.Chain.Op, name))
	return r
}

func drawValue(t *rapid.T, name func(string) string) coded {
	return coded{Text: fmt.Sprint("2026-03-1", rapid.IntRange(0, 3).Draw(t, name("value")))}
}

// drawFields states one or two fields, in a CarePlan's way or by a contact.
func drawFields(t *rapid.T, op samvirke.Op, name func(string) string) *content {
	c := &content{}
	if op == samvirke.OpCancel {
		return c
	}
	for i := range rapid.IntRange(1, 2).Draw(t, name("fields")) {
		name := func(s string) string { return name(fmt.Sprint(s, "-", i)) }
		field := rapid.SampledFrom(sharedNames).Draw(t, name("field"))
		switch v := drawValue(t, name); {
		case field == FieldCoordinator && rapid.Bool().Draw(t, name("as contact")):
			c.Contacts = append(c.Contacts, contactRow{Kind: "professional", Name: v.Text, Code: roleIndividualPlan})
		case len(c.Contacts) > 0 && field == FieldCoordinator:
		default:
			if c.More != nil && slices.ContainsFunc(c.More.Shared.Statements, func(s statedField) bool { return s.Field == field }) {
				continue
			}
			s := statedField{Field: field, Value: v}
			if rapid.IntRange(0, 7).Draw(t, name("remove")) == 0 {
				s.Value, s.Remove = coded{}, true
			}
			c.shared().Statements = append(c.shared().Statements, s)
		}
	}
	return c
}

// drawHonest draws a world in which every clock is right, each message takes a minute, and nothing happens at the
// same time: what a clock that runs ahead changes is then its own doing.
func drawHonest(t *rapid.T) sharedWorld {
	w := drawShared(t)
	for i, at := range rapid.Permutation(seq(len(w.Records))).Draw(t, "times") {
		r := &w.Records[i]
		r.Sent = worldBase.Add(time.Duration(at) * 10 * time.Minute)
		r.Receive = r.Sent.Add(time.Minute)
		if r.Kind == KindReceipt {
			r.Sent = r.Receive
		}
	}
	w.Clock = rapid.SampledFrom(worldSenders).Draw(t, "whose clock")
	w.Ahead = time.Duration(rapid.IntRange(5, 3*24*60).Draw(t, "ahead")) * time.Minute
	w.From = rapid.IntRange(0, len(w.Records)).Draw(t, "right before")
	return w
}

// ahead is the world with the clock ahead for some messages of one sender, the receipts of our own making excepted.
func (w *sharedWorld) ahead() []Record {
	list := clone(w.Records)
	n := 0
	for i := range list {
		if r := &list[i]; r.Key.Sender == w.Clock && r.Kind != KindReceipt {
			if n++; n > w.From {
				r.Sent = r.Sent.Add(w.Ahead)
			}
		}
	}
	return list
}

// owned is one generated case of measures: requested, accepted, changed by their owners and by others.
type owned struct {
	Records []Record
	Last    Record // of somebody who may own none of it, later than all
}

// drawOwned draws measures of three organisations with answers, versions and changes, and one record more.
func drawOwned(t *rapid.T) owned {
	w := owned{}
	n := rapid.IntRange(2, 12).Draw(t, "records")
	for i := range n {
		w.Records = append(w.Records, drawOwnedRecord(t, i, w.Records))
	}
	w.Last = drawOwnedRecord(t, n, w.Records)
	if w.Last.Chain.Op == samvirke.OpCancel {
		w.Last.Chain.Op = samvirke.OpChange
	}
	return w
}

func drawOwnedRecord(t *rapid.T, i int, earlier []Record) Record {
	name := func(s string) string { return fmt.Sprintf("%s %d", s, i) }
	sender := rapid.SampledFrom(worldSenders).Draw(t, name("sender"))
	at := worldBase.Add(time.Duration(i) * time.Hour)
	r := Record{Key: Key{sender, fmt.Sprint("o", i)}, Subject: "urn:oid:2.16.578.1.12.4.1.4.1|" + testFNR, Kind: "plan-write", Sent: at,
		Receive: at.Add(time.Minute), SenderName: orgNames[sender], Mapping: "test/1", Original: []string{town}}
	r.Chain = Chain{Op: samvirke.OpNew, Conversation: r.Key.MessageID}
	what := rapid.IntRange(0, 4).Draw(t, name("what"))
	if len(earlier) == 0 {
		what = 0
	}
	target := fmt.Sprint("m", rapid.IntRange(0, max(0, len(earlier)-1)).Draw(t, name("target")))
	if rapid.Bool().Draw(t, name("has seen")) {
		for _, e := range earlier {
			r.Seen = append(r.Seen, e.Key.String())
		}
	}
	c := &content{}
	words := fmt.Sprint("training ", rapid.IntRange(0, 99).Draw(t, name("words")))
	switch what {
	case 1, 2:
		c.Answers = []answer{{ID: target, Status: rapid.SampledFrom([]string{"accepted", "accepted", "rejected", "in-progress", "on-hold"}).Draw(t, name("status"))}}
	case 3:
		c.shared().Wishes = []wishedChange{{ID: target, Edit: rapid.Bool().Draw(t, name("edit")), Field: rapid.SampledFrom([]string{"", "content"}).Draw(t, name("field")),
			Is: measure{Ref: "urn:uuid:" + uuid(i), Text: words}}}
	case 4: // a new version of a message, with or without the measure
		e := earlier[rapid.IntRange(0, len(earlier)-1).Draw(t, name("on"))]
		r.Key.Sender, r.SenderName = e.Key.Sender, e.SenderName
		r.Chain = Chain{Op: rapid.SampledFrom([]samvirke.Op{"M", "M", "C"}).Draw(t, name("op")), Parent: e.Key.MessageID, Conversation: e.Chain.Conversation}
		if m := e.contents().Measures; len(m) > 0 && rapid.IntRange(0, 3).Draw(t, name("keep")) > 0 && r.Chain.Op == "M" {
			c.Measures = []measure{{IDs: m[0].IDs, Text: words, Kind: m[0].Kind}}
		}
	default:
		c.Measures = []measure{{Ref: "urn:uuid:" + uuid(i), IDs: []string{fmt.Sprint("m", i)}, Text: words, Kind: rapid.SampledFrom([]string{"proposal", "proposal", "order"}).Draw(t, name("kind")),
			Code: &coded{Code: words, System: fhir.SystemICD10}}}
	}
	r.fill(c)
	return r
}
