package main

import (
	"errors"
	"strings"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/queue"
)

type planCmd struct {
	Fold planFoldCmd `cmd:"" help:"The plan that a set of messages gives, as canonical JSON: any order, same bytes."`
	Show planShowCmd `cmd:"" help:"A patient's plan from the store."`
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
