package fhir

// IsString, IsNumber and IsBool tell the kind of a primitive; null is none of them.
func (n *Node) IsString() bool { return n.kind() == nodeString }

// IsNumber tells whether n is a number; Text gives its literal.
func (n *Node) IsNumber() bool { return n.kind() == nodeNumber }

// IsBool tells whether n is true or false.
func (n *Node) IsBool() bool { return n.kind() == nodeBool }

// Null returns a JSON null node, the filler of an array whose values and "_" extensions must stay level.
func Null() *Node { return &Node{} }
