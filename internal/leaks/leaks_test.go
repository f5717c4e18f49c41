package leaks

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { Main(m) }

// leftBehind waits for a word that comes late or never.
func leftBehind(word <-chan struct{}) { <-word }

// TestFind: what stays is found, what ends late is waited for.
func TestFind(t *testing.T) {
	before := goleak.IgnoreCurrent()
	word := make(chan struct{})
	go leftBehind(word)
	if err := find(0, before); err == nil || !strings.Contains(err.Error(), "leftBehind") {
		t.Errorf("found %v", err)
	}
	time.AfterFunc(time.Second, func() { close(word) }) // longer than goleak waits
	if err := Find(before); err != nil {
		t.Error(err)
	}
}
