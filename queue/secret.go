package queue

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// secretBytes is the length of a secret. Unit: bytes.
const secretBytes = 32

// Secret gives the random key that a store keeps under a name of its settings, as hex, and makes it at the first call. It
// stays for the life of the store. Of several gateways that begin together one's counts, for all of them.
func Secret(ctx context.Context, s Store, name string, now time.Time) ([]byte, error) {
	for range 2 {
		text, err := s.Setting(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		if text != "" {
			return hex.DecodeString(text)
		}
		raw := make([]byte, secretBytes)
		if _, err := rand.Read(raw); err != nil {
			return nil, err
		}
		u := &Unit{Now: now, Settings: map[string]string{name: hex.EncodeToString(raw)}, Counters: []CounterStep{{Name: name}}}
		if _, err := s.Commit(ctx, u); err == nil {
			return raw, nil
		} else if !errors.Is(err, ErrCounter) { // else another one was faster: it is there now
			return nil, fmt.Errorf("store %s: %w", name, err)
		}
	}
	return nil, fmt.Errorf("%s is counted as made, and is not there", name)
}
