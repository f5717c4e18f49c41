package sqlite

import (
	"fmt"
	"testing"

	"github.com/samvirke/samvirke"
)

// TestMemoryIsBounded fills what the store remembers beyond its bounds.
func TestMemoryIsBounded(t *testing.T) {
	c := newRowCache()
	for i := range 3 * cacheDeliveries {
		id := fmt.Sprint(i)
		c.message(id, messageRow{})
		c.delivery(deliveryRow{id: id, token: 5})
		c.plan(id, 1)
		if c.deliveries[id].token != 0 {
			t.Fatal("a lease is remembered with the row")
		}
		c.trim(c.gen)
		if _, known := c.messages[id]; !known && len(c.messages) > cacheRows {
			t.Fatal("not bounded")
		}
	}
	if n := max(len(c.messages), len(c.plans)); n > cacheRows || len(c.deliveries) > cacheDeliveries {
		t.Errorf("%d messages or plans and %d deliveries are remembered, at most %d and %d may be", n, len(c.deliveries), cacheRows, cacheDeliveries)
	}

	// What has come to its end goes with its group, unless it is taken up again meanwhile.
	c = newRowCache()
	c.message("m", messageRow{status: samvirke.MessageProcessed})
	c.message("again", messageRow{status: samvirke.MessageProcessed})
	c.message("again", messageRow{status: samvirke.MessageReceived})
	c.delivery(deliveryRow{id: "d", state: samvirke.DeliveryAcknowledged})
	c.delivery(deliveryRow{id: "awaited", state: samvirke.DeliverySent, expectBy: 1})
	if len(c.messages) != 2 || len(c.deliveries) != 2 {
		t.Error("a row is forgotten within its group")
	}
	c.trim(c.gen)
	if _, known := c.messages["again"]; !known || len(c.messages) != 1 {
		t.Errorf("messages remembered: %v", c.messages)
	}
	if _, known := c.deliveries["awaited"]; !known || len(c.deliveries) != 1 || len(c.ended) != 0 {
		t.Errorf("deliveries remembered: %v", c.deliveries)
	}

	// What waits for the tables stands nowhere else: the end of an earlier generation lets it stay.
	c = newRowCache()
	c.delivery(deliveryRow{id: "both", state: samvirke.DeliveryAcknowledged})
	c.gen = 1
	for i := range 2 * cacheRows {
		id := fmt.Sprint(i)
		c.message(id, messageRow{status: samvirke.MessageProcessed})
		c.plan(id, 1)
	}
	c.delivery(deliveryRow{id: "both", state: samvirke.DeliveryAcknowledged})
	c.trim(0)
	if len(c.messages) != 2*cacheRows || len(c.plans) != 2*cacheRows || len(c.deliveries) != 1 {
		t.Errorf("%d messages, %d plans, %d deliveries are remembered of those that wait", len(c.messages), len(c.plans), len(c.deliveries))
	}
	c.trim(1)
	if len(c.messages) != 0 || len(c.plans) > cacheRows || len(c.deliveries) != 0 || len(c.ended) != 0 {
		t.Errorf("%d messages, %d plans, %d deliveries are remembered of those that have arrived", len(c.messages), len(c.plans), len(c.deliveries))
	}

	f := newFresh()
	for i := range int64(100_000) {
		f.add(&samvirke.Delivery{Seq: i, Body: make([]byte, 1000)})
		if i%3 != 0 {
			if d := f.take(i); d == nil || d.Seq != i {
				t.Fatalf("delivery %d is not held although it is the newest", i)
			}
		}
	}
	if f.bytes > maxFresh || len(f.order) > 2*len(f.known)+1001 {
		t.Errorf("%d bytes held in %d deliveries, %d numbers", f.bytes, len(f.known), len(f.order))
	}
	sum := 0
	for _, d := range f.known {
		sum += weigh(d)
	}
	if sum != f.bytes {
		t.Errorf("%d bytes counted, %d held", f.bytes, sum)
	}
	f.add(&samvirke.Delivery{Seq: -1, Body: make([]byte, maxHeldOne+1)})
	if f.take(-1) != nil {
		t.Error("a large body is held")
	}
}
