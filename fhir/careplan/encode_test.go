package careplan

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// chance fills values of any of our types, with what is hard to encode.
type chance struct{ *rand.Rand }

var hardWords = [...]string{"", "", "Bakke", "<b>&amp;</b>", "\"\\/", "line\nend\r\t", "\b\f\x00\x1f\x7f", "blå ærfugl", "\u2028\u2029\ufffd",
	"\xff bad \xc3", "\xe2\x80", "日本 𝄞", `\ufffd`}

var hardNumbers = [...]float64{0, 1, -1, 2.5, 0.1, 1e-6, 1e-7, 9.99e-7, 1.25e-9, 1e20, 1e21, 3.5e-21, 123456789.125, math.MaxFloat64, math.SmallestNonzeroFloat64}

func (c chance) fill(v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		switch c.IntN(3) {
		case 0:
			v.SetZero()
		default:
			v.Set(reflect.ValueOf(time.Unix(c.Int64N(4e9), c.Int64N(3)*c.Int64N(1e9)).UTC()))
		}
		return
	case json.RawMessage:
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(hardWords[c.IntN(len(hardWords))] + hardWords[c.IntN(len(hardWords))])
	case reflect.Bool:
		v.SetBool(c.IntN(2) == 0)
	case reflect.Int:
		v.SetInt(c.Int64N(5) - 1)
	case reflect.Float64:
		v.SetFloat(hardNumbers[c.IntN(len(hardNumbers))])
	case reflect.Pointer:
		if v.SetZero(); c.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			c.fill(v.Elem())
		}
	case reflect.Slice:
		if v.SetZero(); c.IntN(4) > 0 {
			v.Set(reflect.MakeSlice(v.Type(), c.IntN(4), 4))
			for i := range v.Len() {
				c.fill(v.Index(i))
			}
		}
	case reflect.Map:
		if v.SetZero(); c.IntN(4) > 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range c.IntN(4) {
				key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				c.fill(key)
				c.fill(elem)
				v.SetMapIndex(key, elem)
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() || v.Type().Field(i).Anonymous {
				if f := v.Field(i); f.CanSet() {
					c.fill(f)
				} else { // an embedded struct that is not exported, with exported fields
					for j := range f.NumField() {
						c.fill(f.Field(j))
					}
				}
			}
		}
	}
}

func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Fatalf("%s: %v", what, differ("other bytes", string(got), string(want)))
	}
}

// TestEncodesLikeReflection: whatever stands in plans, contents and records, the bytes are those of encoding/json.
func TestEncodesLikeReflection(t *testing.T) {
	t.Parallel()
	for seed := range uint64(400) {
		c := chance{rand.New(rand.NewPCG(seed, 1))}
		var p Plan
		c.fill(reflect.ValueOf(&p).Elem())
		same(t, "plan", p.JSON(), p.reflected())

		var stated content
		c.fill(reflect.ValueOf(&stated).Elem())
		want, err := json.Marshal(&stated)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "content", encodeContent(&stated), want)

		var r Record
		c.fill(reflect.ValueOf(&r).Elem())
		r.Content, r.plain = encodeContent(&stated), true
		if want, err = json.Marshal(r); err != nil {
			t.Fatal(err)
		}
		same(t, "record", r.AppendJSON([]byte("x"))[1:], want)
	}
}

// TestEncodesGeneratedPlans: the same for the plans and records of generated worlds.
func TestEncodesGeneratedPlans(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		p := Fold(w.Records)
		if err := differ("plan", string(p.JSON()), string(p.reflected())); err != nil {
			rt.Fatal(err)
		}
		for _, r := range w.Records {
			r.plain = true
			want, err := json.Marshal(r)
			if err != nil {
				rt.Fatal(err)
			}
			if err := differ("record", string(r.AppendJSON(nil)), string(want)); err != nil {
				rt.Fatal(err)
			}
		}
	})
}

// TestEncodesOddTimes: a time that RFC 3339 cannot say gives what encoding/json gives, also when that is nothing.
func TestEncodesOddTimes(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{
		time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC),
		time.Date(2026, 1, 1, 0, 0, 0, 10, time.FixedZone("", 3600)), time.Date(2026, 1, 1, 0, 0, 0, 0, time.FixedZone("", 25*3600)),
		time.Date(1890, 1, 1, 0, 0, 0, 0, time.FixedZone("", 2580+17)), {},
	} {
		p := &Plan{Gaps: []Gap{{Rule: "R1", Due: at}}}
		same(t, at.String(), p.JSON(), p.reflected())
	}
	if got, want := string((*Plan)(nil).JSON()), "null"; got != want {
		t.Errorf("no plan is %q, want %q", got, want)
	}
}

// TestShownSaysWhatLeavesSay: the digest differs exactly when the list of visible values does.
func TestShownSaysWhatLeavesSay(t *testing.T) {
	t.Parallel()
	texts := func(p *Plan) (out []string) {
		for _, l := range leaves(p) {
			out = append(out, l.path+"\x00"+l.text)
		}
		return out
	}
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		one, other := Fold(w.Records), Fold(w.Records[:len(w.Records)-1])
		if same := reflect.DeepEqual(texts(one), texts(other)); same != (one.Shown() == other.Shown()) {
			rt.Fatalf("values are the same: %v, digests: %v", same, !same)
		}
	})
	for seed := range uint64(200) {
		var p, q Plan
		chance{rand.New(rand.NewPCG(seed, 1))}.fill(reflect.ValueOf(&p).Elem())
		chance{rand.New(rand.NewPCG(seed, 1))}.fill(reflect.ValueOf(&q).Elem())
		if p.Shown() != q.Shown() {
			t.Fatal("one plan has two digests")
		}
		q.Gaps = append(q.Gaps, Gap{Rule: "R1", Text: "one more"})
		if p.Shown() == q.Shown() {
			t.Fatal("a further gap is not in the digest")
		}
	}
}

// TestQuotesLikeReflection: every byte at every place of words around eight bytes, alone and beside each other byte.
func TestQuotesLikeReflection(t *testing.T) {
	t.Parallel()
	check := func(s string) {
		for _, html := range [...]bool{true, false} {
			var want bytes.Buffer
			enc := json.NewEncoder(&want)
			enc.SetEscapeHTML(html)
			if err := enc.Encode(s); err != nil {
				t.Fatal(err)
			}
			e := encoder{html: html}
			if e.quote(s); string(e.b) != string(bytes.TrimSuffix(want.Bytes(), []byte("\n"))) {
				t.Fatalf("%q, html %v: %s, want %s", s, html, e.b, want.Bytes())
			}
		}
	}
	const plainWord = "abcdefghijklmnopqrstuvwxyz"
	for length := range 20 {
		for at := range length {
			for c := range 256 {
				word := []byte(plainWord[:length])
				word[at] = byte(c)
				check(string(word))
			}
		}
	}
	for a := range 256 {
		for b := range 256 {
			word := []byte(plainWord[:11])
			word[2], word[3], word[9] = byte(a), byte(b), byte(a)
			check(string(word))
		}
	}
	for _, a := range hardWords {
		for _, b := range hardWords {
			check(a + "seven 7" + b + "eleven 11..")
		}
	}
}
