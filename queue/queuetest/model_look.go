package queuetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// class names what an error is by its promise; the words around it are the engine's own.
func class(err error) string {
	if err == nil {
		return "ok"
	}
	for name, e := range map[string]error{"not found": queue.ErrNotFound, "plan version": queue.ErrPlanVersion, "counter": queue.ErrCounter, "fenced": queue.ErrFenced,
		"state": queue.ErrState, "order": queue.ErrOrder, "exists": queue.ErrExists, "closed": queue.ErrClosed, "failed": queue.ErrFailed, "damaged": queue.ErrDamaged,
		"full": queue.ErrFull, "deadline": context.DeadlineExceeded} {
		if errors.Is(err, e) {
			return "error: " + name
		}
	}
	return "error"
}

// short is a body in few letters.
func short(body []byte) string {
	if len(body) <= 16 {
		return fmt.Sprintf("%q", body)
	}
	return fmt.Sprintf("%d bytes %x", len(body), sha256.Sum256(body))[:24]
}

func outcomeText(out queue.Outcome, err error) string {
	if err != nil {
		return class(err) // of a failed unit there is no outcome
	}
	existing := "none"
	if out.Existing != nil {
		existing = fmt.Sprintf("%+v", *out.Existing)
	}
	return fmt.Sprintf("seq %d, duplicate %t, reused %t, existing %s", out.Seq, out.Duplicate, out.Reused, existing)
}

func deliveryText(d samvirke.Delivery) string {
	body := short(d.Body)
	d.Body, d.Original = nil, false // a hint to who stores it: nothing promises that it comes back
	return fmt.Sprintf("%+v, body %s", d, body)
}

func leasedText(list []queue.Leased) string {
	var out []string
	for i := range list {
		out = append(out, fmt.Sprintf("%s, %s", deliveryText(list[i].Delivery), class(list[i].Err)))
	}
	sort.Strings(out)
	return strings.Join(out, "\n")
}

func receivedText(list []samvirke.Message) string {
	var out []string
	for _, m := range list {
		raw := short(m.Raw)
		m.Raw = nil
		out = append(out, fmt.Sprintf("%+v, raw %s", m, raw))
	}
	sort.Strings(out)
	return strings.Join(out, "\n")
}

func statsText(st queue.Stats) string {
	oldest := map[string]string{}
	for party, at := range st.OldestWaiting {
		oldest[party] = at.UTC().String()
	}
	return fmt.Sprint(st.Accepted, st.Messages, st.Deliveries, oldest, st.ReceiptsAwaited) // maps are printed in order
}

// dump is everything that can be read, a line each.
func (m *model) dump(rt *rapid.T, s queue.Store) (out []string) {
	ctx := m.ctx(rt)
	say := func(err error, text string, args ...any) {
		out = append(out, fmt.Sprintf(text, args...)+" "+class(err))
	}
	messages, err := s.Messages(ctx, queue.MessageFilter{Limit: queue.MaxPage})
	say(err, "%d messages", len(messages))
	for _, x := range messages {
		say(nil, "listed message %+v", x)
		d, err := s.Message(ctx, x.ID)
		raw, envelope, notes := short(d.Raw), short(d.Envelope), short(d.Notes)
		d.Raw, d.Envelope, d.Notes = nil, nil, nil
		say(err, "message %+v, raw %s, envelope %s, notes %s", d, raw, envelope, notes)
		events, err := s.Events(ctx, queue.EventFilter{MessageID: x.ID, Limit: queue.MaxPage})
		say(err, "events of message %s: %+v", x.ID, events)
		receipts, err := s.Receipts(ctx, queue.ReceiptFilter{MessageID: x.ID, Limit: queue.MaxPage})
		say(err, "receipts of message %s: %+v", x.ID, receipts)
	}
	deliveries, err := s.Deliveries(ctx, queue.DeliveryFilter{Limit: queue.MaxPage})
	say(err, "%d deliveries", len(deliveries))
	for _, x := range deliveries {
		say(nil, "listed delivery %s", deliveryText(x))
		d, err := s.Delivery(ctx, x.ID)
		say(err, "delivery %s", deliveryText(d))
		attempts, err := s.Attempts(ctx, x.ID)
		say(err, "attempts of %s: %+v", x.ID, attempts)
		events, err := s.Events(ctx, queue.EventFilter{DeliveryID: x.ID, Limit: queue.MaxPage})
		say(err, "events of delivery %s: %+v", x.ID, events)
		receipts, err := s.Receipts(ctx, queue.ReceiptFilter{DeliveryID: x.ID, Limit: queue.MaxPage})
		say(err, "receipts of delivery %s: %+v", x.ID, receipts)
	}
	for _, party := range receivers() {
		for _, id := range externalIDs()[:5] {
			d, err := s.FindDelivery(ctx, party, id)
			say(err, "delivery to %s found by %s: %s", party, id, deliveryText(d))
		}
	}
	m.dumpPatients(ctx, s, say)
	m.dumpRest(ctx, s, say)
	return out
}

