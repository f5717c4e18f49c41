package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// MaxFile is the largest configuration or patients file, in bytes.
const MaxFile = 16 << 20

// Load reads and checks the file at path. It gives either a configuration or every problem found,
// in the order of the file, never both.
func Load(path string) (*Config, []Problem) {
	return whole(Inspect(path))
}

// Inspect is Load for whoever checks further: beside problems it gives the configuration as far as it was read, so
// that mistakes in files it names can be told at once. It is nil for a file that is no YAML mapping, and
// nothing may run on it when there are problems.
func Inspect(path string) (*Config, []Problem) {
	raw, err := readBounded(path)
	if err != nil {
		return nil, []Problem{{File: path, Code: CodeFile, Text: err.Error(), Fix: "name a readable YAML file with --config"}}
	}
	return inspect(path, raw)
}

func whole(cfg *Config, problems []Problem) (*Config, []Problem) {
	if len(problems) > 0 {
		return nil, problems
	}
	return cfg, nil
}

// Parse is Load for bytes that are already there. path names them in problems, and relative paths
// inside start at its folder.
func Parse(path string, raw []byte) (*Config, []Problem) { return whole(inspect(path, raw)) }

func inspect(path string, raw []byte) (*Config, []Problem) {
	d := &decoder{file: path, dir: filepath.Dir(path), lines: make(map[string]int)}
	root := d.document(raw)
	if root == nil {
		return nil, d.problems
	}
	cfg := new(Config)
	d.lines[""] = root.Line
	d.mapping(root, reflect.ValueOf(cfg).Elem(), "")
	c := &checker{decoder: d, cfg: cfg}
	c.check()
	sortProblems(d.problems)
	return cfg, slices.Compact(d.problems) // a file that two parties name is read twice
}

// Default is a configuration without parties in which every key has its default. Its paths are
// relative to the working directory.
func Default() *Config {
	cfg := new(Config)
	(&decoder{}).defaults(reflect.ValueOf(cfg).Elem())
	cfg.Routes = defaultRoutes()
	return cfg
}

// DefaultParty is a party in which every key but id and role has its default.
func DefaultParty(id, role string) Party {
	p := Party{}
	(&decoder{}).defaults(reflect.ValueOf(&p).Elem())
	p.ID, p.Name, p.Role = id, id, role
	return p
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > MaxFile {
		return nil, fmt.Errorf("larger than %s", Size(MaxFile))
	}
	return raw, nil
}

// document parses raw and gives the top mapping, or nil after reporting why there is none.
func (d *decoder) document(raw []byte) *yaml.Node {
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	var doc, more yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		d.add(Problem{Line: 1, Code: CodeEmpty, Text: "the file holds no settings", Fix: "begin with a list of parties, see the example configuration"})
		return nil
	case err != nil:
		d.syntax(err)
		return nil
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		if err != nil {
			d.syntax(err)
		} else {
			d.add(Problem{Line: more.Line, Code: CodeSyntax, Text: "a second document begins here", Fix: "keep one document, without --- between"})
		}
		return nil
	}
	return doc.Content[0]
}

var yamlLine = regexp.MustCompile(`line (\d+): `)

// syntax reports an error of the YAML parser, whose texts begin "yaml: line N: ".
func (d *decoder) syntax(err error) {
	text, line := strings.TrimPrefix(err.Error(), "yaml: "), 1
	if m := yamlLine.FindStringSubmatchIndex(text); m != nil {
		line, _ = strconv.Atoi(text[m[2]:m[3]])
		text = text[:m[0]] + text[m[1]:]
	}
	d.add(Problem{Line: line, Code: CodeSyntax, Text: text, Fix: "mend the YAML here or just above; indent with spaces, never tabs"})
}
