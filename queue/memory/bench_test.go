package memory_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/memory"
)

// BenchmarkCommit commits what processing one message writes: a record, a plan version, two deliveries, a step of the message
// and its events.
func BenchmarkCommit(b *testing.B) {
	s := memory.Open(memory.NewDisk(), memory.Options{})
	defer s.Close()
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	body := make([]byte, 2000)
	patients := [1000]string{}
	for i := range patients {
		patients[i] = fmt.Sprint("urn:test|", i)
	}
	units := make([]queue.Unit, b.N)
	for i := range units {
		id, patient := fmt.Sprint("m", i), patients[i%len(patients)]
		units[i] = queue.Unit{Now: now,
			Accept:  &samvirke.Message{ID: id, Party: "hospital", ExternalID: id, Checksum: "c" + id, Size: 2000, Raw: body},
			Message: &queue.MessageStep{ID: id, To: samvirke.MessageProcessed, Patient: patient},
			Records: []queue.Record{{Key: id, Hash: "h", Patient: patient, MessageID: id, Body: body}},
			Plan:    &queue.PlanStep{Patient: patient, Expect: int64(i / len(patients)), MessageID: id, Body: body},
			Deliveries: []samvirke.Delivery{
				{ID: "a" + id, MessageID: id, Party: "gp", Patient: patient, ExternalID: "xa" + id, State: samvirke.DeliveryQueued, Checksum: "c", Body: body},
				{ID: "b" + id, MessageID: id, Party: "home", Patient: patient, ExternalID: "xb" + id, State: samvirke.DeliveryQueued, Checksum: "c", Body: body}},
			Events: []samvirke.Event{{MessageID: id, Name: samvirke.EventReceived}, {MessageID: id, Name: samvirke.EventProcessed}}}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range units {
		if _, err := s.Commit(b.Context(), &units[i]); err != nil {
			b.Fatal(err)
		}
	}
}
