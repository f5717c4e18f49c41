package kith

import (
	"maps"
	"strings"
	"sync"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/kith/schema"
	"github.com/samvirke/samvirke/mapping/kith/xmltree"
)

// Name is the format's short name in configuration, logs and the database.
const Name = "kith"

// ContentType of everything that Render writes.
const ContentType = "application/xml"

// DefaultMaxBytes is how large a message may be when Options does not say. Unit: bytes.
const DefaultMaxBytes = 20 << 20

// Options changes how messages are read.
type Options struct {
	// MaxBytes is the largest message read; 0 means DefaultMaxBytes.
	MaxBytes int
	// AllowSynthetic lets person numbers of the test registers pass. Never in production:
	// a test person must not be taken for a real one.
	AllowSynthetic bool
	// AllowH lets an H-number together with name and birth date identify a patient, although
	// rule E36 does not list it. Municipalities that match by hand may want it.
	AllowH bool
	// PlainReceipts reads an application receipt without schema check and without making a Bundle of it,
	// when it says plainly what it answers and how. A receipt is never answered, so refusing one for its
	// form would only leave a delivery unconfirmed; and a gateway has no use for its FHIR form.
	PlainReceipts bool
}

// Format reads and writes the Norwegian messages. It is safe for concurrent use.
type Format struct {
	opt    Options
	schema *schema.Set
	tables map[string]*table
	// trees are parsers that wait for the next message, with the memory of the last.
	trees sync.Pool
	// readers wait for the next message to write.
	readers sync.Pool
}

// New prepares schemas and element tables.
func New(opt Options) (*Format, error) {
	if opt.MaxBytes <= 0 {
		opt.MaxBytes = DefaultMaxBytes
	}
	set, err := schema.New()
	if err != nil {
		return nil, err
	}
	tables := withHCPTables(ploTables())
	maps.Copy(tables, dialogTables())
	maps.Copy(tables, referralTables())
	return &Format{opt: opt, schema: set, tables: tables}, nil
}

// Name gives "kith".
func (f *Format) Name() string { return Name }

// Sniff looks at the first bytes; see mapping.Format.
func (f *Format) Sniff(raw []byte) (mapping.Sniffed, bool) { return sniff(raw) }

// Parse reads one message; see mapping.Format.
//
// Order: bounds and well-formedness, kind, envelope, schema, mapping, business checks. A message
// that is only refused by a business check comes back with its Bundle beside the Fault.
func (f *Format) Parse(raw []byte) (*mapping.Parsed, error) {
	tree := f.tree()
	defer f.done(tree)
	src, err := readSource(tree, raw, f.opt.MaxBytes)
	if err != nil {
		return nil, err
	}
	p := &mapping.Parsed{}
	kind, err := f.identify(src, p)
	p.Envelope.Emergency = emergency(p.Envelope.Kind, src.root)
	detach(&p.Envelope)
	if err != nil {
		return p, err
	}
	if kind == kindAppRec && f.opt.PlainReceipts && plain(&p.Envelope) {
		return p, nil
	}
	if err := f.checkSchema(src); err != nil {
		if kind == kindAppRec {
			err.Receipt = "" // there is no receipt for a receipt
		}
		return p, err
	}
	switch kind {
	case kindAppRec:
		return p, f.parseAppRec(src, p)
	case kindHCP:
		err = f.parseHCP(src, p)
	default:
		err = f.parsePLO(src, p)
	}
	checkAttachments(p)
	return p, err
}

// detach copies what a gateway remembers of a message by itself, ids and codes: they are parts of the
// message's text, and would keep all of it in memory for as long.
func detach(env *samvirke.Envelope) {
	for _, s := range []*string{
		&env.ID, &env.Kind, &env.Version, &env.Parent, &env.Conversation,
		&env.Patient.System, &env.Patient.Type, &env.Patient.Value,
	} {
		*s = strings.Clone(*s)
	}
	for i := range env.Referrals {
		env.Referrals[i] = strings.Clone(env.Referrals[i])
	}
	if r := env.Receipt; r != nil {
		r.OriginalID, r.OriginalKind = strings.Clone(r.OriginalID), strings.Clone(r.OriginalKind)
	}
}

// tree gives a parser. What it reads ends with done: nothing of the tree may stand in what Parse gives
// away, of the strings in it what it likes.
func (f *Format) tree() *xmltree.Parser {
	if p, ok := f.trees.Get().(*xmltree.Parser); ok {
		return p
	}
	return &xmltree.Parser{}
}

// done forgets the message that a parser has read, and keeps the parser for the next.
func (f *Format) done(p *xmltree.Parser) {
	p.Reset()
	f.trees.Put(p)
}

// plain tells whether a receipt says which message it answers, and whether it is taken or not.
func plain(env *samvirke.Envelope) bool {
	r := env.Receipt
	if r == nil || env.ID == "" || r.OriginalID == "" || env.Sender.HER() == "" {
		return false
	}
	switch r.Status {
	case samvirke.ReceiptOK:
		return len(r.Errors) == 0
	case samvirke.ReceiptRejected, samvirke.ReceiptPartial:
		return len(r.Errors) > 0
	}
	return false
}

// identify fills the envelope as far as it can be read, from any of the three roots, and tells
// which reader goes on.
func (f *Format) identify(src *source, p *mapping.Parsed) (rootKind, error) {
	kind, err := rootOf(src.root)
	if err != nil {
		if src.root.Tag == "Message" { // other versions: refused, but who sent it can be read
			p.Envelope = envelopeHCP(src.root)
		}
		return kind, err
	}
	switch kind {
	case kindAppRec:
		p.Envelope = envelopeAppRec(src.root)
	case kindHCP:
		p.Envelope = envelopeHCP(src.root)
	default:
		p.Envelope = envelopeMsgHead(src.root)
		dialogEnvelope(&p.Envelope)
		referralEnvelope(&p.Envelope, payloadOf(src.root))
		return kind, f.checkKind(src, &p.Envelope)
	}
	return kind, nil
}

// Render writes a canonical message for a receiver; see mapping.Format.
func (f *Format) Render(b *fhir.Bundle, t mapping.Target) (*mapping.Rendered, error) {
	switch kindOfBundle(b) {
	case kindEpicrisis, kindReferral:
		return f.renderHCP(b, t)
	case kindReceipt:
		return f.renderAppRecBundle(b, t)
	}
	return f.renderPLO(b, t)
}

// RenderReceipt writes the application receipt for a message; see mapping.Format.
func (f *Format) RenderReceipt(env *samvirke.Envelope, receiver int, c samvirke.ReceiptContent, t mapping.Target) (*mapping.Rendered, error) {
	return f.renderAppRec(env, receiver, c, t)
}
