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

//go:embed s1 s1-home
var files embed.FS

// Course and its parts are those of the simulator, under short names.
type (
	Course = simulate.Course
	Party  = simulate.CourseParty
	Step   = simulate.Step
	Dial   = simulate.Switch
)

// S1 reads the stroke course S1, up to the discharge report and the municipality's answers: national messages.
func S1() (*Course, error) { return read("s1") }

// S1Whole reads S1 to its last line: the municipal stay, eight weeks of rehabilitation at home and what comes after. The
// second part is of native FHIR messages, one write over REST and one decision of a person.
func S1Whole() (*Course, error) { return read("s1", "s1-home") }

func read(folders ...string) (*Course, error) {
	var parts []fs.FS
	for _, f := range folders {
		dir, err := fs.Sub(files, f)
		if err != nil {
			return nil, fmt.Errorf("read course %s: %w", f, err)
		}
		parts = append(parts, dir)
	}
	return simulate.ReadCourse(parts...)
}
