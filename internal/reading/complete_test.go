package reading

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	xhtml "golang.org/x/net/html"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/codes"
	"github.com/samvirke/samvirke/mapping/kith"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// TestEveryLeaf: each text leaf of the canonical form of every published example is on its page, or
// stands in the list of technical paths.
func TestEveryLeaf(t *testing.T) {
	f, err := kith.New(kith.Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	read, leaves, kinds := 0, 0, map[string]int{}
	for _, e := range mappingtest.Examples(t, nil) {
		p, _ := f.Parse(e.Raw(t))
		if p == nil || p.Bundle == nil {
			continue
		}
		read++
		kinds[p.Bundle.First("MessageHeader").At("eventCoding.code").Text()]++
		leaves += everyLeaf(t, e.File, p.Bundle)
	}
	t.Logf("%d messages of %d kinds, %d leaves", read, len(kinds), leaves)
	if read < 130 || len(kinds) < 20 {
		t.Errorf("only %d messages of %d kinds were read", read, len(kinds))
	}
}

// The course of our own has messages that came as FHIR; they are read the same way.
func TestEveryLeafOfTheCourse(t *testing.T) {
	f, err := kith.New(kith.Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range courseMessages(t) {
		b, err := fhir.ParseBundle(m.raw)
		if err != nil {
			p, err := f.Parse(m.raw)
			if err != nil {
				t.Fatalf("%s: %v", m.name, err)
			}
			b = p.Bundle
		}
		everyLeaf(t, m.name, b)
	}
}

type named struct {
	name string
	raw  []byte
}

func everyLeaf(t *testing.T, name string, b *fhir.Bundle) int {
	t.Helper()
	r := read(b, new(codes.Register))
	page := wordsOf(t, r.page)
	n := 0
	for _, e := range b.Entries() {
		if r.left(e.Resource, e.Type) {
			t.Errorf("%s: %s has values that are not on the page", name, e.Type)
		}
		leavesOf(e.Resource, e.Type, func(path string, leaf *fhir.Node) {
			if leaf.Text() == "" || isTechnical(path, leaf.Text()) || strings.HasSuffix(path, ".reference") {
				return
			}
			n++
			if strings.HasSuffix(path, ".div") {
				for _, piece := range piecesOf(leaf.Text()) {
					if !strings.Contains(page, squeeze(piece)) {
						t.Errorf("%s: %s %q is not on the page", name, path, piece)
					}
				}
				return
			}
			for _, form := range formsOf(path, leaf) {
				if strings.Contains(page, squeeze(form)) {
					return
				}
			}
			t.Errorf("%s: %s %q is not on the page", name, path, leaf.Text())
		})
	}
	return n
}

// formsOf are the ways in which a value may stand on a page.
func formsOf(path string, leaf *fhir.Node) []string {
	s := leaf.Text()
	switch {
	case leaf.IsBool():
		return []string{map[string]string{"true": "Ja", "false": "Nei"}[s], "forventet", "Hoveddiagnose", s}
	case leaf.IsNumber():
		return []string{strings.Replace(s, ".", ",", 1)}
	case strings.HasSuffix(path, "oding.code"):
		// A code is not just any sign on the page: it stands with its list, or it is shown raw.
		forms := []string{"Kode " + s + " i ", "Koden " + s + " finnes ikke", "kode " + s}
		for _, list := range []string{"ICD-10", "ICPC-2", "ICPC-2B", "ATC", "NCMP", "NCSP", "LOINC", "SNOMED CT", "Pakkeforløp", "Feil i applikasjonskvittering"} {
			forms = append(forms, list+" "+s)
		}
		for _, w := range []string{sectionTitles[s], codeWord(s)} {
			if w != "" {
				forms = append(forms, w)
			}
		}
		return forms
	}
	forms := []string{s, moment(s), grouped(s), sectionTitle(s), strings.TrimPrefix(s, "urn:uuid:")}
	if w := codeWord(s); w != "" {
		forms = append(forms, w)
	}
	return forms
}

// piecesOf are the texts of a narrative, one per text node.
func piecesOf(div string) []string {
	root, err := xhtml.Parse(strings.NewReader(div))
	if err != nil {
		return []string{div}
	}
	var out []string
	for n := range root.Descendants() {
		if n.Type == xhtml.TextNode {
			out = append(out, n.Data)
		}
	}
	return out
}

func leavesOf(n *fhir.Node, path string, visit func(string, *fhir.Node)) {
	for _, item := range n.Items() {
		leavesOf(item, path, visit)
	}
	if n.IsObject() {
		for key, v := range n.Fields() {
			leavesOf(v, step(path, key, n), visit)
		}
		return
	}
	if !n.IsArray() && !n.IsNull() {
		visit(path, n)
	}
}

// wordsOf is all that a reader can get at on a page: its text, and what titles and pictures tell.
func wordsOf(t *testing.T, p *Page) string {
	t.Helper()
	rd, err := NewRenderer()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := rd.Document(&b, p); err != nil {
		t.Fatal(err)
	}
	root, err := xhtml.Parse(&b)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for n := range root.Descendants() {
		switch {
		case n.Type == xhtml.TextNode && n.Parent.Data != "style":
			out.WriteString(n.Data + " ")
		case n.Type == xhtml.ElementNode:
			out.WriteString(" " + attr(n, "title") + " " + attr(n, "alt") + " ")
		}
	}
	return squeeze(out.String())
}

// squeeze leaves white space out: where lines break is not what is compared.
func squeeze(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), "")) }

func courseMessages(t *testing.T) []named {
	t.Helper()
	files, err := filepath.Glob("../../testdata/s1/[0-9]*")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d messages of the course, %v", len(files), err)
	}
	var out []named
	for _, f := range files {
		raw, err := os.ReadFile(f) //nolint:gosec // files of the repository
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, named{filepath.Base(f), raw})
	}
	return out
}
