package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
)

type translateCmd struct {
	From    string `help:"Source format; found out when not given." enum:",kith,fhir" default:""`
	To      string `help:"Target format: fhir or kith." required:"" enum:"fhir,kith"`
	Version string `help:"Version of the target's standard, for instance 1.5; as the message says when not given." name:"to-version"`
	Notes   string `help:"File for the notes on what did not fit, as JSON; - for standard error." placeholder:"FILE"`
	Compact bool   `help:"FHIR without line breaks."`
	File    string `arg:"" help:"Message file, - for standard input."`
}

// Run translates one message. Exit code 65 for a message that cannot be read.
func (c *translateCmd) Run(a *app) error {
	raw, err := a.readFile(c.File)
	if err != nil {
		return err
	}
	fs, err := formats(false)
	if err != nil {
		return err
	}
	if c.From != "" {
		fs = only(fs, c.From)
	}
	p, fault := parse(fs, raw)
	if p == nil || p.Bundle == nil {
		// The gateway keeps no Bundle of a FHIR message that it refuses or that is a receipt; it can be translated all the same.
		b, err := fhir.ParseBundle(raw)
		if err != nil {
			if fault != nil {
				err = fault
			}
			return &exitError{code: exitBadMessage, err: fmt.Errorf("%s: %w", c.File, err)}
		}
		p = &mapping.Parsed{Bundle: b}
	}
	if fault != nil {
		fmt.Fprintf(a.errs, "samvirke: %s: %v\n", c.File, fault)
	}
	notes := append(p.Notes, codeNotes(p.Bundle)...)
	out := p.Bundle.Bytes()
	if c.To == "fhir" && !c.Compact {
		out = indent(out)
	}
	if c.To != "fhir" {
		all, err := formats(false)
		if err != nil {
			return err
		}
		r, err := only(all, c.To)[0].Render(p.Bundle, mapping.Target{Version: c.Version, Now: time.Now()})
		if err != nil {
			return &exitError{code: exitBadMessage, err: fmt.Errorf("%s: %w", c.File, err)}
		}
		out, notes = r.Body, append(notes, r.Notes...)
	}
	if err := a.writeNotes(c.Notes, notes); err != nil {
		return err
	}
	_, err = a.out.Write(out)
	return err
}

func only(fs []mapping.Format, name string) []mapping.Format {
	for _, f := range fs {
		if f.Name() == name {
			return []mapping.Format{f}
		}
	}
	return nil
}

func (a *app) writeNotes(file string, notes []mapping.Note) error {
	if file == "" {
		return nil
	}
	if notes == nil {
		notes = []mapping.Note{}
	}
	b, err := json.MarshalIndent(notes, "", "  ")
	if err != nil {
		return err
	}
	b = append(b, '\n')
	if file == "-" {
		_, err = a.errs.Write(b)
		return err
	}
	return os.WriteFile(file, b, 0o600)
}
