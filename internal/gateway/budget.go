package gateway

import (
	"bytes"
	"fmt"

	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/queue"
)

// maxReceipt is how large a message may be to be looked at over the budget, in case it is a receipt. Unit: bytes.
const maxReceipt = 64 << 10

// mayBeReceipt tells at first sight what can be no receipt: each has one of these words, in its name or where it says what it answers.
func mayBeReceipt(body []byte) bool {
	return len(body) <= maxReceipt && (bytes.Contains(body, []byte("AppRec")) || bytes.Contains(body, []byte(`"response"`)))
}

// overBudget gives the error for a message that the store has no room for; out is nil as long as nobody has looked at it. Those who are refused come
// again, and retention needs the processor to make room, so what can be no receipt is refused before the work.
func (g *Gateway) overBudget(in connectors.Incoming, out *outcome) error {
	store, ok := storeAs[queue.Bounded](g.store)
	if !ok || !store.OverBudget(false) {
		return nil
	}
	receipt := mayBeReceipt(in.Body)
	if out != nil {
		receipt = out.isReceipt()
	}
	if receipt && !store.OverBudget(true) {
		return nil
	}
	return fmt.Errorf("store message: %w", queue.ErrFull)
}
