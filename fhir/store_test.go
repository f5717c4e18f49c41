package fhir_test

import (
	"bytes"
	"encoding/json"
	"math/rand"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke/fhir"
)

// plainNode is a Node as one would write it without thinking of memory; TestNodeModel holds the real one against it.
type plainNode struct {
	text string // JSON of a leaf
	list bool
	keys []string
	kids []*plainNode
}

func (p *plainNode) write(b *bytes.Buffer) {
	switch {
	case p.text != "":
		b.WriteString(p.text)
		return
	case p.list:
		b.WriteByte('[')
	default:
		b.WriteByte('{')
	}
	for i, k := range p.kids {
		if i > 0 {
			b.WriteByte(',')
		}
		if !p.list {
			b.WriteString(strconv.Quote(p.keys[i]) + ":")
		}
		k.write(b)
	}
	if p.list {
		b.WriteByte(']')
		return
	}
	b.WriteByte('}')
}

func (p *plainNode) json() string {
	var b bytes.Buffer
	p.write(&b)
	return b.String()
}

func (p *plainNode) set(key string, v *plainNode) {
	for i, k := range p.keys {
		if k != key {
			continue
		}
		if v == nil {
			p.keys = append(p.keys[:i:i], p.keys[i+1:]...)
			p.kids = append(p.kids[:i:i], p.kids[i+1:]...)
			return
		}
		p.kids[i] = v
		return
	}
	if v != nil {
		p.keys, p.kids = append(p.keys, key), append(p.kids, v)
	}
}

// pair is the same place in both trees.
type pair struct {
	node  *fhir.Node
	plain *plainNode
}

// grower changes both trees at random; every object and array it ever met may be changed again.
type grower struct {
	r     *rand.Rand
	arena *fhir.Arena
	known []pair
}

func (g *grower) value() pair {
	switch g.r.Intn(6) {
	case 0:
		p := pair{g.arena.Object(g.r.Intn(5)), &plainNode{}}
		g.known = append(g.known, p)
		return p
	case 1:
		p := pair{g.arena.Array(), &plainNode{list: true}}
		g.known = append(g.known, p)
		return p
	case 2:
		n := strconv.Itoa(g.r.Intn(1000))
		return pair{fhir.Number(n), &plainNode{text: n}}
	case 3:
		return pair{fhir.Bool(true), &plainNode{text: "true"}}
	case 4:
		return pair{&fhir.Node{}, &plainNode{text: "null"}}
	}
	s := strings.Repeat("x", g.r.Intn(30)) // made here, so that nothing but the node keeps it alive
	return pair{g.arena.String(s), &plainNode{text: strconv.Quote(s)}}
}

func (g *grower) change() {
	at := g.known[g.r.Intn(len(g.known))]
	if at.plain.list {
		v := g.value()
		at.node.Add(v.node)
		at.plain.kids = append(at.plain.kids, v.plain)
		return
	}
	key := "k" + strconv.Itoa(g.r.Intn(12))
	if g.r.Intn(8) == 0 {
		at.node.Set(key, nil)
		at.plain.set(key, nil)
		return
	}
	v := g.value()
	at.node.Set(key, v.node)
	at.plain.set(key, v.plain)
}

// again finds the places of a tree in the same tree made another way.
func again(n *fhir.Node, p *plainNode) []pair {
	if p.text != "" {
		return nil
	}
	out := []pair{{n, p}}
	for i, k := range p.kids {
		if p.list {
			out = append(out, again(n.Items()[i], k)...)
			continue
		}
		out = append(out, again(n.Get(p.keys[i]), k)...)
	}
	return out
}

