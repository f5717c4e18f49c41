// Package testdata holds the synthetic courses that demo, tests and examples play: messages written
// for this project, with a manifest that says who sends what and when. See README.md for their origin.
package testdata

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"time"
)

//go:embed s1
var files embed.FS

// Course is one story of one patient.
type Course struct {
	// Name is its scenario in domain/careplan.md, for instance S1.
	Name  string `json:"name"`
	Title string `json:"title"`
	// Patient is the patient key, system|value.
	Patient string  `json:"patient"`
	Parties []Party `json:"parties"`
	Steps   []Step  `json:"steps"`
}

// Party is a party of the course as a gateway's configuration needs it; the fields are those of
// samvirke.Party.
type Party struct {
	ID           string   `json:"id"`
	Name         string   `json:"name"`
	Role         string   `json:"role"`
	HER          []string `json:"her"` // enterprise first
	Municipality string   `json:"municipality,omitempty"`
	Accepts      []string `json:"accepts"`  // formats, best first
	Receipts     string   `json:"receipts"` // samvirke.ReceiptMode
}

// Step is one message.
type Step struct {
	N int `json:"n"`
	// At is when it is sent in the story.
	At   time.Time `json:"at"`
	From string    `json:"from"` // party id
	File string    `json:"file"`
	Kind string    `json:"kind"`
	// Answers is the step this one is a business answer to, RepeatOf the step whose bytes it repeats; 0: none.
	Answers  int `json:"answers,omitempty"`
	RepeatOf int `json:"repeat_of,omitempty"`
	// Dials are turned before the message is sent.
	Dials  []Dial `json:"dials,omitempty"`
	Title  string `json:"title"`
	Expect string `json:"expect"`
	// ContentType and Body are filled when the course is read.
	ContentType string `json:"-"`
	Body        []byte `json:"-"`
}

// Dial switches a party off or on.
type Dial struct {
	Party string `json:"party"`
	Down  bool   `json:"down"`
}

// S1 reads the stroke course S1, up to the discharge report and the municipality's answers.
func S1() (*Course, error) { return read("s1") }

func read(dir string) (*Course, error) {
	raw, err := files.ReadFile(path.Join(dir, "manifest.json"))
	if err != nil {
		return nil, fmt.Errorf("read course: %w", err)
	}
	c := &Course{}
	if err := json.Unmarshal(raw, c); err != nil {
		return nil, fmt.Errorf("read course %s: %w", dir, err)
	}
	for i := range c.Steps {
		s := &c.Steps[i]
		if s.Body, err = files.ReadFile(path.Join(dir, s.File)); err != nil {
			return nil, fmt.Errorf("read course %s: %w", dir, err)
		}
		s.ContentType = "application/xml"
		if strings.HasSuffix(s.File, ".json") {
			s.ContentType = "application/fhir+json"
		}
	}
	return c, nil
}
