package connectortest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/internal/leaks"
)

// Far is the system at the other end of a sender, scripted by the suite.
type Far interface {
	// Sender makes a sender to it.
	Sender(t *testing.T) connectors.Sender
	// Taken gives every body that arrived, repeats included where the protocol shows them.
	Taken(t *testing.T) [][]byte
	// Fail makes the next send of d fail with this class; false when this far side cannot.
	Fail(t *testing.T, d samvirke.Delivery, class samvirke.Class) bool
	// Close ends it.
	Close()
}

// TestSender runs the suite; open makes a far side of its own for each case.
func TestSender(t *testing.T, open func(t *testing.T) Far) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, far Far, s connectors.Sender)
	}{
		{"bytes arrive as they are", bytesArrive},
		{"everything twice", sendTwice},
		{"each class of failure", failures},
		{"a context that has ended", endedContext},
		{"many at a time", manySends},
		{"close twice", func(t *testing.T, _ Far, s connectors.Sender) {
			for range 2 {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			far := open(t)
			s := far.Sender(t)
			c.run(t, far, s)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			far.Close()
			if err := leaks.Find(before); err != nil {
				t.Errorf("after Close: %v", err)
			}
		})
	}
}

// secret stands in every body and must stand in no error or answer.
const secret = "Prove Testesen"

func deliveryOf(n int, body []byte) samvirke.Delivery {
	return samvirke.Delivery{
		ID: fmt.Sprintf("d%d", n), Seq: int64(n), Party: "far", Purpose: samvirke.PurposeForward,
		ExternalID: fmt.Sprintf("5f3c1a2e-0000-4000-8000-%012d", n), ContentType: "application/xml", Body: body,
	}
}

func some(n int) []samvirke.Delivery {
	var out []samvirke.Delivery
	for i, b := range bodies(n) {
		out = append(out, deliveryOf(i+1, append(b, secret...)))
	}
	return out
}

func bytesArrive(t *testing.T, far Far, s connectors.Sender) {
	list := some(3)
	list = append(list, deliveryOf(4, bytes.Repeat([]byte("0123456789abcde\n"), 1<<16))) // 1 MiB
	for _, d := range list {
		before := slices.Clone(d.Body)
		res, err := s.Send(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		if res.Answer == "" || strings.Contains(res.Answer, secret) {
			t.Errorf("answer %q", res.Answer)
		}
		if !bytes.Equal(before, d.Body) {
			t.Error("the sender changed the body")
		}
	}
	exactly(t, far, list, 1)
}

// exactly checks that every body arrived, at least once and at most most times, and nothing else.
func exactly(t *testing.T, far Far, list []samvirke.Delivery, most int) {
	t.Helper()
	got := map[string]int{}
	for _, b := range far.Taken(t) {
		got[string(b)]++
	}
	for _, d := range list {
		if n := got[string(d.Body)]; n < 1 || n > most {
			t.Errorf("delivery %s arrived %d times, want 1 to %d", d.ID, n, most)
		}
		delete(got, string(d.Body))
	}
	if len(got) > 0 {
		t.Errorf("%d bodies arrived that were not sent", len(got))
	}
}

func sendTwice(t *testing.T, far Far, s connectors.Sender) {
	list := some(5)
	for range 2 {
		for _, d := range list {
			if _, err := s.Send(t.Context(), d); err != nil {
				t.Fatalf("%s: %v", d.ID, err)
			}
		}
	}
	exactly(t, far, list, 2)
}

func failures(t *testing.T, far Far, s connectors.Sender) {
	for i, class := range []samvirke.Class{samvirke.Transient, samvirke.Permanent, samvirke.Unauthorized} {
		t.Run(string(class), func(t *testing.T) {
			ok, bad, next := deliveryOf(10*i+1, []byte(secret+" 1")), deliveryOf(10*i+2, []byte(secret+" 2")), deliveryOf(10*i+3, []byte(secret+" 3"))
			if _, err := s.Send(t.Context(), ok); err != nil {
				t.Fatal(err)
			}
			if !far.Fail(t, bad, class) {
				t.Skipf("this far side has no failure of class %s", class)
			}
			_, err := s.Send(t.Context(), bad)
			checkFault(t, err, class)
			// One failure must not spoil the sender.
			if _, err := s.Send(t.Context(), next); err != nil {
				t.Errorf("after a failure: %v", err)
			}
			if class == samvirke.Transient {
				if _, err := s.Send(t.Context(), bad); err != nil {
					t.Errorf("the second try: %v", err)
				}
			}
		})
	}
}

func checkFault(t *testing.T, err error, class samvirke.Class) {
	t.Helper()
	f, ok := errors.AsType[*samvirke.Fault](err)
	if !ok {
		t.Fatalf("got %v, want a *samvirke.Fault", err)
	}
	if f.Class != class || f.Code == "" || f.Safe == "" {
		t.Errorf("got class %q, code %q, safe text %q; want class %q and both others", f.Class, f.Code, f.Safe, class)
	}
	if strings.Contains(err.Error()+f.Safe, secret) {
		t.Errorf("the error holds content of the message: %v", err)
	}
}

func endedContext(t *testing.T, far Far, s connectors.Sender) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Send(ctx, some(1)[0])
	checkFault(t, err, samvirke.Transient)
	if n := len(far.Taken(t)); n != 0 {
		t.Errorf("%d bodies arrived", n)
	}
}

func manySends(t *testing.T, far Far, s connectors.Sender) {
	list := some(64)
	var wg sync.WaitGroup
	for _, d := range list {
		wg.Go(func() {
			if _, err := s.Send(t.Context(), d); err != nil {
				t.Errorf("%s: %v", d.ID, err)
			}
		})
	}
	wg.Wait()
	exactly(t, far, list, 1)
}
