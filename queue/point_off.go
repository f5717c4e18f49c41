//go:build !fault

package queue

// Reach marks a point; see Point. It does nothing in this build.
func Reach(Point) {}

// Fail is Reach for a point at which a call can fail by itself. It gives nil in this build.
func Fail(Point) error { return nil }
