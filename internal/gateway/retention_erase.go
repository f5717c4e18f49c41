package gateway

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// Forget erases people from a store. It needs no running gateway.
//
// Source: domain/careplan.md section 9 and P22.
type Forget struct {
	Store queue.Store
	Now   func() time.Time
	// Dropped is told of patient keys whose plans must not be remembered any more; nil: nobody remembers any.
	Dropped func(keys ...string)

	book *book // of a running gateway; nil: nobody remembers subscriptions
	// doing are the erasures that this process is doing; nil: nobody else does any.
	doing *doing
	// later is told that the files are to be wiped of what a silent erasure left; nil: they are wiped at once.
	later func()
}

// ErrErase says that the store cannot forget.
var ErrErase = errors.New("the store cannot erase")

const (
	erasurePrefix = "erasure/" // then an id: an erasure that has begun
	latePrefix    = "late/"    // then the id of a message that refers to an erased one
	faultErased   = "erased"
	// maxEraseRounds bounds how often what came in meanwhile is ended before an erasure gives up for now.
	maxEraseRounds = 50
)

// erasure is an erasure that has begun, as it stands in the store until it has ended. It names the person, and goes
// with the person.
type erasure struct {
	queue.Erasure
	Who    string `json:"who"`
	Reason string `json:"reason"`
}

// Erase takes a person out of the store: everything under the patient key, and under every key that is the same person
// now. Open deliveries and messages are ended first, with the reason. Who did it and why stands in the audit.
//
// When it is interrupted Resume goes on with it. When it returns without an error nothing of the person is in any file of the store.
func (f Forget) Erase(ctx context.Context, patient, who, reason string) (queue.Erased, error) {
	return f.EraseAll(ctx, []string{patient}, who, reason)
}

// EraseAll is Erase for several people, together; each has an entry in the audit. All of them or none are begun with.
func (f Forget) EraseAll(ctx context.Context, patients []string, who, reason string) (queue.Erased, error) {
	reason, err := checkReason(reason)
	if err != nil {
		return queue.Erased{}, err
	}
	if len(patients) == 0 || slices.Contains(patients, "") {
		return queue.Erased{}, queue.ErrNotFound
	}
	return f.eraseAll(ctx, patients, erasure{Who: who, Reason: reason})
}

// eraseAll does an erasure that says who, why and how, of several people.
func (f Forget) eraseAll(ctx context.Context, patients []string, e erasure) (queue.Erased, error) {
	all, err := f.collect(ctx, patients, nil)
	if err != nil {
		return queue.Erased{}, err
	}
	if err := f.partAll(ctx, all); err != nil {
		return queue.Erased{}, err
	}
	q := e.Erasure
	e.Erasure = together(all)
	e.Silent, e.Traces, e.Unwiped = q.Silent, q.Traces, q.Unwiped
	return f.begin(ctx, patients, &e)
}

// begin writes an erasure into the store, with an entry in the audit for each of these people, and does it.
func (f Forget) begin(ctx context.Context, patients []string, e *erasure) (queue.Erased, error) {
	name := erasurePrefix + newID()
	defer f.doing.begin(name)()
	older, err := f.within(ctx, e.Patients)
	if err != nil {
		return queue.Erased{}, err
	}
	e.Note, e.Settings = name, append(append(e.Settings, name), older...)
	now := f.Now().UTC()
	u := &queue.Unit{Now: now, Settings: map[string]string{name: string(mustJSON(e))}}
	for _, p := range patients {
		u.Audit = append(u.Audit, samvirke.Audit{At: now, Who: e.Who, Action: "erase", Object: strings.TrimPrefix(name, erasurePrefix), Patient: p, Reason: e.Reason})
	}
	if _, err := f.Store.Commit(ctx, u); err != nil {
		return queue.Erased{}, fmt.Errorf("begin to erase: %w", err)
	}
	queue.Reach(queue.PointEraseNoted)
	return f.run(ctx, e)
}

