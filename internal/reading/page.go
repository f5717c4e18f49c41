package reading

import (
	"html/template"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/codes"
)

// Page is a message made ready for showing.
type Page struct {
	// Kind is the message type as the standard writes it; Title what people call it.
	Kind, Title string
	// Banners are what a reader must know first: a cancellation, a test message, an objection to forwarding.
	Banners []Banner
	// Route is who sent it to whom, when.
	Route []Fact
	// Patient is the person it is about; nil for a message about nobody.
	Patient *Patient
	// Events are what happened or is expected to happen, in the order of the message.
	Events []Event
	// Blocks are the sections of the message, with all that belongs to them.
	Blocks []Block
	// Attachments are the files in the message.
	Attachments []Attachment
	// About is what systems need to know of the message: ids, references, versions.
	About []Fact
}

// Banner is a line at the top of the page.
type Banner struct {
	Tone string // "stop", "warn" or "calm"
	Text string
	Hint string // the code behind it
}

// Span is a piece of text in one style. It is always shown as text, whatever stands in it.
type Span struct {
	Text string
	// Class is "" for plain text, "strong", "soft", "code" for a code, "raw" for a code that no list
	// knows, "badge" or "warn".
	Class string
	// Title tells more, for instance the code behind a display.
	Title string
	// Href is a telephone or mail link, made here and never taken from a message as it is.
	Href template.URL
}

// Fact is a name with its values, and what belongs to them.
type Fact struct {
	Label  string
	Values [][]Span
	Sub    []Fact
}

// Patient is the person that the message is about.
type Patient struct {
	Name  []Span
	ID    []Span
	Facts []Fact
}

// Event is something that happened or is expected, with the time as precise as the message gave it.
type Event struct {
	When string
	// Remark says what a reader must know of the time: that it could not be read, or which of two hours is meant.
	Remark   string
	Expected bool
	What     []Span
	Texts    []string
	Facts    []Fact
}

// Block is a section of the page.
type Block struct {
	ID, Title string
	// Hint tells the code behind the title.
	Hint string
	// Level of the heading, 2 to 5.
	Level int
	Tone  string // "warn" for what must not be overlooked
	Text  template.HTML
	Facts []Fact
	Cards []Card
	// Medicines and Function are shown as tables.
	Medicines []Medicine
	Function  *Function
	// CardsFirst is the order of the message: items before medicines.
	CardsFirst bool
	Blocks     []Block

	name string // of fhir.SystemSection
}

// Empty tells whether the block has nothing to show.
func (b *Block) Empty() bool {
	return b.Text == "" && len(b.Facts)+len(b.Cards)+len(b.Medicines)+len(b.Blocks) == 0 && b.Function == nil
}

// Card is one item of a section: a diagnosis, a relative, a measure.
type Card struct {
	Kind  string // a word over the title, where the section does not tell what it is
	Title []Span
	Tone  string
	Lead  []string
	Text  template.HTML
	Facts []Fact
	Cards []Card
}

// Of builds the page of a message. The register tells displays of codes that came without one; nil does without.
func Of(b *fhir.Bundle, register *codes.Register) *Page { return read(b, register).page }

func read(b *fhir.Bundle, register *codes.Register) *reader {
	if register == nil {
		register = new(codes.Register)
	}
	r := &reader{bundle: b, codes: register, used: map[*fhir.Node]bool{}, shown: map[*fhir.Node]bool{}, quiet: map[*fhir.Node]bool{}, page: &Page{}}
	r.header()
	r.patient()
	r.stays()
	r.composition()
	r.remaining()
	return r
}
