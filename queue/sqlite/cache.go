package sqlite

import "github.com/samvirke/samvirke"

// cacheRows bounds the rows the writer remembers of messages, of deliveries and of plans: about half a MB each.
const cacheRows = 2000

// rowCache remembers what steps ask for. The writer is the only one who changes rows, so what it wrote
// last is what stands there; it notes changes as it makes them and forgets all after a rollback.
// Each message and delivery is usually changed several times within seconds of being made; one that
// has come to its end is forgotten with its group, because nobody asks for it soon.
type rowCache struct {
	messages   map[string]messageRow
	deliveries map[string]deliveryRow
	plans      map[string]int64 // version by patient
	// ended are the ids of messages and deliveries that came to their end in this group.
	ended []string
}

func newRowCache() *rowCache {
	return &rowCache{messages: map[string]messageRow{}, deliveries: map[string]deliveryRow{},
		plans: map[string]int64{}}
}

func (c *rowCache) message(id string, r messageRow) {
	c.messages[id] = r
	if r.ended() {
		c.ended = append(c.ended, id)
	}
}

func (c *rowCache) delivery(r deliveryRow) {
	r.token = 0 // leases are asked for anew each time
	c.deliveries[r.id] = r
	if r.ended() {
		c.ended = append(c.ended, r.id)
	}
}

// ended says whether the usual message is not changed any more.
func (r *messageRow) ended() bool { return r.status == samvirke.MessageProcessed }

// ended says whether the usual delivery is not changed any more.
func (r *deliveryRow) ended() bool {
	return r.state == samvirke.DeliveryAcknowledged || (r.state == samvirke.DeliverySent && r.expectBy == 0)
}

func (c *rowCache) plan(patient string, version int64) {
	c.plans[patient] = version
}

// trim makes room. It is done between groups: within one, the cache also stands for rows that are
// gathered and not written yet.
func (c *rowCache) trim() {
	for _, id := range c.ended {
		if r, known := c.messages[id]; known && r.ended() {
			delete(c.messages, id)
		}
		if r, known := c.deliveries[id]; known && r.ended() {
			delete(c.deliveries, id)
		}
	}
	clear(c.ended)
	c.ended = c.ended[:0]
	bound(c.messages)
	bound(c.deliveries)
	bound(c.plans)
}

// bound drops about half of a full map, in no particular order.
func bound[V any](m map[string]V) {
	if len(m) < cacheRows {
		return
	}
	drop := false
	for k := range m {
		if drop = !drop; drop {
			delete(m, k)
		}
	}
}

func (c *rowCache) forget() {
	clear(c.messages)
	clear(c.deliveries)
	clear(c.plans)
}
