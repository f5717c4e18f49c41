package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// decoder walks a YAML tree along the fields of a struct, and collects what does not fit.
type decoder struct {
	file, dir string
	problems  []Problem
	// lines is where each key that was read stands.
	lines map[string]int
}

func (d *decoder) add(p Problem) {
	if p.File == "" {
		p.File = d.file
	}
	d.problems = append(d.problems, p)
}

// report notes a problem at a key; a key that is not in the file has the line of what is around it.
func (d *decoder) report(key, code, text, fix string) {
	place := key
	line, ok := d.lines[place]
	for !ok && place != "" {
		cut := strings.LastIndexAny(place, ".[")
		place = place[:max(cut, 0)]
		line, ok = d.lines[place]
	}
	d.add(Problem{Line: line, Code: code, Key: key, Text: text, Fix: fix})
}

var (
	typeSecret   = reflect.TypeFor[Secret]()
	typeSize     = reflect.TypeFor[Size]()
	typeDuration = reflect.TypeFor[time.Duration]()
)

// isBlock tells whether a field has keys of its own in the file.
func isBlock(t reflect.Type) bool { return t.Kind() == reflect.Struct && t != typeSecret }

// defaults fills every field that has one; blocks that are pointers stay nil.
func (d *decoder) defaults(v reflect.Value) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Tag.Get("key") == "-" {
			continue
		}
		if isBlock(f.Type) {
			d.defaults(v.Field(i))
		} else if text, ok := f.Tag.Lookup("default"); ok {
			if m := d.set(v.Field(i), f, text); m != nil {
				panic("config: default of " + f.Name + ": " + m.text)
			}
		}
	}
}

// mapping reads a block.
func (d *decoder) mapping(n *yaml.Node, v reflect.Value, path string) {
	d.defaults(v)
	if n = target(n); n.Kind != yaml.MappingNode {
		d.report(path, CodeType, "here belong keys with values, not "+describe(n), `write "key: value" lines, indented`)
		return
	}
	seen := make(map[string]bool)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		f, ok := fieldOf(v.Type(), key.Value)
		switch at := join(path, key.Value); {
		case !ok:
			d.add(Problem{Line: key.Line, Code: CodeUnknownKey, Key: at, Text: "there is no such key", Fix: d.meantKey(v.Type(), key.Value)})
		case seen[key.Value]:
			d.add(Problem{Line: key.Line, Code: CodeDuplicateKey, Key: at, Text: fmt.Sprintf("stands twice, first on line %d", d.lines[at]), Fix: "keep one of them"})
		default:
			seen[key.Value] = true
			d.lines[at] = key.Line
			d.field(value, v.FieldByIndex(f.Index), f, at)
		}
	}
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.Tag.Get("need") == "yes" && !seen[f.Tag.Get("key")] {
			at := join(path, f.Tag.Get("key"))
			d.report(at, CodeMissingKey, "is missing", "add it: "+f.Tag.Get("doc"))
		}
	}
}

// field reads one value.
func (d *decoder) field(n *yaml.Node, v reflect.Value, f reflect.StructField, at string) {
	n = target(n)
	if n.Tag == "!!null" || n.Kind == yaml.ScalarNode && n.Value == "" {
		d.report(at, CodeEmpty, "has no value", "write one behind the colon, or take the key out")
		return
	}
	t := v.Type()
	switch {
	case t.Kind() == reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		d.mapping(n, v.Elem(), at)
	case isBlock(t):
		d.mapping(n, v, at)
	case t.Kind() == reflect.Slice:
		d.list(n, v, f, at)
	case n.Kind != yaml.ScalarNode:
		d.report(at, CodeType, fmt.Sprintf("here belongs %s, not %s", wanted(t), describe(n)), "write one value behind the colon")
	case t.Kind() == reflect.String && n.Tag == "!!bool":
		d.report(at, CodeType, fmt.Sprintf("here belongs a text, not %s", n.Value), `put it in quotes if "`+n.Value+`" is meant`)
	default:
		if m := d.set(v, f, n.Value); m != nil {
			d.report(at, m.code, m.text, m.fix)
		}
	}
}

// list reads a list of texts or of blocks.
func (d *decoder) list(n *yaml.Node, v reflect.Value, f reflect.StructField, at string) {
	if n.Kind != yaml.SequenceNode {
		d.report(at, CodeType, "here belongs a list, not "+describe(n), `write [a, b] or one "- item" per line`)
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		place := fmt.Sprintf("%s[%d]", at, i)
		d.lines[place] = item.Line
		if isBlock(v.Type().Elem()) {
			d.mapping(item, v.Index(i), place)
		} else {
			d.field(item, v.Index(i), f, place)
		}
	}
}

// mistake is what is wrong with one value.
type mistake struct{ code, text, fix string }

