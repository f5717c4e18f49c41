package codes

import (
	"bytes"
	"compress/gzip"
	_ "embed" // the list
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/samvirke/samvirke/fhir"
)

//go:generate go run ./generate -standards ../../../shared/standards -dir .

//go:embed list.txt.gz
var packed []byte

//go:embed systems.txt
var names string

// maxList is how large the list may be after unpacking. Unit: bytes.
const maxList = 4 << 20

// Verdict is what the register can say of a code.
type Verdict int

// The verdicts. NoList is the zero value: nothing is known, so nothing is wrong.
const (
	NoList  Verdict = iota // the system is not here, or is here by name only
	Unknown                // the system is here and does not have the code
	Known                  // the code is in the list
)

// System is one national code system.
type System struct {
	// Number is the short name that people use, "9034".
	Number string
	// OID is the identifier in messages; "urn:oid:" before it makes the FHIR system.
	OID string
	// Name says in a few Norwegian words what the codes tell.
	Name string
	// Codes is how many codes the register has; 0 when the source has none.
	Codes int
}

// Register answers what codes mean. The zero value is ready; it is safe for concurrent use, and the
// list is read at first use. Keep one and hand it on.
type Register struct {
	once  sync.Once
	err   error
	lists map[string]codeList // by number
	all   []System
}

// codeList is the lines "CODE<tab>DISPLAY" of one system in byte order.
type codeList struct {
	name string
	text string
	n    int
}

// Err tells whether the embedded list could be read; a broken build is the only cause.
func (r *Register) Err() error {
	r.load()
	return r.err
}

// Systems lists the systems known by name, by number.
func (r *Register) Systems() []System {
	r.load()
	return slices.Clone(r.all)
}

// NumberOf gives the number of a national code system from a FHIR system or a bare OID: "9034" of
// "urn:oid:2.16.578.1.12.4.1.1.9034"; "" for any other.
func NumberOf(system string) string {
	oid := strings.TrimPrefix(system, fhir.OIDPrefix)
	number, ok := strings.CutPrefix(oid, strings.TrimPrefix(fhir.OIDVolven, fhir.OIDPrefix))
	if !ok {
		return ""
	}
	if _, err := strconv.ParseUint(number, 10, 32); err != nil {
		return ""
	}
	return number
}

// Name says in a few Norwegian words what a system's codes tell; "" when it is not known.
func (r *Register) Name(system string) string {
	r.load()
	return r.lists[NumberOf(system)].name
}

// Lookup gives the display of a code as the register has it.
func (r *Register) Lookup(system, code string) (display string, v Verdict) {
	r.load()
	l := r.lists[NumberOf(system)]
	if l.n == 0 {
		return "", NoList
	}
	line, ok := l.find(code)
	if !ok {
		return "", Unknown
	}
	return line, Known
}

// Drifts tells whether a display differs from the register's in more than letter case, spaces and
// a full stop at the end. Displays have changed over the years, so a drift is never a fault: the code counts.
func (r *Register) Drifts(system, code, display string) bool {
	official, v := r.Lookup(system, code)
	return v == Known && display != "" && plain(display) != plain(official)
}

func plain(s string) string {
	return strings.TrimRight(strings.ToLower(strings.Join(strings.Fields(s), " ")), ".")
}

// find searches the line of a code. Lines are in byte order of "CODE<tab>", so half of what is
// left falls away with every look.
func (l codeList) find(code string) (string, bool) {
	lo, hi := 0, len(l.text)
	for lo < hi {
		mid := lo + (hi-lo)/2
		begin := strings.LastIndexByte(l.text[lo:mid], '\n') + 1 + lo
		end := begin + strings.IndexByte(l.text[begin:], '\n')
		key, display, _ := strings.Cut(l.text[begin:end], "\t")
		switch c := strings.Compare(key+"\t", code+"\t"); {
		case c == 0:
			return display, true
		case c < 0:
			lo = end + 1
		default:
			hi = begin
		}
	}
	return "", false
}

func (r *Register) load() {
	r.once.Do(func() {
		var text string
		if text, r.err = unpack(); r.err == nil {
			r.err = r.read(text)
		}
		if r.err != nil {
			r.lists, r.all = nil, nil
		}
	})
}

func unpack() (string, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return "", fmt.Errorf("unpack list of codes: %w", err)
	}
	var b strings.Builder
	if _, err := io.Copy(&b, io.LimitReader(z, maxList)); err != nil {
		return "", fmt.Errorf("unpack list of codes: %w", err)
	}
	return b.String(), nil
}

func (r *Register) read(text string) error {
	r.lists = make(map[string]codeList, 128)
	for line := range strings.Lines(names) {
		number, name, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			return fmt.Errorf("names of code systems: line %q", line)
		}
		r.lists[number] = codeList{name: name}
		r.all = append(r.all, System{Number: number, OID: strings.TrimPrefix(fhir.OIDVolven, fhir.OIDPrefix) + number, Name: name})
	}
	for text != "" {
		head, rest, ok := strings.Cut(text, "\n")
		number, is := strings.CutPrefix(head, "=")
		if !ok || !is {
			return fmt.Errorf("list of codes: line %q", head)
		}
		end := strings.Index(rest, "\n=") + 1
		if end == 0 {
			end = len(rest)
		}
		l := r.lists[number]
		l.text, l.n = rest[:end], strings.Count(rest[:end], "\n")
		r.lists[number], text = l, rest[end:]
	}
	for i := range r.all {
		r.all[i].Codes = r.lists[r.all[i].Number].n
	}
	return nil
}