// within names the erasures that were begun of some of these people and of nobody else, and not ended: they go with this one. Later they
// would take what came after it.
func (f Forget) within(ctx context.Context, patients []string) (names []string, err error) {
	for after := ""; ; {
		page, err := f.Store.Settings(ctx, erasurePrefix, after, queue.MaxPage)
		if err != nil {
			return nil, fmt.Errorf("find erasures: %w", err)
		}
		for _, s := range page {
			after = s.Name
			var e erasure
			if json.Unmarshal([]byte(s.Value), &e) == nil && len(e.Patients) > 0 &&
				!slices.ContainsFunc(e.Patients, func(p string) bool { return !slices.Contains(patients, p) }) {
				names = append(names, s.Name)
			}
		}
		if len(page) < queue.MaxPage {
			return names, nil
		}
	}
}

// Resume ends erasures that were begun. A gateway calls it before it takes up any work.
//
// Erasures of silent people, whom nobody asked to erase, are left to the next run of retention: a start need not wait for them.
func (f Forget) Resume(ctx context.Context) error { return f.resume(ctx, false) }

func (f Forget) resume(ctx context.Context, silent bool) error {
	unwiped := false
	for after := ""; ; {
		page, err := f.Store.Settings(ctx, erasurePrefix, after, queue.MaxPage)
		if err != nil {
			return fmt.Errorf("find erasures: %w", err)
		}
		for _, s := range page {
			after = s.Name
			var e erasure
			if s.Value == "" || f.doing.has(s.Name) {
				continue
			}
			// The page was read a while ago, and the one that was being done then may have ended.
			if s.Value, err = f.Store.Setting(ctx, s.Name); err != nil {
				return fmt.Errorf("find erasures: %w", err)
			}
			if s.Value == "" {
				continue
			}
			if err := json.Unmarshal([]byte(s.Value), &e); err != nil {
				return fmt.Errorf("read an erasure: %w", err)
			}
			if !e.Silent.IsZero() && !silent {
				continue
			}
			unwiped, e.Note = unwiped || e.Unwiped, s.Name
			if e.Unwiped && silent && f.later != nil {
				f.later() // whatever becomes of the next one
			}
			if err := f.again(ctx, &e); unlessHeard(err) != nil {
				return err
			}
		}
		if len(page) < queue.MaxPage {
			break
		}
	}
	switch eraser, ok := storeAs[queue.Eraser](f.Store); {
	case !ok || !unwiped || silent && f.later != nil:
	default:
		if err := eraser.Wipe(ctx); err != nil {
			return fmt.Errorf("wipe what was erased: %w", err)
		}
	}
	return f.late(ctx)
}

// again goes on with an erasure that was interrupted. Of silent people some may have been heard of since: then nothing is done to any of
// them, not even to the subscriptions to their plans.
func (f Forget) again(ctx context.Context, e *erasure) error {
	if eraser, ok := storeAs[queue.Eraser](f.Store); ok && !e.Silent.IsZero() {
		heard, err := eraser.Heard(ctx, e.Erasure)
		if err != nil {
			return fmt.Errorf("go on with an erasure: %w", err)
		}
		if len(heard) > 0 {
			return f.unbegin(ctx, e, &queue.HeardError{Patients: heard})
		}
	}
	_, err := f.run(ctx, e)
	return err
}

// run does an erasure that stands in the store. What came in before its last step goes too.
func (f Forget) run(ctx context.Context, e *erasure) (queue.Erased, error) {
	eraser, ok := storeAs[queue.Eraser](f.Store)
	if !ok {
		return queue.Erased{}, ErrErase
	}
	for round := 1; ; round++ {
		if e.Silent.IsZero() { // else what is open is a reason to stay
			if err := f.end(ctx, e); err != nil {
				return queue.Erased{}, err
			}
		}
		if err := f.blank(ctx, e); err != nil {
			return queue.Erased{}, err
		}
		f.drop(e)
		queue.Reach(queue.PointEraseEnded)
		out, err := eraser.Erase(ctx, e.Erasure)
		queue.Reach(queue.PointErased)
		f.drop(e)
		if unlessHeard(err) == nil && err != nil {
			return out, f.unbegin(ctx, e, err)
		}
		if errors.Is(err, queue.ErrState) && round < maxEraseRounds {
			continue // a message of the person came in between
		}
		if err != nil && !errors.Is(err, queue.ErrErased) {
			return out, fmt.Errorf("erase a person: %w", err)
		}
		return out, nil
	}
}

