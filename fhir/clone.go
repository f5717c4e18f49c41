package fhir

// Clone returns a deep copy. It takes exactly the memory that the tree needs, in four pieces, however the
// tree was made; texts are shared with it.
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

func (c *cloner) count(n *Node) {
	switch n.kind() {
	case nodeObject, nodeFixed:
		c.size.fields += int(n.n)
		for _, value := range n.Fields() {
			c.count(value)
		}
	case nodeArray:
		c.size.items += int(n.n)
		for _, k := range n.items() {
			c.count(k)
		}
	}
}

func (c *cloner) copy(to, from *Node) {
	switch from.kind() {
	case nodeObject, nodeFixed:
		fields := c.fields[:from.n:from.n]
		c.fields = c.fields[from.n:]
		i := 0
		for key, value := range from.Fields() {
			fields[i].key = key
			c.copy(&fields[i].node, value)
			i++
		}
		to.setFixed(fields)
	case nodeArray:
		items, nodes := c.items[:from.n:from.n], c.nodes[:from.n]
		c.items, c.nodes = c.items[from.n:], c.nodes[from.n:]
		for i, k := range from.items() {
			if k != nil {
				items[i] = &nodes[i]
				c.copy(items[i], k)
			}
		}
		to.setItems(items)
	case nodeNull:
	default:
		*to = *from
	}
}