// set reads text into a scalar; nil when it fits.
func (d *decoder) set(v reflect.Value, f reflect.StructField, text string) *mistake {
	switch v.Type() {
	case typeSecret:
		s, err := readSecret(text, d.dir)
		if err != nil {
			return &mistake{CodeSecret, err.Error(), "set it, or name another source: env:NAME or file:PATH"}
		}
		v.Set(reflect.ValueOf(s))
		return nil
	case typeDuration:
		n, err := parseDuration(text)
		if err != nil {
			return &mistake{CodeValue, fmt.Sprintf("%q is no time span", text), "write for instance 500ms, 30s, 10m, 96h or 30d"}
		}
		v.SetInt(int64(n))
	case typeSize:
		n, err := parseSize(text)
		if err != nil {
			return &mistake{CodeValue, fmt.Sprintf("%q is no size", text), "write for instance 64KB, 20MB or 1GiB"}
		}
		v.SetInt(int64(n))
	default:
		switch v.Kind() {
		case reflect.Bool:
			if text != "true" && text != "false" {
				return &mistake{CodeValue, fmt.Sprintf("%q is neither true nor false", text), "write true or false"}
			}
			v.SetBool(text == "true")
			return nil
		case reflect.Int:
			n, err := strconv.Atoi(text)
			if err != nil {
				return &mistake{CodeValue, fmt.Sprintf("%q is no whole number", text), "write digits only"}
			}
			v.SetInt(int64(n))
		default:
			return d.setText(v, f, text)
		}
	}
	return bounds(v, f, text)
}

func (d *decoder) setText(v reflect.Value, f reflect.StructField, text string) *mistake {
	if choice := f.Tag.Get("enum"); choice != "" && !slices.Contains(strings.Split(choice, "|"), text) {
		return &mistake{CodeValue, fmt.Sprintf("%q is not possible here", text), meant(text, strings.Split(choice, "|"))}
	}
	if f.Tag.Get("as") == "path" {
		text = resolve(d.dir, text)
	}
	v.SetString(text)
	return nil
}

// bounds holds a number against the min and max of its field.
func bounds(v reflect.Value, f reflect.StructField, text string) *mistake {
	limit := func(tag string) (int64, bool) {
		t := f.Tag.Get(tag)
		if t == "" {
			return 0, false
		}
		w := reflect.New(v.Type()).Elem()
		if m := (&decoder{}).set(w, reflect.StructField{}, t); m != nil {
			panic("config: " + tag + " of " + f.Name)
		}
		return w.Int(), true
	}
	low, hasLow := limit("min")
	high, hasHigh := limit("max")
	switch {
	case hasLow && v.Int() < low && hasHigh, hasHigh && v.Int() > high && hasLow:
		return &mistake{CodeRange, text + " is outside the bounds", "write " + f.Tag.Get("min") + " to " + f.Tag.Get("max")}
	case hasLow && v.Int() < low:
		return &mistake{CodeRange, text + " is too small", "write " + f.Tag.Get("min") + " or more"}
	case hasHigh && v.Int() > high:
		return &mistake{CodeRange, text + " is too large", "write " + f.Tag.Get("max") + " or less"}
	}
	return nil
}

// meantKey suggests a key of this block, or one that belongs a level deeper.
func (d *decoder) meantKey(t reflect.Type, key string) string {
	if key == "<<" {
		return "merge keys are not supported, write the keys out"
	}
	here, deeper := keysOf(t), []string(nil)
	if s := suggest(key, here); s != "" {
		return `did you mean "` + s + `"?`
	}
	for i := range t.NumField() {
		f := t.Field(i)
		inner := f.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if isBlock(inner) && f.Tag.Get("key") != "-" {
			if _, ok := fieldOf(inner, key); ok {
				deeper = append(deeper, `"`+f.Tag.Get("key")+"."+key+`"`)
			}
		}
	}
	if len(deeper) > 0 {
		return "did you mean " + strings.Join(deeper, " or ") + "? It belongs a level deeper"
	}
	return "possible are " + strings.Join(here, ", ")
}

func keysOf(t reflect.Type) []string {
	var keys []string
	for i := range t.NumField() {
		if k := t.Field(i).Tag.Get("key"); k != "-" {
			keys = append(keys, k)
		}
	}
	return keys
}

func fieldOf(t reflect.Type, key string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if f := t.Field(i); f.Tag.Get("key") == key && key != "-" {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// target follows an alias.
func target(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys with values"
	case yaml.SequenceNode:
		return "a list"
	}
	return "a single value"
}

// wanted names the type of a scalar as the reference does.
func wanted(t reflect.Type) string {
	switch {
	case t == typeSecret:
		return "a secret"
	case t == typeDuration:
		return "a time span"
	case t == typeSize:
		return "a size"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Int:
		return "a number"
	}
	return "a text"
}
