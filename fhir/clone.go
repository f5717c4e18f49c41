package fhir

// Clone returns a deep copy. It takes exactly the memory that the tree needs, in three pieces, however the
// tree was made; texts are shared with it.
func (n *Node) Clone() *Node {
	if n == nil {
		return nil
	}
	var c cloner
	c.count(n)
	c.nodes = make([]Node, 0, c.size.nodes)
	c.fields = make([]field, 0, c.size.fields)
	c.items = make([]*Node, 0, c.size.items)
	return c.copy(n)
}

// cloner fills three slices that are never too small, so that what points into them stays true.
type cloner struct {
	size struct{ nodes, fields, items int }

	nodes  []Node
	fields []field
	items  []*Node
}

func (c *cloner) count(n *Node) {
	if n == nil {
		return
	}
	c.size.nodes++
	switch n.kind() {
	case nodeObject:
		fields := n.fields()
		c.size.fields += len(fields)
		for i := range fields {
			c.count(fields[i].node)
		}
	case nodeArray:
		items := n.items()
		c.size.items += len(items)
		for _, k := range items {
			c.count(k)
		}
	}
}

func (c *cloner) copy(n *Node) *Node {
	if n == nil {
		return nil
	}
	c.nodes = append(c.nodes, *n)
	out := &c.nodes[len(c.nodes)-1]
	switch n.kind() {
	case nodeObject:
		from := len(c.fields)
		c.fields = append(c.fields, n.fields()...)
		fields := c.fields[from:len(c.fields):len(c.fields)]
		for i := range fields {
			fields[i].node = c.copy(fields[i].node)
		}
		out.setFields(fields)
	case nodeArray:
		from := len(c.items)
		c.items = append(c.items, n.items()...)
		items := c.items[from:len(c.items):len(c.items)]
		for i := range items {
			items[i] = c.copy(items[i])
		}
		out.setItems(items)
	}
	return out
}
