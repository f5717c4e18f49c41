package kith

// Prepare does at once what the first message would otherwise wait for: compiling the schemas,
// about 50 ms. A server calls it at start; a command that never reads a message need not.
func (f *Format) Prepare() error { return f.schema.Compile() }
