package sqlite

import (
	"testing"

	"github.com/samvirke/samvirke"
)

// TestShadowsOnce: a delivery that the tables have already, while it is still in memory, is given once and as the last step left it.
func TestShadowsOnce(t *testing.T) {
	var in touched
	in.reset()
	whole := func(seq int64, state samvirke.DeliveryState) *shadow {
		return &shadow{d: samvirke.Delivery{Seq: seq, MessageID: "m", State: state}, whole: true}
	}
	in.add(nil, []*shadow{whole(1, samvirke.DeliverySent), whole(2, samvirke.DeliveryQueued)}, nil, nil)
	stored := []samvirke.Delivery{{Seq: 1, MessageID: "m", State: samvirke.DeliveryQueued}}
	list, ok := in.over(in.now(), stored, "m")
	if !ok || len(list) != 2 || list[0].Seq != 2 || list[1].Seq != 1 || list[1].State != samvirke.DeliverySent {
		t.Fatalf("%v: %+v", ok, list)
	}
	in.clear()
	if _, ok := in.over(0, stored, "m"); ok {
		t.Error("an answer from before the tables were written was taken")
	}
}
