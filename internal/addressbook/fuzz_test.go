package addressbook_test

import (
	"testing"

	"github.com/samvirke/samvirke/internal/addressbook"
)

// FuzzParse: whatever the bytes, there is a book or a problem with a text, and never both.
func FuzzParse(f *testing.F) {
	f.Add([]byte(good), false)
	f.Add([]byte(header), false)
	f.Add([]byte("her_id;name\r\n\"8140101\";\"x\ny\"\r\n"), false)
	f.Add([]byte("addresses:\n  - her_id: 8140101\n    name: Bekkedal kommune\n  - {her_id: \"81 40 103\", name: x, parent_her_id: 8140101}\n"), true)
	f.Add([]byte("a: &a [*a]\n"), true)
	f.Fuzz(func(t *testing.T, raw []byte, yaml bool) {
		path := map[bool]string{false: "book.csv", true: "book.yaml"}[yaml]
		b, problems := addressbook.Parse(path, raw)
		if (b == nil) == (len(problems) == 0) {
			t.Fatalf("book %v with %d problems", b != nil, len(problems))
		}
		for _, p := range problems {
			if p.Code == "" || p.Text == "" {
				t.Errorf("%+v", p)
			}
		}
	})
}
