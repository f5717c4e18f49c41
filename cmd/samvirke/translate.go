package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/fhirxml"
	"github.com/samvirke/samvirke/mapping"
)

type translateCmd struct {
	From    string `help:"Source format: fhir, fhir+xml or kith; found out when not given." enum:",kith,fhir,fhir+xml" default:""`
	To      string `help:"Target format: fhir, fhir+xml or kith, or html for a page that people read." required:"" enum:"fhir,fhir+xml,kith,html"`
	Version string `help:"Version of the target's standard, for instance 1.5; as the message says when not given." name:"to-version"`
	Notes   string `help:"File for the notes on what did not fit, as JSON; - for standard error." placeholder:"FILE"`
	Compact bool   `help:"FHIR without line breaks."`
	File    string `arg:"" help:"Message file, - for standard input."`
}

// Names of FHIR's two forms.
const (
	inJSON = "fhir"
	inXML  = "fhir+xml"
)

// Run translates one message. Exit code 65 for a message that cannot be read.
func (c *translateCmd) Run(a *app) error {
	out, notes, err := c.translate(a)
	if err != nil {
		// Notes of an earlier message must not be taken for those of one that failed.
		if c.Notes == "-" {
			return err
		}
		return errors.Join(err, a.writeNotes(c.Notes, notes))
	}
	if err := a.writeNotes(c.Notes, notes); err != nil {
		return err
	}
	_, err = a.out.Write(out)
	return err
}

// translate gives the message in the target format. Notes are those made so far also when it fails.
func (c *translateCmd) translate(a *app) ([]byte, []mapping.Note, error) {
	raw, err := a.readFile(c.File)
	if err != nil {
		return nil, nil, err
	}
	root, notes, fault, err := c.read(raw)
	if err != nil {
		return nil, notes, &exitError{code: exitBadMessage, err: fmt.Errorf("%s: %w", c.File, err)}
	}
	if fault != nil {
		fmt.Fprintf(a.errs, "samvirke: %s: %v\n", c.File, fault)
	}
	if b, err := fhir.BundleOf(root); err == nil {
		notes = append(notes, codeNotes(b)...)
	}
	out, more, err := c.write(root)
	if err != nil {
		return nil, notes, &exitError{code: exitBadMessage, err: fmt.Errorf("%s: %w", c.File, err)}
	}
	return out, append(notes, more...), nil
}

// read gives the FHIR form of a message. A message that has one in spite of a fault is read with it.
func (c *translateCmd) read(raw []byte) (*fhir.Node, []mapping.Note, *samvirke.Fault, error) {
	from := c.From
	if from == "" && fhirxml.Sniff(raw) {
		from = inXML
	}
	if from == inXML {
		n, err := fhirxml.Parse(raw, fhirxml.Options{MaxBytes: maxFile})
		if err != nil {
			return nil, nil, nil, err
		}
		raw, from = n.Bytes(), inJSON
	}
	fs, err := formats(false)
	if err != nil {
		return nil, nil, nil, err
	}
	if from != "" {
		fs = only(fs, from)
	}
	p, fault := parse(fs, raw)
	if p != nil && p.Bundle != nil {
		return p.Bundle.Root, p.Notes, fault, nil
	}
	// The gateway keeps no Bundle of a FHIR message that it refuses or that is a receipt; it can be
	// translated all the same. Between the two forms of FHIR that holds for any resource.
	n, err := fhir.ParseNode(raw)
	switch {
	case err != nil && fault != nil:
		return nil, nil, nil, fault
	case err != nil:
		return nil, nil, nil, err
	case c.To != inXML && c.To != inJSON || n.Get("resourceType") == nil:
		if _, err := fhir.BundleOf(n); err != nil {
			if fault != nil {
				err = fault
			}
			return nil, nil, nil, err
		}
	case n.Get("resourceType").Text() != "Bundle":
		fault = nil // it says that a resource is no message, and nobody claimed it was
	}
	return n, nil, fault, nil
}

// write gives the target format's bytes.
func (c *translateCmd) write(root *fhir.Node) ([]byte, []mapping.Note, error) {
	switch c.To {
	case inJSON:
		out := root.Bytes()
		if !c.Compact {
			out = indent(out)
		}
		return out, nil, nil
	case inXML:
		out, notes, err := fhirxml.Render(root, fhirxml.Style{Indent: !c.Compact})
		var all []mapping.Note
		for _, n := range notes {
			all = append(all, mapping.Note(n))
		}
		return out, all, err
	}
	b, err := fhir.BundleOf(root)
	if err != nil {
		return nil, nil, err
	}
	if c.To == "html" {
		page, err := readingPage(b)
		return page, nil, err
	}
	fs, err := formats(false)
	if err != nil {
		return nil, nil, err
	}
	r, err := only(fs, c.To)[0].Render(b, mapping.Target{Version: c.Version, Now: time.Now()})
	if err != nil {
		return nil, nil, err
	}
	return r.Body, r.Notes, nil
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
