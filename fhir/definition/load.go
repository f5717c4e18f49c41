package definition

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strconv"
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

//go:generate go run ./generate -standards ../../../shared/standards -out tables

//go:embed tables/*.gz
var files embed.FS

// maxTable is how large one table may be after unpacking. Unit: bytes.
const maxTable = 16 << 20

// tables unpacks what is embedded, R4 first or later: linking comes last.
func tables() ([]string, error) {
	names, err := fs.Glob(files, "tables/*.gz")
	if err != nil {
		return nil, err
	}
	var out []string
	for _, name := range names {
		raw, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		z, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			return nil, fmt.Errorf("unpack %s: %w", name, err)
		}
		text, err := io.ReadAll(io.LimitReader(z, maxTable))
		if err != nil {
			return nil, fmt.Errorf("unpack %s: %w", name, err)
		}
		out = append(out, string(text))
	}
	return out, nil
}

// loader reads tables line by line; type, set and profile are what the lines at hand belong to.
type loader struct {
	*Set
	typ     *Type
	values  *valueSet
	profile *Profile
}

func load(texts []string, err error) (*Set, error) {
	if err != nil {
		return nil, err
	}
	l := loader{Set: &Set{types: map[string]*Type{}, values: map[string]*valueSet{}, profiles: map[string]*Profile{}}}
	for _, text := range texts {
		n := 0
		for line := range strings.Lines(text) {
			n++
			if err := l.line(strings.Split(strings.TrimSuffix(line, "\n"), "\t")); err != nil {
				return nil, fmt.Errorf("definition table, line %d: %w", n, err)
			}
		}
	}
	return l.Set, l.link()
}

// line reads one line. Its first field tells what it is: ! version, T type, E element of it, V value
// set, C codes of one system of it, P profile, R rule of it.
func (l *loader) line(f []string) error {
	at := func(i int) string {
		if i < len(f) {
			return f[i]
		}
		return ""
	}
	switch f[0] {
	case "!":
		if at(1) != "1" {
			return fmt.Errorf("table of version %q", at(1))
		}
	case "T":
		return l.typeLine(at)
	case "E":
		return l.elementLine(at)
	case "V":
		l.values = &valueSet{codes: map[string]map[string]bool{}}
		l.Set.values[at(1)] = l.values
	case "C":
		codes := make(map[string]bool, len(f)-2)
		for _, c := range f[2:] {
			codes[c] = true
		}
		l.values.codes[at(1)] = codes
	case "P":
		l.profile = &Profile{URL: at(1), Type: at(2), base: at(3), root: &rule{min: -1, max: unsaid}}
		l.profiles[at(1)] = l.profile
	case "R":
		return l.ruleLine(at)
	default:
		return fmt.Errorf("unknown line %q", f[0])
	}
	return nil
}

func (l *loader) typeLine(at func(int) string) error {
	kinds := map[string]Kind{"complex": Complex, "primitive": Primitive, "backbone": Backbone, "resource": Resource, "abstract": Abstract}
	kind, ok := kinds[at(2)]
	if !ok {
		return fmt.Errorf("type %s of kind %q", at(1), at(2))
	}
	l.typ = &Type{Name: at(1), Kind: kind}
	l.types[at(1)] = l.typ
	if kind != Primitive {
		l.typ.FromSchema = at(4) == "schema"
		return nil
	}
	if at(4) == "" {
		return nil
	}
	re, err := regexp.Compile(`^(?:` + at(4) + `)$`)
	l.typ.pattern = re
	return err
}

func (l *loader) elementLine(at func(int) string) error {
	e := Element{Types: strings.Split(at(4), "|"), Attr: at(5) == "@", Bare: at(5) != "", Binding: Binding{Strength: at(6), ValueSet: at(7)}}
	e.Name, e.Choice = strings.CutSuffix(at(1), "[x]")
	var err error
	if e.Min, err = strconv.Atoi(at(2)); err != nil {
		return err
	}
	if e.Max, err = limit(at(3)); err != nil {
		return err
	}
	l.typ.Elements = append(l.typ.Elements, e)
	return nil
}

func limit(s string) (int, error) {
	if s == "*" {
		return Unbounded, nil
	}
	return strconv.Atoi(s)
}

func (l *loader) ruleLine(at func(int) string) error {
	r := l.profile.root.at(at(1))
	var err error
	if at(2) != "" {
		if r.min, err = strconv.Atoi(at(2)); err != nil {
			return err
		}
	}
	if at(3) != "" {
		if r.max, err = limit(at(3)); err != nil {
			return err
		}
	}
	for t := range strings.SplitSeq(at(4), "|") {
		if t != "" {
			r.types = append(r.types, profiledType(t))
		}
	}
	if r.fixed, err = value(at(5)); err != nil {
		return err
	}
	if r.pattern, err = value(at(6)); err != nil {
		return err
	}
	r.binding = Binding{Strength: at(7), ValueSet: at(8)}
	for d := range strings.FieldsSeq(at(9)) {
		kind, path, ok := strings.Cut(d, ":")
		if !ok {
			r.closed = kind == "closed"
			continue
		}
		r.discriminators = append(r.discriminators, discriminator{kind: kind, path: path})
	}
	return nil
}

// profiledType reads Address<url,url>.
func profiledType(s string) typeRule {
	code, rest, _ := strings.Cut(strings.TrimSuffix(s, ">"), "<")
	t := typeRule{code: code}
	if rest != "" {
		t.profiles = strings.Split(rest, ",")
	}
	return t
}

func value(raw string) (*fhir.Node, error) {
	if raw == "" {
		return nil, nil //nolint:nilnil // no value is no mistake
	}
	return fhir.ParseNode([]byte(raw))
}
