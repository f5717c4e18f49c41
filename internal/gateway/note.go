package gateway

import (
	"context"
	"fmt"
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/route"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/queue"
)

// A partner without FHIR is told what changed in a dialogue note. The national profile of plans has no message that
// carries any change of a plan from anybody to anybody: each of its types has its own sender and its own full
// content. A dialogue note does, and every journal that takes PLO messages takes it.
//
// Source: domain/careplan.md section 10, outgoing XML; standards/no README section 5.

const (
	// kindNote is the message type of a note.
	kindNote = "DIALOG_NOTAT"
	// listTopic is the code list of what a note is about; 4 is further information.
	listTopic = fhir.OIDVolven + "7321"
	// maxNote bounds the text of a note. Unit: bytes; a change of a whole report is some 8 KB.
	maxNote = 32 << 10
)

// noteThread names the setting that holds the thread of notes to a party about a plan: the ids of its first and
// last message, joined by U+001F.
func noteThread(subscription string) string { return "note-thread/" + subscription }

// renderNote writes what changed in a party's view of the plan as a message in the party's thread: every note
// refers to the one before it, the first one to what the party was sent about the patient before. The body stays nil when
// what changed is nothing that a journal takes in.
func (g *Gateway) renderNote(ctx context.Context, u *queue.Unit, d *samvirke.Delivery, l *lane, pl *planWork) error {
	key, last, err := g.subscribed(ctx, l, pl, d.Patient)
	if err != nil {
		return err
	}
	d.Patient = key
	text := g.changeText(l, pl)
	if text == "" {
		return nil
	}
	version, ok := route.VersionFor(l.Accepts, kindNote)
	f := g.formats[route.FormatKITH]
	if !ok || f == nil {
		return &samvirke.Fault{Class: samvirke.Permanent, Code: "no-format", Safe: "the party reads no dialogue notes"}
	}
	sub := g.SubscriptionID(l.ID, key)
	first, parent, err := g.thread(ctx, l, key, sub)
	if err != nil {
		return err
	}
	id := g.o.NewID()
	b, fault := g.noteBundle(u, id, l, pl, text, parent, first)
	if fault != nil {
		return fault
	}
	r, err := f.Render(b, mapping.Target{Version: version, Now: u.Now})
	if err != nil {
		return err
	}
	if err := sendable(f, r.Body); err != nil {
		return err
	}
	d.Kind, d.Format, d.Version, d.ContentType, d.ExternalID, d.Body = kindNote, route.FormatKITH, r.Version, r.ContentType, r.ExternalID, r.Body
	if first == "" {
		first = r.ExternalID
	}
	note(u, noteThread(sub), first+"\x1f"+r.ExternalID)
	// The counter numbers the notes, and of two written side by side it lets one through: the thread stays one line.
	u.Counters = append(u.Counters, queue.CounterStep{Name: noticeCounter(l.ID, key), Expect: last})
	if last == 0 {
		note(u, SubscriptionSetting(sub), l.ID+"\x1f"+key)
	}
	return nil
}

// thread gives the first and the last message of the thread with a party about a patient; "" where there is none.
func (g *Gateway) thread(ctx context.Context, l *lane, patient, sub string) (first, last string, err error) {
	text, err := g.store.Setting(ctx, noteThread(sub))
	if err != nil {
		return "", "", fmt.Errorf("read thread of notes: %w", err)
	}
	if first, last, ok := strings.Cut(text, "\x1f"); ok {
		return first, last, nil
	}
	ds, err := g.store.Deliveries(ctx, queue.DeliveryFilter{Party: l.ID, Patient: patient, Purpose: samvirke.PurposeForward, State: reaches(), Limit: 1})
	if err != nil || len(ds) == 0 {
		return "", "", err
	}
	return ds[0].ExternalID, ds[0].ExternalID, nil
}

// noteBundle is the canonical message of a note, on behalf of the organisation whose message made the change.
func (g *Gateway) noteBundle(u *queue.Unit, id string, l *lane, pl *planWork, text, parent, first string) (*fhir.Bundle, *samvirke.Fault) {
	to, fault := g.addressOf(l.Party.Party)
	if fault != nil {
		return nil, fault
	}
	m := fhir.NewMessage(id, u.Now, fhir.Coding{System: fhir.SystemMessageType, Code: kindNote, Display: "Notat"})
	m.From(g.authorOf(pl.rec))
	m.To(*to)
	op := samvirke.OpNew
	if parent != "" {
		op = samvirke.OpChange
	}
	m.Chain(op, parent, first)
	about := m.Add(patientOf(pl.plan))
	m.Focus(about)
	m.Add(fhir.NewObject("resourceType", "Communication", "status", "completed",
		"topic", fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", listTopic, "code", "4", "display", "Supplerende opplysninger")),
			"text", "Endring i felles plan"),
		"subject", fhir.NewObject("reference", about),
		"payload", fhir.NewArray(fhir.NewObject("contentString", text))))
	return m.Bundle(), nil
}

// authorOf is the address of the organisation that a record is of.
func (g *Gateway) authorOf(rec *careplan.Record) samvirke.Address {
	if l := g.parties[g.byHER[rec.Key.Sender]]; l != nil {
		if a, fault := g.addressOf(l.Party.Party); fault == nil {
			a.Role = ""
			return *a
		}
	}
	return samvirke.Address{Levels: []samvirke.AddressLevel{{
		Kind: "organisation", Name: rec.SenderName, IDs: []samvirke.Identifier{fhir.NewIdentifier(fhir.TypeHER, rec.Key.Sender)},
	}}}
}

// patientOf is the Patient of a plan as a message wants it.
func patientOf(p *careplan.Plan) *fhir.Node {
	n := fhir.NewObject("resourceType", "Patient")
	system, value, _ := strings.Cut(p.Patient, "|")
	n.Append("identifier", fhir.NewObject("system", system, "value", value))
	if p.Person.Name != nil {
		words := strings.Fields(p.Person.Name.Text)
		name := fhir.NewObject()
		if last := len(words) - 1; last >= 0 {
			name.SetText("family", words[last])
			if last > 0 {
				name.Set("given", fhir.NewArray(strings.Join(words[:last], " ")))
			}
			n.Append("name", name)
		}
	}
	if p.Person.BirthDate != nil {
		n.SetText("birthDate", p.Person.BirthDate.Text)
	}
	if p.Person.Sex != nil {
		n.SetText("gender", p.Person.Sex.Text)
	}
	return n
}

// changeText is what changed in a party's view, in Norwegian, "" when it is nothing for a journal.
func (g *Gateway) changeText(l *lane, pl *planWork) string {
	if pl.clock != nil {
		return clockText(pl.clock)
	}
	v := g.ViewerOf(l.Party.Party, pl.keys()...)
	o := g.loader.viewOptions(pl.old, pl.key, v)
	last := len(pl.records) - 1
	lines := changeLines(careplan.Diff(careplan.FoldWith(pl.records[:last:last], o), careplan.FoldWith(pl.records, o)))
	if len(lines) == 0 {
		return ""
	}
	by := pl.rec.SenderName
	if by == "" {
		by = "HER-id " + pl.rec.Key.Sender
	}
	if pl.rec.Author != "" {
		by = pl.rec.Author + ", " + by
	}
	var b strings.Builder
	b.WriteString(noteChange + by + ":\n")
	for i, line := range lines {
		if b.Len()+len(line) > maxNote {
			fmt.Fprintf(&b, "… og %d endringer til; se planen.\n", len(lines)-i)
			break
		}
		b.WriteString("- " + line + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}
