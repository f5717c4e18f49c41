package main

import (
	"errors"
	"log/slog"
	"strconv"

	"github.com/samvirke/samvirke/fhir/codes"
	"github.com/samvirke/samvirke/internal/addressbook"
	"github.com/samvirke/samvirke/internal/config"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/mapping"
)

// addressProblems are the mistakes in the address book that a configuration names.
func addressProblems(cfg *config.Config) []config.Problem {
	if cfg.AddressBook == nil || cfg.AddressBook.File == "" {
		return nil
	}
	_, problems := addressbook.Load(cfg.AddressBook.File)
	var out []config.Problem
	for _, p := range problems {
		out = append(out, config.Problem(p))
	}
	return out
}

// codeMapWarnings tells what in code maps may be a slip of the pen: numbers of lists and codes that the national
// register as it is built in does not have. They are no mistakes, for lists grow and sites have codes of their own.
func codeMapWarnings(cfg *config.Config) []config.Problem {
	known := new(codes.Register)
	out := []config.Problem{}
	seen := map[string]bool{}
	warn := func(m *config.CodeMap, line int, key, text, fix string) {
		p := config.Problem{File: m.File, Line: line, Code: "code-unknown", Key: key, Text: text, Fix: fix}
		if !seen[p.Error()] {
			seen[p.Error()] = true
			out = append(out, p)
		}
	}
	for i := range cfg.Parties {
		for j := range cfg.Parties[i].CodeMaps {
			m := &cfg.Parties[i].CodeMaps[j]
			system := m.FHIRSystem()
			number := codes.NumberOf(system)
			if number == "" {
				continue
			}
			if _, v := known.Lookup(system, ""); v == codes.NoList {
				if known.Name(system) == "" {
					warn(m, m.Line, "system", "no code list "+number+" is known here", "check the number")
				}
				continue
			}
			for _, p := range m.Codes {
				if _, v := known.Lookup(system, p.To); v == codes.Unknown && p.To != "" {
					warn(m, p.Line, "to", strconv.Quote(p.To)+" is no code of list "+number, "check the code, or leave it when the party has a code of its own")
				}
			}
		}
	}
	return out
}

// addresses opens the address book; without one everything is listed.
func addresses(cfg *config.Config, log *slog.Logger) (gateway.Addresses, error) {
	c := cfg.AddressBook
	if c == nil {
		return gateway.Addresses{}, nil
	}
	book, problems := addressbook.Open(c.File, addressbook.Options{
		Every: c.Every, MaxAge: c.MaxAge,
		Changed: func(entries int, problems []addressbook.Problem) {
			if len(problems) > 0 {
				log.Error("address book has mistakes, the old one stays in use", "mistakes", len(problems), "first", problems[0].Error())
				return
			}
			log.Info("address book read again", "entries", entries)
		},
	})
	if len(problems) > 0 {
		var errs []error
		for _, p := range problems {
			errs = append(errs, p)
		}
		return gateway.Addresses{}, &exitError{code: exitBadConfig, err: errors.Join(errs...)}
	}
	return gateway.Addresses{Refuse: c.Unlisted == "refuse", Find: func(her string) gateway.AddressEntry {
		e, status := book.Lookup(her)
		return gateway.AddressEntry{
			Listed: status == addressbook.Listed, Known: status != addressbook.Unknown, Why: string(status),
			Name: e.Name, ParentHER: e.ParentHER, ParentName: e.ParentName,
		}
	}}, nil
}

// siteOf is how a party differs from the standard.
func siteOf(c *config.Party) mapping.Site {
	s := mapping.Site{InvertEstimates: c.Estimate == "inverted"}
	for i := range c.CodeMaps {
		m := &c.CodeMaps[i]
		side := &s.Out
		if m.Direction == "in" {
			side = &s.In
		}
		if *side == nil {
			*side = mapping.CodeMaps{}
		}
		pairs := (*side)[m.FHIRSystem()]
		if pairs == nil {
			pairs = map[string]mapping.CodeTo{}
			(*side)[m.FHIRSystem()] = pairs
		}
		for _, p := range m.Codes {
			pairs[p.From] = mapping.CodeTo{Code: p.To, Display: p.Display}
		}
	}
	return s
}
