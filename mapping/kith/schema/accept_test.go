package schema

import (
	"path"
	"testing"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/mapping/mappingtest"
)

func TestModel(t *testing.T) {
	m, err := readModel()
	if err != nil {
		t.Fatal(err)
	}
	if len(m.elements) < 400 {
		t.Errorf("%d global elements", len(m.elements))
	}
}

func BenchmarkReadModel(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := readModel(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAccept is BenchmarkValidate with the tree at hand, for published messages of 4 to 26 KB.
func BenchmarkAccept(b *testing.B) {
	for _, file := range []string{
		"plo/v1.6/scenario/Pasientlogistikk_Innlagt_pasient_Ny.xml", "plo/v1.6/scenario/Innleggelsesrapport_Ny.xml", "plo/v1.6/scenario/Utskrivingsrapport-v16-eks1.xml",
	} {
		b.Run(path.Base(file), func(b *testing.B) {
			m, err := readModel()
			if err != nil {
				b.Fatal(err)
			}
			raw := mappingtest.Examples(b, func(e mappingtest.Example) bool { return e.File == file })[0].Raw(b)
			doc := etree.NewDocument()
			if err := doc.ReadFromBytes(raw); err != nil {
				b.Fatal(err)
			}
			root := doc.Root()
			w := &walker{m: m}
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if !w.accepts(root, raw) {
					b.Fatal("not accepted")
				}
			}
		})
	}
}
