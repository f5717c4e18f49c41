package sqlite

import (
	"bytes"
	"database/sql/driver"
	"strconv"
	"sync"
	"time"
)

// leastSlip is how far the clock of the machine must be put back to count: so much longer a delivery may wait.
const leastSlip = time.Minute

// clockWatch sees when the clock of the machine is put back, as happens when it ran ahead until the time service reached it. Times
// at which deliveries are due are those of the clock when they were made to wait: without this they would wait until it is there again.
type clockWatch struct {
	mu     sync.Mutex
	wall   time.Time     // what the clock said at the last look
	steady time.Duration // how long the store had been open then
}

// back says how far the clock was put back since the last look: wall is what it says now, steady how long the store has been open.
// One that only went slower, or stands still, was not put back. Less than passed between the two looks may go unseen: then what
// waits does so at most twice as long.
func (c *clockWatch) back(wall time.Time, steady time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	was, passed := c.wall, steady-c.steady
	if passed < 0 { // a look that another one has overtaken
		return 0
	}
	c.wall, c.steady = wall, steady
	if was.IsZero() || wall.UnixNano() >= was.UnixNano() {
		return 0
	}
	if by := time.Duration(was.UnixNano()-wall.UnixNano()) + passed; by >= leastSlip {
		return by
	}
	return 0
}

// sooner makes everything due earlier by the same time, so that the order of what is due stays. now is the clock that was put back.
func (l *lanes) sooner(by time.Duration, now func() time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slipped = now
	for _, p := range l.parties {
		if p.waiting > 0 { // for a time that is another now
			close(p.wake)
			p.wake, p.waiting = make(chan struct{}), 0
		}
		for _, id := range p.lanes {
			n := p.all.get(id)
			n.head.sooner(by)
			if n.more == 0 {
				continue
			}
			rest := *p.more.get(n.more)
			for i := range rest {
				rest[i].sooner(by)
			}
		}
	}
}

func (x *laneItem) sooner(by time.Duration) {
	if x.due != never {
		x.due -= int64(by)
	}
}

// late makes changes due earlier whose units were made before the clock was put back, and come after it.
func late(changes []laneChange, now time.Time) {
	for i := range changes {
		c := &changes[i]
		if by := c.at - now.UnixNano(); by > int64(leastSlip) && c.due != never {
			c.due -= by
		}
	}
}

// behind says how far the clock is behind the last thing that the store was told of, 0 when it is not: then it was put back while no
// gateway ran.
func (w *writer) behind() (by time.Duration, err error) {
	err = w.query(`SELECT content FROM event_run ORDER BY seq DESC LIMIT 1`, func(row []driver.Value) error {
		if at, ok := firstMoment(row[0]); ok {
			by = time.Duration(at - w.s.opts.Now().UnixNano())
		}
		return nil
	})
	if by < leastSlip {
		by = 0
	}
	return by, err
}

// firstMoment reads when the first event of a run was; ok is false for one that has aged or was erased.
func firstMoment(content driver.Value) (at int64, ok bool) {
	var b []byte
	switch c := content.(type) {
	case string:
		b = []byte(c)
	case []byte:
		b = c
	}
	b, ok = bytes.CutPrefix(b, []byte("[["))
	if !ok {
		return 0, false
	}
	first, _, _ := bytes.Cut(b, []byte(","))
	at, err := strconv.ParseInt(string(first), 10, 64)
	return at, err == nil
}
