package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/config"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/mapping/kith"
	"github.com/samvirke/samvirke/queue"
)

const (
	// fillHands is how many units are on their way at the same time: enough to fill the groups of the writer.
	fillHands = 256
	// fillTold is how many deliveries there are between two words about the progress.
	fillTold = 100_000
)

// place is where the store of the gateways is, read from the first one's configuration.
func (r *rig) storePlace() (storeOptions, error) {
	cfg, problems := config.Load(r.gateways[0].config)
	if len(problems) > 0 {
		return storeOptions{}, fmt.Errorf("configuration of the gateway: %v", problems[0])
	}
	return placeOf(cfg), nil
}

func (r *rig) openReader(ctx context.Context) (reader, error) {
	o, err := r.storePlace()
	if err != nil {
		return nil, err
	}
	return openStoreReader(ctx, o, nil)
}

// fillBacklog commits at least n deliveries to the receivers that are down, by the store's own writer, group by group and
// synced: what a gateway leaves when the two were away. There are no plans and no receipts to the sender, who has had his.
func (r *rig) fillBacklog(a *app, b *simulate.Backlog, n int64, others int) (stored int64, err error) {
	o, err := r.storePlace()
	if err != nil {
		return 0, err
	}
	store, err := o.open(a.ctx)
	if err != nil {
		return 0, err
	}
	defer store.Close() //nolint:errcheck // every commit was awaited
	f, err := kith.New(kith.Options{AllowSynthetic: true})
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancelCause(a.ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	hands := make([]chan []byte, fillHands)
	for i := range hands {
		hands[i] = make(chan []byte, 2)
		wg.Go(func() {
			for body := range hands[i] {
				if ctx.Err() != nil {
					continue
				}
				if err := storeWaiting(ctx, store, f, body, others); err != nil {
					cancel(err)
				}
			}
		})
	}
	for stored < n && ctx.Err() == nil {
		stay, body := b.Next()
		hands[stay%fillHands] <- slices.Clone(body) // messages of a stay stay in order
		if stored += benchDead; stored%fillTold == 0 {
			fmt.Fprintf(a.errs, "stored %d of %d\n", stored, n)
		}
	}
	for _, h := range hands {
		close(h)
	}
	wg.Wait()
	return stored, context.Cause(ctx)
}

// storeWaiting stores one message as processed, with a delivery to each receiver that is down.
func storeWaiting(ctx context.Context, store queue.Store, f *kith.Format, body []byte, others int) error {
	p, err := f.Parse(body)
	if err != nil {
		return fmt.Errorf("a message of the backlog: %w", err)
	}
	env := &p.Envelope
	raw, err := json.Marshal(env)
	if err != nil {
		return err
	}
	now, sum := time.Now().UTC(), sha256.Sum256(body)
	m := samvirke.Message{
		ID: timeID(), Party: "sender", ReceivedAt: now, Status: samvirke.MessageReceived, Checksum: hex.EncodeToString(sum[:]), Size: int64(len(body)),
		Format: env.Format, Kind: env.Kind, Version: env.Version, ExternalID: env.ID, Patient: env.Patient.Key(), GeneratedAt: env.GeneratedAt,
		ContentType: "application/xml", Raw: body,
	}
	u := &queue.Unit{Now: now, Accept: &m, Message: &queue.MessageStep{
		ID: m.ID, From: []samvirke.MessageStatus{samvirke.MessageReceived}, To: samvirke.MessageProcessed,
		Format: m.Format, Kind: m.Kind, Version: m.Version, ExternalID: m.ExternalID, Patient: m.Patient, GeneratedAt: m.GeneratedAt, Envelope: raw,
	}}
	event := func(delivery, party string, name samvirke.EventName, detail string) {
		u.Events = append(u.Events, samvirke.Event{At: now, MessageID: m.ID, DeliveryID: delivery, Party: party, Patient: m.Patient, Name: name, Detail: detail})
	}
	event("", m.Party, samvirke.EventReceived, strconv.Itoa(len(body))+" bytes")
	event("", m.Party, samvirke.EventProcessed, m.Kind+" "+m.Version)
	for i := range benchDead {
		d := samvirke.Delivery{
			ID: timeID(), MessageID: m.ID, Party: sinkID(others + i), Purpose: samvirke.PurposeForward, Patient: m.Patient, Rule: "addressees",
			State: samvirke.DeliveryQueued, CreatedAt: now, Kind: m.Kind, Format: m.Format, Version: m.Version, ContentType: m.ContentType,
			ExternalID: m.ExternalID, Checksum: m.Checksum, Size: m.Size, Original: true, Body: body,
		}
		d.Lane = samvirke.LaneKey(d.Party, d.Patient, d.Purpose)
		u.Deliveries = append(u.Deliveries, d)
		event(d.ID, d.Party, samvirke.EventRouted, d.Format+" "+d.Version+" by rule "+d.Rule)
	}
	if _, err := store.Commit(ctx, u); err != nil {
		return fmt.Errorf("store a message of the backlog: %w", err)
	}
	return nil
}

// timeID gives an id that grows with time, as the gateway's do.
func timeID() string { return uuid.Must(uuid.NewV7()).String() }
