package function

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// phraseFile names a file of phrases whose hashes are wanted; see testdata/README.md.
var phraseFile = flag.String("phrases", "", "print the hashes of the phrases in this file, one per line")

const (
	windowWords = 5 // a licensed text is known by so many words in a row
	maxScanned  = 8 << 20
)

// word is a word of a text with the line it stands in.
type word struct {
	text string
	line int
}

func wordsOf(text string) []word {
	var out []word
	line, start := 1, -1
	add := func(end int) {
		if start >= 0 {
			out = append(out, word{strings.ToLower(text[start:end]), line})
		}
		start = -1
	}
	for i, r := range text {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			if start < 0 {
				start = i
			}
			continue
		}
		add(i)
		if r == '\n' {
			line++
		}
	}
	add(len(text))
	return out
}

func windowHash(list []word) string {
	texts := make([]string, len(list))
	for i, w := range list {
		texts[i] = w.text
	}
	sum := sha256.Sum256([]byte(strings.Join(texts, " ")))
	return hex.EncodeToString(sum[:12])
}

// phrases are the hashes of forbidden sequences, by the number of their words.
type phrases map[int]map[string]bool

func readPhrases(t *testing.T) phrases {
	t.Helper()
	raw, err := os.ReadFile("testdata/phrases.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	if !slices.IsSorted(lines) {
		t.Error("testdata/phrases.txt is not sorted")
	}
	p := phrases{}
	for i, l := range lines {
		var n int
		var hash string
		if _, err := fmt.Sscanf(l, "%d %24s", &n, &hash); err != nil || n < 3 || len(hash) != 24 {
			t.Fatalf("testdata/phrases.txt:%d: %q", i+1, l)
		}
		p.add(n, hash)
	}
	return p
}

func (p phrases) add(n int, hash string) {
	if p[n] == nil {
		p[n] = map[string]bool{}
	}
	p[n][hash] = true
}

// find lists the lines at which a forbidden sequence begins.
func (p phrases) find(text string) []int {
	list := wordsOf(text)
	var lines []int
	for n, hashes := range p {
		for i := 0; i+n <= len(list); i++ {
			if hashes[windowHash(list[i:i+n])] {
				lines = append(lines, list[i].line)
			}
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// TestF19NoLicensedText: none of the known sequences of words from licensed instruments stands anywhere in the repository.
func TestF19NoLicensedText(t *testing.T) {
	t.Parallel()
	if *phraseFile != "" {
		printHashes(t, *phraseFile)
	}
	p := readPhrases(t)
	read := 0
	err := filepath.WalkDir("../../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // a file that others removed in this moment holds nothing
		}
		if d.IsDir() {
			if name := d.Name(); name == ".git" || name == "out" || name == "node_modules" {
				return filepath.SkipDir
			}
			return nil
		}
		if info, err := d.Info(); err != nil || !info.Mode().IsRegular() || info.Size() > maxScanned {
			return nil //nolint:nilerr // as above
		}
		raw, err := os.ReadFile(path)
		if err != nil || bytes.IndexByte(raw, 0) >= 0 {
			return nil //nolint:nilerr // as above, or no text
		}
		read++
		for _, line := range p.find(string(raw)) {
			t.Errorf("%s:%d: a sequence of words from a licensed instrument", path, line)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if read < 500 {
		t.Errorf("only %d files were read: is this the whole repository?", read)
	}
}

func printHashes(t *testing.T, file string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		list := wordsOf(line)
		for i := 0; i+windowWords <= len(list); i++ {
			fmt.Println(windowWords, windowHash(list[i:i+windowWords]))
		}
	}
}

// TestPhrasesAreFound: the search finds a sequence whatever stands around it, across lines and in any letters.
func TestPhrasesAreFound(t *testing.T) {
	t.Parallel()
	p := phrases{}
	list := wordsOf("the green heron counts silver spoons")
	p.add(5, windowHash(list[:5])) // "the green heron counts silver"
	for text, want := range map[string]string{
		"xx The green-heron\ncounts **SILVER** forks": "[1]", "a\nb the\n\"green\", \"heron\", \"counts\", \"silver\"": "[2]",
		"the green heron counts": "[]", "the green heron quickly counts silver": "[]", "": "[]",
	} {
		if got := fmt.Sprint(p.find(text)); got != want {
			t.Errorf("%q: lines %s, want %s", text, got, want)
		}
	}
	known := readPhrases(t)
	if len(known[windowWords]) < 400 {
		t.Errorf("%d phrases", len(known[windowWords]))
	}
}
