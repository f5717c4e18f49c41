// Package testdata holds the synthetic courses that demo, tests and examples play: messages written
// for this project, with a manifest that says who sends what and when. See README.md for their origin;
// internal/simulate reads them.
package testdata

import (
	"embed"
	"io/fs"
)

//go:embed s1
var files embed.FS

// S1 is the folder of the stroke course S1, up to the discharge report and the municipality's answers:
// manifest.json and the messages it names.
func S1() fs.FS {
	dir, err := fs.Sub(files, "s1")
	if err != nil {
		panic(err) // the name is a constant
	}
	return dir
}
