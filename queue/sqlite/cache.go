package sqlite

// cacheRows bounds the rows the writer remembers of messages, of deliveries and of plans: about 1 MB each.
const cacheRows = 4000

// rowCache remembers what steps ask for. The writer is the only one who changes rows, so what it wrote
// last is what stands there; it notes changes as it makes them and forgets all after a rollback.
// Each message and delivery is usually changed several times within seconds of being made.
type rowCache struct {
	messages   map[string]messageRow
	deliveries map[string]deliveryRow
	plans      map[string]int64 // version by patient
}

func newRowCache() *rowCache {
	return &rowCache{messages: map[string]messageRow{}, deliveries: map[string]deliveryRow{},
		plans: map[string]int64{}}
}

func (c *rowCache) message(id string, r messageRow) {
	c.messages[id] = r
}

func (c *rowCache) delivery(r deliveryRow) {
	r.token = 0 // leases are asked for anew each time
	c.deliveries[r.id] = r
}

func (c *rowCache) plan(patient string, version int64) {
	c.plans[patient] = version
}

// trim makes room. It is done between groups: within one, the cache also stands for rows that are
// gathered and not written yet.
func (c *rowCache) trim() {
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
