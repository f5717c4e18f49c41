package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/route"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/kith"
	"github.com/samvirke/samvirke/mapping/native"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/memory"
)

// town is a gateway over a store in memory, whose process can die at any commit. It is for properties of the whole gateway
// over many cases: each case is about a person of its own.
type town struct {
	disk    *memory.Disk
	store   *memory.Store
	g       *gateway.Gateway
	formats []mapping.Format
	log     *slog.Logger
	clock   atomic.Int64 // minutes since townStart
	life    *life
	persons int
	own     gateway.Subscription // the unit's, to all plans
}

// HER-ids of the other city.
const (
	herOther        = "8000021"
	herOtherNursing = "8000022"
)

// townStart is when all that happens in a town begins.
var townStart = time.Date(2026, 1, 10, 21, 45, 0, 0, time.UTC)

// life is one life of the process: once dies is called it stores nothing more from a commit on.
type life struct {
	queue.Store
	mu   sync.Mutex
	left int  // commits before the last one; negative: it does not die
	kept bool // whether the last one is stored, with nobody told
	over bool
}

func (l *life) Commit(ctx context.Context, u *queue.Unit) (queue.Outcome, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.over:
		return queue.Outcome{}, queue.ErrFailed
	case l.left > 0:
		l.left--
	case l.left == 0:
		if l.over = true; l.kept {
			_, _ = l.Store.Commit(ctx, u)
		}
		return queue.Outcome{}, queue.ErrFailed
	}
	return l.Store.Commit(ctx, u)
}

// dies makes the process die at the n-th commit from now; it is stored or not.
func (l *life) dies(n int, kept bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left, l.kept = n, kept
}

// Erase is that of the store behind; the process can die at it as at a commit.
func (l *life) Erase(ctx context.Context, e queue.Erasure) (queue.Erased, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.over:
		return queue.Erased{}, queue.ErrFailed
	case l.left > 0:
		l.left--
	case l.left == 0:
		if l.over = true; l.kept {
			_, _ = l.Store.(queue.Eraser).Erase(ctx, e)
		}
		return queue.Erased{}, queue.ErrFailed
	}
	return l.Store.(queue.Eraser).Erase(ctx, e)
}

// Heard is that of the store behind.
func (l *life) Heard(ctx context.Context, e queue.Erasure) ([]string, error) {
	return l.Store.(queue.Eraser).Heard(ctx, e)
}

// Wipe is that of the store behind.
func (l *life) Wipe(ctx context.Context) error { return l.Store.(queue.Eraser).Wipe(ctx) }

// WasErased is that of the store behind.
func (l *life) WasErased(ctx context.Context, recordKey string) (bool, error) {
	return l.Store.(queue.Eraser).WasErased(ctx, recordKey)
}

