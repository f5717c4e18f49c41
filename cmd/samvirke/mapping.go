package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/samvirke/samvirke/mapping/kith"
)

type mappingCmd struct {
	Show mappingShowCmd `cmd:"" help:"Print the element table of a message kind: path, number (1, ?, *, +), direction, place in FHIR, type, codes."`
	Test mappingTestCmd `cmd:"" help:"Run a site's golden cases: messages with what is wanted of them, also for a party of a configuration."`
}

type mappingShowCmd struct {
	Version string `help:"Version of the standard; without it the newest." name:"kind-version"`
	JSON    bool   `help:"Print JSON."`
	Kind    string `arg:"" optional:"" help:"Message kind, for instance INNLEGGELSESRAPPORT; without it the kinds are listed."`
}

// Run prints the table that parser and renderer are built on.
func (c *mappingShowCmd) Run(a *app) error {
	k, err := kith.New(kith.Options{AllowSynthetic: true})
	if err != nil {
		return err
	}
	if c.Kind == "" {
		kinds := k.Kinds()
		if c.JSON {
			return a.json(kinds)
		}
		for _, kind := range kinds {
			fmt.Fprintln(a.out, kind)
		}
		return nil
	}
	rows := k.Table(kindNow(c.Kind), c.Version)
	if len(rows) == 0 {
		return fail(exitUsage, "no table for %s", strings.TrimSpace(c.Kind+" "+c.Version))
	}
	if c.JSON {
		return a.json(rows)
	}
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "XML\tN\tDIR\tFHIR\tTYPE\tCODES\tNOTE")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.XML, r.Cardinality, r.Direction, r.FHIR, r.Type, r.Codes, r.Note)
	}
	return w.Flush()
}

// kindNow is the name of a kind: the older versions of two of them have type codes of their own.
func kindNow(kind string) string {
	switch kind = strings.ToUpper(kind); kind {
	case "E":
		return "EPIKRISE"
	case "H":
		return "HENVISNING"
	}
	return kind
}
