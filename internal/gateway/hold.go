package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// A person may hold a party: before its maintenance, while something is wrong with it, or to take it out of service. What is
// for it waits; nothing is lost. A hold is a setting in the store, so it outlives restarts and holds on every gateway.

// HoldMode is how a party is held.
type HoldMode string

// The modes.
const (
	HoldNone     HoldMode = ""         // not at all
	HoldPaused   HoldMode = "paused"   // nothing is sent to it; what it sends is taken
	HoldDraining HoldMode = "draining" // what waits is sent; of what it sends only receipts are taken, the rest is told to come later
)

// Hold is that somebody holds a party.
type Hold struct {
	Mode   HoldMode  `json:"mode"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// Holder holds parties and lets them go.
type Holder interface {
	// Hold holds a party, or lets it go with HoldNone. The reason is kept in the audit. Errors: ErrReason,
	// queue.ErrNotFound for an unknown party, ErrHold for an unknown mode.
	Hold(ctx context.Context, who, party string, mode HoldMode, reason string) error
}

// ErrHold is returned for a mode that is none.
var ErrHold = errors.New("no such way to hold a party")

const (
	holdSetting = "party-hold/" // + party id
	// holdLook is how often holds that another gateway on the store was told of are looked for.
	holdLook = 5 * time.Second
	// drainRetry is when a party that is being taken out of service may ask again.
	drainRetry = time.Minute
)

// holds knows which parties are held.
type holds struct {
	// changing orders what is written with what is read back, so that an old look never undoes a new hold.
	changing sync.Mutex

	mu   sync.Mutex
	of   map[string]Hold
	wake map[string]chan struct{} // closed when the hold of the party changes
}

// now gives the hold of a party and what is closed when it changes.
func (h *holds) now(party string) (Hold, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.wake == nil {
		h.wake = map[string]chan struct{}{}
	}
	if h.wake[party] == nil {
		h.wake[party] = make(chan struct{})
	}
	return h.of[party], h.wake[party]
}

func (h *holds) set(party string, is Hold) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.of[party] == is {
		return
	}
	if h.of == nil {
		h.of = map[string]Hold{}
	}
	if is.Mode == HoldNone {
		delete(h.of, party)
	} else {
		h.of[party] = is
	}
	if c := h.wake[party]; c != nil {
		close(c)
		delete(h.wake, party)
	}
}

// Hold implements Holder. What is on the wire already is awaited.
func (g *Gateway) Hold(ctx context.Context, who, party string, mode HoldMode, reason string) error {
	reason, err := checkReason(reason)
	if err != nil {
		return err
	}
	action, ok := map[HoldMode]string{HoldNone: "resume-party", HoldPaused: "pause-party", HoldDraining: "drain-party"}[mode]
	if !ok {
		return ErrHold
	}
	if g.parties[party] == nil {
		return fmt.Errorf("party %s: %w", party, queue.ErrNotFound)
	}
	now, value := g.now().Round(0), "" // as it is read back
	g.holds.changing.Lock()
	defer g.holds.changing.Unlock()
	is := Hold{Mode: mode, By: who, At: now, Reason: reason}
	if mode == HoldNone {
		is = Hold{}
	} else {
		raw, err := json.Marshal(is)
		if err != nil {
			return err
		}
		value = string(raw)
	}
	if _, err := g.store.Commit(ctx, &queue.Unit{Now: now, Settings: map[string]string{holdSetting + party: value},
		Audit: []samvirke.Audit{{At: now, Who: who, Action: action, Object: party, Reason: reason}}}); err != nil {
		return err
	}
	g.holds.set(party, is)
	g.log.Info("party held", "party", party, "mode", string(mode), "by", who)
	return nil
}

// loadHolds reads the holds from the store, which other gateways may have written.
func (g *Gateway) loadHolds(ctx context.Context) error {
	g.holds.changing.Lock()
	defer g.holds.changing.Unlock()
	list, err := g.store.Settings(ctx, holdSetting, "", queue.MaxPage)
	if err != nil {
		return fmt.Errorf("read held parties: %w", err)
	}
	held := map[string]Hold{}
	for _, s := range list {
		var is Hold
		if s.Value == "" {
			continue
		}
		if err := json.Unmarshal([]byte(s.Value), &is); err != nil {
			g.log.Error("read held party", "setting", s.Name, "err", err)
			continue
		}
		held[strings.TrimPrefix(s.Name, holdSetting)] = is
	}
	for _, id := range g.order {
		g.holds.set(id, held[id])
	}
	return nil
}

// followHolds looks for what other gateways were told, until ctx ends.
func (g *Gateway) followHolds(ctx context.Context) {
	for {
		pause(ctx, holdLook)
		if ctx.Err() != nil {
			return
		}
		if err := g.loadHolds(ctx); err != nil && !over(ctx, err) {
			g.log.Error("look for held parties", "err", err)
		}
	}
}

// unheld waits until the party is not paused. The context it gives ends when that changes, so that nobody waits for work of
// a party that is held meanwhile; the one given before is given again while it holds. False when ctx has ended.
func (l *lane) unheld(ctx, before context.Context) (context.Context, bool) {
	if before != nil && before.Err() == nil {
		return before, true
	}
	for ctx.Err() == nil {
		is, changed := l.g.holds.now(l.ID)
		if is.Mode == HoldPaused {
			select {
			case <-ctx.Done():
			case <-changed:
			}
			continue
		}
		run, cancel := context.WithCancel(ctx)
		l.g.wg.Go(func() {
			defer cancel()
			select {
			case <-changed:
			case <-ctx.Done():
			}
		})
		return run, true
	}
	return nil, false
}

// draining tells a party that is taken out of service to come later with what is no receipt; nil when it may come.
func (l *lane) draining(receipt bool) error {
	if receipt {
		return nil
	}
	if is, _ := l.g.holds.now(l.ID); is.Mode != HoldDraining {
		return nil
	}
	return &samvirke.Fault{Class: samvirke.Transient, Code: "party-draining", Safe: "nothing is taken from this party right now; send it again later", RetryAfter: drainRetry}
}
