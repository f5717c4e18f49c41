// Package testdata holds the synthetic courses that demo, tests and examples play: messages written
// for this project, with a manifest that says who sends what and when. See README.md for their origin;
// internal/simulate reads and plays them.
package testdata

import (
	"embed"
	"fmt"
	"io/fs"

	"github.com/samvirke/samvirke/internal/simulate"
)

//go:embed s1
var files embed.FS

// Course and its parts are those of the simulator, under short names.
type (
	Course = simulate.Course
	Party  = simulate.CourseParty
	Step   = simulate.Step
	Dial   = simulate.Switch
)

// S1 reads the stroke course S1, up to the discharge report and the municipality's answers.
func S1() (*Course, error) {
	dir, err := fs.Sub(files, "s1")
	if err != nil {
		return nil, fmt.Errorf("read course S1: %w", err)
	}
	return simulate.ReadCourse(dir)
}
