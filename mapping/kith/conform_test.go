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
	files = append(files, cases(t, "source.xml")...)
	f := testFormat(t)
	good := map[string][]byte{}
	for _, file := range files {
		raw := read(t, file)
		if _, err := f.Parse(raw); err == nil {
			good[filepath.Base(filepath.Dir(file))] = raw
		}
	}
	if len(good) < 10 {
		t.Fatalf("only %d messages without a fault: %s", len(good), strings.Join(files, " "))
	}
	mappingtest.Conform(t, f, good)
}