func (m *model) dumpPatients(ctx context.Context, s queue.Store, say func(err error, text string, args ...any)) {
	for _, p := range []string{"", "urn:test|p1", "urn:test|p2", "urn:test|p3"} {
		records, err := s.Records(ctx, p)
		for i := range records {
			b := short(records[i].Body)
			records[i].Body = nil
			say(nil, "record of %s: %+v, body %s", p, records[i], b)
		}
		say(err, "%d records of %s", len(records), p)
		versions, err := s.PlanVersions(ctx, p)
		say(err, "versions of %s: %+v", p, versions)
		for _, v := range append([]queue.PlanVersion{{}, {Version: 99}}, versions...) {
			plan, err := s.Plan(ctx, p, v.Version)
			b := short(plan.Body)
			plan.Body = nil
			say(err, "plan %d of %s: %+v, body %s", v.Version, p, plan, b)
		}
	}
	for _, f := range []queue.DueFilter{{Limit: queue.MaxPage}, {Patient: "urn:test|p1"}, {Open: true, Until: time.Date(2026, 6, 1, 1, 0, 0, 0, time.UTC)}} {
		dues, err := s.Dues(ctx, f)
		// Those for one time have no order between patients: a sealed store knows them by another name.
		lines := make([]string, len(dues))
		for i, d := range dues {
			b := short(d.Body)
			d.Body = nil
			lines[i] = fmt.Sprintf("%s %+v, body %s", d.At, d, b)
		}
		if !slices.IsSortedFunc(dues, func(a, b queue.Due) int { return a.At.Compare(b.At) }) {
			lines = append(lines, "not earliest first")
		}
		sort.Strings(lines)
		say(err, "dues by %+v: %s", f, strings.Join(lines, "\n"))
	}
}

func (m *model) dumpRest(ctx context.Context, s queue.Store, say func(err error, text string, args ...any)) {
	receipts, err := s.Receipts(ctx, queue.ReceiptFilter{Limit: queue.MaxPage})
	say(err, "receipts: %+v", receipts)
	for after := int64(0); ; {
		events, err := s.Events(ctx, queue.EventFilter{After: after, Limit: 100})
		say(err, "events after %d: %+v", after, events)
		if err != nil || len(events) < 100 {
			break
		}
		after = events[len(events)-1].Seq
	}
	patients, err := s.Patients(ctx, queue.MaxPage)
	say(err, "patients: %+v", patients)
	changes, err := s.PlanChanges(ctx, 0, queue.MaxPage)
	say(err, "changes of plans: %+v", changes)
	for _, name := range counterNames() {
		n, err := s.Counter(ctx, name)
		say(err, "counter %s: %d", name, n)
	}
	for _, name := range settingNames() {
		value, err := s.Setting(ctx, name)
		say(err, "setting %s: %q", name, value)
	}
	pauses, err := s.Settings(ctx, "pause/", "", queue.MaxPage)
	say(err, "settings: %+v", pauses)
	audits, err := s.Audits(ctx, 0, queue.MaxPage)
	for i := range audits {
		audits[i].Hash, audits[i].Previous = "", "" // over random salts
	}
	say(err, "audits: %+v", audits)
	say(s.VerifyAudit(ctx), "audit chain")
	for _, key := range []string{"k1", "k2", "k3"} {
		gone, err := s.(queue.Eraser).WasErased(ctx, key)
		say(err, "record %s erased: %t", key, gone)
	}
}

