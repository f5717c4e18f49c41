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

// part is a key that was linked with a person once and is somebody else: its plan is to be made of these records alone.
type part struct {
	key  string
	left []careplan.Record
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
	var left []careplan.Record
	for i := range all {
		r := &all[i]
		named := slices.ContainsFunc(r.Links(), func(k string) bool { return slices.Contains(e.Patients, k) })
		switch {
		case slices.Contains(e.Patients, r.Subject):
		case named || f.cancelsNamed(all, r, e.Patients):
			e.Records = append(e.Records, r.Key.String())
			e.Messages = append(e.Messages, r.MessageID)
		default:
			left = append(left, *r)
		}
	}
	for _, k := range keys {
		if slices.Contains(e.Patients, k) {
			continue
		}
		e.parts = append(e.parts, part{k, left})
		e.History = append(e.History, k)
	}
	return nil
}

// cancelsNamed tells whether a record belongs to a conversation in which another one names an erased person.
func (f Forget) cancelsNamed(all []careplan.Record, r *careplan.Record, erased []string) bool {
	return slices.ContainsFunc(all, func(o careplan.Record) bool {
		return o.Key.Sender == r.Key.Sender && o.Chain.Conversation == r.Chain.Conversation &&
			slices.ContainsFunc(o.Links(), func(k string) bool { return slices.Contains(erased, k) })
	})
}

// partAll takes what shows these people out of the plans of others who were linked with them once. It is done once it is clear that they go.
func (f Forget) partAll(ctx context.Context, all []person) error {
	for i := range all {
		for _, x := range all[i].parts {
			if err := f.part(ctx, all[i].Patients, x); err != nil {
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
		v, err := f.Store.Plan(ctx, key, 0)
		if errors.Is(err, queue.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		t, err := l.traits(ctx, key)
		if err != nil {
			return err
		}
		t.Linked = slices.DeleteFunc(t.Linked, func(k string) bool { return slices.Contains(erased, k) })
		p := careplan.FoldWith(x.left, careplan.Options{Subject: key})
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
