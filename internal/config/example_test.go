package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestExampleComments: what the example shows in comments is right when the comment signs are taken away.
func TestExampleComments(t *testing.T) {
	raw, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	codemaps := regexp.MustCompile(`(?m)^    #   (codemaps:\n(?:    #     .*\n)+)`)
	m := codemaps.FindStringSubmatch(string(raw))
	if m == nil {
		t.Fatal("the example shows no code map")
	}
	text := codemaps.ReplaceAllString(string(raw), "")
	commented := regexp.MustCompile(`(?m)^( *)# ((?:  )?(?:address_book|file|unlisted|max_age|apprec_version|estimate|cancel_scope|copy_to|codemaps):)`)
	if n := len(commented.FindAllString(text, -1)); n != 9 {
		t.Errorf("%d keys stand in comments, want 9", n)
	}
	text = commented.ReplaceAllString(text, "$1$2")
	text = regexp.MustCompile(`env:\w+`).ReplaceAllStringFunc(text, func(s string) string { return "a-long-token-for-" + s[4:] })
	text = strings.Replace(text, "patients: patients.example.csv\n", "", 1)
	for name, body := range map[string]string{
		"samvirke.yaml": text, "codemaps.yaml": strings.ReplaceAll(m[1], "    #   ", ""),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, problems := Load(filepath.Join(dir, "samvirke.yaml"))
	if len(problems) > 0 {
		t.Fatalf("%v", problems)
	}
	if cfg.AddressBook == nil || cfg.AddressBook.MaxAge != 30*24*time.Hour {
		t.Errorf("address book %+v", cfg.AddressBook)
	}
	for _, p := range cfg.Parties {
		if p.ID != "bydal-saksbehandling" {
			continue
		}
		if p.AppRec != "1.0" || p.Estimate != "inverted" || p.CancelScope != "version" || len(p.CopyTo) != 1 || len(p.CodeMaps) != 1 || p.CodeMaps[0].Codes[0].To != "99" {
			t.Errorf("party %+v", p)
		}
		return
	}
	t.Error("the party is not there")
}
