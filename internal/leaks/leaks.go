// Package leaks finds goroutines that tests leave behind. It waits for those that are about to end: what a Close has told
// to end does so when the machine gives it time, and on a loaded one that may be seconds. goleak alone waits 0.4 s.
package leaks

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long a goroutine may take to end. One that was left behind never does.
const patience = 2 * time.Minute

// Main runs the tests of a package and fails when a goroutine is left after them. It is called by TestMain and does not return.
func Main(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := Find(); err != nil {
			fmt.Fprintf(os.Stderr, "after the tests: %v\n", err)
			code = 1
		}
	}
	os.Exit(code)
}

// Find gives an error with the stacks of the goroutines that are there and, with goleak.IgnoreCurrent as option, were not
// there when that was made; nil as soon as there is none.
func Find(options ...goleak.Option) error { return find(patience, options...) }

func find(limit time.Duration, options ...goleak.Option) error {
	for end := time.Now().Add(limit); ; {
		err := goleak.Find(options...)
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}