// compare fails at the first line that differs.
func compare(rt *rapid.T, got, want []string) {
	rt.Helper()
	for i := range max(len(got), len(want)) {
		g, w := "nothing more", "nothing more"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		same(rt, "read", g, w)
	}
}

// look compares everything that can be read.
func (m *model) look(rt *rapid.T) {
	m.listen(rt)
	compare(rt, m.dump(rt, m.s), m.dump(rt, m.ref))
}

// listen takes what the store told of: all events without a gap, in the order of their numbers, as they are stored.
func (m *model) listen(rt *rapid.T) {
	ctx := m.ctx(rt)
	for {
		list, err := m.s.Events(ctx, queue.EventFilter{After: m.heard, Limit: queue.MaxPage})
		if err != nil {
			rt.Fatal(err)
		}
		for _, want := range list {
			select {
			case got := <-m.events:
				if !reflect.DeepEqual(got, want) {
					rt.Fatalf("told of %+v, stored is %+v", got, want)
				}
			case <-ctx.Done():
				rt.Fatalf("event %d is not told of", want.Seq)
			}
			m.heard = want.Seq
		}
		if len(list) < queue.MaxPage {
			return
		}
	}
}

// ask draws questions and compares the answers.
func (m *model) ask(rt *rapid.T) {
	text := func(what string, of ...string) string {
		return rapid.SampledFrom(append([]string{"", ""}, of...)).Draw(rt, what)
	}
	f := queue.MessageFilter{Party: text("party", "hospital", "clinic"), Kind: text("kind", "LOG", "LEARNT"), Patient: text("patient", "urn:test|p1", "urn:test|p2"),
		ExternalID: text("external", "e1", "e2"), ID: text("id", append(append(m.messageIDs(), m.deliveryIDs()...), externalIDs()[:5]...)...),
		Limit: rapid.IntRange(0, 5).Draw(rt, "limit")}
	if rapid.Bool().Draw(rt, "by text") {
		f.Text = text("text", "odd", "gp down", "down rec", "hospital", "busy", "nothing such")
	}
	if rapid.Bool().Draw(rt, "by status") {
		f.Status = []samvirke.MessageStatus{rapid.SampledFrom(statuses()[:5]).Draw(rt, "status"), samvirke.MessageQuarantined}
	}
	if rapid.Bool().Draw(rt, "by time") {
		f.Since, f.Until = m.moment(rt), m.moment(rt)
	}
	f.Before = int64(rapid.IntRange(0, 20).Draw(rt, "before"))
	d := queue.DeliveryFilter{Party: text("receiver", receivers()...), MessageID: text("message", m.messageIDs()...), Patient: text("of", "urn:test|p1"),
		Before: f.Before, Limit: f.Limit}
	if rapid.Bool().Draw(rt, "by state") {
		d.State = []samvirke.DeliveryState{rapid.SampledFrom([]samvirke.DeliveryState{samvirke.DeliveryQueued, samvirke.DeliverySending, samvirke.DeliverySent,
			samvirke.DeliveryStopped, samvirke.DeliveryWaiting}).Draw(rt, "state"), samvirke.DeliveryGivenUp}
	}
	if rapid.Bool().Draw(rt, "overdue") {
		d.OverdueAt = m.now.Add(time.Minute)
	}
	r := queue.ReceiptFilter{Party: d.Party, MessageID: d.MessageID, Note: text("note", "late", "unknown"), Limit: f.Limit}
	ctx := m.ctx(rt)
	answers := func(s queue.Store) string {
		messages, err1 := s.Messages(ctx, f)
		deliveries, err2 := s.Deliveries(ctx, d)
		receipts, err3 := s.Receipts(ctx, r)
		return fmt.Sprintf("messages %s %+v\ndeliveries %s %+v\nreceipts %s %+v", class(err1), messages, class(err2), deliveries, class(err3), receipts)
	}
	same(rt, fmt.Sprintf("asked %+v, %+v, %+v", f, d, r), answers(m.s), answers(m.ref))
}