// newTown makes a town that ends with its test.
func newTown(t *testing.T) *town {
	t.Helper()
	k, err := kith.New(kith.Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	f, err := native.New(native.Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	w := &town{formats: []mapping.Format{k, f}, log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	t.Cleanup(func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
	})
	if err := w.settle(); err != nil {
		t.Fatal(err)
	}
	return w
}

// settle begins anew with an empty store and the unit's subscription.
func (w *town) settle() error {
	w.disk, w.persons = memory.NewDisk(), 0
	w.clock.Store(0)
	if err := w.open(); err != nil {
		return err
	}
	var err error
	w.own, err = w.g.Subscribe(context.Background(), "unit", gateway.SubscriptionWish{Topic: gateway.TopicPlanChanged, Reason: "test"})
	if err != nil {
		return err
	}
	return wait("the subscription is active", func() (bool, error) {
		s, err := w.g.SubscriptionOf(context.Background(), "unit", w.own.ID)
		return s.Status == gateway.SubscriptionActive, err
	})
}

func (w *town) now() time.Time { return townStart.Add(time.Duration(w.clock.Load()) * time.Minute) }

func (w *town) parties() []gateway.Party {
	gp, private := noticed("gp", "gp", herGP, &wire{}), noticed("private", "other", herPrivate, &wire{}, samvirke.RolePrivateProvider)
	unit := noticed("unit", "other", "8000055", &wire{}, samvirke.RoleCoordinator)
	unit.Municipality, unit.Endpoint, unit.Accepts = "5001", "https://unit.example/notices", nil
	return []gateway.Party{
		{Sender: &wire{}, Party: samvirke.Party{ID: "hospital", Name: "Fjordby sykehus", Role: "hospital",
			HER: []string{simulate.AdmissionHospital, simulate.AdmissionWard}, Accepts: []samvirke.Accept{{Format: "kith"}}}},
		{Sender: &wire{}, Party: samvirke.Party{ID: "city", Name: "Fjordby kommune", Role: "municipality", Municipality: "5001",
			HER: []string{simulate.AdmissionCity, simulate.AdmissionNursing}, Accepts: []samvirke.Accept{{Format: "kith"}}, Roles: []string{samvirke.RoleCoordinator}}},
		{Sender: &wire{}, Party: samvirke.Party{ID: "other", Name: "Dalby kommune", Role: "municipality", Municipality: "9902",
			HER: []string{herOther, herOtherNursing}, Accepts: []samvirke.Accept{{Format: "kith"}}}},
		gp, private, unit,
	}
}

// open starts a life of the process.
func (w *town) open() (err error) {
	w.store = memory.Open(w.disk, memory.Options{Now: w.now})
	if err := (gateway.Forget{Store: w.store, Now: w.now}).Resume(context.Background()); err != nil { // as the program does
		return err
	}
	w.life = &life{Store: w.store, left: -1}
	all := w.parties()
	var words []samvirke.Party
	for _, p := range all {
		words = append(words, p.Party)
	}
	table, errs := route.New(words, []route.Rule{{Name: "addressees", To: []string{"addressees"}}})
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	w.g, err = gateway.New(gateway.Options{Store: w.life, BaseURL: "https://gw.example", Formats: w.formats, Router: table, Logger: w.log,
		ClockEvery: time.Hour, Now: w.now, Patient: func(string) (string, string) { return "5001", "" }, Parties: all})
	if err != nil {
		return err
	}
	return w.g.Start(context.Background())
}

func (w *town) close() error {
	if w.g == nil {
		return nil
	}
	w.g.Stop()
	return w.store.Close()
}

// reopen is what an admin does when the process has died.
func (w *town) reopen() error {
	if err := w.close(); err != nil {
		return err
	}
	return w.open()
}

// wait waits for what happens in other goroutines.
func wait(what string, ok func() (bool, error)) error {
	end := time.Now().Add(2 * time.Minute)
	for pause := time.Microsecond; ; pause = min(2*pause, time.Millisecond) {
		if done, err := ok(); done || err != nil {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s: not in 2 minutes", what)
		}
		time.Sleep(pause)
	}
}

// records are those of a patient, in order of arrival.
func (w *town) records(patient string) ([]careplan.Record, error) {
	rows, err := w.store.Records(context.Background(), patient)
	if err != nil {
		return nil, err
	}
	out := make([]careplan.Record, len(rows))
	for i := range rows {
		if out[i], err = careplan.ParseRecord(rows[i].Body); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// notices are the numbers of the events that a party was told of about a patient, in the order in which they were made, and
// the ids of the messages that they came with.
func (w *town) notices(party, patient string) (numbers []int64, messages []string, err error) {
	if party == "unit" {
		return w.ownNotices(patient)
	}
	ds, err := w.store.Deliveries(context.Background(), queue.DeliveryFilter{Party: party, Patient: patient, Purpose: samvirke.PurposeNotice, Limit: queue.MaxPage})
	if err != nil {
		return nil, nil, err
	}
	sub := w.g.SubscriptionID(party, patient) + "-"
	for _, d := range slices.Backward(ds) {
		var n int64
		if _, err := fmt.Sscan(strings.TrimPrefix(d.ExternalID, sub), &n); err != nil {
			return nil, nil, fmt.Errorf("notice %q: %w", d.ExternalID, err)
		}
		numbers, messages = append(numbers, n), append(messages, d.MessageID)
	}
	return numbers, messages, nil
}

// ownNotices are those of the unit's subscription about a patient. Its numbers run over all patients.
func (w *town) ownNotices(patient string) (numbers []int64, messages []string, err error) {
	ds, err := w.store.Deliveries(context.Background(), queue.DeliveryFilter{Party: "unit", Patient: patient, Purpose: samvirke.PurposeNotice, Limit: queue.MaxPage})
	for _, d := range slices.Backward(ds) {
		if d.Kind == "handshake" {
			continue
		}
		messages = append(messages, d.MessageID)
	}
	for i := range messages {
		numbers = append(numbers, int64(i+1))
	}
	return numbers, messages, err
}
