package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/fhirxml"
)

// norwegianTable writes the Norwegian base profiles and the code lists that they bind to.
func norwegianTable(standards string) ([]byte, error) {
	files, err := filepath.Glob(filepath.Join(standards, "no", "fhir", "StructureDefinition", "*.xml"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no profiles below %s", standards)
	}
	sort.Strings(files)
	m := &maker{wanted: map[string][]string{}}
	m.line("!", "1", "no-basis", "")
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		def, err := fhirxml.Parse(raw, fhirxml.Options{})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(f), err)
		}
		m.profile(def)
	}
	lists, err := readNorwegian(filepath.Join(standards, "no", "codes", "kodeverk.csv"))
	if err != nil {
		return nil, err
	}
	var urls []string
	for url := range m.wanted {
		if lists[url] != nil {
			urls = append(urls, url)
		}
	}
	sort.Strings(urls)
	for _, url := range urls {
		m.valueSet(url, map[string][]string{url: lists[url]})
	}
	return m.out.Bytes(), nil
}

// profile writes the differential of a StructureDefinition; elements without a rule are left out.
func (m *maker) profile(def *fhir.Node) {
	m.line("P", def.Get("url").Text(), def.Get("type").Text(), def.Get("baseDefinition").Text())
	for _, e := range def.At("differential.element").Items() {
		var types []string
		for _, t := range e.Get("type").Items() {
			types = append(types, joinType(t))
		}
		fixed, pattern := "", ""
		for _, key := range e.Keys() {
			switch {
			case strings.HasPrefix(key, "fixed"):
				fixed = string(e.Get(key).Bytes())
			case strings.HasPrefix(key, "pattern"):
				pattern = string(e.Get(key).Bytes())
			}
		}
		var slicing []string
		for _, d := range e.At("slicing.discriminator").Items() {
			slicing = append(slicing, d.Get("type").Text()+":"+d.Get("path").Text())
		}
		if e.Get("slicing") != nil {
			slicing = append(slicing, cmp.Or(e.At("slicing.rules").Text(), "open"))
		}
		strength, set := e.At("binding.strength").Text(), unversioned(e.At("binding.valueSet").Text())
		if strength == "required" {
			m.want(set, nil)
			if m.wanted[set] == nil {
				m.wanted[set] = []string{}
			}
		}
		fields := []string{
			e.Get("min").Text(), e.Get("max").Text(), strings.Join(types, "|"), fixed, pattern,
			strength, set, strings.Join(slicing, " "),
		}
		if e.Get("sliceName") == nil && strings.Join(fields, "") == "" {
			continue
		}
		m.line(append([]string{"R", e.Get("id").Text()}, fields...)...)
	}
}

// joinType writes a type with its profiles: Address<url,url>. Profiles of what a Reference leads to
// are left out, because a message alone does not tell what lies behind a reference.
func joinType(t *fhir.Node) string {
	var profiles []string
	for _, p := range t.Get("profile").Items() {
		profiles = append(profiles, unversioned(p.Text()))
	}
	if len(profiles) == 0 {
		return t.Get("code").Text()
	}
	return t.Get("code").Text() + "<" + strings.Join(profiles, ",") + ">"
}
