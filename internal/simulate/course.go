package simulate

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
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
	Roles        []string `json:"roles,omitempty"`
}

// Step is one thing that a party does: a message in a file, a write over REST, or what a person decides.
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
	Dials []Switch `json:"dials,omitempty"`
	// Rest is a write over FHIR REST in place of a message, Decide a decision of a person in place of both.
	Rest   *RestWrite `json:"rest,omitempty"`
	Decide *Decision  `json:"decide,omitempty"`
	Title  string     `json:"title"`
	Expect string     `json:"expect"`
	// ContentType and Body are filled when the course is read.
	ContentType string `json:"-"`
	Body        []byte `json:"-"`
}

// RestWrite changes what the party reads first: the resource of this type about the patient whose code has this text.
// The change says the new top elements; the version that was read goes along as If-Match.
type RestWrite struct {
	Type   string          `json:"type"`
	Text   string          `json:"text"`
	Change json.RawMessage `json:"change"`
}

// Decision is what a person of the coordinating unit decides about a conflict, as the UI takes it.
type Decision struct {
	Field  string `json:"field"`
	Value  string `json:"value"`
	Person string `json:"person"`
	Reason string `json:"reason"`
}

// Switch turns a party off or on.
type Switch struct {
	Party string `json:"party"`
	Down  bool   `json:"down"`
}

// ReadCourse reads manifest.json and the files it names from a folder, and from further ones that tell how the story
// goes on; testdata.S1 is one read so. A further part adds parties, roles of parties that are there, and steps.
func ReadCourse(parts ...fs.FS) (*Course, error) {
	c := &Course{}
	for i, dir := range parts {
		raw, err := fs.ReadFile(dir, "manifest.json")
		if err != nil {
			return nil, fmt.Errorf("read course: %w", err)
		}
		p := &Course{}
		if err := json.Unmarshal(raw, p); err != nil {
			return nil, fmt.Errorf("read course: %w", err)
		}
		if err := p.readSteps(dir, len(c.Steps)); err != nil {
			return nil, err
		}
		if i == 0 {
			c = p
			continue
		}
		if p.Name != c.Name || p.Patient != c.Patient {
			return nil, fmt.Errorf("read course %s: part %d is another story", c.Name, i+1)
		}
		c.Title, c.Steps = p.Title, append(c.Steps, p.Steps...)
		c.join(p.Parties)
	}
	return c, nil
}

// join adds parties; those that are there get further roles, and other formats when the part names some.
func (c *Course) join(parties []CourseParty) {
	for _, p := range parties {
		i := slices.IndexFunc(c.Parties, func(x CourseParty) bool { return x.ID == p.ID })
		if i < 0 {
			c.Parties = append(c.Parties, p)
			continue
		}
		c.Parties[i].Roles = append(c.Parties[i].Roles, p.Roles...)
		if len(p.Accepts) > 0 {
			c.Parties[i].Accepts = p.Accepts
		}
	}
}

// readSteps reads the files of a part that comes after so many steps.
func (c *Course) readSteps(dir fs.FS, before int) (err error) {
	for i := range c.Steps {
		s := &c.Steps[i]
		if s.N != before+i+1 || s.Answers >= s.N || s.RepeatOf >= s.N {
			return fmt.Errorf("read course %s: step %d is out of order", c.Name, s.N)
		}
		if s.Rest != nil || s.Decide != nil {
			continue
		}
		if s.Body, err = fs.ReadFile(dir, s.File); err != nil {
			return fmt.Errorf("read course %s: %w", c.Name, err)
		}
		s.ContentType = "application/xml"
		if strings.HasSuffix(s.File, ".json") {
			s.ContentType = "application/fhir+json"
		}
	}
	return nil
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
