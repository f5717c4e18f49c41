package simulate

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// Course is one story of one patient, as a manifest.json beside its messages tells it.
type Course struct {
	// Name is its scenario in domain/careplan.md, for instance S1.
	Name  string `json:"name"`
	Title string `json:"title"`
	// Patient is the patient key, system|value.
	Patient string        `json:"patient"`
	Parties []CourseParty `json:"parties"`
	Steps   []Step        `json:"steps"`
}

// CourseParty is a party of the course as a gateway's configuration needs it; the fields are those of
// samvirke.Party.
type CourseParty struct {
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
	Dials  []Switch `json:"dials,omitempty"`
	Title  string   `json:"title"`
	Expect string   `json:"expect"`
	// ContentType and Body are filled when the course is read.
	ContentType string `json:"-"`
	Body        []byte `json:"-"`
}

// Switch turns a party off or on.
type Switch struct {
	Party string `json:"party"`
	Down  bool   `json:"down"`
}

// ReadCourse reads manifest.json and the files it names from a folder; testdata.S1 is one read so.
func ReadCourse(dir fs.FS) (*Course, error) {
	raw, err := fs.ReadFile(dir, "manifest.json")
	if err != nil {
		return nil, fmt.Errorf("read course: %w", err)
	}
	c := &Course{}
	if err := json.Unmarshal(raw, c); err != nil {
		return nil, fmt.Errorf("read course: %w", err)
	}
	for i := range c.Steps {
		s := &c.Steps[i]
		if s.N != i+1 || s.Answers >= s.N || s.RepeatOf >= s.N {
			return nil, fmt.Errorf("read course %s: step %d is out of order", c.Name, s.N)
		}
		if s.Body, err = fs.ReadFile(dir, s.File); err != nil {
			return nil, fmt.Errorf("read course %s: %w", c.Name, err)
		}
		s.ContentType = "application/xml"
		if strings.HasSuffix(s.File, ".json") {
			s.ContentType = "application/fhir+json"
		}
	}
	return c, nil
}

// Party gives the party of the course with this id.
func (c *Course) Party(id string) (CourseParty, bool) {
	for _, p := range c.Parties {
		if p.ID == id {
			return p, true
		}
	}
	return CourseParty{}, false
}
