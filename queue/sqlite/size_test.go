package sqlite

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// roomPerMessage is the most bytes of disk that a message of 8 KB, sent on as 11 KB, may take when it has aged: with its record, plan, envelope,
// receipts, events and indexes.
const roomPerMessage = 8 << 10

// diskOf is what the files of a store take on disk.
func diskOf(t *testing.T, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if os.IsNotExist(err) {
			return nil
		}
		if err == nil {
			n += onDisk(info)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// flowUnit is agedUnit with what the answers of both sides add: the receipt to the sender, that of the receiver, attempts.
func flowUnit(i int, in, out []byte) *queue.Unit {
	u := agedUnit(i, time.Now(), in, out)
	u.Deliveries, u.Steps = u.Deliveries[:1], nil
	id := u.Accept.ID
	u.Deliveries = append(u.Deliveries, samvirke.Delivery{ID: "r" + id, MessageID: id, Party: "hospital", Purpose: samvirke.PurposeReceipt,
		Patient: u.Accept.Patient, State: samvirke.DeliveryQueued, ExternalID: "r" + id, Body: agedBody("receipt"+id, 900)})
	for j := range u.Deliveries {
		d := &u.Deliveries[j]
		u.Steps = append(u.Steps, queue.DeliveryStep{ID: d.ID, To: samvirke.DeliveryAcknowledged, Attempt: &samvirke.Attempt{Answer: "HTTP 200", Took: time.Millisecond}})
		u.Receipts = append(u.Receipts, samvirke.Receipt{ID: "x" + d.ID, Direction: samvirke.Inbound, Party: d.Party, MessageID: id, DeliveryID: d.ID, ExternalID: "e" + d.ID,
			ReceiptContent: samvirke.ReceiptContent{Status: samvirke.ReceiptOK, OriginalID: d.ExternalID, OriginalKind: "LOG_INNLAGT"}})
		u.Events = append(u.Events, samvirke.Event{MessageID: id, DeliveryID: d.ID, Party: d.Party, Patient: d.Patient, Name: samvirke.EventRouted},
			samvirke.Event{MessageID: id, DeliveryID: d.ID, Party: d.Party, Patient: d.Patient, Name: samvirke.EventSent, Detail: "HTTP 200"},
			samvirke.Event{MessageID: id, DeliveryID: d.ID, Party: d.Party, Patient: d.Patient, Name: samvirke.EventAcknowledged})
	}
	return u
}

// TestRoom counts what messages take on disk when they have aged: the difference between a store with some and the same store with as many
// more, so that what is taken once (the segment in use, free pages that the next messages fill) does not count.
func TestRoom(t *testing.T) {
	const n = 120
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, SegmentBytes: 100_000, CheckpointEvery: 3 * time.Millisecond})
	canPunch(t, dir)
	var sizes []int64
	for part := range 3 {
		for i := part * n; i < (part+1)*n; i++ {
			in, out := agedBody(fmt.Sprint("in", i), 8<<10), agedBody(fmt.Sprint("out", i), 11<<10)
			if _, err := s.Commit(t.Context(), flowUnit(i, in, out)); err != nil {
				t.Fatal(err)
			}
		}
		ageAll(t, s)
		waitSegments(t, s, 2)
		if err := s.cutLog(t.Context()); err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, diskOf(t, dir))
	}
	each := (sizes[2] - sizes[0]) / (2 * n)
	t.Logf("a message of 8 KB, sent on as 11 KB, takes %d bytes when it has aged (sizes %v)", each, sizes)
	if each > roomPerMessage {
		t.Errorf("a message takes %d bytes when it has aged, more than %d", each, roomPerMessage)
	}
	checkAged := func(i int) {
		m, err := s.Message(t.Context(), fmt.Sprintf("m%06d", i))
		if err != nil || len(m.Raw) < 8<<10 {
			t.Errorf("message %d has %d bytes, %v", i, len(m.Raw), err)
		}
	}
	checkAged(0)
	checkAged(3*n - 1)
}
