package queuetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

func testIntegrity(t *testing.T, v *agingEnv)        { checkIntegrity(t, v, false) }
func testIntegrityPressed(t *testing.T, v *agingEnv) { checkIntegrity(t, v, true) }

// checkIntegrity damages the body of a message on disk, plain or pressed: a round finds it and no other, and the round after that too.
func checkIntegrity(t *testing.T, v *agingEnv, pressed bool) {
	const n, hurt = 12, "m000004"
	in, out := v.fill(n, 12000, 12000)
	if v.a.Settle != nil {
		v.a.Settle(t, v.s)
	}
	if pressed {
		v.age()
	}
	round := func() queue.Integrity {
		t.Helper()
		for range 3 * n {
			if err := v.a.Check(t.Context(), v.s); err != nil {
				t.Fatal(err)
			}
			i, err := v.a.Integrity(t.Context(), v.s)
			if err != nil {
				t.Fatal(err)
			}
			if i.Began.IsZero() {
				return i
			}
		}
		t.Fatal("the round does not end")
		return queue.Integrity{}
	}
	again := func(hurt ...string) queue.Integrity {
		t.Helper()
		if err := v.s.Close(); err != nil {
			t.Fatal(err)
		}
		v.a.NextRound(t, v.dir)
		for _, id := range hurt {
			v.a.Hurt(t, v.dir, id)
		}
		v.s = v.e.Open(t, v.dir)
		return round()
	}
	// A message, two deliveries, a record and a plan of each unit. A round of its own: on a slow machine the engine has begun one by
	// itself before everything was stored.
	if i := again(); len(i.Damaged) != 0 || i.Checked != 5*n || i.Ended.IsZero() {
		t.Fatalf("%+v", i)
	}
	want := []string{"message " + hurt}
	if i := again(hurt); !slices.Equal(i.Damaged, want) {
		t.Errorf("found %+v", i)
	}
	if i := again(); !slices.Equal(i.Damaged, want) {
		t.Errorf("found in the next round %+v", i)
	}
	for i := range n {
		if err := CheckAged(t.Context(), v.s, i, in[i], out[i]); (err != nil) != (i == 4) {
			t.Errorf("unit %d: %v", i, err)
		}
	}
}

// testIntegrityOfMany: a round through thousands of small bodies ends after few steps. With a bound of rows for a step instead of bytes it
// would never end where many messages come.
func testIntegrityOfMany(t *testing.T, v *agingEnv) {
	const n, each, most = 300, 20, 8
	for i := range n {
		body := AgedBody(fmt.Sprint("in", i), 300)
		u := AgedUnit(i, time.Now(), body, body)
		u.Deliveries, u.Steps = nil, nil
		for j := range each {
			id := fmt.Sprintf("d%d-%d", i, j)
			u.Deliveries = append(u.Deliveries, samvirke.Delivery{ID: id, MessageID: u.Accept.ID, Party: fmt.Sprint("gp", j), Purpose: samvirke.PurposeForward,
				State: samvirke.DeliveryQueued, ExternalID: id, Body: body, Checksum: sum(body), Size: int64(len(body))})
		}
		v.commit(*u)
	}
	if v.a.Settle != nil {
		v.a.Settle(t, v.s)
	}
	if err := v.s.Close(); err != nil {
		t.Fatal(err)
	}
	v.a.NextRound(t, v.dir)
	v.s = v.e.Open(t, v.dir)
	for step := range most {
		if err := v.a.Check(t.Context(), v.s); err != nil {
			t.Fatal(err)
		}
		i, err := v.a.Integrity(t.Context(), v.s)
		if err != nil {
			t.Fatal(err)
		}
		if i.Began.IsZero() && i.Checked == n*(each+3) {
			t.Logf("%d bodies in %d steps", i.Checked, step+1)
			return
		}
	}
	t.Errorf("the round through %d bodies did not end in %d steps", n*(each+3), most)
}

// testRoom counts what messages take on disk when they have aged: the difference between a store with some and the same store with
// more, so that what is taken once, and what is left free for the next ones, does not count.
func testRoom(t *testing.T, v *agingEnv) {
	if v.a.Room == nil {
		t.Skip("this engine does not say what it takes on disk")
	}
	n := 150
	if v.a.RoomOf > 0 {
		n = v.a.RoomOf
	}
	var sizes []int64
	for part := range 4 {
		for i := part * n; i < (part+1)*n; i++ {
			v.commit(*FlowUnit(i, AgedBody(fmt.Sprint("in", i), 8<<10), AgedBody(fmt.Sprint("out", i), 11<<10)))
		}
		v.age()
		sizes = append(sizes, v.a.Room(t, v.s, v.dir))
	}
	each := (sizes[3] - sizes[1]) / int64(2*n)
	t.Logf("a message of 8 KB, sent on as 11 KB, takes %d bytes when it has aged (sizes %v)", each, sizes)
	if each > RoomPerMessage {
		t.Errorf("a message takes %d bytes when it has aged, more than %d", each, RoomPerMessage)
	}
	for _, i := range []int{0, 4*n - 1} {
		m, err := v.s.Message(t.Context(), fmt.Sprintf("m%06d", i))
		if err != nil || len(m.Raw) < 8<<10 {
			t.Errorf("message %d has %d bytes, %v", i, len(m.Raw), err)
		}
	}
}
