package sealed_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/sealed"
)

// put stores a message with a record about a patient.
func put(t *testing.T, s queue.Store, id string) {
	t.Helper()
	_, err := s.Commit(t.Context(), &queue.Unit{
		Now: time.Now(), Accept: &samvirke.Message{ID: id, Party: "p", ExternalID: "x" + id, Patient: "system|1", Raw: []byte("body " + id)},
		Records:  []queue.Record{{Key: id, Hash: "h", Patient: "system|1", MessageID: id, Body: []byte("record")}},
		Settings: map[string]string{"name": "value"},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestKeys: the right key opens, a new one takes over, a wrong or missing one is refused with a clear error.
func TestKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	read := func(keys ...sealed.MasterKey) {
		t.Helper()
		s := openSealed(t, dir, keys...)
		defer s.Close()
		m, err := s.Message(t.Context(), "a")
		if err != nil || string(m.Raw) != "body a" || m.Patient != "system|1" {
			t.Fatalf("%q of %q, %v", m.Raw, m.Patient, err)
		}
	}
	refused := func(keys ...sealed.MasterKey) {
		t.Helper()
		inner := plainStore(t, dir)
		defer inner.Close()
		if _, err := sealed.Open(t.Context(), inner, keys...); !errors.Is(err, queue.ErrMasterKey) {
			t.Errorf("open: %v, want ErrMasterKey", err)
		}
		if _, err := sealed.NewReader(t.Context(), inner, keys...); !errors.Is(err, queue.ErrMasterKey) {
			t.Errorf("open for reading: %v, want ErrMasterKey", err)
		}
		if err := sealed.MustBePlain(t.Context(), inner); !errors.Is(err, queue.ErrMasterKey) {
			t.Errorf("without a key: %v, want ErrMasterKey", err)
		}
	}
	s := openSealed(t, dir, master("a"))
	put(t, s, "a")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	read(master("a"))
	wrong := master("a")
	wrong.Key[0]++
	refused(wrong)
	refused(master("b"))
	read(master("b"), master("a")) // the new key, with the old one for one start
	read(master("b"))
	refused(master("a"))
}

// TestBegunPlain: a store with content is not sealed afterwards, because that content would stay readable.
func TestBegunPlain(t *testing.T) {
	t.Parallel()
	inner := plainStore(t, t.TempDir())
	defer inner.Close()
	put(t, inner, "a")
	if _, err := sealed.Open(t.Context(), inner, master("a")); !errors.Is(err, queue.ErrMasterKey) {
		t.Errorf("open: %v", err)
	}
	if err := sealed.MustBePlain(t.Context(), inner); err != nil {
		t.Errorf("a plain store: %v", err)
	}
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		id, text string
		ok       bool
	}{
		{"1", strings.Repeat("0f", 32), true},
		{"1", strings.Repeat("0f", 32) + "\n", true},
		{"1", strings.Repeat("x", 32), true},
		{"1", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", true},
		{"1", "short", false},
		{"1", strings.Repeat("0f", 31), false},
		{"", strings.Repeat("0f", 32), false},
		{"a:b", strings.Repeat("0f", 32), false},
	} {
		_, err := sealed.ParseKey(c.id, c.text)
		if (err == nil) != c.ok {
			t.Errorf("%q %d characters: %v", c.id, len(c.text), err)
		}
		if err != nil && strings.Contains(err.Error(), c.text) && c.text != "" {
			t.Errorf("the error repeats the key")
		}
	}
}

// TestErasedKey: what comes after an erasure is sealed under another key, and the old one is gone.
func TestErasedKey(t *testing.T) {
	t.Parallel()
	s := openSealed(t, t.TempDir(), master("a"))
	defer s.Close()
	put(t, s, "a")
	e := queue.Erasure{Patients: []string{"system|1"}}
	if _, err := s.(queue.Eraser).Erase(t.Context(), e); !errors.Is(err, queue.ErrState) {
		t.Fatalf("a message still to be processed: %v, want ErrState", err)
	}
	_, err := s.Commit(t.Context(), &queue.Unit{Now: time.Now(), Message: &queue.MessageStep{ID: "a", To: samvirke.MessageProcessed}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.(queue.Eraser).Erase(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if rows, err := s.Records(t.Context(), "system|1"); err != nil || len(rows) != 0 {
		t.Fatalf("records %v, %v", rows, err)
	}
	put(t, s, "b")
	if rows, err := s.Records(t.Context(), "system|1"); err != nil || len(rows) != 1 || string(rows[0].Body) != "record" {
		t.Errorf("records %v, %v", rows, err)
	}
	if gone, err := s.(queue.Eraser).WasErased(t.Context(), "a"); err != nil || !gone {
		t.Errorf("record a was erased: %t, %v", gone, err)
	}
}

// BenchmarkAccept compares what a sealed store costs: a message of 10 KB with record, plan and delivery of one of many patients.
func BenchmarkAccept(b *testing.B) {
	for _, name := range []string{"plain", "sealed"} {
		b.Run(name, func(b *testing.B) {
			var s queue.Store = plainStore(b, b.TempDir())
			if name == "sealed" {
				inner := s
				x, err := sealed.Open(b.Context(), inner, master("a"))
				if err != nil {
					b.Fatal(err)
				}
				s = x
			}
			defer s.Close()
			body := []byte(strings.Repeat("0123456789", 1000))
			version := map[string]int64{}
			i := 0
			for b.Loop() {
				i++
				id, patient := fmt.Sprint("m", i), fmt.Sprint("system|", i%20)
				_, err := s.Commit(b.Context(), &queue.Unit{
					Now: time.Now(), Accept: &samvirke.Message{ID: id, Party: "p", ExternalID: id, Patient: patient, Raw: body},
					Records:    []queue.Record{{Key: id, Hash: "h", Patient: patient, MessageID: id, Body: body[:2000]}},
					Plan:       &queue.PlanStep{Patient: patient, Expect: version[patient], Body: body[:5000]},
					Deliveries: []samvirke.Delivery{{ID: "d" + id, MessageID: id, Party: "q", Patient: patient, State: samvirke.DeliveryQueued, Body: body}},
				})
				if err != nil {
					b.Fatal(err)
				}
				version[patient]++
			}
		})
	}
}
