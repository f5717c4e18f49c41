package main

import (
	"cmp"
	"fmt"
	"go/format"
	"slices"
	"strconv"
	"strings"
)

// form is how a changed text takes the place of the one in the source.
type form int

const (
	condition  form = iota // an expression of type bool; only the one that counts is evaluated
	statements             // whole statements that declare nothing used after them
	expression             // any expression; both are evaluated
)

// mutation is one rule broken on purpose.
type mutation struct {
	name   string // what is broken, in the words of the rule
	source string // section of careplan.md or function.md
	file   string // below the package
	form   form
	// old is the text in the source, which occurs once; with marks « and » around a part of it, only that part is
	// replaced and the rest tells where.
	old, new string
}

// place is where a mutation changes its file. Unit: bytes.
type place struct{ from, to int }

// find gives the place of a mutation in the text of its file.
func (m *mutation) find(text string) (place, error) {
	before, rest, marked := strings.Cut(m.old, "«")
	part, after, closed := strings.Cut(rest, "»")
	if !marked {
		before, part, after = "", m.old, ""
	}
	whole := before + part + after
	if marked != closed && marked || part == "" {
		return place{}, fmt.Errorf("%s: %q has half a mark", m.name, m.old)
	}
	if n := strings.Count(text, whole); n != 1 {
		return place{}, fmt.Errorf("%s: the text to change occurs %d times in %s, want once: %q", m.name, n, m.file, whole)
	}
	at := strings.Index(text, whole) + len(before)
	return place{at, at + len(part)}, nil
}

// write gives the text that does what old does, but for mutant n does what the mutation says.
func (m *mutation) write(n int, old string) string {
	id := "mutant == " + strconv.Itoa(n)
	switch m.form {
	case statements:
		if m.new == "" {
			return "if !(" + id + ") {\n" + old + "\n}\n"
		}
		return "if " + id + " {\n" + m.new + "\n} else {\n" + old + "\n}\n"
	case expression:
		return "mutated(" + id + ", " + old + ", " + m.new + ")"
	}
	return "(!(" + id + ") && (" + old + ") || " + id + " && (" + m.new + "))"
}

// batch is a set of mutations whose places do not meet, so that one build holds them all.
type batch struct {
	files map[string]string // name -> changed text
	held  []int             // numbers, places in the table counted from 1
}

// switches is the file that every batch adds to the package: the number of the mutant that acts.
const switches = `package %s

import (
	"os"
	"strconv"
)

var mutant, _ = strconv.Atoi(os.Getenv("SAMVIRKE_MUTANT"))

func mutated[T any](is bool, old, new T) T {
	if is {
		return new
	}
	return old
}
`

// batches puts the mutations of a table into as few builds as it takes. read gives the text of a file.
func batches(table []mutation, pick []int, read func(file string) (string, error)) ([]batch, error) {
	var out []batch
	for left := pick; len(left) > 0; {
		b := batch{files: map[string]string{}}
		taken := map[string][]spot{}
		var rest []int
		for _, n := range left {
			m := &table[n-1]
			text, err := read(m.file)
			if err != nil {
				return nil, err
			}
			at, err := m.find(text)
			if err != nil {
				return nil, err
			}
			if slices.ContainsFunc(taken[m.file], func(s spot) bool { return s.from < at.to && at.from < s.to }) {
				rest = append(rest, n)
				continue
			}
			taken[m.file] = append(taken[m.file], spot{at, n})
			b.held = append(b.held, n)
		}
		for file, spots := range taken {
			text, err := read(file)
			if err != nil {
				return nil, err
			}
			slices.SortFunc(spots, func(a, b spot) int { return cmp.Compare(b.from, a.from) }) // from the end
			for _, s := range spots {
				text = text[:s.from] + table[s.n-1].write(s.n, text[s.from:s.to]) + text[s.to:]
			}
			clean, err := format.Source([]byte(text))
			if err != nil {
				return nil, fmt.Errorf("%s with mutations %v: %w", file, numbers(spots), err)
			}
			b.files[file] = string(clean)
		}
		out, left = append(out, b), rest
	}
	return out, nil
}

type spot struct {
	place
	n int
}

func numbers(list []spot) (out []int) {
	for _, s := range list {
		out = append(out, s.n)
	}
	return out
}
