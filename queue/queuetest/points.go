package queuetest

import (
	"fmt"
	"strings"

	"github.com/samvirke/samvirke/queue"
)

// Crasher is a test of the fault suite that ends a program at points, each in turn. It takes them from CrashPoints.
type Crasher struct {
	Package, Test string
	// rooms are how the names of its points begin.
	rooms []string
}

// Points are where it ends a program, in the order of the path.
func (c Crasher) Points() (out []queue.Point) {
	for _, p := range queue.Points() {
		for _, room := range c.rooms {
			if strings.HasPrefix(string(p), room) {
				out = append(out, p)
				break
			}
		}
	}
	return out
}

// Crashers are all of them. A point of a room that none has is crashed at by nobody, which TestEveryPointIsCrashedAt of package queue says.
func Crashers() []Crasher {
	return []Crasher{
		{"cmd/samvirke", "TestFaultPoints", []string{"message.", "accept.", "atonce.", "process.", "send.", "outcome.", "receipt.", "erase.", "start.", "stop.",
			"sqlite.migrate.", "sqlite.recovered", "sqlite.frame.", "sqlite.tables.", "sqlite.checkpoint.", "sqlite.erase.", "sqlite.close"}},
		{"cmd/samvirke", "TestFaultRetention", []string{"retention.", "sqlite.drop."}},
		{"cmd/samvirke", "TestFaultPostgres", []string{"postgres.migrate.", "postgres.group.", "postgres.lease.", "postgres.inbox.", "postgres.job.", "postgres.close"}},
		{"queue/sqlite", "TestFaultPoints", []string{"sqlite."}},
		{"queue/postgres", "TestFaultAge", []string{"postgres.age."}},
	}
}

// CrashPoints are the points of one of them, by package and name of the test.
func CrashPoints(pkg, test string) []queue.Point {
	for _, c := range Crashers() {
		if c.Package == pkg && c.Test == test {
			return c.Points()
		}
	}
	panic(fmt.Sprintf("%s of %s is not among queuetest.Crashers", test, pkg))
}
