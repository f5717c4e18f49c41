package main

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestSoakLives: a gateway that ends by itself ends the soak; one that lives is left until its time, or the end of the soak.
func TestSoakLives(t *testing.T) {
	t.Parallel()
	c := &child{ended: make(chan struct{})}
	k := &soak{x: &rig{gateways: []*rigGateway{{now: c}}}}
	if lives, err := k.lives(t.Context(), time.Now().Add(time.Millisecond)); !lives || err != nil {
		t.Errorf("until its time: %v, %v", lives, err)
	}
	over, end := context.WithCancel(t.Context())
	end()
	if lives, err := k.lives(over, time.Now().Add(time.Hour)); lives || err != nil {
		t.Errorf("at the end of the soak: %v, %v", lives, err)
	}
	close(c.ended)
	if lives, err := k.lives(t.Context(), time.Now().Add(time.Hour)); lives || !errors.Is(err, errEndedByItself) {
		t.Errorf("ended by itself: %v, %v", lives, err)
	}
}
