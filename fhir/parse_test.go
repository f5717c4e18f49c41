package fhir_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

func TestParseNodeRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ raw, code string }{
		"empty":                {"", "json-syntax"},
		"two values":           {"{} {}", "json-syntax"},
		"open object":          {`{"a":1`, "json-syntax"},
		"trailing comma":       {`[1,]`, "json-syntax"},
		"comma first":          {`{,"a":1}`, "json-syntax"},
		"comma last":           {`{"a":1,}`, "json-syntax"},
		"no colon":             {`{"a" 1}`, "json-syntax"},
		"leading zero":         {`01`, "json-syntax"},
		"plus":                 {`+1`, "json-syntax"},
		"no fraction":          {`1.`, "json-syntax"},
		"no exponent":          {`1e`, "json-syntax"},
		"not a number":         {`NaN`, "json-syntax"},
		"single quotes":        {`'a'`, "json-syntax"},
		"control character":    {"\"a\nb\"", "json-syntax"},
		"control after escape": {"\"\\ta\nb\"", "json-syntax"},
		"unknown escape":       {`"\x41"`, "json-syntax"},
		"short escape":         {`"\u00"`, "json-syntax"},
		"open text":            {`"abc`, "json-syntax"},
		"open escape":          {`"abc\`, "json-syntax"},
		"byte order mark":      {"\ufeff{}", "json-syntax"},
		"xml":                  {"<a/>", "json-syntax"},
		"latin 1":              {"\"\xe5\"", "json-encoding"},
		"half surrogate":       {`"\ud83d"`, "json-encoding"},
		"wrong surrogate":      {`"\ud83d\u0041"`, "json-encoding"},
		"same key":             {`{"a":1,"b":2,"a":3}`, "json-duplicate-key"},
		"same key, escaped":    {`{"a":1,"\u0061":3}`, "json-duplicate-key"},
		"deep":                 {strings.Repeat("[", 1000) + strings.Repeat("]", 1000), "json-depth"},
		"many keys":            {manyKeys(2000), "json-size"},
	} {
		n, err := fhir.ParseNode([]byte(c.raw))
		if codeOf(err) != c.code || n != nil {
			t.Errorf("%s: code %q, want %q", name, codeOf(err), c.code)
		}
		if err != nil && samvirke.FaultOf(err).Class != samvirke.Invalid {
			t.Errorf("%s: class %s", name, samvirke.FaultOf(err).Class)
		}
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('"')
		b.WriteString(strings.Repeat("k", 1+i%7))
		b.WriteString(string(rune('a'+i/7%26)) + string(rune('a'+i/182)))
		b.WriteString(`":1`)
	}
	return b.String() + "}"
}

func TestParseNodeLine(t *testing.T) {
	t.Parallel()
	_, err := fhir.ParseNode([]byte("{\n\"a\": 1,\n\"a\": 2}"))
	if got := samvirke.FaultOf(err).Line; got != 3 {
		t.Errorf("line %d, want 3", got)
	}
}

func TestParseNodeKeeps(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		` { "b" : 2.50 , "a" : [ true , false , null , -0.0e+10 ] } `: `{"b":2.50,"a":[true,false,null,-0.0e+10]}`,
		`"\u00e5\ud83d\ude00\n\/\b\f\u0001"`:                          "\"å😀\\n/\\u0008\\u000c\\u0001\"",
		`{"a":{},"b":[]}`:                                             `{"a":{},"b":[]}`,
		`12345678901234567890.123456789012345678901234567890`:         `12345678901234567890.123456789012345678901234567890`,
	} {
		n, err := fhir.ParseNode([]byte(in))
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got := string(n.Bytes()); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// FuzzParseNode: what we read is JSON for the standard library too, and comes out the same.
func FuzzParseNode(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e-3,"\u00e5\ud83d\ude00"],"b":null}`, `[]`, `"`, `{"a":1,"a":2}`, "\"\xff\"", `[[[[`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, err := fhir.ParseNode(raw)
		if err != nil {
			if samvirke.FaultOf(err).Class != samvirke.Invalid {
				t.Fatalf("error without a code: %v", err)
			}
			return
		}
		if !json.Valid(raw) {
			t.Fatalf("took what is not JSON: %q", raw)
		}
		out := n.Bytes()
		again, err := fhir.ParseNode(out)
		if err != nil {
			t.Fatalf("own output %q: %v", out, err)
		}
		if string(again.Bytes()) != string(out) {
			t.Fatalf("%q became %q", out, again.Bytes())
		}
	})
}
