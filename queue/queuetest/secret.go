package queuetest

import (
	"bytes"
	"sync"
	"testing"

	"github.com/samvirke/samvirke/queue"
)

// testSecret: whoever asks at the same time gets the same key, and it stays.
func testSecret(t *testing.T, v *env) {
	at := v.tick()
	keys := make([][]byte, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			key, err := queue.Secret(v.ctx(), v.s, "a-key", at)
			if err != nil {
				t.Error(err)
			}
			keys[i] = key
		})
	}
	wg.Wait()
	v.restart()
	again, err := queue.Secret(v.ctx(), v.s, "a-key", at)
	if err != nil || len(again) != 32 {
		t.Fatalf("%d bytes, %v", len(again), err)
	}
	for _, k := range keys {
		if !bytes.Equal(k, again) {
			t.Error("not everybody got the key that stays")
		}
	}
	other, err := queue.Secret(v.ctx(), v.s, "another-key", at)
	if err != nil || bytes.Equal(other, again) {
		t.Errorf("two names have one key, %v", err)
	}
}
