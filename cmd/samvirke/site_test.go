package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// siteConfig writes a configuration with more keys, and further files beside it.
func siteConfig(t *testing.T, more string, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Join(dir, "samvirke.yaml")
	text := "environment: test\n" + more + `
parties:
  - id: hospital
    role: hospital
    her: ["8140001", "8140002"]
    token: a-token-of-the-hospital
  - id: city
    role: municipality
    municipality: "9901"
    her: ["8140101", "8140103"]
    endpoint: {url: "http://127.0.0.1:1/messages"}
    accepts: [{format: kith, versions: ["1.6"]}]
`
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestCheckReadsTheAddressBook: mistakes in it are told with file and line, as those of the configuration.
func TestCheckReadsTheAddressBook(t *testing.T) {
	t.Parallel()
	more := "address_book: {file: book.csv, unlisted: refuse}\n"
	name := siteConfig(t, more, map[string]string{"book.csv": "her_id,name,service\n8140103,Saksbehandling,KD0501\n8140104,Sykepleie,KQ99\nx,y,\n"})
	code, out, _ := command(t, nil, "check", "--config", name)
	if code != exitBadConfig || !strings.Contains(out, "book.csv:3: address-service: service:") || !strings.Contains(out, "book.csv:4: address-value: her_id:") {
		t.Errorf("code %d: %s", code, out)
	}
	name = siteConfig(t, more, map[string]string{"book.csv": "her_id,name,service\n8140103,Saksbehandling,KD0501\n"})
	if code, out, _ = command(t, nil, "check", "--config", name); code != exitOK {
		t.Errorf("code %d: %s", code, out)
	}
	name = siteConfig(t, "address_book: {file: none.csv, unlistd: refuse}\n", nil)
	if code, out, _ = command(t, nil, "check", "--config", name); code != exitBadConfig || !strings.Contains(out, "unknown-key") || !strings.Contains(out, "unlisted") {
		t.Errorf("code %d: %s", code, out)
	}
}
