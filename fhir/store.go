package fhir

import (
	"math"
	"unsafe"
)

// nodeKind tells what a Node is.
type nodeKind uint8

const (
	nodeNull nodeKind = iota
	nodeBool
	nodeNumber
	nodeString
	nodeArray
	nodeObject
	nodeFixed // an object whose values lie in its fields, see fixedField
)

// Node is a JSON value that keeps the order of its keys and the exact text of its numbers
// (a FHIR decimal 2.50 stays 2.50). The zero value and a nil *Node are JSON null.
//
// A Node is not safe for concurrent change; concurrent reading is safe.
//
// A message has a thousand of them and a hundred messages wait at a time, so a Node is two words:
// where its content begins, and how much there is of what. The functions of this file are the only ones
// that know; the pointer keeps what it points into alive like any other.
type Node struct {
	data unsafe.Pointer // the first byte of a text, the first field of an object, or the first item of an array
	n    uint32         // how many bytes, fields or items
	room uint32         // how many fields or items there is room for, times 8, plus the kind
}

// field is one key of an object with its value.
type field struct {
	key  string
	node *Node
}

// fixedField is one key of an object as a tree has it that was read or copied as a whole: the value lies in
// the field, which saves a fifth of the memory. Such fields never change and never move, so that a pointer
// to a value stays good; see loosen.
type fixedField struct {
	key  string
	node Node
}

const (
	kindBits = 3
	kindMask = 1<<kindBits - 1
	maxRoom  = math.MaxUint32 >> kindBits // fields of an object or items of an array
)

func (n *Node) kind() nodeKind {
	if n == nil {
		return nodeNull
	}
	return nodeKind(n.room & kindMask)
}

// leaf makes n a string, number or boolean.
func (n *Node) leaf(k nodeKind, text string) {
	if uint64(len(text)) > math.MaxUint32 {
		panic("fhir: a text of more than 4 GiB") // readers bound what they take far below
	}
	n.data, n.n, n.room = unsafe.Pointer(unsafe.StringData(text)), uint32(len(text)), uint32(k)
}

// text is the content of a leaf. Only for leaves.
func (n *Node) text() string { return unsafe.String((*byte)(n.data), n.n) }

// fields is the content of an object that is not fixed, nil for all else.
func (n *Node) fields() []field {
	if n.kind() != nodeObject {
		return nil
	}
	return unsafe.Slice((*field)(n.data), n.room>>kindBits)[:n.n]
}

// setFields makes n an object.
func (n *Node) setFields(f []field) {
	n.data, n.n, n.room = unsafe.Pointer(unsafe.SliceData(f)), length(len(f)), room(cap(f))|uint32(nodeObject)
}

// fixed is the content of a fixed object, nil for all else.
func (n *Node) fixed() []fixedField {
	if n.kind() != nodeFixed {
		return nil
	}
	return unsafe.Slice((*fixedField)(n.data), n.n)
}

// setFixed makes n a fixed object.
func (n *Node) setFixed(f []fixedField) {
	n.data, n.n, n.room = unsafe.Pointer(unsafe.SliceData(f)), length(len(f)), uint32(nodeFixed)
}

// loosen makes a fixed object one that can change. Its values stay where they are.
func (n *Node) loosen() {
	fixed := n.fixed()
	fields := make([]field, len(fixed), len(fixed)+1)
	for i := range fixed {
		fields[i] = field{fixed[i].key, &fixed[i].node}
	}
	n.setFields(fields)
}

// items is the content of an array, nil for all else.
func (n *Node) items() []*Node {
	if n.kind() != nodeArray {
		return nil
	}
	return unsafe.Slice((**Node)(n.data), n.room>>kindBits)[:n.n]
}

// setItems makes n an array.
func (n *Node) setItems(v []*Node) {
	n.data, n.n, n.room = unsafe.Pointer(unsafe.SliceData(v)), length(len(v)), room(cap(v))|uint32(nodeArray)
}

func length(n int) uint32 {
	if n > maxRoom {
		panic("fhir: a node of more than 536 million values") // MaxValues is far below
	}
	return uint32(n)
}

// room may be told too small without harm: then the next growth copies.
func room(n int) uint32 { return uint32(min(n, maxRoom)) << kindBits }
