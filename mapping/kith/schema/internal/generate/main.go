// Command generate derives the embedded schemas from the published ones.
//
// It reads the driver schema and everything it imports, keeps the structure (elements, types,
// facets, wildcards, keys) and drops what is prose: annotations, comments, version texts, white
// space. The result is UTF-8 without DTD, one file per published file, imports by file name.
//
//	go run ./internal/generate -from ../../../../shared/standards/no/xsd -to xsd
package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"

	"golang.org/x/net/html/charset"
)

const nsXSD = "http://www.w3.org/2001/XMLSchema"

func main() {
	from := flag.String("from", "", "folder of the published schemas")
	to := flag.String("to", "xsd", "folder to write to")
	driver := flag.String("driver", "no-all.xsd", "schema that imports all others")
	flag.Parse()
	if err := run(os.DirFS(*from), *driver, *to); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(src fs.FS, driver, to string) error {
	files, err := derive(src, driver)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(to, name), files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}

// derive follows the imports from driver and returns the compact schemas by file name.
func derive(src fs.FS, driver string) (map[string][]byte, error) {
	out := map[string][]byte{}
	origin := map[string]string{}
	todo := []string{driver}
	for len(todo) > 0 {
		file := todo[0]
		todo = todo[1:]
		base := path.Base(file)
		if was, ok := origin[base]; ok {
			if was != file {
				return nil, fmt.Errorf("two schemas named %s: %s and %s", base, was, file)
			}
			continue
		}
		origin[base] = file
		raw, err := fs.ReadFile(src, file)
		if err != nil {
			return nil, err
		}
		compact, imports, err := strip(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		out[base] = compact
		for _, loc := range imports {
			todo = append(todo, path.Join(path.Dir(file), loc))
		}
	}
	return out, nil
}

// stripper rewrites one schema. Prefixes stay as they are, because types are named with them.
type stripper struct {
	out   bytes.Buffer
	open  bool // a start tag waits for its end
	depth int
	// skip is the depth of the annotation being dropped, 0 when none is.
	skip    int
	spaces  []map[string]string
	imports []string
}

func strip(raw []byte) ([]byte, []string, error) {
	dec := xml.NewDecoder(bytes.NewReader(raw))
	dec.CharsetReader = charset.NewReaderLabel
	s := stripper{spaces: []map[string]string{{}}}
	s.out.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	for {
		tok, err := dec.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			s.start(t)
		case xml.EndElement:
			s.end(t)
		case xml.CharData:
			if s.skip == 0 && len(bytes.TrimSpace(t)) > 0 {
				return nil, nil, fmt.Errorf("text outside an annotation: %.40q", t)
			}
		}
	}
	s.out.WriteByte('\n')
	return s.out.Bytes(), s.imports, nil
}

func (s *stripper) start(t xml.StartElement) {
	s.depth++
	scope := s.spaces[len(s.spaces)-1]
	for _, a := range t.Attr {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			next := map[string]string{}
			for k, v := range scope {
				next[k] = v
			}
			if a.Name.Space == "" {
				next[""] = a.Value
			} else {
				next[a.Name.Local] = a.Value
			}
			scope = next
		}
	}
	s.spaces = append(s.spaces, scope)
	if s.skip > 0 {
		return
	}
	if scope[t.Name.Space] == nsXSD && t.Name.Local == "annotation" {
		s.skip = s.depth
		return
	}
	s.closeTag()
	if s.depth == 2 {
		s.out.WriteByte('\n') // one top-level declaration a line, so that a change shows as a line
	}
	s.out.WriteString("<" + name(t.Name))
	for _, a := range t.Attr {
		s.attr(t, a)
	}
	s.open = true
}

func (s *stripper) attr(t xml.StartElement, a xml.Attr) {
	v := a.Value
	switch {
	case s.depth == 1 && a.Name.Space == "" && a.Name.Local == "version":
		return
	case a.Name.Space == "xsi" || a.Name.Local == "id" && a.Name.Space == "":
		return
	case t.Name.Local == "import" && a.Name.Local == "schemaLocation":
		s.imports = append(s.imports, v)
		v = path.Base(v)
	}
	s.out.WriteString(" " + name(a.Name) + `="`)
	_ = xml.EscapeText(&s.out, []byte(v)) // a bytes.Buffer takes everything
	s.out.WriteByte('"')
}

func (s *stripper) end(t xml.EndElement) {
	s.spaces = s.spaces[:len(s.spaces)-1]
	defer func() { s.depth-- }()
	if s.skip > 0 {
		if s.skip == s.depth {
			s.skip = 0
		}
		return
	}
	if s.open {
		s.out.WriteString("/>")
		s.open = false
		return
	}
	if s.depth == 1 {
		s.out.WriteByte('\n')
	}
	s.out.WriteString("</" + name(t.Name) + ">")
}

func (s *stripper) closeTag() {
	if s.open {
		s.out.WriteByte('>')
		s.open = false
	}
}

func name(n xml.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return strings.Join([]string{n.Space, n.Local}, ":")
}