// unbegin gives up an erasure of silent people of whom one was heard in the moment of it: it is not to be gone on with, and the audit says
// so. err is what came of it.
func (f Forget) unbegin(ctx context.Context, e *erasure, err error) error {
	if unlessHeard(err) != nil {
		return err
	}
	note := queue.Erasure{Settings: []string{e.Note}, Note: e.Note, Silent: e.Silent, Unwiped: true}
	u := &queue.Unit{Now: f.Now().UTC()}
	u.Audit = append(u.Audit, samvirke.Audit{At: u.Now, Who: e.Who, Action: "erase-given-up", Object: strings.TrimPrefix(e.Note, erasurePrefix),
		Reason: "somebody was heard of meanwhile: nobody of this erasure goes with it"})
	if _, e := f.Store.Commit(ctx, u); e != nil {
		return fmt.Errorf("give up an erasure: %w", e)
	}
	if eraser, ok := storeAs[queue.Eraser](f.Store); ok {
		if _, e := eraser.Erase(ctx, note); e != nil {
			return fmt.Errorf("give up an erasure: %w", e)
		}
	}
	return err
}

// blank takes the plans of all keys of the person out of the subscriptions, before the last step: an erasure that is
// interrupted does it again.
func (f Forget) blank(ctx context.Context, e *erasure) error {
	key, err := f.planKey(ctx)
	if err != nil || len(key) == 0 {
		return err
	}
	b := f.book
	if b == nil {
		b = &book{}
		if err := b.load(ctx, f.Store); err != nil {
			return err
		}
	}
	for _, p := range e.Patients {
		if err := b.blank(ctx, f.Store, f.Now().UTC(), PlanID(key, p)); err != nil {
			return err
		}
	}
	return nil
}

// planKey is the key that ids of plans are made with; empty in a store that never had a plan.
func (f Forget) planKey(ctx context.Context) ([]byte, error) {
	text, err := f.Store.Setting(ctx, planKeySetting)
	if err != nil {
		return nil, fmt.Errorf("read plan id key: %w", err)
	}
	key, err := hex.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("read plan id key: %w", err)
	}
	return key, nil
}

func (f Forget) drop(e *erasure) {
	if f.Dropped != nil {
		f.Dropped(append(slices.Clone(e.Patients), e.History...)...)
	}
}

// collect finds the keys that are each person, and what else names them: an erasure for each of these people who is nobody before. Whose
// records cannot be read is left out and noted in stay; nil: it is an error.
func (f Forget) collect(ctx context.Context, patients []string, stay *unread) ([]person, error) {
	key, err := f.planKey(ctx)
	if err != nil {
		return nil, err
	}
	id := func(p string) string { return PlanID(key, p) }
	var all []person
	seen := map[string]bool{}
	for _, p := range patients {
		if seen[p] {
			continue
		}
		one := person{Erasure: queue.Erasure{Patients: []string{p}}}
		if len(key) > 0 {
			if err := f.kin(ctx, &one, p, id); err != nil && (stay == nil || ctx.Err() != nil) {
				return nil, err
			} else if err != nil {
				stay.add(err)
				continue
			}
		}
		for _, k := range one.Patients {
			seen[k] = true
		}
		all = append(all, one)
	}
	return all, f.names(ctx, all, id)
}

// together makes one erasure of several.
func together(all []person) (e queue.Erasure) {
	for i := range all {
		one := &all[i]
		e.Patients = append(e.Patients, one.Patients...)
		e.Records = append(e.Records, one.Records...)
		e.Messages = append(e.Messages, one.Messages...)
		e.History = append(e.History, one.History...)
		e.Settings = append(e.Settings, one.Settings...)
		e.Counters = append(e.Counters, one.Counters...)
	}
	e.Patients, e.Settings = unique(e.Patients), unique(e.Settings)
	gone := map[string]bool{}
	for _, p := range e.Patients {
		gone[p] = true
	}
	e.History = slices.DeleteFunc(unique(e.History), func(k string) bool { return gone[k] })
	return e
}

// unique drops what stands twice and keeps the order.
func unique(list []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(list, func(s string) bool {
		again := seen[s]
		seen[s] = true
		return again
	})
}
