package careplan

import (
	"bytes"
	"fmt"
	"math/bits"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
)

// This file tries, instead of drawing: every set of up to exhaustiveSize records over small alphabets, in every
// order. Each order is taken by Fold when its number is even, and record by record by a pile, as a Folder does
// it, when it is odd; all must give the bytes of the first.
//
// SAMVIRKE_EXHAUSTIVE=N tries sets of up to N records of one alphabet made of all letters: with 4 that is over half a
// million orders and takes a minute or two, with 5 fifteen million:
//
//	SAMVIRKE_EXHAUSTIVE=5 go test ./fhir/careplan -run TestEverySetInEveryOrder -v -timeout 0
const exhaustiveSize = 6

// letter is one operation of an alphabet: a record as it came.
type letter struct {
	name string
	rec  Record
}

// alphabet is a list of letters and the eyes that look at the plans.
type alphabet struct {
	name    string
	letters []letter
	options []Options
}

// word makes the record of a letter: a message with an id of a sender that follows parent in the conversation a.
func word(sender, id string, op samvirke.Op, parent string, sent int, c *content) Record {
	r := Record{Key: Key{sender, id}, Subject: "urn:oid:2.16.578.1.12.4.1.4.1|" + testFNR, Kind: kindDischargeReport, Mapping: "test/1",
		SenderName: orgNames[sender], Original: []string{town}, Chain: Chain{Conversation: "a", Parent: parent, Op: op},
		Sent: worldBase.Add(time.Duration(sent) * time.Hour)}
	r.Receive = r.Sent.Add(30 * time.Hour) // later than the next ones were sent
	r.fill(c)
	return r
}

func goalOf(text string) *content { return &content{Goals: []goal{{Text: text}}} }

// chainLetters act on one conversation: versions, additions and withdrawals with parents that are known, unknown,
// their own, in a circle, of another sender or missing, an id used twice, and the same message again.
func chainLetters() []letter {
	again := word(hospital, "a", "N", "", 0, goalOf("first"))
	again.Receive = again.Receive.Add(time.Hour)
	reused := word(hospital, "a", "N", "", 4, goalOf("other content"))
	reused.Receive = worldBase.Add(20 * time.Hour)
	named := word(town, "t", "N", "", 3, goalOf("of the town"))
	named.Chain.Conversation = "t"
	loose := word(hospital, "l", "C", "", 6, &content{})
	loose.Chain.Conversation = ""
	return []letter{
		{"new", word(hospital, "a", "N", "", 0, goalOf("first"))},
		{"change", word(hospital, "b", "M", "a", 2, goalOf("second"))},
		{"change on the change, clock behind", word(hospital, "c", "M", "b", -9, goalOf("third"))},
		{"fork", word(hospital, "d", "M", "a", 1, goalOf("fourth"))},
		{"addition", word(hospital, "e", "A", "b", 5, goalOf("added"))},
		{"withdrawal", word(hospital, "f", "C", "a", 3, &content{})},
		{"withdrawal of one version", word(hospital, "g", OpCancelVersion, "b", 7, &content{})},
		{"own parent", word(hospital, "h", "M", "h", 4, goalOf("of itself"))},
		{"circle", word(hospital, "i", "M", "j", 8, goalOf("around"))},
		{"circle closed", word(hospital, "j", "M", "i", 1, goalOf("about"))},
		{"unknown parent", word(hospital, "k", "M", "z", 9, goalOf("of nothing"))},
		{"foreign", word(town, "f", "C", "a", 9, &content{})},
		{"id used again", reused},
		{"the same again", again},
		{"of another sender", named},
		{"without reference", loose},
	}
}

