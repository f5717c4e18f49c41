// Package connectortest is the suite that every connector passes: senders in
// TestSender, incoming sides in TestSource.
//
// It repeats everything (each message is delivered twice), lets the other side fail
// at a chosen call, stops in the middle of work, and looks for goroutines that were
// left behind. What a protocol cannot do it says by returning false; the suite then
// skips that case by name.
package connectortest
