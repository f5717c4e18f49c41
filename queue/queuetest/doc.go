// Package queuetest is the suite that every engine of queue.Store must pass. Each promise in the
// comments of package queue has a test here; an engine calls Run from a test of its own.
package queuetest
