package simulate

import "time"

// LoadReport is what was measured, from the outside.
type LoadReport struct {
	Sent     int64 `json:"sent"`
	Accepted int64 `json:"accepted"` // messages the gateway answered 2xx
	Refused  int64 `json:"refused"`  // 4xx
	Retries  int64 `json:"retries"`  // same bytes again after 5xx, 429 or a broken connection
	// Unsent were due by the rate and could not be sent until Drain after the end: the gateway was that far
	// behind. Times are too good then, for the slowest are not among them.
	Unsent int64 `json:"unsent"`
	// Delivered counts deliveries (message and sink) that arrived; Complete the messages confirmed by all sinks.
	Delivered int64 `json:"delivered"`
	Complete  int64 `json:"complete"`
	// Receipts are those the sender got from the gateway (with LoadOptions.Sender).
	Receipts int64 `json:"receipts_to_sender"`
	// AcceptedPerS is over the time of sending, DeliveredPerS (confirmed deliveries) over the time until the
	// last receipt.
	AcceptedPerS  float64 `json:"accepted_per_s"`
	DeliveredPerS float64 `json:"delivered_per_s"`
	CompletePerS  float64 `json:"complete_per_s"`
	// P50 and so on are from the moment a message was due by the rate (flat out: was sent) to its last
	// receipt; at most 1 % too high, never too low. Unit: ms.
	P50  float64 `json:"p50_ms"`
	P90  float64 `json:"p90_ms"`
	P99  float64 `json:"p99_ms"`
	P999 float64 `json:"p999_ms"`
	Max  float64 `json:"max_ms"`
	// Lost were accepted and not confirmed by all sinks in time; Duplicated came to a sink again;
	// OutOfOrder came after a later one of the same patient; Changed had other bytes than were sent;
	// Unknown were never sent by this run.
	Lost       int64 `json:"lost"`
	Duplicated int64 `json:"duplicated"`
	OutOfOrder int64 `json:"out_of_order"`
	Changed    int64 `json:"changed"`
	Unknown    int64 `json:"unknown"`
	// SentAgain came to a sink again after a fault (with LoadOptions.Faults): same bytes, same id.
	SentAgain int64 `json:"sent_again,omitempty"`
	// FirstMS is from the start of the load until the first message was confirmed by all sinks.
	FirstMS float64 `json:"first_ms"`
	// AcceptedBy counts messages by gateway, when there are several.
	AcceptedBy []int64 `json:"accepted_by,omitempty"`
	// Killed is what a kill that Faults was told of meant; nil without one.
	Killed *KillReport `json:"killed,omitempty"`
	// SendSeconds is the time of sending, TotalSeconds until the last receipt.
	SendSeconds  float64 `json:"send_seconds"`
	TotalSeconds float64 `json:"total_seconds"`
	// MessageBytes is the mean size.
	MessageBytes int64 `json:"message_bytes"`
	// FirstRefusal is the first answer that was no success, at most 300 characters.
	FirstRefusal string `json:"first_refusal,omitempty"`
}

func (l *loader) report(sending time.Duration) LoadReport {
	r := l.run
	l.mu.Lock()
	refusal := l.refusal
	l.mu.Unlock()
	total := max(time.Duration(r.lastAt.Load()), time.Millisecond)
	out := LoadReport{
		Sent: r.sent.Load(), Accepted: r.acceptedN.Load(), Refused: r.refused.Load(), Retries: r.retries.Load(), Unsent: l.unsent.Load(),
		Delivered: r.deliveries.Load(), Complete: r.complete.Load(), Receipts: r.receipts.Load(),
		P50: r.took.quantile(.5), P90: r.took.quantile(.9), P99: r.took.quantile(.99), P999: r.took.quantile(.999), Max: r.took.quantile(1),
		Duplicated: r.duplicated.Load(), OutOfOrder: r.outOfOrder.Load(), Changed: r.changed.Load(), Unknown: r.alien.Load(),
		SendSeconds: sending.Seconds(), TotalSeconds: total.Seconds(), FirstRefusal: refusal,
	}
	out.SentAgain, out.FirstMS = r.again.Load(), float64(r.firstAt.Load())/1e6
	if len(l.took) > 1 {
		for i := range l.took {
			out.AcceptedBy = append(out.AcceptedBy, l.took[i].Load())
		}
	}
	out.Lost = out.Accepted - out.Complete
	out.AcceptedPerS = float64(out.Accepted) / sending.Seconds()
	out.DeliveredPerS = float64(out.Complete) * float64(r.sinks) / total.Seconds()
	out.CompletePerS = float64(out.Complete) / total.Seconds()
	if out.Sent > 0 {
		out.MessageBytes = l.bytes.Load() / out.Sent
	}
	return out
}

// progress calls o.Progress every second until the returned function is called.
func (l *loader) progress() (stop func()) {
	if l.o.Progress == nil {
		return func() {}
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		t := time.NewTicker(time.Second)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				l.o.Progress(l.report(time.Since(l.run.start)))
			case <-quit:
				return
			}
		}
	}()
	return func() { close(quit); <-done }
}