// exhaustiveAlphabets are those tried at every run: small enough for it, each about rules that meet.
func exhaustiveAlphabets() []alphabet {
	all := []Options{{}}
	chain := chainLetters()
	pick := func(from []letter, which ...int) (out []letter) {
		for _, i := range which {
			out = append(out, from[i])
		}
		return out
	}
	return []alphabet{
		{"versions", pick(chain, 0, 1, 2, 3, 4, 5, 6, 13), all},
		{"odd references", pick(chain, 0, 1, 5, 7, 8, 9, 10, 11, 12), all},
		{"without and foreign", pick(chain, 0, 4, 5, 11, 12, 13, 14, 15), all},
		{"shared fields", sharedLetters(), []Options{{}, {Viewer: &Viewer{HER: []string{gp}}}}},
		{"who and what may be seen", rightsLetters(), rightsOptions()},
	}
}

// everyLetter is the one alphabet of the long run.
func everyLetter() []alphabet {
	return []alphabet{{"all letters", slices.Concat(chainLetters()[:14], sharedLetters()[:7], rightsLetters()[1:]), rightsOptions()}}
}

func TestEverySetInEveryOrder(t *testing.T) {
	alphabets, size := exhaustiveAlphabets(), exhaustiveSize
	if v := os.Getenv("SAMVIRKE_EXHAUSTIVE"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			t.Fatalf("SAMVIRKE_EXHAUSTIVE=%s is no number of records", v)
		}
		alphabets, size = everyLetter(), n
	}
	for _, a := range alphabets {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			x := trial{alphabet: a}
			for i := range a.letters {
				x.letters[i].rec = stored(t, []Record{a.letters[i].rec})[0]
			}
			for set := range uint(1) << len(a.letters) {
				if n := bits.OnesCount(set); n > 0 && n <= size {
					if err := x.orders(set); err != nil {
						t.Fatal(err)
					}
				}
			}
			t.Logf("%d letters: %d sets, %d orders, %d plans", len(a.letters), x.sets, x.tried, len(x.plans))
			if len(x.plans) < x.sets/8 {
				t.Errorf("%d sets gave only %d plans: the letters do not act", x.sets, len(x.plans))
			}
		})
	}
}

// trial counts what was tried over one alphabet.
type trial struct {
	alphabet
	sets, tried int
	plans       map[string]bool // digests of what was seen
	want, got   []byte
}

// orders tries every order of one set of letters.
func (x *trial) orders(set uint) error {
	var order []int
	for i := range x.letters {
		if set>>i&1 == 1 {
			order = append(order, i)
		}
	}
	x.sets++
	x.want = x.want[:0]
	n := 0
	err := permute(order, func() error {
		n++
		x.got = x.take(order, n)
		if n == 1 {
			x.want = append(x.want, x.got...)
			return nil
		}
		if bytes.Equal(x.want, x.got) {
			return nil
		}
		names := make([]string, len(order))
		for i, at := range order {
			names[i] = x.letters[at].name
		}
		return fmt.Errorf("the order %q: %w", names, differ("another plan", string(x.want), string(x.got)))
	})
	if x.plans == nil {
		x.plans = map[string]bool{}
	}
	x.plans[shortID("", string(x.want))] = true
	x.tried += n
	return err
}

// take gives the bytes of the plans of one order, as all options see it.
func (x *trial) take(order []int, n int) []byte {
	list := make([]Record, len(order))
	for i, at := range order {
		list[i] = x.letters[at].rec
	}
	b := x.got[:0]
	for _, o := range x.options {
		if n%2 == 0 {
			b = FoldWith(list, o).AppendJSON(b)
			continue
		}
		f := NewFolder(o)
		for i := range list {
			if f.Apply(list[i]); n%12 == 1 {
				f.Plan() // what it remembers of it is used by the next
			}
		}
		b = f.Plan().AppendJSON(b)
	}
	return b
}

// permute calls try with every order of a list, by Heap's way.
func permute(list []int, try func() error) error {
	turns := make([]int, len(list))
	if err := try(); err != nil {
		return err
	}
	for i := 0; i < len(list); {
		if turns[i] >= i {
			turns[i] = 0
			i++
			continue
		}
		from := 0
		if i%2 == 1 {
			from = turns[i]
		}
		list[from], list[i] = list[i], list[from]
		if err := try(); err != nil {
			return err
		}
		turns[i]++
		i = 0
	}
	return nil
}
