package main

import (
	"fmt"
	"slices"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/config"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/kith"
)

type planFoldCmd struct {
	Config string   `help:"Configuration file: capacities of the parties (coordinating unit, identity authority, patients' portal), site settings and rules that are off count as in run." placeholder:"FILE"`
	Pretty bool     `help:"With line breaks."`
	JSON   bool     `help:"Print JSON; there is no other form."`
	Files  []string `arg:"" help:"Message files of one patient, - for standard input. Application receipts among them say who had seen what."`
}

// foldSet is what a fold knows beside the messages.
type foldSet struct {
	cfg     *config.Config // nil: nothing
	formats []mapping.Format
	replay  gateway.Replay
	options careplan.Options
}

// Run folds the plan of the messages in the files. Without a server nobody knows when a message was
// received, so its own time counts as that.
func (c *planFoldCmd) Run(a *app) error {
	f, err := c.prepare(a)
	if err != nil {
		return err
	}
	var records []careplan.Record
	var receipts []*samvirke.Envelope
	for _, name := range c.Files {
		raw, err := a.readFile(name)
		if err != nil {
			return err
		}
		p, fault := parse(f.formats, raw)
		if fault != nil {
			return &exitError{code: exitBadMessage, err: fmt.Errorf("%s: %w", name, fault)}
		}
		if p.Envelope.Receipt != nil { // states nothing about the patient, but that somebody has read
			receipts = append(receipts, &p.Envelope)
			continue
		}
		if err := f.add(&records, p); err != nil {
			return &exitError{code: exitBadMessage, err: fmt.Errorf("%s: %w", name, err)}
		}
	}
	for _, r := range receipts {
		if rec, ok := f.replay.Seen(r, records); ok {
			records = append(records, rec)
		}
	}
	if err := f.onePerson(records); err != nil {
		return err
	}
	out := careplan.FoldWith(records, f.options).JSON()
	if c.Pretty {
		out = indent(out)
	}
	_, err = a.out.Write(out)
	return err
}

// prepare reads the configuration, when there is one.
func (c *planFoldCmd) prepare(a *app) (*foldSet, error) {
	f := &foldSet{}
	var err error
	if c.Config == "" {
		f.formats, err = formats(false)
		return f, err
	}
	if f.cfg, err = a.loadConfig(c.Config); err != nil {
		return nil, err
	}
	if f.options, err = planRules(f.cfg); err != nil {
		return nil, err
	}
	f.formats, err = formatsWith(kith.Options{MaxBytes: maxFile, AllowSynthetic: f.cfg.Test(), PlainReceipts: true, AllowH: f.cfg.HNumber == "accept"})
	f.replay = gateway.Replay{Patient: f.cfg.Directory.Find, Party: func(her string) (samvirke.Party, bool, bool) {
		p := f.party(her)
		if p == nil {
			return samvirke.Party{}, false, false
		}
		return p.Word(), p.CancelScope == "version", true
	}}
	return f, err
}

func (f *foldSet) party(her string) *config.Party {
	if f.cfg == nil {
		return nil
	}
	for i := range f.cfg.Parties {
		if her != "" && slices.Contains(f.cfg.Parties[i].HER, her) {
			return &f.cfg.Parties[i]
		}
	}
	return nil
}

// add makes the record of a message.
func (f *foldSet) add(records *[]careplan.Record, p *mapping.Parsed) error {
	if c := f.party(p.Envelope.Sender.Enterprise()); c != nil {
		if s := siteOf(c); !s.IsZero() {
			s.Incoming(p.Bundle)
		}
	}
	rec, err := f.replay.Record(p.Bundle, &p.Envelope)
	if err == nil {
		*records = append(*records, rec)
	}
	return err
}

// onePerson refuses messages about several people, unless one of them says that they are one.
func (f *foldSet) onePerson(records []careplan.Record) error {
	subjects := map[string]bool{}
	for i := range records {
		subjects[records[i].Subject] = true
	}
	if len(subjects) <= 1 {
		return nil
	}
	class := careplan.Class(records, records[0].Subject)
	for s := range subjects {
		if !slices.Contains(class, s) {
			return fail(exitUsage, "the files are about %d patients; plan fold takes one at a time", len(subjects))
		}
	}
	f.options.Subject = slices.Min(class)
	return nil
}
