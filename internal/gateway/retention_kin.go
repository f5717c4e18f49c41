package gateway

import (
	"context"
	"errors"
	"slices"

	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/queue"
)

// person is one person who is to be erased.
type person struct {
	queue.Erasure
	parts []part
}

// part is a key that was linked with a person once and is somebody else: its plan is to be made of the records of all these keys that
// do not show the person.
type part struct {
	key  string
	keys []string
}

// kin adds the other keys of the person. Keys that were linked once and are other people now keep their plans, without
// what showed the person: the records that named both, and the older versions.
func (f Forget) kin(ctx context.Context, e *person, patient string, id func(string) string) error {
	l := planLoader{store: f.Store, id: id}
	keys := []string{patient}
	for i := 0; i < len(keys); i++ {
		t, err := l.traits(ctx, keys[i])
		if err != nil {
			return err
		}
		for _, k := range t.Linked {
			if !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
	}
	if len(keys) == 1 {
		return nil
	}
	all, err := l.records(ctx, keys)
	if err != nil {
		return err
	}
	e.Patients = careplan.Class(all, patient)
	if !slices.Contains(e.Patients, patient) {
		e.Patients = append(e.Patients, patient)
	}
	naming, _ := apart(all, e.Patients)
	for i := range naming {
		e.Records = append(e.Records, naming[i].Key.String())
		e.Messages = append(e.Messages, naming[i].MessageID)
	}
	for _, k := range keys {
		if slices.Contains(e.Patients, k) {
			continue
		}
		e.parts = append(e.parts, part{k, keys})
		e.History = append(e.History, k)
	}
	return nil
}

// apart gives, of the records of people who were linked once, those of others that show the erased ones, and those of others that do not.
func apart(all []careplan.Record, erased []string) (naming, left []careplan.Record) {
	for i := range all {
		r := &all[i]
		named := slices.ContainsFunc(r.Links(), func(k string) bool { return slices.Contains(erased, k) })
		switch {
		case slices.Contains(erased, r.Subject):
		case named || cancelsNamed(all, r, erased):
			naming = append(naming, *r)
		default:
			left = append(left, *r)
		}
	}
	return naming, left
}

// cancelsNamed tells whether a record belongs to a conversation in which another one names an erased person.
func cancelsNamed(all []careplan.Record, r *careplan.Record, erased []string) bool {
	return slices.ContainsFunc(all, func(o careplan.Record) bool {
		return o.Key.Sender == r.Key.Sender && o.Chain.Conversation == r.Chain.Conversation &&
			slices.ContainsFunc(o.Links(), func(k string) bool { return slices.Contains(erased, k) })
	})
}

// partAll takes what shows these people out of the plans of others who were linked with them once. It is done once it is clear that they go.
func (f Forget) partAll(ctx context.Context, all []person) error {
	var erased []string
	for i := range all {
		erased = append(erased, all[i].Patients...)
	}
	for i := range all {
		for _, x := range all[i].parts {
			if slices.Contains(erased, x.key) {
				continue // goes too
			}
			if err := f.part(ctx, erased, x); err != nil {
				return err
			}
		}
		all[i].parts = nil
	}
	return nil
}

// part writes the plan of a key that was linked once as its own records alone give it, and takes the erased keys out
// of what is known of it.
func (f Forget) part(ctx context.Context, erased []string, x part) error {
	secret, err := f.planKey(ctx)
	if err != nil {
		return err
	}
	l, key := planLoader{store: f.Store, id: func(p string) string { return PlanID(secret, p) }}, x.key
	for {
		// In this order: a record that comes later makes a newer version.
		v, err := f.Store.Plan(ctx, key, 0)
		if errors.Is(err, queue.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		all, err := l.records(ctx, x.keys)
		if err != nil {
			return err
		}
		_, left := apart(all, erased)
		t, err := l.traits(ctx, key)
		if err != nil {
			return err
		}
		t.Linked = slices.DeleteFunc(t.Linked, func(k string) bool { return slices.Contains(erased, k) })
		p := careplan.FoldWith(left, careplan.Options{Subject: key})
		u := &queue.Unit{
			Now: f.Now().UTC(), Settings: map[string]string{TraitsSetting(l.id(key)): string(mustJSON(t))},
			Plan: &queue.PlanStep{Patient: key, Expect: v.Version, MessageID: v.MessageID, Body: p.AppendJSON(nil)},
		}
		if _, err = f.Store.Commit(ctx, u); errors.Is(err, queue.ErrPlanVersion) {
			continue
		}
		return err
	}
}
