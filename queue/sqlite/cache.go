package sqlite

import (
	"maps"

	"github.com/samvirke/samvirke"
)

// cacheRows bounds the rows the writer remembers of messages and of plans, about half a MB each, and cacheDeliveries those of deliveries, of
// which a message has about four.
const (
	cacheRows       = 2000
	cacheDeliveries = 4 * cacheRows
)

// rowCache remembers what steps ask for. The writer is the only one who changes rows, so what it wrote
// last is what stands there; it notes changes as it makes them and forgets all after a rollback.
// Each message and delivery is usually changed several times within seconds of being made; one that
// has come to its end is forgotten when it is in the tables, because nobody asks for it soon.
//
// What waits for the tables stands here and nowhere else: it is not forgotten before its generation is there.
type rowCache struct {
	// gen is the generation of waiting changes that is gathered.
	gen        uint64
	messages   map[string]messageRow
	deliveries map[string]deliveryRow
	plans      map[string]planHead
	// ended are the messages and deliveries that came to their end, in the order of their generations.
	ended []endedRow
	// goneMessages and goneDeliveries are numbers of rows that the job under way deletes or blanks.
	goneMessages, goneDeliveries map[int64]struct{}
}

// planHead is the newest version of a patient's plan.
type planHead struct {
	version int64
	gen     uint64
}

type endedRow struct {
	id  string
	gen uint64
}

func newRowCache() *rowCache {
	return &rowCache{messages: map[string]messageRow{}, deliveries: map[string]deliveryRow{},
		plans: map[string]planHead{}, goneMessages: map[int64]struct{}{}, goneDeliveries: map[int64]struct{}{}}
}

// without notes rows that a job deletes or blanks.
func (c *rowCache) without(messages, deliveries []int64) {
	for _, seq := range messages {
		c.goneMessages[seq] = struct{}{}
	}
	for _, seq := range deliveries {
		c.goneDeliveries[seq] = struct{}{}
	}
}

// jobDone forgets what the job noted, whatever came of it.
func (c *rowCache) jobDone() {
	if len(c.goneMessages) > 0 {
		maps.DeleteFunc(c.messages, func(_ string, r messageRow) bool { _, gone := c.goneMessages[r.seq]; return gone })
		clear(c.goneMessages)
	}
	if len(c.goneDeliveries) > 0 {
		maps.DeleteFunc(c.deliveries, func(_ string, r deliveryRow) bool { _, gone := c.goneDeliveries[r.seq]; return gone })
		clear(c.goneDeliveries)
	}
}

func (c *rowCache) message(id string, r messageRow) {
	r.gen = c.gen
	c.messages[id] = r
	if r.ended() {
		c.ended = append(c.ended, endedRow{id, c.gen})
	}
}

func (c *rowCache) delivery(r deliveryRow) {
	r.gen = c.gen
	r.token = 0 // leases are asked for anew each time
	c.deliveries[r.id] = r
	if r.ended() {
		c.ended = append(c.ended, endedRow{r.id, c.gen})
	}
}

// ended says whether the usual message is not changed any more.
func (r *messageRow) ended() bool { return r.status == samvirke.MessageProcessed }

// ended says whether the usual delivery is not changed any more.
func (r *deliveryRow) ended() bool {
	return r.state == samvirke.DeliveryAcknowledged || (r.state == samvirke.DeliverySent && r.expectBy == 0)
}

func (c *rowCache) plan(patient string, version int64) {
	c.plans[patient] = planHead{version, c.gen}
}

// trim makes room among what is in the tables: the rows of a generation and of those before it.
func (c *rowCache) trim(gen uint64) {
	kept := c.ended[:0]
	for _, e := range c.ended {
		if e.gen > gen {
			kept = append(kept, e)
			continue
		}
		if r, known := c.messages[e.id]; known && r.ended() && r.gen <= gen {
			delete(c.messages, e.id)
		}
		if r, known := c.deliveries[e.id]; known && r.ended() && r.gen <= gen {
			delete(c.deliveries, e.id)
		}
	}
	clear(c.ended[len(kept):])
	c.ended = kept
	bound(c.messages, cacheRows, func(r messageRow) bool { return r.gen <= gen })
	bound(c.deliveries, cacheDeliveries, func(r deliveryRow) bool { return r.gen <= gen })
	bound(c.plans, cacheRows, func(h planHead) bool { return h.gen <= gen })
}

// bound drops about half of what may go from a full map, in no particular order.
func bound[V any](m map[string]V, rows int, may func(V) bool) {
	if len(m) < rows {
		return
	}
	drop := false
	for k, v := range m {
		if !may(v) {
			continue
		}
		if drop = !drop; drop {
			delete(m, k)
		}
	}
}

func (c *rowCache) forget() {
	clear(c.messages)
	clear(c.deliveries)
	clear(c.plans)
	clear(c.ended)
	c.ended = c.ended[:0]
}
