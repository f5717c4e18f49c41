package gateway

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/queue"
)

// Erase takes a person out of the store; see Forget.
func (g *Gateway) Erase(ctx context.Context, patient, who, reason string) (queue.Erased, error) {
	out, err := g.eraser().Erase(ctx, patient, who, reason)
	if err != nil {
		g.ended.wipeLater() // it may have ended behind its last step, before the files were wiped
	}
	return out, err
}

func (g *Gateway) eraser() Forget {
	return Forget{Store: g.store, Now: g.o.Now, Dropped: func(keys ...string) { g.plans.drop(keys...) }, book: &g.book, doing: &g.erasing, later: g.ended.wipeLater}
}

// refersToErased tells whether a message changes, adds to or takes back one whose record was erased. A message that
// begins something costs nothing here.
func (g *Gateway) refersToErased(ctx context.Context, env *samvirke.Envelope) (bool, error) {
	if env.Op == "" || env.Op == samvirke.OpNew {
		return false, nil
	}
	keeper, ok := storeAs[queue.Eraser](g.store)
	if !ok {
		return false, nil
	}
	rise(ctx)
	sender := careplan.KeyOf(env).Sender
	for _, ref := range []string{env.Parent, env.Conversation} {
		if ref == "" {
			continue
		}
		for _, id := range queue.SameIDs(ref) {
			gone, err := keeper.WasErased(ctx, sender+"/"+id)
			if err != nil || gone {
				return gone, err
			}
		}
	}
	return false, nil
}

// lateUnit ends a message that refers to an erased one: it is acknowledged, so that its sender is done with it, goes to
// nobody, changes no plan, and its content goes too.
//
// Source: domain/careplan.md section 9.
func (g *Gateway) lateUnit(ctx context.Context, m *samvirke.Message, p *mapping.Parsed) (*queue.Unit, func() written, error) {
	had, err := g.alreadyMade(ctx, m)
	if err != nil {
		return nil, nil, err
	}
	nobody := *m
	nobody.Patient = ""
	u := &queue.Unit{
		Now: g.now(), Message: &queue.MessageStep{ID: m.ID, From: []samvirke.MessageStatus{samvirke.MessageReceived}, To: samvirke.MessageProcessed},
		Settings: map[string]string{latePrefix + m.ID: m.Patient},
	}
	u.Events = append(u.Events, g.event(&nobody, samvirke.EventErasedReference, string(p.Envelope.Op)))
	g.addReceipts(u, &nobody, &p.Envelope, func(int) samvirke.ReceiptContent {
		return samvirke.ReceiptContent{Status: samvirke.ReceiptOK}
	}, had)
	after := func() written {
		g.wg.Go(func() {
			// What fails here is found at the next start and by the job of retention.
			if err := g.eraser().late(context.WithoutCancel(ctx)); err != nil && !over(ctx, err) {
				g.log.Error("content of a message that refers to an erased one", "message_id", m.ID, "err", err)
			}
		})
		return written{}
	}
	return u, after, nil
}

// late takes the content of late messages away. A patient key of whom nothing else is kept goes with it.
func (f Forget) late(ctx context.Context) error {
	eraser, ok := storeAs[queue.Eraser](f.Store)
	if !ok {
		return nil
	}
	page, err := f.Store.Settings(ctx, latePrefix, "", queue.MaxPage)
	if err != nil {
		return fmt.Errorf("find late messages: %w", err)
	}
	e := queue.Erasure{}
	byPatient := map[string]int{}
	for _, s := range page {
		e.Messages = append(e.Messages, strings.TrimPrefix(s.Name, latePrefix))
		e.Settings = append(e.Settings, s.Name)
		byPatient[s.Value]++
	}
	if len(page) == 0 {
		return nil
	}
	alone := e
	for patient, n := range byPatient {
		if patient == "" {
			continue
		}
		ms, err := f.Store.Messages(ctx, queue.MessageFilter{Patient: patient, Limit: n + 1})
		if err != nil {
			return err
		}
		if _, err = f.Store.Plan(ctx, patient, 0); errors.Is(err, queue.ErrNotFound) && len(ms) <= n {
			alone.Patients = append(alone.Patients, patient)
		} else if err != nil && !errors.Is(err, queue.ErrNotFound) {
			return err
		}
	}
	_, err = eraser.Erase(ctx, alone)
	if errors.Is(err, queue.ErrState) { // something new of the person came in: only the late messages go
		_, err = eraser.Erase(ctx, e)
	}
	return err
}
