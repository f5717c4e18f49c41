package mappingtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// XMLLint checks one document against the published schemas with xmllint, the second opinion
// beside our own validator. It fails the test when the document is not valid and skips it
// when xmllint or the schemas are not at hand.
func XMLLint(t testing.TB, doc []byte) {
	t.Helper()
	for _, problem := range XMLLintAll(t, map[string][]byte{"document": doc}) {
		t.Errorf("xmllint: %s", problem)
	}
}

// XMLLintIfHere is XMLLint for tests whose point is another one: without xmllint or the schemas it logs that the
// document was not held against them, and the test goes on.
func XMLLintIfHere(t testing.TB, doc []byte) {
	t.Helper()
	_, missing := exec.LookPath("xmllint")
	if !HasShared(t, "standards/no/xsd/no-all.xsd") || missing != nil {
		t.Log("not held against the published schemas: xmllint (Debian package libxml2-utils) or SAMVIRKE_SHARED is missing")
		return
	}
	XMLLint(t, doc)
}

// XMLLintAll checks many documents in one run, which loads the schemas once. The answer holds the
// first problem of each document that is not valid, under the document's name.
func XMLLintAll(t testing.TB, docs map[string][]byte) map[string]string {
	t.Helper()
	driver := Shared(t, "standards/no/xsd/no-all.xsd")
	bin, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("xmllint is not installed (Debian package libxml2-utils)")
	}
	dir := t.TempDir()
	args := []string{"--noout", "--nonet", "--schema", driver}
	names := make(map[string]string, len(docs))
	for name, doc := range docs {
		file := filepath.Join(dir, fmt.Sprintf("%d.xml", len(names)))
		if err := os.WriteFile(file, doc, 0o600); err != nil {
			t.Fatalf("write document for xmllint: %v", err)
		}
		names[file] = name
		args = append(args, file)
	}
	if len(names) == 0 {
		t.Fatal("no document for xmllint")
	}
	var out bytes.Buffer
	cmd := exec.Command(bin, args...)
	cmd.Stderr = &out
	err = cmd.Run() // not nil whenever one document is invalid; the lines say which
	problems := map[string]string{}
	valid := map[string]bool{}
	for line := range strings.Lines(out.String()) {
		line = strings.TrimSpace(line)
		if file, ok := strings.CutSuffix(line, " validates"); ok {
			valid[file] = true
			continue
		}
		file, rest, _ := strings.Cut(line, ".xml:")
		// A namespace that is relative is warned of; one that is wrong is an error, though the line behind says "validates".
		if name, ok := names[file+".xml"]; ok && problems[name] == "" && !strings.Contains(rest, " warning : ") {
			problems[name] = rest
		}
	}
	for file, name := range names {
		if !valid[file] && problems[name] == "" {
			problems[name] = fmt.Sprintf("no verdict: %v: %s", err, firstLine(out.String()))
		}
	}
	return problems
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
