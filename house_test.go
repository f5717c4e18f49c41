package samvirke_test

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// maxLines is the most lines a Go file may have; most stay under half of it. Generated ones are free.
const maxLines = 800

// maxBytes is the largest file that is looked through.
const maxBytes = 4 << 20

// TestHouseRules looks through the source for what the rules of the house forbid and no linter finds.
func TestHouseRules(t *testing.T) {
	machinePath := "/wo" + "rk/" // in two parts, so that this file does not find itself
	files := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // somebody's file of a moment
		}
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != "." && (name == ".git" || name == "node_modules" || ignored(t, path)) {
				return filepath.SkipDir
			}
			return nil
		}
		switch filepath.Ext(name) {
		case ".go", ".md", ".yaml", ".yml", ".mjs", ".js", ".json", ".html", ".service", ".sql", "":
		default:
			return nil
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || info.Size() > maxBytes {
			return err // a program somebody built here
		}
		files++
		lines, generated := 0, false
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		defer f.Close()
		s := bufio.NewScanner(f)
		s.Buffer(nil, 16<<20)
		for s.Scan() {
			lines++
			line := s.Text()
			generated = generated || lines < 5 && strings.HasPrefix(line, "// Code generated ")
			switch {
			case strings.Contains(line, machinePath):
				t.Errorf("%s:%d: a path of one machine", path, lines)
			case filepath.Ext(name) == ".go" && strings.HasPrefix(line, "func init()"):
				t.Errorf("%s:%d: init() hides what the house is made of; list it in cmd/samvirke", path, lines)
			}
		}
		if filepath.Ext(name) == ".go" && lines > maxLines && !generated {
			t.Errorf("%s has %d lines, at most %d are allowed", path, lines, maxLines)
		}
		return s.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Fatalf("looked at %d files only", files)
	}
}
