package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
	"go.yaml.in/yaml/v3"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/config"
	"github.com/samvirke/samvirke/mapping"
)

type mappingTestCmd struct {
	Update bool   `help:"Write the wanted files from what the mapping gives now."`
	JSON   bool   `help:"Print JSON."`
	Config string `help:"Configuration whose parties the cases name; without it samvirke.yaml in the folder, when there is one." placeholder:"FILE"`
	Dir    string `arg:"" help:"Folder with the cases." type:"existingdir"`
}

// Help tells what a case is.
func (c *mappingTestCmd) Help() string {
	return `A case is a message NAME.xml, or NAME.in.json for FHIR, with what is wanted of it beside it:

  NAME.json       the FHIR message it is read as
  NAME.want.xml   the message as it is written for a party, named in NAME.case.yaml
  NAME.want.json  the same in FHIR

NAME.case.yaml is needed only for the last two or for a message that must be refused:

  from: hospital     # party it comes from: its codemaps and estimate apply
  to: city           # party it is written for: likewise, with its format and version
  version: "1.5"     # another version than the party's first
  refused: check-digit   # code of the fault that is wanted instead of a message
  config: other.yaml     # another configuration than the folder's

What is written for a party must also pass the checks before sending.`
}

// goldenCase is the outcome of one case.
type goldenCase struct {
	Case string `json:"case"`
	OK   bool   `json:"ok"`
	Text string `json:"text,omitempty"`
}

// caseFile is NAME.case.yaml.
type caseFile struct {
	From    string `yaml:"from"`
	To      string `yaml:"to"`
	Version string `yaml:"version"`
	Refused string `yaml:"refused"`
	Config  string `yaml:"config"`
}

// Run tries every case of the folder and of those inside it.
func (c *mappingTestCmd) Run(a *app) error {
	r := &caseRunner{cmd: c, configs: map[string]*config.Config{}}
	if c.Config == "" {
		if name := filepath.Join(c.Dir, "samvirke.yaml"); isFile(name) {
			c.Config = name
		}
	}
	var out []goldenCase
	err := filepath.WalkDir(c.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !isCase(path) {
			return err
		}
		g := goldenCase{Case: path}
		g.Text, err = r.one(path)
		g.OK = g.Text == ""
		out = append(out, g)
		return err
	})
	if err != nil {
		return err
	}
	return c.print(a, out)
}

func (c *mappingTestCmd) print(a *app, out []goldenCase) error {
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
		return fail(exitUsage, "no case in %s: neither *.xml nor *.in.json", c.Dir)
	}
	if bad > 0 {
		return fail(exitFailed, "%d of %d cases differ", bad, len(out))
	}
	return nil
}

