package sqlite

import (
	"context"
	"os"
	"sync"
	"time"
)

// beside lets a reader of another process see what was committed before it asks: the gateway writes into the tables a
// little after it has answered, and frames in the journal tell that there is something.
type beside struct {
	r   *reader
	dir string
	mu  sync.Mutex
	// stuck is where the tables stood when waiting was in vain: nobody runs who writes them.
	stuck spot
}

// How often it looks, and how long a gateway may take.
const (
	besideLook = 2 * time.Millisecond
	besideWait = 5 * time.Second
)

// settled waits until the tables have what the journal has; of a gateway that is gone it does not wait twice.
func (b *beside) settled(ctx context.Context, _ ...string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	from, err := b.r.appliedAt(ctx)
	if err != nil || from == b.stuck || !b.more(from) {
		return err
	}
	end := time.NewTimer(besideWait)
	defer end.Stop()
	tick := time.NewTicker(besideLook)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-end.C:
			b.stuck = from
			return nil
		}
		at, err := b.r.appliedAt(ctx)
		if err != nil || at.frame > from.frame {
			return err
		}
	}
}

// more says whether the journal has a frame behind a spot.
func (b *beside) more(at spot) bool {
	for seg := at.seg; seg <= at.seg+1; seg, at.at = seg+1, 0 {
		f, err := os.Open(segmentPath(b.dir, seg))
		if err != nil {
			return false
		}
		h, ok, err := readHead(f, at.at)
		_ = f.Close()
		if err != nil || ok {
			return err == nil && h.frame == at.frame
		}
	}
	return false
}
