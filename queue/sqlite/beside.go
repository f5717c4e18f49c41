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

// settled waits until the tables have what the journal has now; of a gateway that is gone it does not wait twice.
func (b *beside) settled(ctx context.Context, _ ...string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	from, err := b.r.appliedAt(ctx)
	if err != nil || from == b.stuck {
		return err
	}
	// While one part of the journal is written into the tables the next one is answered already: all of it is waited for.
	want := b.end(from)
	end := time.NewTimer(besideWait)
	defer end.Stop()
	tick := time.NewTicker(besideLook)
	defer tick.Stop()
	for at := from; at.frame < want; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-end.C:
			b.stuck = at
			return nil
		}
		if at, err = b.r.appliedAt(ctx); err != nil {
			return err
		}
	}
	return nil
}

// end gives the number of the frame that comes next in the journal, walking there from a spot.
func (b *beside) end(at spot) uint64 {
	for {
		f, err := os.Open(segmentPath(b.dir, at.seg))
		if err != nil {
			return at.frame
		}
		for {
			h, ok, err := readHead(f, at.at)
			if err != nil || !ok || h.frame != at.frame {
				break
			}
			at.at, at.frame = at.at+h.size(), at.frame+1
		}
		_ = f.Close()
		at.seg, at.at = at.seg+1, 0
	}
}
