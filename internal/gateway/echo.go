package gateway

import (
	"context"
	"slices"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
)

// maxEcho bounds how many equal records are asked for who got them.
const maxEcho = 5

// repeats tells whether a message only says again what its sender last got from us: two systems that each pass on
// what they are told would otherwise tell each other for ever. It is stored like any other.
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
		told := pl.next.told[i]
		if told == nil {
			var err error
			if told, err = g.sentTo(ctx, r.MessageID); err != nil {
				return false, err
			}
			pl.next.told = slices.Clone(pl.next.told) // others read the old one
			pl.next.told[i] = told
		}
		if slices.Contains(told, m.Party) || slices.Contains(told, noticeMark+m.Party) {
			return true, nil
		}
	}
	return false, nil
}
