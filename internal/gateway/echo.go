package gateway

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/route"
	"github.com/samvirke/samvirke/queue"
)

// maxEcho bounds how many equal records are asked for who got them.
const maxEcho = 5

// repeats tells whether a message only says again what its sender last got from us: two systems that each pass on
// what they are told would otherwise tell each other for ever. It is stored like any other. Who was told something else
// since, or has said something else of its own since, and now says the former again, changes it back: that is news.
//
// Source: domain/careplan.md section 10, ping-pong guard.
func (g *Gateway) repeats(ctx context.Context, pl *planWork, m *samvirke.Message) (bool, error) {
	last := len(pl.records) - 1
	for i, asked := last-1, 0; i >= 0 && asked < maxEcho; i-- {
		r := &pl.records[i]
		if r.Key.Sender == pl.rec.Key.Sender || r.MessageID == "" || !careplan.SameStatements(r, pl.rec) {
			continue
		}
		asked++
		told, err := g.wasTold(ctx, pl, i, m.Party)
		if err != nil {
			return false, err
		}
		if told {
			changed, err := g.changedSince(ctx, pl, i, m.Party)
			return !changed, err
		}
	}
	return false, nil
}

// wasTold tells whether a party was sent the message of a record, or a notice or note of it.
func (g *Gateway) wasTold(ctx context.Context, pl *planWork, i int, party string) (bool, error) {
	told := pl.next.told[i]
	if told == nil {
		var err error
		if told, err = g.sentTo(ctx, pl.records[i].MessageID); err != nil {
			return false, err
		}
		pl.next.told = slices.Clone(pl.next.told) // others read the old one
		pl.next.told[i] = told
	}
	return slices.Contains(told, party) || slices.Contains(told, noticeMark+party), nil
}

// changedSince tells whether the party was told something else of the same since a record, or said something else itself
// that was no echo.
func (g *Gateway) changedSince(ctx context.Context, pl *planWork, i int, party string) (bool, error) {
	base, fields := &pl.records[i], pl.rec.SharedFields()
	for j := i + 1; j < len(pl.records)-1; j++ {
		r := &pl.records[j]
		replaces := r.Key.Sender == base.Key.Sender && r.Chain.Conversation == base.Chain.Conversation && r.Chain.Op != samvirke.OpNew
		same := slices.ContainsFunc(r.SharedFields(), func(f string) bool { return slices.Contains(fields, f) })
		if r.MessageID == "" || r.Kind == careplan.KindReceipt || !replaces && !same || careplan.SameStatements(r, pl.rec) {
			continue
		}
		if r.Key.Sender != pl.rec.Key.Sender {
			if told, err := g.wasTold(ctx, pl, j, party); told || err != nil {
				return told, err
			}
			continue
		}
		echo, err := g.wasEcho(ctx, pl, j, party)
		if err != nil || !echo {
			return err == nil, err
		}
	}
	return false, nil
}

// wasEcho tells whether an earlier record of the party said again what the party had been told.
func (g *Gateway) wasEcho(ctx context.Context, pl *planWork, j int, party string) (bool, error) {
	for k := j - 1; k >= 0; k-- {
		r := &pl.records[k]
		if r.Key.Sender == pl.rec.Key.Sender || r.MessageID == "" || !careplan.SameStatements(r, &pl.records[j]) {
			continue
		}
		if told, err := g.wasTold(ctx, pl, k, party); told || err != nil {
			return told, err
		}
	}
	return false, nil
}

// hasAlready tells whether a message that only repeats what its sender got is a copy for a party that has the same, from us
// or because it said so first. Whoever the sender addressed gets it all the same, and so does who was sent what it changes.
func (g *Gateway) hasAlready(ctx context.Context, pl *planWork, m *samvirke.Message, env *samvirke.Envelope, c route.Choice) (bool, error) {
	l := g.parties[c.Party]
	if pl == nil || c.Addressee >= 0 || l == nil || c.Format == route.FormatNotification || c.Format == route.FormatNote || env.Op != "" && env.Op != samvirke.OpNew {
		return false, nil
	}
	if !pl.asked {
		var err error
		if pl.echo, err = g.repeats(ctx, pl, m); err != nil {
			return false, err
		}
		pl.asked = true
	}
	if !pl.echo {
		return false, nil
	}
	for i, asked := len(pl.records)-2, 0; i >= 0 && asked < maxEcho; i-- {
		r := &pl.records[i]
		if r.MessageID == "" || !careplan.SameStatements(r, pl.rec) {
			continue
		}
		asked++
		if slices.Contains(l.HER, r.Key.Sender) {
			return true, nil
		}
		if told, err := g.wasTold(ctx, pl, i, c.Party); told || err != nil {
			return told, err
		}
	}
	return false, nil
}

// What the notes of a gateway begin with, ours and those of any other.
const (
	noteChange   = "Endring i felles plan, fra "
	noteReminder = "Påminnelse fra felles plan: "
)

// planNote gives the text of a message that is a note of a gateway about a plan; "" for all others. Such a note is shown and
// told to those who read the plan back, but no note is made of it: gateways that tell each other by notes would write
// notes of notes for ever, each longer than the last.
func planNote(env *samvirke.Envelope, b *fhir.Bundle) string {
	if env.Kind != kindNote || b == nil {
		return ""
	}
	for _, p := range b.First("Communication").Get("payload").Items() {
		if t := strings.TrimSpace(p.Get("contentString").Text()); strings.HasPrefix(t, noteChange) || strings.HasPrefix(t, noteReminder) {
			return t
		}
	}
	return ""
}

// repeatsNote tells whether a note of a gateway is the last one that its sender got from us.
func (g *Gateway) repeatsNote(ctx context.Context, pl *planWork, m *samvirke.Message, text string) (bool, error) {
	f := g.formats[route.FormatKITH]
	if text == "" || f == nil {
		return false, nil
	}
	for _, key := range pl.keys() {
		thread, err := g.store.Setting(ctx, noteThread(g.SubscriptionID(m.Party, key)))
		if err != nil {
			return false, err
		}
		_, last, ok := strings.Cut(thread, "\x1f")
		if !ok {
			continue
		}
		d, err := g.store.FindDelivery(ctx, m.Party, last)
		if errors.Is(err, queue.ErrNotFound) {
			continue
		}
		if err != nil {
			return false, err
		}
		if p, err := f.Parse(d.Body); err == nil && p != nil && planNote(&p.Envelope, p.Bundle) == text {
			return true, nil
		}
	}
	return false, nil
}
