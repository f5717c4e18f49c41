package addressbook

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// MaxFile is the largest file read, in bytes: the whole national register is smaller.
const MaxFile = 64 << 20

// columns are the keys of an entry.
func columns() []string {
	return []string{
		"her_id", "name", "parent_her_id", "parent_name", "type", "service", "org_number", "active", "valid_from", "valid_to",
		"edi_address", "queue_async", "queue_sync", "queue_error", "certificate", "processes",
	}
}

// row is one entry as written, with the line of each value.
type row struct {
	line  int
	value map[string]string
	lines map[string]int
}

// Load reads and checks a file. It gives either a book or every mistake found, in the order of the file.
func Load(path string) (*Book, []Problem) {
	raw, err := readBounded(path)
	if err != nil {
		return nil, []Problem{{File: path, Code: CodeFile, Text: err.Error(), Fix: "name a CSV or YAML file that the gateway may read"}}
	}
	b, problems := Parse(path, raw)
	if b != nil {
		if info, err := os.Stat(path); err == nil {
			b.Changed = info.ModTime()
		}
	}
	return b, problems
}

// Parse is Load for bytes that are already there; path names them and says by its end which form they have.
func Parse(path string, raw []byte) (*Book, []Problem) {
	r := &reading{file: path}
	if !utf8.Valid(raw) {
		r.add(notText(raw), CodeSyntax, "", "the file is not UTF-8 from here on; an export in Latin-1 (Windows-1252) looks like this", "save it again as UTF-8")
		return nil, r.problems
	}
	var rows []row
	if ext := strings.ToLower(filepath.Ext(path)); ext == ".yaml" || ext == ".yml" {
		rows = r.yaml(raw)
	} else {
		rows = r.csv(string(raw))
	}
	b := r.book(rows)
	if len(r.problems) > 0 {
		slices.SortStableFunc(r.problems, func(a, b Problem) int { return a.Line - b.Line })
		return nil, r.problems
	}
	return b, nil
}

// notText is the line of the first byte that is not UTF-8.
func notText(raw []byte) int {
	line := 1
	for len(raw) > 0 {
		c, n := utf8.DecodeRune(raw)
		switch {
		case c == utf8.RuneError && n == 1:
			return line
		case c == '\n':
			line++
		}
		raw = raw[n:]
	}
	return line
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err == nil && len(raw) > MaxFile {
		err = fmt.Errorf("larger than %d bytes", MaxFile)
	}
	return raw, err
}

// reading collects what is wrong with one file.
type reading struct {
	file     string
	problems []Problem
}

func (r *reading) add(line int, code, key, text, fix string) {
	r.problems = append(r.problems, Problem{File: r.file, Line: line, Code: code, Key: key, Text: text, Fix: fix})
}

// csv reads lines with a header; comma or semicolon, as spreadsheets write them.
func (r *reading) csv(text string) []row {
	text = strings.TrimPrefix(text, "\ufeff")
	c := csv.NewReader(strings.NewReader(text))
	if first, _, _ := strings.Cut(text, "\n"); strings.Contains(first, ";") {
		c.Comma = ';'
	}
	c.TrimLeadingSpace, c.FieldsPerRecord = true, -1
	header, err := c.Read()
	if err != nil {
		r.add(1, CodeSyntax, "", "the file has no line of column names", "begin with the line "+strings.Join(columns(), ","))
		return nil
	}
	for i, h := range header {
		header[i] = strings.ToLower(strings.TrimSpace(h))
		r.known(header[i], 1)
		if slices.Index(header[:i], header[i]) >= 0 {
			r.add(1, CodeDuplicate, header[i], "the column stands twice", "keep one of them")
		}
	}
	for _, need := range []string{"her_id", "name"} {
		if !slices.Contains(header, need) {
			r.add(1, CodeMissing, need, "there is no such column", "add it to the first line")
		}
	}
	var rows []row
	for {
		record, err := c.Read()
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil {
			line := 0
			if bad, ok := errors.AsType[*csv.ParseError](err); ok {
				line = bad.Line
			}
			r.add(line, CodeSyntax, "", "the line is no CSV", "check the quotes")
			return rows
		}
		line, _ := c.FieldPos(0)
		if len(record) > len(header) {
			r.add(line, CodeSyntax, "", fmt.Sprintf("the line has %d values, the first line %d names", len(record), len(header)), "put values with commas in quotes")
			continue
		}
		w := row{line: line, value: map[string]string{}, lines: map[string]int{}}
		for i, v := range record {
			w.value[header[i]] = strings.TrimSpace(v)
			w.lines[header[i]], _ = c.FieldPos(i)
		}
		rows = append(rows, w)
	}
}

func (r *reading) known(key string, line int) bool {
	if slices.Contains(columns(), key) {
		return true
	}
	r.add(line, CodeColumn, key, "there is no such column", "possible are "+strings.Join(columns(), ", "))
	return false
}

var yamlLine = regexp.MustCompile(`line (\d+): `)

// yaml reads "addresses:" with a list of entries.
func (r *reading) yaml(raw []byte) []row {
	var doc yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(raw)).Decode(&doc); err != nil {
		line, text := 1, strings.TrimPrefix(err.Error(), "yaml: ")
		if m := yamlLine.FindStringSubmatch(text); m != nil {
			line, _ = strconv.Atoi(m[1])
		}
		r.add(line, CodeSyntax, "", text, "mend the YAML here or just above")
		return nil
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode || len(root.Content) != 2 || root.Content[0].Value != "addresses" || root.Content[1].Kind != yaml.SequenceNode {
		r.add(root.Line, CodeSyntax, "addresses", "the file must have one key addresses with a list", `write "addresses:" and below it one "- her_id: ..." for each`)
		return nil
	}
	var rows []row
	for _, item := range root.Content[1].Content {
		if item.Kind != yaml.MappingNode {
			r.add(item.Line, CodeSyntax, "", "here belong keys with values", `write "key: value" lines`)
			continue
		}
		w := row{line: item.Line, value: map[string]string{}, lines: map[string]int{}}
		for i := 0; i+1 < len(item.Content); i += 2 {
			k, v := item.Content[i], item.Content[i+1]
			if !r.known(k.Value, k.Line) {
				continue
			}
			if _, twice := w.value[k.Value]; twice {
				r.add(k.Line, CodeDuplicate, k.Value, "the key stands twice", "keep one of them")
			}
			text, ok := scalar(k.Value, v)
			if !ok {
				r.add(v.Line, CodeValue, k.Value, "here belongs a single value", "write one value behind the colon")
			}
			w.value[k.Value], w.lines[k.Value] = text, k.Line
		}
		rows = append(rows, w)
	}
	return rows
}

// scalar gives a value as text; the list of processes as CSV has it.
func scalar(key string, v *yaml.Node) (string, bool) {
	switch {
	case v.Kind == yaml.ScalarNode && v.Tag == "!!null":
		return "", true
	case v.Kind == yaml.ScalarNode:
		return strings.TrimSpace(v.Value), true
	case v.Kind == yaml.SequenceNode && key == "processes":
		var all []string
		for _, i := range v.Content {
			if i.Kind != yaml.ScalarNode {
				return "", false
			}
			all = append(all, i.Value)
		}
		return strings.Join(all, "|"), true
	}
	return "", false
}
