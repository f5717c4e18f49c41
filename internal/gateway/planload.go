package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/queue"
)

// maxKin bounds how many patient keys may be linked together, directly or through others. A person has two or
// three; a hundred are a mistake of the identity authority that must not make every later message slow.
const maxKin = 32

// planLoader reads plans from the store.
type planLoader struct {
	store queue.Reader
	// id gives the opaque id of a patient's plan.
	id func(patient string) string
	// rules are the site's settings for folding: rules that are off, and whose word is shown first.
	rules careplan.Options
}

// traits are what must be known of a plan before its records are read. They are written together with the
// record that brings them.
type traits struct {
	// Linked are the keys that a link ever named together with this one.
	Linked []string `json:"linked,omitempty"`
	// Context: see rareState.
	Context bool `json:"context,omitempty"`
}

// TraitsSetting names the setting that holds what must be known of a plan before its records are read: the
// patient keys that are linked with it, as JSON.
func TraitsSetting(planID string) string { return "traits/" + planID }

// recordCounter counts the records added to a plan since it is one for which it matters who has seen what. A receipt
// changes no plan version, so two units could each miss the other's record; the counter lets only one of them through.
func recordCounter(planID string) string { return "records/" + planID }

func (l *planLoader) traits(ctx context.Context, key string) (t traits, err error) {
	text, err := l.store.Setting(ctx, TraitsSetting(l.id(key)))
	if err != nil {
		return t, fmt.Errorf("read traits of a plan: %w", err)
	}
	return readTraits(text)
}

func readTraits(text string) (t traits, err error) {
	if text == "" || text[0] != '{' {
		return t, nil
	}
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return t, &samvirke.Fault{Class: samvirke.Internal, Code: "traits-broken", Safe: "internal error", Err: err}
	}
	return t, nil
}

// read reads the records of the first key and of all that were ever linked with any of the keys.
//
// Versions are read first, then what is linked, then counters, then records: what is added in between makes the
// commit lose, not lie.
func (l *planLoader) read(ctx context.Context, keys ...string) (*planState, []careplan.Record, error) {
	st := &planState{}
	var rows []queue.Record // of the one key, when all was read in one go
	done := false
	for i := 0; i < len(keys); i++ {
		s, whole, err := l.sheet(ctx, keys[i])
		if err != nil {
			return nil, nil, err
		}
		k := kinPlan{key: keys[i], version: s.Plan.Version, sum: sha256.Sum256(s.Plan.Body), dues: dueMarks(s.Dues)}
		t, err := readTraits(s.Setting)
		if err != nil {
			return nil, nil, err
		}
		for _, other := range t.Linked {
			if !slices.Contains(keys, other) {
				keys = append(keys, other)
			}
		}
		if k.context = t.Context; k.context {
			k.count = s.Counter
		}
		rows, done = s.Records, whole && len(keys) == 1
		if len(keys) > maxKin {
			return nil, nil, &samvirke.Fault{Class: samvirke.Permanent, Code: "too-many-linked",
				Safe: fmt.Sprintf("more than %d identifiers are linked together", maxKin)}
		}
		if i == 0 {
			st.version, st.sum, st.dues = k.version, k.sum, k.dues
			if k.context {
				st.rare = &rareState{context: true, count: k.count}
			}
			continue
		}
		if st.rare == nil {
			st.rare = &rareState{}
		}
		st.rare.kin = append(st.rare.kin, k)
	}
	var all []careplan.Record
	var err error
	if done {
		all, err = parseRecords(nil, rows)
	} else {
		all, err = l.records(ctx, keys)
	}
	return st, all, err
}

// load reads the records of the first key and of all that are linked with it, and folds them.
func (l *planLoader) load(ctx context.Context, w *workspace, keys ...string) (*planState, error) {
	st, all, err := l.read(ctx, keys...)
	if err != nil || len(all) == 0 {
		return st, err
	}
	st.records = careplan.Pack(all, &w.scratch)
	st.told = make([][]string, len(all))
	p := l.fold(all, keys[0], st)
	st.shown = shown(p)
	st.note(p)
	for i := range st.kinPlans() {
		k := &st.rare.kin[i]
		k.shown = shown(l.fold(all, k.key, st))
	}
	return st, nil
}