// isCase tells the input of a case from what is wanted.
func isCase(path string) bool {
	return strings.HasSuffix(path, ".in.json") || strings.HasSuffix(path, ".xml") && !strings.HasSuffix(path, ".want.xml")
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// caseRunner runs cases; configurations are read once.
type caseRunner struct {
	cmd     *mappingTestCmd
	configs map[string]*config.Config
}

// one runs one case; the text is empty when it is as wanted.
func (r *caseRunner) one(path string) (string, error) {
	raw, err := os.ReadFile(path) //nolint:gosec // the user names the folder
	if err != nil {
		return "", err
	}
	base := strings.TrimSuffix(strings.TrimSuffix(path, ".xml"), ".in.json")
	cf, text := readCase(base + ".case.yaml")
	if text != "" {
		return text, nil
	}
	cfg, text := r.config(base, &cf)
	if text != "" {
		return text, nil
	}
	formats, err := formats(cfg != nil && !cfg.Test())
	if err != nil {
		return "", err
	}
	p, fault := parse(formats, raw)
	switch {
	case cf.Refused != "" && fault == nil:
		return "is taken, but should be refused with " + cf.Refused, nil
	case cf.Refused != "" && fault.Code != cf.Refused:
		return "is refused with " + fault.Code + ", wanted " + cf.Refused, nil
	case cf.Refused != "":
		return "", nil
	case fault != nil:
		return fault.Error(), nil
	case p.Bundle == nil:
		return "is a receipt, which has no FHIR message", nil
	}
	got, name, text := r.result(formats, cfg, &cf, p, base)
	if text != "" {
		return text, nil
	}
	if r.cmd.Update {
		return "", os.WriteFile(name, got, 0o600)
	}
	b, err := os.ReadFile(name) //nolint:gosec // beside the case
	if errors.Is(err, fs.ErrNotExist) {
		return "no wanted file " + filepath.Base(name) + "; write it with --update", nil
	} else if err != nil {
		return "", err
	}
	if wanted := tidy(name, b); !bytes.Equal(wanted, got) {
		return "differs from " + filepath.Base(name) + firstDifference(wanted, got), nil
	}
	return "", nil
}

// readCase reads NAME.case.yaml strictly; without the file the case is a plain one.
func readCase(name string) (cf caseFile, text string) {
	raw, err := os.ReadFile(name) //nolint:gosec // beside the case
	if errors.Is(err, fs.ErrNotExist) {
		return cf, ""
	} else if err != nil {
		return cf, err.Error()
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&cf); err != nil && !errors.Is(err, io.EOF) {
		return cf, filepath.Base(name) + ": " + strings.TrimPrefix(err.Error(), "yaml: ")
	}
	return cf, ""
}

// config reads the configuration of a case; nil without one.
func (r *caseRunner) config(base string, cf *caseFile) (*config.Config, string) {
	name := r.cmd.Config
	if cf.Config != "" {
		name = filepath.Join(filepath.Dir(base), cf.Config)
	}
	if name == "" {
		if cf.From+cf.To != "" {
			return nil, "names a party, but there is no configuration: give --config or put samvirke.yaml in the folder"
		}
		return nil, ""
	}
	if cfg := r.configs[name]; cfg != nil {
		return cfg, ""
	}
	cfg, problems := config.Load(name)
	if len(problems) > 0 {
		return nil, problems[0].Error()
	}
	r.configs[name] = cfg
	return cfg, ""
}

// result is what the case comes to, and the file that holds what is wanted.
func (r *caseRunner) result(all []mapping.Format, cfg *config.Config, cf *caseFile, p *mapping.Parsed, base string) (got []byte, name, text string) {
	from, text := partyOf(cfg, cf.From)
	if text != "" {
		return nil, "", text
	}
	to, text := partyOf(cfg, cf.To)
	if text != "" {
		return nil, "", text
	}
	in, out := siteOf(from), siteOf(to)
	in.Incoming(p.Bundle)
	if cf.To == "" {
		return indent(p.Bundle.Bytes()), base + ".json", ""
	}
	b, _, err := out.Outgoing(p.Bundle)
	if err != nil {
		return nil, "", err.Error()
	}
	format, version := accepted(to, p.Envelope.Kind, p.Envelope.Version)
	if cf.Version != "" {
		version = cf.Version
	}
	f := only(all, format)
	if len(f) == 0 {
		return nil, "", "party " + to.ID + " reads no format that messages are written in"
	}
	w, err := f[0].Render(b, mapping.Target{Version: version, Now: time.Unix(0, 0).UTC()})
	if err != nil {
		return nil, "", samvirke.FaultOf(err).Error()
	}
	if l, ok := f[0].(mapping.Linter); ok {
		if fault := mapping.Unsendable(l.Lint(w.Body)); fault != nil {
			return nil, "", "must not be sent like this: " + fault.Error()
		}
	}
	name = base + ".want.xml"
	if format == "fhir" {
		name = base + ".want.json"
	}
	return tidy(name, w.Body), name, ""
}

// partyOf finds a party; "" is one that does as the standard says.
func partyOf(cfg *config.Config, id string) (*config.Party, string) {
	if id == "" {
		return &config.Party{}, ""
	}
	for i := range cfg.Parties {
		if cfg.Parties[i].ID == id {
			return &cfg.Parties[i], ""
		}
	}
	return nil, fmt.Sprintf("the configuration has no party %q", id)
}

// accepted is the format and version that a party gets a kind in: its first that takes the kind. The version is the
// message's own where the party reads it.
func accepted(p *config.Party, kind, version string) (format, to string) {
	for _, a := range p.Accepts {
		takes := len(a.Kinds) == 0 || slices.ContainsFunc(a.Kinds, func(k string) bool {
			head, some := strings.CutSuffix(k, "*")
			return k == kind || some && strings.HasPrefix(kind, head)
		})
		if !takes || a.Format == "fhir-notification" {
			continue
		}
		if a.Format != "kith" || len(a.Versions) == 0 || slices.Contains(a.Versions, version) {
			return a.Format, ""
		}
		return a.Format, a.Versions[0]
	}
	return "", ""
}

// tidy lays a wanted file out in lines, so that a difference can be named by its line.
func tidy(name string, raw []byte) []byte {
	if strings.HasSuffix(name, ".json") {
		return indent(bytes.TrimSpace(raw))
	}
	doc := etree.NewDocument()
	doc.WriteSettings = etree.WriteSettings{CanonicalText: true, CanonicalAttrVal: true}
	if doc.ReadFromBytes(raw) != nil {
		return raw
	}
	doc.Indent(2)
	out, err := doc.WriteToBytes()
	if err != nil {
		return raw
	}
	return out
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
