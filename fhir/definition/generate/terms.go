package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sort"
)

// terms are the published code systems and value sets.
type terms struct {
	systems map[string]resource
	sets    map[string]resource
}

type resource struct {
	ResourceType string
	URL          string `json:"url"`
	Content      string
	Concept      []concept
	Compose      struct{ Include, Exclude []include }
}

type concept struct {
	Code    string
	Concept []concept
}

type include struct {
	System   string
	Concept  []concept
	Filter   []json.RawMessage
	ValueSet []string
}

func readTerms(path string) (*terms, error) {
	all, err := readBundle[resource](path)
	if err != nil {
		return nil, err
	}
	t := &terms{systems: map[string]resource{}, sets: map[string]resource{}}
	for _, r := range all {
		if r.ResourceType == "CodeSystem" {
			t.systems[r.URL] = r
		} else {
			t.sets[r.URL] = r
		}
	}
	return t, nil
}

// expand lists the codes of a value set by system; ok is false when they cannot be listed from what
// is at hand.
func (t *terms) expand(url string) (codes map[string][]string, ok bool) {
	set, ok := t.sets[unversioned(url)]
	if !ok || len(set.Compose.Exclude) > 0 {
		return nil, false
	}
	codes = map[string][]string{}
	for _, inc := range set.Compose.Include {
		if len(inc.Filter) > 0 || len(inc.ValueSet) > 0 {
			return nil, false
		}
		concepts := inc.Concept
		if len(concepts) == 0 {
			s, ok := t.systems[inc.System]
			if !ok || s.Content != "complete" {
				return nil, false
			}
			concepts = s.Concept
		}
		codes[inc.System] = appendCodes(codes[inc.System], concepts)
	}
	return codes, true
}

func appendCodes(out []string, concepts []concept) []string {
	for _, c := range concepts {
		if !slices.Contains(out, c.Code) {
			out = append(out, c.Code)
		}
		out = appendCodes(out, c.Concept)
	}
	return out
}

// valueSets writes what was wanted and can be listed.
func (m *maker) valueSets() {
	var urls []string
	for url := range m.wanted {
		urls = append(urls, url)
	}
	sort.Strings(urls)
	for _, url := range urls {
		codes, ok := m.terms.expand(url)
		if !ok && m.wanted[url] != nil {
			codes, ok = map[string][]string{"": m.wanted[url]}, true // the schema lists codes without their system
		}
		if ok {
			m.valueSet(url, codes)
		}
	}
}

func (m *maker) valueSet(url string, codes map[string][]string) {
	m.line("V", url)
	var systems []string
	for s := range codes {
		systems = append(systems, s)
	}
	sort.Strings(systems)
	for _, s := range systems {
		sort.Strings(codes[s])
		m.line(append([]string{"C", s}, codes[s]...)...)
	}
}

// readNorwegian reads the codes of the national code lists, by their urn:oid.
func readNorwegian(path string) (map[string][]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("kodeverk.csv: %w", err)
	}
	out := map[string][]string{}
	for _, r := range rows[1:] {
		if url := "urn:oid:" + r[1]; !slices.Contains(out[url], r[2]) {
			out[url] = append(out[url], r[2])
		}
	}
	return out, nil
}
