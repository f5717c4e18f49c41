package fhir

import (
	"strconv"
	"unique"
)

// Arena makes the nodes of one tree side by side, in memory that the next tree uses again: what builds
// a message for every message that comes in makes a thousand nodes, and the collector need not know them
// one by one. A nil Arena makes every node by itself, as NewObject and String do.
//
// Reset takes all nodes of an Arena back. Whoever keeps a tree beyond that keeps a Clone of it.
//
// An Arena is not safe for concurrent use.
type Arena struct {
	nodes  chunk[Node]
	fields chunk[field]
	items  chunk[*Node]
	// joined are texts that Joined has made lately. They stay over Reset: the next message has the same.
	joined [keptTexts]string
}

// Bounds of what Joined remembers.
const (
	keptTexts   = 64  // a power of two
	longestKept = 128 // bytes
)

// Sizes of the first chunks: enough for a message of some 8 KB.
const (
	firstNodes  = 1024
	firstFields = 4096
	firstItems  = 1024
	// keptChunk is how large a chunk may be to be used again, as a multiple of the first size: after one
	// huge message the memory goes back.
	keptChunk = 16
	// usualFields is the room of an object that nothing is known about; most have one to four keys.
	usualFields = 4
	// leastFields is the room of an object of texts: a coding, or an extension whose value follows.
	leastFields = 2
	usualItems  = 2
)

// NewArena returns an empty Arena. It takes memory with the first node.
func NewArena() *Arena {
	return &Arena{
		nodes: chunk[Node]{next: firstNodes}, fields: chunk[field]{next: firstFields}, items: chunk[*Node]{next: firstItems},
	}
}

// Reset takes back every node made since the last Reset: they must not be used any more.
func (a *Arena) Reset() {
	a.nodes.reset(firstNodes)
	a.fields.reset(firstFields)
	a.items.reset(firstItems)
}

// String returns a JSON string node.
func (a *Arena) String(s string) *Node {
	if a == nil {
		return String(s)
	}
	n := a.node()
	n.leaf(nodeString, s)
	return n
}

// Joined returns a string node of two parts. A text that was made lately is used again: it costs no memory to
// write the address of the same code system in every message, thirty times.
func (a *Arena) Joined(head, tail string) *Node {
	if a == nil {
		return String(unique.Make(head + tail).Value())
	}
	size := len(head) + len(tail)
	if size > longestKept || tail == "" {
		return a.String(head + tail)
	}
	at := size
	for i := max(0, len(tail)-4); i < len(tail); i++ {
		at = at*31 + int(tail[i])
	}
	kept := &a.joined[at%keptTexts]
	if len(*kept) != size || (*kept)[:len(head)] != head || (*kept)[len(head):] != tail {
		*kept = unique.Make(head + tail).Value()
	}
	return a.String(*kept)
}

// Number returns a JSON number node with this literal, kept exactly.
func (a *Arena) Number(literal string) *Node {
	if a == nil {
		return Number(literal)
	}
	n := a.node()
	n.leaf(nodeNumber, literal)
	return n
}

// Bool returns a JSON boolean node.
func (a *Arena) Bool(b bool) *Node {
	if a == nil {
		return Bool(b)
	}
	n := a.node()
	n.leaf(nodeBool, strconv.FormatBool(b))
	return n
}

// Object returns an empty object with room for some keys; it takes more when needed.
func (a *Arena) Object(room int) *Node {
	if a == nil {
		return &Node{room: uint32(nodeObject)}
	}
	n := a.node()
	n.setFields(a.fields.take(room))
	return n
}

// Texts returns an object of strings: key, value, key, value. Pairs with an empty value are left out.
func (a *Arena) Texts(pairs ...string) *Node {
	n := a.Object(max(len(pairs)/2, leastFields))
	for i := 0; i+1 < len(pairs); i += 2 {
		a.SetText(n, pairs[i], pairs[i+1])
	}
	return n
}

// Array returns an array of these values.
func (a *Arena) Array(values ...*Node) *Node {
	if a == nil {
		n := &Node{}
		n.setItems(append([]*Node(nil), values...))
		return n
	}
	n := a.node()
	n.setItems(append(a.items.take(max(len(values), usualItems)), values...))
	return n
}

// List returns an empty array with room for some values; it takes more when needed.
func (a *Arena) List(room int) *Node {
	if a == nil {
		return NewArray()
	}
	n := a.node()
	n.setItems(a.items.take(max(room, usualItems)))
	return n
}

// SetText is obj.SetText with the new node from the Arena.
func (a *Arena) SetText(obj *Node, key, s string) {
	if s != "" {
		obj.Set(key, a.String(s))
	}
}

// Append is obj.Append with the new array from the Arena.
func (a *Arena) Append(obj *Node, key string, v *Node) {
	list := obj.Get(key)
	if list == nil {
		obj.Set(key, a.Array(v))
		return
	}
	if items := list.items(); a != nil && list.IsArray() && len(items) == cap(items) {
		list.setItems(append(a.items.take(max(2*len(items), usualItems)), items...))
	}
	list.Add(v)
}

func (a *Arena) node() *Node {
	if len(a.nodes.free) == 0 {
		a.nodes.grow(1)
	}
	n := &a.nodes.free[0]
	a.nodes.free = a.nodes.free[1:]
	return n
}

// chunk hands out pieces of one slice, and of a new one when it is used up.
type chunk[T any] struct {
	all, free []T
	next      int  // how much the new one holds
	even      bool // all are of one size; else each is twice as large as the one before
}

// take gives an empty slice with room for n.
func (c *chunk[T]) take(n int) []T {
	if len(c.free) < n {
		c.grow(n)
	}
	piece := c.free[:0:n]
	c.free = c.free[n:]
	return piece
}

func (c *chunk[T]) grow(n int) {
	c.all = make([]T, max(c.next, n))
	c.free = c.all
	if !c.even {
		c.next = 2 * len(c.all)
	}
}

// reset makes the newest slice, which is the largest, free again, and forgets what stood in it, so that
// nothing of the tree before stays alive.
func (c *chunk[T]) reset(first int) {
	if len(c.all) > keptChunk*first {
		c.all, c.free, c.next = nil, nil, first
		return
	}
	clear(c.all[:len(c.all)-len(c.free)])
	c.free = c.all
}