// sheet reads what is kept of the plan of one key: in one go where the store can, whole says so, else without the records.
// Traits, counter and dues of a key without a plan are not there: it was never linked, the link gives it one.
func (l *planLoader) sheet(ctx context.Context, key string) (s queue.PlanSheet, whole bool, err error) {
	setting, counter := TraitsSetting(l.id(key)), recordCounter(l.id(key))
	if all, ok := l.store.(queue.Store); ok {
		if sheets, ok := storeAs[queue.PlanSheets](all); ok {
			rise(ctx)
			s, err = sheets.PlanSheet(ctx, key, setting, counter)
			return s, true, err
		}
	}
	s.Plan, err = l.store.Plan(ctx, key, 0)
	if errors.Is(err, queue.ErrNotFound) {
		return queue.PlanSheet{}, false, nil
	}
	if errors.Is(err, queue.ErrDamaged) && s.Plan.Version > 0 {
		err = nil // the plan is what its records give: it is another than these bytes, so the next message stores it anew
	}
	if err != nil {
		return s, false, fmt.Errorf("read plan: %w", err)
	}
	if s.Setting, err = l.store.Setting(ctx, setting); err != nil {
		return s, false, fmt.Errorf("read traits of a plan: %w", err)
	}
	if t, err := readTraits(s.Setting); err != nil {
		return s, false, err
	} else if t.Context {
		if s.Counter, err = l.store.Counter(ctx, counter); err != nil {
			return s, false, fmt.Errorf("read counter of records: %w", err)
		}
	}
	s.Dues, err = l.store.Dues(ctx, queue.DueFilter{Patient: key, Limit: queue.MaxPage})
	if err != nil {
		return s, false, fmt.Errorf("read dues: %w", err)
	}
	return s, false, nil
}

// outdated tells whether another gateway is known to have changed a plan since a version.
func (l *planLoader) outdated(key string, version int64) bool {
	rumours, ok := l.rumours()
	return ok && rumours.PlanOutdated(key, version)
}

// shared tells whether other gateways may change plans too.
func (l *planLoader) shared() bool {
	_, may := l.rumours()
	return may
}

func (l *planLoader) rumours() (queue.PlanRumours, bool) {
	all, ok := l.store.(queue.Store)
	if !ok {
		return nil, false
	}
	return storeAs[queue.PlanRumours](all)
}

// records reads the records of these patient keys.
func (l *planLoader) records(ctx context.Context, keys []string) (all []careplan.Record, err error) {
	for _, key := range keys {
		rows, err := l.store.Records(ctx, key)
		if err != nil {
			return nil, fmt.Errorf("read records: %w", err)
		}
		if all, err = parseRecords(all, rows); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func parseRecords(all []careplan.Record, rows []queue.Record) ([]careplan.Record, error) {
	all = slices.Grow(all, len(rows))
	for i := range rows {
		rec, err := careplan.ParseRecord(rows[i].Body)
		if err != nil {
			return nil, fmt.Errorf("read record of message %s: %w", rows[i].MessageID, err)
		}
		all = append(all, rec)
	}
	return all, nil
}

// fold computes the plan of one key from the records of a state.
func (l *planLoader) fold(records []careplan.Record, key string, st *planState) *careplan.Plan {
	o := l.rules
	if len(st.kinPlans()) > 0 {
		o.Subject = key
	}
	return careplan.FoldWith(records, o)
}

// note keeps of a plan what deciding who is told of the next one needs.
func (s *planState) note(p *careplan.Plan) {
	limited := p.Restricted || p.Rights != nil
	if !limited && s.rare == nil {
		return
	}
	if s.rare == nil {
		s.rare = &rareState{}
	}
	s.rare.limited, s.rare.members = limited, nil
	if p.Rights != nil {
		s.rare.members = p.Rights.Members
	}
}
