//go:build fault

package queue

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// FaultEnv says what happens at which point: NAME:NTH:ACTION, several with commas between. NTH is a number from 1 or * for every
	// time; ACTION is exit, error or sleep=DURATION. A word that is not understood ends the program, or else a test of a
	// point that does not exist would pass.
	FaultEnv = "SAMVIRKE_FAULT"
	// FaultExit is the exit code of a program that ended at a point.
	FaultExit = 86
	faultBad  = 87
)

// ErrFault is what a call fails with at a point.
var ErrFault = errors.New("failed on purpose")

// Reach marks a point and ends the program there when it is told to, without any cleaning up: what is not written by then is never
// written.
func Reach(p Point) { _ = Fail(p) }

// Fail is Reach for a point at which a call can fail by itself.
func Fail(p Point) (err error) {
	f := armed()
	if f == nil {
		return nil
	}
	if !f.known[p] {
		faultWords(fmt.Sprintf("point %q is not among queue.Points", p))
		os.Exit(faultBad)
	}
	for _, o := range f.at[p] {
		if n := o.reached.Add(1); o.nth != 0 && n != o.nth {
			continue
		}
		switch {
		case o.exit:
			faultWords("ends at " + string(p))
			os.Exit(FaultExit)
		case o.fails:
			err = fmt.Errorf("%s: %w", p, ErrFault)
		default:
			time.Sleep(o.sleep)
		}
	}
	return err
}

type faults struct {
	known map[Point]bool
	at    map[Point][]*order
}

// order is what is to happen at a point; nth 0 means each time.
type order struct {
	nth         int64
	exit, fails bool
	sleep       time.Duration
	reached     atomic.Int64
}

// armed reads the environment once. It is the one variable of the package that changes: the points lie in functions that nothing
// could hand it to, and it is in no build that anybody runs.
var armed = sync.OnceValue(func() *faults {
	text := os.Getenv(FaultEnv)
	if text == "" {
		return nil
	}
	f, err := parseFaults(text)
	if err != nil {
		faultWords(err.Error())
		os.Exit(faultBad)
	}
	return f
})

func parseFaults(text string) (*faults, error) {
	f := &faults{known: map[Point]bool{}, at: map[Point][]*order{}}
	for _, p := range Points() {
		f.known[p] = true
	}
	for _, one := range strings.Split(text, ",") {
		part := strings.Split(one, ":")
		if len(part) != 3 || !f.known[Point(part[0])] {
			return nil, fmt.Errorf("%s: %q is no point:nth:action of %v", FaultEnv, one, slices.Sorted(slices.Values(Points())))
		}
		o := &order{}
		if part[1] != "*" {
			n, err := strconv.ParseInt(part[1], 10, 64)
			if err != nil || n < 1 {
				return nil, fmt.Errorf("%s: %q: the number begins at 1, or is *", FaultEnv, one)
			}
			o.nth = n
		}
		action, value, _ := strings.Cut(part[2], "=")
		var err error
		switch action {
		case "exit":
			o.exit = true
		case "error":
			o.fails = true
		case "sleep":
			o.sleep, err = time.ParseDuration(value)
		default:
			err = errors.New("no action exit, error or sleep=DURATION")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %q: %w", FaultEnv, one, err)
		}
		f.at[Point(part[0])] = append(f.at[Point(part[0])], o)
	}
	return f, nil
}

func faultWords(text string) { fmt.Fprintln(os.Stderr, "fault:", text) }
