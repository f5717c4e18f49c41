package kith

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/mapping/mappingtest"
)

func TestConform(t *testing.T) {
	files, err := filepath.Glob("testdata/*/source.xml")
	if err != nil {
		t.Fatal(err)
	}
	plo, err := filepath.Glob("testdata/plo/*/source.xml")
	if err != nil {
		t.Fatal(err)
	}
	f := testFormat(t)
	good := map[string][]byte{}
	for _, file := range append(files, plo...) {
		raw := read(t, file)
		if _, err := f.Parse(raw); err == nil {
			good[filepath.Base(filepath.Dir(file))] = raw
		}
	}
	if len(good) < 10 {
		t.Fatalf("only %d messages without a fault: %s", len(good), strings.Join(append(files, plo...), " "))
	}
	mappingtest.Conform(t, f, good)
}
