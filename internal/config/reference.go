package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Reference describes every key of the file: place, type, bounds, default and meaning, as text.
func Reference() string {
	var b strings.Builder
	b.WriteString("Keys of the configuration file. Time spans are written 500ms, 30s, 10m, 96h or 30d;\n" +
		"sizes 64KB, 20MB or 1GiB; secrets as they are, as env:NAME or as file:PATH.\n" +
		"Relative paths start at the folder of the configuration file.\n\n")
	reference(&b, reflect.TypeFor[Config](), "")
	return b.String()
}

func reference(b *strings.Builder, t reflect.Type, prefix string) {
	for i := range t.NumField() {
		f := t.Field(i)
		key := f.Tag.Get("key")
		if key == "-" {
			continue
		}
		inner, list := f.Type, ""
		if inner.Kind() == reflect.Slice {
			inner, list = inner.Elem(), "[]"
		}
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		fmt.Fprintf(b, "%s%s%s: %s\n    %s\n", prefix, key, list, facts(f, inner, list != ""), f.Tag.Get("doc"))
		if isBlock(inner) {
			reference(b, inner, prefix+key+list+".")
		}
	}
}

// facts are type, bounds and default of a field in a few words.
func facts(f reflect.StructField, t reflect.Type, list bool) string {
	kind := wanted(t)
	switch {
	case f.Tag.Get("enum") != "":
		kind = "one of " + strings.Join(strings.Split(f.Tag.Get("enum"), "|"), ", ")
	case f.Tag.Get("as") != "":
		kind = "a " + f.Tag.Get("as")
	case isBlock(t):
		kind = "keys"
	}
	if f.Tag.Get("as") == "address" {
		kind = "HOST:PORT"
	}
	if list {
		kind = "a list, each " + kind
	}
	low, high := f.Tag.Get("min"), f.Tag.Get("max")
	switch {
	case low != "" && high != "":
		kind += fmt.Sprintf(" from %s to %s", low, high)
	case low != "":
		kind += " from " + low
	}
	switch {
	case f.Tag.Get("need") == "yes":
		return kind + "; needed"
	case f.Tag.Get("default") != "":
		return kind + "; default " + f.Tag.Get("default")
	case f.Tag.Get("was") != "":
		return kind + "; default " + f.Tag.Get("was")
	}
	return kind
}
