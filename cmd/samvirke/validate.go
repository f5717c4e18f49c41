package main

import (
	"fmt"
	"slices"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/kith"
)

type validateCmd struct {
	SchemaOnly bool     `help:"Stop after the schema check."`
	Production bool     `help:"Refuse person numbers of the test registers."`
	JSON       bool     `help:"Print JSON."`
	Files      []string `arg:"" help:"Message files, - for standard input."`
}

// verdict is the outcome for one file.
type verdict struct {
	File     string    `json:"file"`
	Valid    bool      `json:"valid"`
	Kind     string    `json:"kind,omitempty"`
	Version  string    `json:"version,omitempty"`
	Problems []problem `json:"problems"`
	Warnings []problem `json:"warnings,omitempty"`
	// Notes are oddities that are nobody's fault: codes outside the national lists, displays that differ.
	Notes []mapping.Note `json:"notes,omitempty"`
	// Sendable is whether the message may leave a house like this: valid and without an error among Findings.
	Sendable bool              `json:"sendable"`
	Findings []mapping.Finding `json:"findings,omitempty"`

	envelope samvirke.Envelope
}

type problem struct {
	Code    string `json:"code"`
	Detail  string `json:"detail,omitempty"`  // finer than code, for instance "missing-element" under "schema"
	Receipt string `json:"receipt,omitempty"` // code of list 8221 an AppRec would carry
	Line    int    `json:"line,omitempty"`
	Path    string `json:"path,omitempty"`
	Text    string `json:"text"`
	// TextNO is the text in bokmål without names of elements; "" where there is none.
	TextNO string `json:"text_no,omitempty"`
}

// Run checks each file and exits with 65 when one is not valid or may not be sent as it is.
func (c *validateCmd) Run(a *app) error {
	fs, err := formats(c.Production)
	if err != nil {
		return err
	}
	var out []verdict
	bad := 0
	for _, name := range c.Files {
		raw, err := a.readFile(name)
		if err != nil {
			return err
		}
		v := verdict{File: name, Problems: []problem{}}
		if c.SchemaOnly {
			c.schema(fs, raw, &v)
		} else {
			c.rules(fs, raw, &v)
		}
		v.Valid = len(v.Problems) == 0
		out = append(out, v)
	}
	chain(out)
	for i := range out {
		v := &out[i]
		v.Sendable = v.Valid && mapping.Unsendable(v.Findings) == nil
		if !v.Sendable {
			bad++
		}
		if !c.JSON {
			a.printVerdict(v)
		}
	}
	if c.JSON {
		if err := a.json(out); err != nil {
			return err
		}
	}
	if bad > 0 {
		return &exitError{code: exitBadMessage}
	}
	return nil
}

func (c *validateCmd) schema(fs []mapping.Format, raw []byte, v *verdict) {
	for _, f := range fs {
		s, ok := f.Sniff(raw)
		if ok {
			v.Kind, v.Version = s.Kind, s.Version
		}
		if k, is := f.(*kith.Format); is && (ok || len(fs) == 1) {
			for _, fault := range k.CheckSchema(raw) {
				v.Problems = append(v.Problems, problemOf(fault))
			}
			return
		}
		if ok {
			if _, err := f.Parse(raw); err != nil {
				v.Problems = append(v.Problems, problemOf(samvirke.FaultOf(err)))
			}
			return
		}
	}
	// Not recognised: an unknown type may still be valid under a schema that is here.
	for _, f := range fs {
		if k, is := f.(*kith.Format); is {
			for _, fault := range k.CheckSchema(raw) {
				v.Problems = append(v.Problems, problemOf(fault))
			}
		}
	}
}

func (c *validateCmd) rules(fs []mapping.Format, raw []byte, v *verdict) {
	p, fault := parse(fs, raw)
	if p != nil {
		v.Kind, v.Version = p.Envelope.Kind, p.Envelope.Version
		for _, w := range p.Warnings {
			v.Warnings = append(v.Warnings, problemOf(w))
		}
		v.Notes = codeNotes(p.Bundle)
	}
	if fault != nil {
		v.Problems = append(v.Problems, problemOf(fault))
	}
	if p != nil && (fault == nil || p.Bundle != nil) {
		v.envelope = p.Envelope
		v.Findings = lint(fs, &p.Envelope, raw)
		v.Warnings = unsaid(v.Warnings, v.Findings)
	}
}

// lint runs the checks before sending of the message's format.
func lint(fs []mapping.Format, env *samvirke.Envelope, raw []byte) []mapping.Finding {
	for _, f := range fs {
		if l, ok := f.(mapping.Linter); ok && f.Name() == env.Format {
			return l.Lint(raw)
		}
	}
	return nil
}

// unsaid leaves out warnings of the mapping that a finding says in better words.
func unsaid(warnings []problem, findings []mapping.Finding) []problem {
	same := map[string]string{
		"event-code": "event-missing", "unknown-event": "event-unknown", "unknown-op": "status-unknown",
		"no-reference": "conversation-missing", "no-referral": "referral-missing", "sender-address": "address-her",
	}
	return slices.DeleteFunc(warnings, func(p problem) bool {
		return slices.ContainsFunc(findings, func(f mapping.Finding) bool {
			return f.Code == p.Code || f.Code == same[p.Code]
		})
	})
}

// chain looks at the messages together.
func chain(all []verdict) {
	envs := make([]samvirke.Envelope, len(all))
	for i := range all {
		envs[i] = all[i].envelope
	}
	for i, f := range kith.LintChain(envs) {
		all[i].Findings = append(all[i].Findings, f)
	}
}

func problemOf(f *samvirke.Fault) problem {
	return problem{Code: f.Code, Detail: f.Detail, Receipt: f.Receipt, Line: f.Line, Path: f.Path, Text: f.Safe, TextNO: f.Norwegian()}
}

// printVerdict says in lines what JSON says in fields; notes are only counted, they are for --json.
func (a *app) printVerdict(v *verdict) {
	switch {
	case v.Sendable:
		fmt.Fprintf(a.out, "%s: valid %s %s\n", v.File, v.Kind, v.Version)
	case v.Valid:
		fmt.Fprintf(a.out, "%s: valid %s %s, but must not be sent like this\n", v.File, v.Kind, v.Version)
	}
	if n := len(v.Notes); n > 0 && v.Valid {
		fmt.Fprintf(a.errs, "%s: %d codes or displays are not as in the national lists; --json tells which\n", v.File, n)
	}
	for _, list := range [][]problem{v.Problems, v.Warnings} {
		for _, p := range list {
			place := v.File
			if p.Line > 0 {
				place += fmt.Sprintf(":%d", p.Line)
			}
			receipt := ""
			if p.Receipt != "" {
				receipt = " [" + p.Receipt + "]"
			}
			fmt.Fprintf(a.out, "%s: %s%s: %s %s\n", place, p.Code, receipt, p.Text, p.Path)
		}
	}
	for _, f := range v.Findings {
		place := v.File
		if f.Line > 0 {
			place += fmt.Sprintf(":%d", f.Line)
		}
		fmt.Fprintf(a.out, "%s: %s %s: %s (%s) %s\n", place, f.Severity, f.Code, f.Text, f.TextNO, f.Path)
	}
}
