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

// TestCheckTellsAllAtOnce: mistakes in the configuration, in its address book and in code maps come together, and
// codes that no list has are told without being mistakes.
func TestCheckTellsAllAtOnce(t *testing.T) {
	t.Parallel()
	more := "lisen: x\naddress_book: {file: book.csv}\n"
	files := map[string]string{
		"book.csv":   "her_id,name\n8140103,S\xf8r\n",
		"empty.yaml": "# nothing yet\n",
		"maps.yaml":  "codemaps:\n  - system: \"9151\"\n    codes:\n      - {from: \"15 \", to: \"XX\", display: Annet}\n  - system: \"1\"\n    codes: [{from: a, to: b, display: B}]\n  - system: \"0001\"\n    codes: [{from: a, to: b, display: B}]\n",
	}
	name := siteConfig(t, more, files)
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(raw), "    endpoint:", "    codemaps: [empty.yaml, maps.yaml]\n    endpoint:", 1)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, words := command(t, nil, "check", "--config", name)
	for _, want := range []string{
		"samvirke.yaml:2: unknown-key: lisen", "book.csv:2: address-syntax: the file is not UTF-8",
		"empty.yaml:1: empty-value: the file holds no code map", "maps.yaml:4: bad-value: codemaps[0].codes[0].from: \"15 \" begins or ends with white space",
		"maps.yaml:4: code-unknown: to: \"XX\" is no code of list 9151", "maps.yaml:5: bad-value: codemaps[1].system",
		"maps.yaml:7: code-unknown: system: no code list 0001 is known here",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not told in\n%s", want, out)
		}
	}
	if code != exitBadConfig || !strings.Contains(words, "5 mistakes") {
		t.Errorf("code %d: %s", code, words)
	}
	for old, now := range map[string]string{"lisen: x\n": "", "empty.yaml, ": "", "address_book: {file: book.csv}\n": ""} {
		text = strings.Replace(text, old, now, 1)
	}
	for file, text := range map[string]string{name: text, filepath.Join(filepath.Dir(name), "maps.yaml"): "codemaps:\n  - system: \"9151\"\n    codes: [{from: \"15\", to: \"XX\", display: Annet}]\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if code, out, _ = command(t, nil, "check", "--config", name); code != exitOK || !strings.Contains(out, "code-unknown") {
		t.Errorf("with a warning only: code %d: %s", code, out)
	}
	if err := os.WriteFile(name, []byte("lisen: x\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, words = command(t, nil, "check", "--config", name); code != exitBadConfig || !strings.Contains(words, "1 mistake\n") {
		t.Errorf("code %d: %q", code, words)
	}
}
