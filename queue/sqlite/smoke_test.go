package sqlite

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// TestPath walks one message from acceptance to acknowledgement and over a restart.
func TestPath(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	s, err := Open(ctx, Options{Dir: dir, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	body := make([]byte, 4096)
	u := fullUnit(1, body)
	out, err := s.Commit(ctx, &queue.Unit{Now: u.Now, Accept: u.Accept})
	if err != nil || out.Seq != 1 {
		t.Fatalf("accept: %+v, %v", out, err)
	}
	got, err := s.Received(ctx, 10)
	if err != nil || len(got) != 1 || len(got[0].Raw) != 4096 {
		t.Fatalf("received %d, %v", len(got), err)
	}
	u.Accept = nil
	if _, err := s.Commit(ctx, u); err != nil {
		t.Fatal(err)
	}
	leased, err := s.Lease(ctx, "gp", 10, time.Minute)
	if err != nil || len(leased) != 1 || len(leased[0].Body) != 4096 || leased[0].MessageID != got[0].ID {
		t.Fatalf("leased %+v, %v", leased, err)
	}
	d, err := s.Delivery(ctx, leased[0].ID)
	if err != nil || d.State != samvirke.DeliverySending {
		t.Fatalf("delivery %+v, %v", d, err)
	}
	_, err = s.Commit(ctx, &queue.Unit{Now: time.Now(), Steps: []queue.DeliveryStep{{ID: d.ID, Token: leased[0].Token,
		From: []samvirke.DeliveryState{samvirke.DeliverySending}, To: samvirke.DeliverySent, ExpectBy: time.Now().Add(time.Hour),
		Attempt: &samvirke.Attempt{Answer: "HTTP 202"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(ctx, Options{Dir: dir, Logger: quiet()}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	st, err := s.Stats(ctx)
	if err != nil || st.Accepted != 1 || st.ReceiptsAwaited["gp"] != 1 || st.Messages[samvirke.MessageProcessed] != 1 {
		t.Fatalf("stats %+v, %v", st, err)
	}
	leased, err = s.Lease(ctx, "municipality", 10, time.Minute)
	if err != nil || len(leased) != 1 {
		t.Fatalf("leased after restart %+v, %v", leased, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
	defer cancel()
	if _, err := s.Lease(ctx, "gp", 10, time.Minute); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("lease of nothing: %v", err)
	}
}
