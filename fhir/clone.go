package fhir

// Clone returns a deep copy. It takes exactly the memory that the tree needs, in four pieces, however the
// tree was made; texts are shared with it.
//
// Every message that comes in is copied once, out of the memory it was built in: so the ways through a tree
// are written out here instead of using Fields.
func (n *Node) Clone() *Node {
	if n == nil {
		return nil
	}
	var c cloner
	c.count(n)
	c.fields = make([]fixedField, c.size.fields)
	c.items = make([]*Node, c.size.items)
	c.nodes = make([]Node, c.size.items)
	out := &Node{}
	c.copy(out, n)
	return out
}

// cloner cuts three slices of the right size into pieces.
type cloner struct {
	size struct{ fields, items int }

	fields []fixedField
	items  []*Node
	nodes  []Node // of the items
}

// count adds up the fields and items below n. What holds nothing is not looked into.
func (c *cloner) count(n *Node) {
	switch n.kind() {
	case nodeObject:
		fields := n.fields()
		c.size.fields += len(fields)
		for i := range fields {
			if k := fields[i].node; k.kind() >= nodeArray {
				c.count(k)
			}
		}
	case nodeFixed:
		fixed := n.fixed()
		c.size.fields += len(fixed)
		for i := range fixed {
			if k := &fixed[i].node; k.kind() >= nodeArray {
				c.count(k)
			}
		}
	case nodeArray:
		items := n.items()
		c.size.items += len(items)
		for _, k := range items {
			if k.kind() >= nodeArray {
				c.count(k)
			}
		}
	}
}

func (c *cloner) copy(to, from *Node) {
	switch from.kind() {
	case nodeObject:
		fields, out := from.fields(), c.take(int(from.n))
		for i := range fields {
			f := &fields[i]
			out[i].key = f.key
			c.copyInto(&out[i].node, f.node)
		}
		to.setFixed(out)
	case nodeFixed:
		fixed, out := from.fixed(), c.take(int(from.n))
		for i := range fixed {
			f := &fixed[i]
			out[i].key = f.key
			c.copyInto(&out[i].node, &f.node)
		}
		to.setFixed(out)
	case nodeArray:
		items, nodes := c.items[:from.n:from.n], c.nodes[:from.n]
		c.items, c.nodes = c.items[from.n:], c.nodes[from.n:]
		for i, k := range from.items() {
			if k != nil {
				items[i] = &nodes[i]
				c.copyInto(items[i], k)
			}
		}
		to.setItems(items)
	case nodeNull:
	default:
		*to = *from
	}
}

// copyInto is copy for a node below another: most are texts.
func (c *cloner) copyInto(to, from *Node) {
	if k := from.kind(); k < nodeArray && k != nodeNull {
		*to = *from
		return
	}
	c.copy(to, from)
}

// take gives the fields of one object.
func (c *cloner) take(n int) []fixedField {
	out := c.fields[:n:n]
	c.fields = c.fields[n:]
	return out
}
