package kith

import (
	"github.com/samvirke/samvirke"
)

// CheckSchema gives everything in which raw breaks its schema, and nothing else: no mapping, no
// business rules. What is no well-formed XML within bounds gives one fault. Class is Invalid,
// Receipt the code of list 8221 that a negative AppRec would carry, Detail the kind of mistake as
// package schema lists them.
func (f *Format) CheckSchema(raw []byte) []*samvirke.Fault {
	tree := f.tree()
	defer f.done(tree)
	src, err := readSource(tree, raw, f.opt.MaxBytes)
	if err != nil {
		return []*samvirke.Fault{samvirke.FaultOf(err)}
	}
	var out []*samvirke.Fault
	for _, p := range f.schema.Check(src.root, src.utf8, src.strict) {
		out = append(out, &samvirke.Fault{
			Class: samvirke.Invalid, Code: "schema", Detail: p.Code, Safe: p.Text, Receipt: "T02", Line: p.Line, Path: p.Path,
		})
	}
	return out
}
