package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/kith"
)

type mappingCmd struct {
	Show mappingShowCmd `cmd:"" help:"Print the element table of a message kind."`
	Test mappingTestCmd `cmd:"" help:"Run a site's golden cases: NAME.xml with NAME.json as the wanted FHIR message."`
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
	rows := k.Table(strings.ToUpper(c.Kind), c.Version)
	if len(rows) == 0 {
		return fail(exitUsage, "no table for %s", strings.TrimSpace(c.Kind+" "+c.Version))
	}
	if c.JSON {
		return a.json(rows)
	}
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "XML\tFHIR\tTYPE\tNOTE")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.XML, r.FHIR, r.Type, r.Note)
	}
	return w.Flush()
}

type mappingTestCmd struct {
	Update bool   `help:"Write the wanted files from what the mapping gives now."`
	JSON   bool   `help:"Print JSON."`
	Dir    string `arg:"" help:"Folder with the cases." type:"existingdir"`
}

type goldenCase struct {
	Case string `json:"case"`
	OK   bool   `json:"ok"`
	Text string `json:"text,omitempty"`
}

// Run translates every XML file of the folder and compares with the wanted JSON beside it.
func (c *mappingTestCmd) Run(a *app) error {
	fsx, err := formats(false)
	if err != nil {
		return err
	}
	var out []goldenCase
	err = filepath.WalkDir(c.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".xml" {
			return err
		}
		g := goldenCase{Case: path}
		g.Text, err = c.one(fsx, path)
		g.OK = g.Text == ""
		out = append(out, g)
		return err
	})
	if err != nil {
		return err
	}
	bad := 0
	for _, g := range out {
		if !g.OK {
			bad++
		}
		if !c.JSON {
			fmt.Fprintf(a.out, "%s: %s\n", g.Case, map[bool]string{true: "ok", false: g.Text}[g.OK])
		}
	}
	if c.JSON {
		if err := a.json(out); err != nil {
			return err
		}
	}
	if len(out) == 0 {
		return fail(exitUsage, "no *.xml in %s", c.Dir)
	}
	if bad > 0 {
		return fail(exitFailed, "%d of %d cases differ", bad, len(out))
	}
	return nil
}

// one runs one case; the text is empty when it is as wanted.
func (c *mappingTestCmd) one(fsx []mapping.Format, path string) (string, error) {
	raw, err := os.ReadFile(path) //nolint:gosec // the user names the folder
	if err != nil {
		return "", err
	}
	p, fault := parse(fsx, raw)
	if fault != nil {
		return fault.Error(), nil
	}
	got := indent(p.Bundle.Bytes())
	want := strings.TrimSuffix(path, ".xml") + ".json"
	if c.Update {
		return "", os.WriteFile(want, got, 0o600)
	}
	b, err := os.ReadFile(want) //nolint:gosec // beside the case
	if err != nil {
		return "no wanted file; write it with --update", nil //nolint:nilerr // told as the case's outcome
	}
	if wanted := indent(bytes.TrimSpace(b)); !bytes.Equal(wanted, got) {
		return "differs from " + filepath.Base(want) + firstDifference(wanted, got), nil
	}
	return "", nil
}

// firstDifference names the first line that differs.
func firstDifference(want, got []byte) string {
	w, g := strings.Split(string(want), "\n"), strings.Split(string(got), "\n")
	for i := range w {
		if i >= len(g) || w[i] != g[i] {
			line := ""
			if i < len(g) {
				line = strings.TrimSpace(g[i])
			}
			return fmt.Sprintf(" at line %d: want %s, got %s", i+1, strings.TrimSpace(w[i]), line)
		}
	}
	return fmt.Sprintf(" at line %d: more than wanted", len(w)+1)
}
