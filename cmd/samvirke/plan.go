package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/queue"
)

type planCmd struct {
	Fold planFoldCmd `cmd:"" help:"The plan that a set of messages gives, as canonical JSON: any order, same bytes."`
	Show planShowCmd `cmd:"" help:"A patient's plan from the store."`
}

type planFoldCmd struct {
	Pretty bool     `help:"With line breaks."`
	JSON   bool     `help:"Print JSON; there is no other form."`
	Files  []string `arg:"" help:"Message files of one patient, - for standard input."`
}

// Run folds the plan of the messages in the files. Without a server nobody knows when a message was
// received, so its own time counts as that.
func (c *planFoldCmd) Run(a *app) error {
	fs, err := formats(false)
	if err != nil {
		return err
	}
	var records []careplan.Record
	subjects := map[string]bool{}
	for _, name := range c.Files {
		raw, err := a.readFile(name)
		if err != nil {
			return err
		}
		p, fault := parse(fs, raw)
		if fault != nil {
			return &exitError{code: exitBadMessage, err: fmt.Errorf("%s: %w", name, fault)}
		}
		if p.Envelope.Receipt != nil {
			continue // a receipt states nothing about the patient
		}
		rec, err := careplan.FromMessage(p.Bundle, &p.Envelope, careplan.Meta{
			Received: p.Envelope.GeneratedAt, Mapping: p.Envelope.Format + "/" + p.Envelope.Version,
		})
		if err != nil {
			return &exitError{code: exitBadMessage, err: fmt.Errorf("%s: %w", name, err)}
		}
		subjects[rec.Subject] = true
		records = append(records, rec)
	}
	if len(subjects) > 1 {
		return fail(exitUsage, "the files are about %d patients; plan fold takes one at a time", len(subjects))
	}
	out := careplan.Fold(records).JSON()
	if c.Pretty {
		out = indent(out)
	}
	_, err = a.out.Write(out)
	return err
}

type planShowCmd struct {
	storeFlags
	Version int64  `help:"Plan version; 0 is the newest."`
	JSON    bool   `help:"Print JSON; there is no other form."`
	Patient string `arg:"" help:"The patient's identifier, for instance a national identity number."`
}

// Run prints a stored plan as JSON.
func (c *planShowCmd) Run(a *app) error {
	s, err := c.openReader(a)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // reading only
	for _, key := range patientKeys(c.Patient) {
		v, err := s.Plan(a.ctx, key, c.Version)
		if errors.Is(err, queue.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		_, err = a.out.Write(indent(v.Body))
		return err
	}
	return fail(exitFailed, "no plan for this patient")
}

// patientKeys gives the keys a typed identifier may stand for.
func patientKeys(typed string) []string {
	if strings.Contains(typed, "|") {
		return []string{typed}
	}
	v := fhir.NormalizePerson(typed)
	return []string{fhir.SystemFNR + "|" + v, fhir.SystemDNR + "|" + v, fhir.SystemFHN + "|" + v}
}
