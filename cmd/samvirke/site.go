package main

import (
	"errors"
	"log/slog"

	"github.com/samvirke/samvirke/internal/addressbook"
	"github.com/samvirke/samvirke/internal/config"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/mapping"
)

// addressProblems are the mistakes in the address book that a configuration names.
func addressProblems(cfg *config.Config) []config.Problem {
	if cfg.AddressBook == nil {
		return nil
	}
	_, problems := addressbook.Load(cfg.AddressBook.File)
	var out []config.Problem
	for _, p := range problems {
		out = append(out, config.Problem(p))
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
		codes := (*side)[m.FHIRSystem()]
		if codes == nil {
			codes = map[string]mapping.CodeTo{}
			(*side)[m.FHIRSystem()] = codes
		}
		for _, p := range m.Codes {
			codes[p.From] = mapping.CodeTo{Code: p.To, Display: p.Display}
		}
	}
	return s
}
