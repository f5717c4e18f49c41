package config

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzCodeMaps: whatever stands in a file with code maps, each map is usable or there is a problem that says why not.
func FuzzCodeMaps(f *testing.F) {
	for _, s := range []string{
		"", "codemaps: []\n", "codemaps:\n  - system: \"9151\"\n    codes:\n      - {from: \"1\", to: \"2\", display: To}\n",
		"codemaps:\n  - {system: 2.16.578.1.12.4.1.1.9111, direction: in, codes: [{from: a, to: a, display: x}, {from: a, to: b, display: y}]}\n",
		"codemaps:\n  - {system: nonsense, codes: []}\n", "codemaps: &a [*a]\n", "\xff", "codemaps: {}\n",
	} {
		f.Add([]byte(s))
	}
	path := filepath.Join(f.TempDir(), "maps.yaml")
	f.Fuzz(func(t *testing.T, raw []byte) {
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		c := &checker{decoder: &decoder{file: "fuzz.yaml", lines: make(map[string]int)}}
		maps := c.codeMaps(path, "parties[0].codemaps[0]", map[string]string{})
		if len(c.problems) > 0 {
			for _, p := range c.problems {
				if p.Code == "" || p.Text == "" {
					t.Errorf("%+v", p)
				}
			}
			return
		}
		for _, m := range maps {
			if m.FHIRSystem() == "" || len(m.Codes) == 0 || m.Direction != "in" && m.Direction != "out" {
				t.Errorf("%+v without a problem", m)
			}
			for _, p := range m.Codes {
				if p.From == p.To {
					t.Errorf("%+v without a problem", p)
				}
			}
		}
	})
}