// TestNodeModel changes trees at random, made in every way there is, and demands that each change shows
// where it was made, and nowhere else.
func TestNodeModel(t *testing.T) {
	shared := fhir.NewArena()
	for seed := range int64(300) {
		g := &grower{r: rand.New(rand.NewSource(seed))}
		if seed%2 == 0 {
			g.arena = shared
		}
		root := pair{g.arena.Object(0), &plainNode{}}
		g.known = []pair{root}
		for range 60 {
			g.change()
		}
		want := root.plain.json()
		if got := string(root.node.Bytes()); got != want {
			t.Fatalf("seed %d: %s\nwant %s", seed, got, want)
		}
		read, err := fhir.ParseNode([]byte(want))
		if err != nil {
			t.Fatal(err)
		}
		copied := root.node.Clone()
		for _, other := range []*fhir.Node{copied, read} {
			// The places are those of the tree as it is now; what was taken out of it is not among them.
			var plain plainNode
			if err := readPlain(want, &plain); err != nil {
				t.Fatal(err)
			}
			h := &grower{r: rand.New(rand.NewSource(seed + 1000)), known: again(other, &plain)}
			for range 60 {
				h.change()
			}
			if got := string(other.Bytes()); got != plain.json() {
				t.Fatalf("seed %d: %s\nwant %s", seed, got, plain.json())
			}
		}
		if got := string(root.node.Bytes()); got != want {
			t.Fatalf("seed %d: changing a copy changed the tree", seed)
		}
		kept := root.node.Clone()
		if seed%2 == 0 {
			shared.Reset()
			runtime.GC()
			shared.Texts("the", "next", "message", "comes") // takes the same memory
		}
		if got := string(kept.Bytes()); got != want {
			t.Fatalf("seed %d: a copy did not outlive the arena", seed)
		}
	}
}

// readPlain reads JSON the slow way.
func readPlain(text string, p *plainNode) error {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var read func() (*plainNode, error)
	read = func() (*plainNode, error) {
		tok, err := dec.Token()
		if err != nil {
			return nil, err
		}
		d, open := tok.(json.Delim)
		if !open {
			raw, err := json.Marshal(tok)
			return &plainNode{text: string(raw)}, err
		}
		n := &plainNode{list: d == '['}
		for dec.More() {
			if !n.list {
				key, err := dec.Token()
				if err != nil {
					return nil, err
				}
				n.keys = append(n.keys, key.(string))
			}
			kid, err := read()
			if err != nil {
				return nil, err
			}
			n.kids = append(n.kids, kid)
		}
		_, err = dec.Token()
		return n, err
	}
	n, err := read()
	if err == nil {
		*p = *n
	}
	return err
}

// TestNodeIdentity: what was taken from an object stays its value when the object grows, shrinks or
// is read again.
func TestNodeIdentity(t *testing.T) {
	read, err := fhir.ParseNode([]byte(`{"a":{"n":1},"b":{"n":2},"c":[{"n":3}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []*fhir.Node{read, read.Clone()} {
		a, b, c := n.Get("a"), n.Get("b"), n.At("c.0")
		for i := range 20 {
			n.SetText("more"+strconv.Itoa(i), "x")
		}
		n.Set("more3", nil)
		n.Append("c", fhir.String("last"))
		n.Set("a", nil)
		b.SetText("late", "b")
		c.SetText("late", "c")
		a.SetText("late", "a") // no part of n any more
		if n.Get("b") != b || n.At("b.late").Text() != "b" || n.At("c.0.late").Text() != "c" || n.Get("a") != nil || n.At("c.1").Text() != "last" {
			t.Errorf("%s", n.Bytes())
		}
	}
}

// TestArenaForgets: an arena does not keep what stood in it, nor the memory of one huge message.
func TestArenaForgets(t *testing.T) {
	a := fhir.NewArena()
	gone := make(chan bool, 1)
	func() {
		n := a.Object(1)
		held := fhir.NewObject("text", "patient")
		n.Set("held", held)
		runtime.SetFinalizer(held, func(*fhir.Node) { gone <- true })
		for range 1 << 17 {
			a.String("x")
		}
		a.Reset()
	}()
	// The collector finds it at once, but tells of it by a goroutine of its own, which a loaded machine may let wait.
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		runtime.GC()
		select {
		case <-gone:
			runtime.KeepAlive(a)
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	runtime.KeepAlive(a)
	t.Error("the arena keeps what stood in it before Reset")
}
