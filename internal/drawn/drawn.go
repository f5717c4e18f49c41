// Package drawn says which cases the property tests of a package are tried on when nobody asks for others: always the same ones, so
// that a run judges the change and not the draw. Other cases are drawn by long runs, which ask for a number of their own; a failure
// of theirs prints the seed that draws it again.
package drawn

import (
	"flag"
	"fmt"
	"strconv"
)

// seed draws the cases of the ordinary run.
const seed = 20261122

// Cases has each property tried on n cases, unless the command line gives -rapid.checks (then on as many new ones) or -rapid.seed. What
// comes back takes that back. Called before the flags are parsed it parses them; it panics in a program without pgregory.net/rapid.
func Cases(n int) (restore func()) {
	if !flag.Parsed() {
		flag.Parse()
	}
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" || f.Name == "rapid.seed" })
	if asked {
		return func() {}
	}
	checks, of := set("rapid.checks", strconv.Itoa(n)), set("rapid.seed", strconv.Itoa(seed))
	return func() { checks(); of() }
}

// set gives a flag a value without marking it as asked for.
func set(name, value string) (restore func()) {
	f := flag.Lookup(name)
	if f == nil {
		panic(fmt.Sprintf("no flag -%s: the tests of this package draw nothing", name))
	}
	before := f.Value.String()
	if err := f.Value.Set(value); err != nil {
		panic(fmt.Sprintf("-%s %s: %v", name, value, err))
	}
	return func() { _ = f.Value.Set(before) }
}
